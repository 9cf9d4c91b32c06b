// What was found about mail from outside, counted for the aggregate reports to the owners of its authors' domains (RFC
// 9990 §3.1), and what became of TLS with the servers of others, for theirs (RFC 8460 §4): in memory first, in the
// store once a minute.
#pragma once

#include "core/ports/database.h"
#include "core/reporting/report_kind.h"
#include "core/transport/tls_session.h"
#include "core/verification/findings.h"
#include "lib/base/octets.h"

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace relevo {

// A row of the report about `policy_domain` of one day, and how many messages (or TLS sessions) it stands for.
struct CountedRow {
    ReportKind kind = ReportKind::dmarc;
    std::int64_t day = 0;  // since 1970, UTC
    std::string policy_domain;
    std::string key;  // authreports::key_of()
    std::int64_t messages = 0;
};

// Threads: any; a short lock, a few microseconds a message.
class ResultCounts {
 public:
    // Strangers make rows as they like; `row_limit` new ones, of `octet_limit` together, may wait for their minute,
    // further messages are dropped.
    explicit ResultCounts(std::size_t row_limit = 20'000, Octets octet_limit = 32 * mebibyte)
        : row_limit_(row_limit), octet_limit_(octet_limit) {}

    // Counts nothing if the author's domain asks for no aggregate reports, or DMARC came to no result.
    // `applied`: what was really done. False: dropped for want of room.
    bool add(std::int64_t day, const Findings& findings, const dns::IpAddress& client,
             std::string_view recipient_domain, mailauth::DmarcPolicy applied);
    // False: dropped for want of room.
    bool add(std::int64_t day, const TlsSession& session);
    // Takes out what has been counted.
    [[nodiscard]] std::vector<CountedRow> take();
    // Puts back what could not be written. Returns the messages for which there was no room any more.
    std::int64_t put_back(std::vector<CountedRow> rows);
    [[nodiscard]] std::size_t size() const;

 private:
    bool add_row(CountedRow row);
    const std::size_t row_limit_;
    const Octets octet_limit_;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, CountedRow> rows_;  // by day, domain and key
    Octets octets_ = 0;
};

// Bounds of a day in the store, for each kind. Beyond one, messages are counted in rows without signatures and envelope
// domains (sessions: without addresses and texts); where even those are too many (a tenth more), they are dropped, and
// the drops counted.
struct CountLimits {
    std::int64_t rows_of_day = 100'000;
    std::int64_t rows_of_domain = 10'000;
};
struct CountedInStore {
    std::int64_t kept = 0, merged = 0, dropped = 0;  // messages
};
// Repeatable within one transaction that is rolled back.
[[nodiscard]] Result<CountedInStore> add_counts(Transaction& transaction, const std::vector<CountedRow>& rows,
                                                const CountLimits& limits);

}  // namespace relevo
