#include "lib/authreports/report_mail.h"

#include "lib/authreports/compression.h"
#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/mail/message.h"

#include <algorithm>

namespace relevo::authreports {
namespace {

constexpr std::size_t base64_line_octets = 76;  // RFC 2045 §6.8

struct Attachment {
    std::string type;
    std::string file_name;
    std::string octets;
};

std::string base64_lines(std::string_view octets) {
    const std::string encoded = encode_base64(octets);
    std::string lines;
    lines.reserve(encoded.size() + encoded.size() / 38 + 2);
    for (std::size_t at = 0; at < encoded.size(); at += base64_line_octets)
        lines.append(encoded, at, base64_line_octets).append("\r\n");
    return lines;
}

// A name for headers and files: what is no letter, digit, dot or hyphen has no business in a domain.
std::string plain(std::string_view name) {
    std::string kept;
    for (const char c : name)
        if (is_alpha(c) || is_digit(c) || c == '.' || c == '-' || c == '_') kept += c;
    return kept.substr(0, 255);
}

// Not in base 64, and not in what we write ourselves.
std::string boundary_for(std::string_view id) { return "=_report_" + std::string(id.substr(0, 50)); }

std::string file_stem(const ReportMail& mail, const std::string& domain, std::chrono::sys_seconds begin,
                      std::chrono::sys_seconds end, const std::string& id) {
    std::string unique;  // 1*(ALPHA / DIGIT)
    std::ranges::copy_if(id, std::back_inserter(unique), [](char c) { return is_alpha(c) || is_digit(c); });
    std::string stem = plain(mail.submitter) + "!" + plain(domain) + "!" +
                       std::to_string(begin.time_since_epoch().count()) + "!" +
                       std::to_string(end.time_since_epoch().count());
    return unique.empty() ? stem : stem + "!" + unique.substr(0, 64);
}

std::string to_field(const std::vector<mail::Address>& to) {
    std::string field = "To:";
    for (const mail::Address& address : to) field += (&address == to.data() ? " <" : ",\r\n <") + address.text() + ">";
    return field + "\r\n";
}

std::string build(const ReportMail& mail, const std::string& domain, const std::string& id, const std::string& fields,
                  const std::string& type, const std::string& text, const Attachment& attachment) {
    const std::string boundary = boundary_for(id);
    std::string content = "From: <" + mail.from.text() + ">\r\n" + to_field(mail.to);
    // Folded as the example of the RFC is: a domain may be longer than a line should be.
    content += "Subject: Report Domain: " + domain + "\r\n Submitter: " + plain(mail.submitter) + "\r\n Report-ID: <" +
               id + ">\r\n";
    content += "Date: " + mail::format_date(mail.now) + "\r\nMessage-ID: <" + mail.message_id + ">\r\n";
    content += "Auto-Submitted: auto-generated\r\n" + fields + "MIME-Version: 1.0\r\nContent-Type: " + type +
               ";\r\n boundary=\"" + boundary + "\"\r\n\r\n--" + boundary +
               "\r\nContent-Type: text/plain; charset=us-ascii\r\nContent-Transfer-Encoding: 7bit\r\n\r\n" + text +
               "\r\n\r\n--" + boundary + "\r\nContent-Type: " + attachment.type +
               "\r\nContent-Transfer-Encoding: base64\r\nContent-Disposition: attachment;\r\n filename=\"" +
               attachment.file_name + "\"\r\n\r\n";
    content += base64_lines(attachment.octets) + "\r\n--" + boundary + "--\r\n";
    return content;
}

std::string subject(const std::string& domain, const ReportMail& mail, const std::string& id) {
    return "Report Domain: " + domain + " Submitter: " + plain(mail.submitter) + " Report-ID: <" + id + ">";
}

}  // namespace

std::string report_id(std::string_view text) {
    std::string id;
    for (const char c : text) {
        const bool is_dot = c == '.' && !id.empty() && id.back() != '.';
        if (is_alpha(c) || is_digit(c) || c == '-' || is_dot) id += c;
    }
    while (id.ends_with('.')) id.pop_back();
    return id.empty() ? "0" : id.substr(0, 100);
}

BuiltReportMail build_report_mail(const AggregateReport& report, ReportForm form, const ReportMail& mail) {
    const std::string domain = plain(report.policy.domain);
    AggregateReport named = report;
    named.report_id = report_id(report.report_id);  // the same in all places
    const Attachment attachment{
        .type = "application/gzip",
        .file_name = file_stem(mail, domain, report.begin, report.end, named.report_id) + ".xml.gz",
        .octets = gzip(write_aggregate_report(named, form))};
    const std::string text = "This is a DMARC aggregate report from " + plain(mail.submitter) + " about mail\r\nof " +
                             domain + ". The attachment is meant for software.";
    return {.subject = subject(domain, mail, named.report_id),
            .file_name = attachment.file_name,
            .content = build(mail, domain, named.report_id, {}, "multipart/mixed", text, attachment)};
}

BuiltReportMail build_report_mail(const TlsReport& report, const std::string& policy_domain, const ReportMail& mail) {
    const std::string domain = plain(policy_domain);
    TlsReport named = report;
    named.report_id = report_id(report.report_id);
    const Attachment attachment{
        .type = "application/tlsrpt+gzip",
        .file_name = file_stem(mail, domain, report.begin, report.end, named.report_id) + ".json.gz",
        .octets = gzip(write_tls_report(named))};
    // §5.3: the two fields, and multipart/report.
    const std::string fields = "TLS-Report-Domain: " + domain + "\r\nTLS-Report-Submitter: " + plain(mail.submitter) +
                               "\r\nTLS-Required: No\r\n";
    const std::string text = "This is a TLS report from " + plain(mail.submitter) + " about mail servers\r\nof " +
                             domain + ". The attachment is meant for software.";
    return {.subject = subject(domain, mail, named.report_id),
            .file_name = attachment.file_name,
            .content =
                build(mail, domain, named.report_id, fields, "multipart/report; report-type=tlsrpt", text, attachment)};
}

}  // namespace relevo::authreports
