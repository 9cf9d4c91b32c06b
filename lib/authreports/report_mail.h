// The mail that carries a report to its consumer (RFC 9990 §3.5.2, RFC 8460 §5.3).
#pragma once

#include "lib/authreports/aggregate_report.h"
#include "lib/authreports/tls_report.h"
#include "lib/mail/address.h"

#include <chrono>
#include <string>
#include <vector>

namespace relevo::authreports {

struct ReportMail {
    mail::Address from;  // of a domain that passes DMARC: consumers ignore other reports
    std::vector<mail::Address> to;
    std::string submitter;   // our domain, A-labels
    std::string message_id;  // without angle brackets
    std::chrono::system_clock::time_point now;
};

struct BuiltReportMail {
    std::string subject;    // "Report Domain: … Submitter: … Report-ID: <…>"
    std::string file_name;  // "receiver!policy-domain!begin!end!unique-id.xml.gz"
    std::string content;    // the whole message, CRLF lines, 7-bit
};

// Size limits of rua= (ReportUri::size_limit) count against content.size(): "after compression and after any encoding".
// The same report gives the same Report-ID, file name and attachment, as RFC 9990 §3.5.2 asks of a second attempt.
[[nodiscard]] BuiltReportMail build_report_mail(const AggregateReport& report, ReportForm form, const ReportMail& mail);
[[nodiscard]] BuiltReportMail build_report_mail(const TlsReport& report, const std::string& policy_domain,
                                                const ReportMail& mail);

// A Report-ID that both standards allow: dot-atom-text; made of the letters, digits, dots and hyphens of `text`.
[[nodiscard]] std::string report_id(std::string_view text);

}  // namespace relevo::authreports
