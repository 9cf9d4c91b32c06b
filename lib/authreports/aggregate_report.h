// DMARC aggregate reports (RFC 9990; RFC 7489 appendix C): what receivers saw of a domain's mail in a period.
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"
#include "lib/dns/record.h"
#include "lib/mailauth/dmarc_record.h"

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::authreports {

// What was done with the messages. pass: nothing, because DMARC passed (RFC 9990 §3.1.1.9); older reports say none.
enum class Disposition : std::uint8_t { none, pass, quarantine, reject };
[[nodiscard]] std::string_view name_of(Disposition disposition);

struct DkimEvidence {
    std::string domain;
    std::string selector;
    mailauth::DkimResult result = mailauth::DkimResult::none;
    std::string human_result;
    friend auto operator<=>(const DkimEvidence&, const DkimEvidence&) = default;
};
struct SpfEvidence {
    std::string domain;
    mailauth::SpfIdentity scope = mailauth::SpfIdentity::mail_from;  // only older reports know helo
    mailauth::SpfResult result = mailauth::SpfResult::none;
    std::string human_result;
    friend auto operator<=>(const SpfEvidence&, const SpfEvidence&) = default;
};
struct OverrideReason {
    std::string type;  // "local_policy", "forwarded", …: as written, there are registered and other ones
    std::string comment;
    friend auto operator<=>(const OverrideReason&, const OverrideReason&) = default;
};

// One line of a report. Rows that differ in nothing but `count` belong together: ReportCollector adds them up.
struct ReportRow {
    dns::IpAddress source;  // of the client
    std::uint64_t count = 0;
    Disposition disposition = Disposition::none;
    bool dkim_aligned = false;
    bool spf_aligned = false;
    std::vector<OverrideReason> reasons;
    std::string header_from;    // author domain
    std::string envelope_from;  // domain of MAIL FROM; "" for the null reverse-path, or unknown
    std::string envelope_to;    // domain of the recipient; "" if unknown
    std::vector<DkimEvidence> dkim;
    std::vector<SpfEvidence> spf;
    friend bool operator==(const ReportRow&, const ReportRow&) = default;
};

enum class DiscoveryMethod : std::uint8_t { unknown, tree_walk, public_suffix_list };

struct PublishedPolicy {
    std::string domain;  // where the record was found
    mailauth::DmarcPolicy policy = mailauth::DmarcPolicy::none;
    std::optional<mailauth::DmarcPolicy> subdomain_policy;
    std::optional<mailauth::DmarcPolicy> nonexistent_policy;
    std::optional<mailauth::DmarcAlignment> dkim_alignment;
    std::optional<mailauth::DmarcAlignment> spf_alignment;
    bool is_testing = false;
    std::string failure_options;  // fo; "" if not said
    DiscoveryMethod discovery = DiscoveryMethod::unknown;
    std::optional<unsigned> percentage;  // pct of RFC 7489
    friend bool operator==(const PublishedPolicy&, const PublishedPolicy&) = default;
};
[[nodiscard]] PublishedPolicy published_policy(std::string policy_domain, const mailauth::DmarcRecord& record);

struct AggregateReport {
    std::string organization;  // who reports
    std::string email;
    std::string extra_contact;
    std::string report_id;  // unique among the reports of one reporter to one domain: repeated means sent twice
    std::chrono::sys_seconds begin;
    std::chrono::sys_seconds end;
    std::vector<std::string> errors;  // that the reporter met in the domain's record
    std::string generator;            // software, RFC 9990 only
    PublishedPolicy policy;
    std::vector<ReportRow> rows;
    friend bool operator==(const AggregateReport&, const AggregateReport&) = default;
};

// rfc9990: with its namespace, np, testing, discovery_method, disposition "pass". rfc7489: for consumers of the older
// form: no namespace, pct, disposition "none" where DMARC passed; np and testing are left out.
enum class ReportForm : std::uint8_t { rfc9990, rfc7489 };
// UTF-8 XML, elements in the order that the schemas ask for. Text that XML cannot hold (control characters, invalid
// UTF-8) comes out as printable() shows it, cut to 500 octets.
[[nodiscard]] std::string write_aggregate_report(const AggregateReport& report, ReportForm form);

struct ReportBounds {
    Octets octets = 100 * mebibyte;
    std::size_t depth = 64;
    std::size_t rows = 50'000;
};

struct ReadAggregateReport {
    AggregateReport report;
    std::vector<std::string> deviations;  // from the standards, that were read over; at most 20
};
// Reads both forms. Tolerant of what large senders have been seen to write: elements in any order, unknown ones, other
// letter case and white space in keywords, an element around <feedback>, nothing or rubbish behind it, a missing SPF
// part,
// "<address>" without escapes. Rows without a readable client address or a count are left out and named as a deviation.
// Errors: invalid – no such report; detail has line and what is wrong.
//         refused – has a document type declaration: the way to entity bombs and files of ours (security row C8).
//         limit   – a bound was passed.
[[nodiscard]] Result<ReadAggregateReport> parse_aggregate_report(std::string_view xml, ReportBounds bounds = {});

}  // namespace relevo::authreports
