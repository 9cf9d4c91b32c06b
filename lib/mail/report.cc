#include "lib/mail/report.h"

#include "lib/base/text.h"
#include "lib/mail/delivery_status.h"
#include "lib/mail/message.h"
#include "lib/mail/quoted_printable.h"
#include "lib/mail/report_text.h"
#include "lib/mail/returned_content.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::mail {
namespace {

constexpr std::size_t plain_line_limit_octets = 200;
constexpr std::size_t message_id_limit_octets = 250;

struct Part {
    std::string headers;
    std::string body;
};

bool has_short_lines(std::string_view text) {
    return std::ranges::all_of(split(text, '\n'),
                               [](std::string_view line) { return line.size() <= plain_line_limit_octets; });
}

Part text_part(const DeliveryReport& report, std::string_view original_subject) {
    const std::string text = report_text(report, original_subject);
    const bool is_plain = is_ascii(text) && has_short_lines(text);
    return {fmt::format("Content-Type: text/plain; charset=utf-8\r\nContent-Language: {}\r\n"
                        "Content-Transfer-Encoding: {}\r\n",
                        report.language == Language::spanish ? "es" : "en", is_plain ? "7bit" : "quoted-printable"),
            is_plain ? text : encode_quoted_printable(text)};
}

Part status_part(const DeliveryReport& report, Utf8 utf8) {
    const std::string fields = delivery_status(report, utf8);
    return {fmt::format("Content-Type: message/{}delivery-status\r\nContent-Transfer-Encoding: {}\r\n",
                        utf8 == Utf8::allowed ? "global-" : "", is_ascii(fields) ? "7bit" : "8bit"),
            fields};
}

Part content_part(ReturnedContent content) {
    return {fmt::format("Content-Type: {}\r\nContent-Transfer-Encoding: {}\r\n", content.type, content.encoding),
            std::move(content.body)};
}

// A line that no part contains. "=_" never stands in quoted-printable; for the rest, it is looked for.
std::string boundary_for(const std::vector<Part>& parts, std::string_view seed) {
    for (std::size_t salt = std::hash<std::string_view>{}(seed);; ++salt) {
        std::string boundary = fmt::format("=_relevo_{:016x}", salt);
        if (std::ranges::none_of(parts,
                                 [&](const Part& part) { return part.body.find(boundary) != std::string::npos; }))
            return boundary;
    }
}

// "<id@host>" of the original, if it is one that can be copied into a field as it is.
std::string original_message_id(const Header& header) {
    const Field* field = header.find("Message-ID");
    const std::string id = field == nullptr ? std::string() : unfolded(field->value);
    const bool is_safe = id.size() > 2 && id.size() <= message_id_limit_octets && id.starts_with('<') &&
                         id.find('>') == id.size() - 1 &&
                         std::ranges::all_of(id, [](char c) { return c > ' ' && c < 0x7F; });
    return is_safe ? id : std::string();
}

std::string daemon_address(std::string_view domain) {
    auto ascii = to_ascii_domain(domain);
    return "MAILER-DAEMON@" + (ascii ? *std::move(ascii) : std::string("localhost"));
}

std::string header_fields(const DeliveryReport& report, std::string_view original_id, std::string_view boundary,
                          std::string_view encoding) {
    constexpr std::string_view subject_name = "Subject: ";
    std::string fields =
        fmt::format("From: {} <{}>\r\nTo: <{}>\r\n{}{}\r\nDate: {}\r\nMessage-ID: <{}>\r\n",
                    report.language == Language::spanish ? "Sistema de correo" : "Mail Delivery System",
                    daemon_address(report.from_domain), report.original_sender.text(), subject_name,
                    encode_header_text(report_subject(report), subject_name.size()), format_date(report.now),
                    one_line(report.message_id, Utf8::refused, message_id_limit_octets));
    if (!original_id.empty())
        fields.append(fmt::format("In-Reply-To: {}\r\nReferences: {}\r\n", original_id, original_id));
    return fields.append(
        fmt::format("Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\nContent-Transfer-Encoding: "
                    "{}\r\nContent-Type: multipart/report; "
                    "report-type=delivery-status;\r\n boundary=\"{}\"\r\n",
                    encoding, boundary));
}

// What can be told about the original: a header section that does not parse tells nothing.
Header header_of(std::string_view content) {
    auto header = Header::parse(content);
    return header ? *std::move(header) : Header();
}

}  // namespace

BuiltReport build_report(const DeliveryReport& report, std::string_view original_content,
                         std::size_t full_return_limit_octets) {
    const bool needs_smtputf8 = !report.original_sender.is_null() && report.original_sender.address().needs_smtputf8();
    const Utf8 utf8 = needs_smtputf8 ? Utf8::allowed : Utf8::refused;
    const Header original = header_of(original_content);
    const Field* subject = original.find("Subject");
    const std::vector<Part> parts = {
        text_part(report, subject == nullptr ? std::string() : unfolded(subject->value)), status_part(report, utf8),
        content_part(returned_content(report, original_content, full_return_limit_octets, utf8))};
    const std::string boundary = boundary_for(parts, report.message_id);
    BuiltReport built;
    // "8bit" if any part holds such octets (RFC 2045 §6.4).
    const bool is_seven_bit = std::ranges::all_of(parts, [](const Part& part) { return is_ascii(part.body); });
    built.content = header_fields(report, original_message_id(original), boundary, is_seven_bit ? "7bit" : "8bit");
    built.content.append("\r\n");
    for (const Part& part : parts)
        built.content.append("--")
            .append(boundary)
            .append("\r\n")
            .append(part.headers)
            .append("\r\n")
            .append(part.body)
            .append("\r\n");
    built.content.append("--").append(boundary).append("--\r\n");
    built.smtputf8 = needs_smtputf8;
    built.eight_bit = !is_ascii(built.content);
    return built;
}

}  // namespace relevo::mail
