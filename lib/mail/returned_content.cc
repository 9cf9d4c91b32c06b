#include "lib/mail/returned_content.h"

#include "lib/base/text.h"
#include "lib/mail/message.h"
#include "lib/mail/quoted_printable.h"

#include <algorithm>

namespace relevo::mail {
namespace {

constexpr std::size_t line_limit_octets = 998;  // RFC 5321 §4.5.3.1.6

// Lines of at most 998 octets that end with CRLF, no other CR or LF, no NUL: fit for 7bit or 8bit (RFC 2045 §2.7).
bool is_made_of_lines(std::string_view text) {
    std::size_t column = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '\r' && at + 1 < text.size() && text[at + 1] == '\n') {
            column = 0;
            ++at;
        } else if (text[at] == '\r' || text[at] == '\n' || text[at] == '\0' || ++column > line_limit_octets) {
            return false;
        }
    }
    return true;
}

bool has_failure(const DeliveryReport& report) {
    return std::ranges::any_of(
        report.recipients, [](const RecipientReport& recipient) { return recipient.action == DeliveryAction::failed; });
}

std::string_view fields_of(const Header& header, std::string_view content) {
    if (header.fields().empty()) return {};
    const std::string_view last = header.fields().back().raw;
    return content.substr(0, static_cast<std::size_t>(last.data() - content.data()) + last.size());
}

// The fields of the header section, or as many whole ones as lie within the limit.
std::string_view header_within(std::string_view content, std::size_t limit_octets) {
    for (; limit_octets > 0; limit_octets /= 4) {
        const auto header = Header::parse(content.substr(0, limit_octets));
        if (!header) continue;  // too many fields: look at less
        std::string_view fields = fields_of(*header, content);
        if (limit_octets < content.size() && fields.size() == limit_octets)
            fields.remove_suffix(header->fields().back().raw.size());  // the limit may have cut it
        return fields;
    }
    return {};
}

std::string_view plain_encoding(std::string_view text) { return is_ascii(text) ? "7bit" : "8bit"; }

void end_line(std::string& text) {
    if (!text.ends_with("\r\n")) text += "\r\n";
}

ReturnedContent full_content(std::string_view content, bool has_global_header, Utf8 utf8) {
    ReturnedContent returned{has_global_header ? "message/global" : "message/rfc822",
                             std::string(plain_encoding(content)), std::string(content)};
    if (has_global_header && utf8 == Utf8::refused) {  // RFC 6532 §3.7 allows to encode message/global
        returned.encoding = "quoted-printable";
        returned.body = encode_quoted_printable(content);
    }
    end_line(returned.body);
    return returned;
}

// "Whenever possible, the 8-bit content transfer encoding SHOULD be used", else base64 or quoted-printable (RFC 6533
// §6.2); RFC 6522 §4 has quoted-printable for broken text/rfc822-headers.
ReturnedContent header_content(std::string_view fields, bool is_global, Utf8 utf8) {
    ReturnedContent returned{is_global ? "message/global-headers" : "text/rfc822-headers",
                             std::string(plain_encoding(fields)), std::string(fields)};
    const bool may_be_plain = is_made_of_lines(fields) && (is_ascii(fields) || (is_global && utf8 == Utf8::allowed));
    if (!may_be_plain) {
        returned.encoding = "quoted-printable";
        returned.body = encode_quoted_printable(fields);
    }
    end_line(returned.body);
    return returned;
}

}  // namespace

ReturnedContent returned_content(const DeliveryReport& report, std::string_view content, std::size_t limit_octets,
                                 Utf8 utf8) {
    const std::string_view fields = header_within(content, limit_octets);
    const bool is_global = !is_ascii(fields) && is_utf8(fields);
    const bool wants_all = report.dsn_return == DsnReturn::full && has_failure(report);
    if (wants_all && content.size() <= limit_octets && is_made_of_lines(content))
        return full_content(content, is_global, utf8);
    return header_content(fields, is_global, utf8);
}

}  // namespace relevo::mail
