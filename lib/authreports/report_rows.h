// Collecting what aggregate reports say, message by message: a row for each combination of source and results, counted.
// A pure data structure: whoever keeps reports over restarts stores a row as its key and its count.
#pragma once

#include "lib/authreports/aggregate_report.h"
#include "lib/mailauth/results.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::authreports {

// The row that one message adds 1 to. `applied`: what was really done with it.
// Signatures come in the order of RFC 9990 §3.1.3 (passing and strictly aligned, passing below the author's
// organisation, passing, the rest), at most 20: strangers choose their number.
[[nodiscard]] ReportRow row_of(const dns::IpAddress& source, const mailauth::DmarcVerdict& dmarc,
                               const mailauth::SpfVerdict& spf, const std::vector<mailauth::DkimVerdict>& dkim,
                               std::string_view envelope_to, mailauth::DmarcPolicy applied);

// All of a row but its count, as printable text with U+001F between fields: equal rows have equal keys. The form may be
// stored; it begins with its version.
[[nodiscard]] std::string key_of(const ReportRow& row);
// A row with count 0. Errors: invalid – not made by key_of.
[[nodiscard]] Result<ReportRow> row_from_key(std::string_view key);

// The rows of one policy domain and one period. Threads: one.
class ReportCollector {
 public:
    // A stranger who changes selectors and sources from message to message can make any number of rows. Beyond
    // `row_limit` a new one is counted without its signatures, beyond twice that not at all.
    explicit ReportCollector(std::size_t row_limit = 10'000) : row_limit_(row_limit) {}

    void add(const ReportRow& row, std::uint64_t count = 1);
    [[nodiscard]] std::vector<ReportRow> rows() const;  // in the order of their keys
    [[nodiscard]] std::size_t size() const { return counts_.size(); }
    [[nodiscard]] std::uint64_t messages() const { return messages_; }  // counted in rows
    [[nodiscard]] std::uint64_t dropped() const { return dropped_; }    // not counted for want of room

 private:
    std::size_t row_limit_;
    std::map<std::string, std::uint64_t, std::less<>> counts_;
    std::uint64_t messages_ = 0;
    std::uint64_t dropped_ = 0;
};

// Who reports, and about which time.
struct ReportIdentity {
    std::string organization;
    std::string email;
    std::string extra_contact;
    std::string report_id;
    std::string generator;
    std::chrono::sys_seconds begin;
    std::chrono::sys_seconds end;
};
[[nodiscard]] AggregateReport to_report(ReportIdentity identity, PublishedPolicy policy, std::vector<ReportRow> rows,
                                        std::vector<std::string> errors = {});

}  // namespace relevo::authreports
