// Reports that others sent about our domains, as rows.
#pragma once

#include "core/ports/database.h"
#include "core/ports/task.h"
#include "core/reporting/report_kind.h"
#include "lib/authreports/report_extraction.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Messages (or TLS sessions) of one source with one result.
struct ReceivedRow {
    std::string source;  // address of the client, or of the sending server; "" for rows that were summed up
    std::int64_t messages = 0;
    std::string result;  // what was done: "none", "pass", "quarantine", "reject"; of TLS: "success" or what failed
    bool dkim_aligned = false;
    bool spf_aligned = false;
    std::string author_domain;  // of TLS: the receiving host
    std::string detail;  // signatures and SPF: "dkim=example.com/s1:pass spf=example.com:pass"; of TLS: the policy
};

struct ReceivedReport {
    std::int64_t id = 0;  // given by store_received()
    ReportKind kind = ReportKind::dmarc;
    std::string organization;
    std::string report_id;
    std::string domain;  // whom it is about
    std::string sender;  // of the mail that brought it
    MessageId message;
    WallClock::time_point begin{};
    WallClock::time_point end{};
    std::string policy;  // "p=reject", or of TLS: "sts"
    std::int64_t passed = 0;
    std::int64_t failed = 0;
    std::vector<ReceivedRow> rows;
};

inline constexpr std::size_t received_row_limit = 2'000;
// What is worth keeping of a report. Rows that differ in nothing that is kept are added up; of those with the fewest
// messages beyond `received_row_limit` only sums are kept. One for each policy domain of a TLS report; none of a
// complaint. Texts come out printable, at most 255 octets.
[[nodiscard]] std::vector<ReceivedReport> kept_of(const authreports::Report& report);

struct ReceivedLimits {
    std::int64_t reports = 100'000;
    std::int64_t rows = 2'000'000;
    // Of one domain in one day of arrival (UTC): anybody may send reports, so forged ones about one domain must leave
    // room for those about the others.
    std::int64_t reports_of_domain = 300;
    std::int64_t rows_of_domain = 20'000;
};
enum class Stored : std::uint8_t { kept, repeated, domain_full, full };
// repeated: one of that kind, organisation, id and domain is there already. domain_full: its domain has had enough
// today. full: the store has.
[[nodiscard]] Result<Stored> store_received(Transaction& transaction, const ReceivedReport& report,
                                            WallClock::time_point now, const ReceivedLimits& limits);
// Removes those that came before `time`, a few at a time: call it now and then. Returns how many.
[[nodiscard]] Result<std::int64_t> forget_received(Transaction& transaction, WallClock::time_point time);

// For people.
struct ReceivedSummary {
    ReportKind kind = ReportKind::dmarc;
    std::string domain;
    std::int64_t reports = 0;
    std::int64_t organizations = 0;
    std::int64_t passed = 0;
    std::int64_t failed = 0;
    WallClock::time_point last_end{};
};
// By domain, most failures first; of reports that end after `from`, of one domain or ("") all.
[[nodiscard]] Result<std::vector<ReceivedSummary>> summarise_received(Reader& reader, std::string_view domain,
                                                                      WallClock::time_point from, std::int64_t limit);
struct ReceivedSource {
    ReportKind kind = ReportKind::dmarc;
    std::int64_t reports = 0;
    ReceivedRow row;  // messages: of all these reports; detail: of one of them
};
// Who sends in the name of the domain, those that fail first, then by messages.
[[nodiscard]] Result<std::vector<ReceivedSource>> sources_of(Reader& reader, std::string_view domain,
                                                             WallClock::time_point from, std::int64_t limit);
// Without rows, newest first.
[[nodiscard]] Result<std::vector<ReceivedReport>> list_received(Reader& reader, std::string_view domain,
                                                                WallClock::time_point from, std::int64_t limit);

}  // namespace relevo
