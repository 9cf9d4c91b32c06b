#include "lib/mail/delivery_status.h"

#include "lib/base/text.h"
#include "lib/mail/message.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::mail {
namespace {

constexpr std::size_t value_limit_octets = 900;        // keeps an unfolded field under 998 (RFC 5322 §2.1.1)
constexpr std::size_t diagnostic_limit_octets = 4096;  // of a reply; servers were seen to send megabytes
constexpr std::size_t fold_at_octets = 76;

bool is_eight_bit(char c) { return static_cast<unsigned char>(c) >= 0x80; }
bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }

std::string_view action_name(DeliveryAction action) {
    switch (action) {
        case DeliveryAction::failed: return "failed";
        case DeliveryAction::delayed: return "delayed";
        case DeliveryAction::delivered: return "delivered";
        case DeliveryAction::relayed: return "relayed";
        case DeliveryAction::expanded: return "expanded";
    }
    return "failed";
}

// RFC 3463 §2: class "." subject "." detail, each of the last two of 1 to 3 digits.
bool is_status_code(std::string_view text) {
    const auto numbers = split(text, '.');
    if (numbers.size() != 3 || !(numbers[0] == "2" || numbers[0] == "4" || numbers[0] == "5")) return false;
    return std::ranges::all_of(numbers, [](std::string_view number) {
        return !number.empty() && number.size() <= 3 && std::ranges::all_of(number, [](char c) { return is_digit(c); });
    });
}

void add_field(std::string& fields, std::string_view name, std::string_view value) {
    fields.append(name).append(": ").append(value).append("\r\n");
}

void add_time(std::string& fields, std::string_view name, std::chrono::system_clock::time_point time) {
    if (time != std::chrono::system_clock::time_point()) add_field(fields, name, format_date(time));
}

// Folds at spaces; a word that fills more than a line is cut, since a diagnostic is text (RFC 3464 §2.3.6).
void add_folded(std::string& fields, std::string_view name, std::string_view text) {
    fields.append(name).append(":");
    std::size_t column = name.size() + 1;
    for (std::string_view word : split(text, ' ')) {
        for (; !word.empty(); word.remove_prefix(std::min(word.size(), value_limit_octets))) {
            const std::string_view piece = word.substr(0, value_limit_octets);
            const bool fits = column + 1 + piece.size() <= fold_at_octets;
            fields.append(fits ? " " : "\r\n ").append(piece);
            column = (fits ? column + 1 : 1) + piece.size();
        }
    }
    fields.append("\r\n");
}

// utf-8-addr-xtext of RFC 6533 §3: "\x{E9}" for what is not a QCHAR. `kept`: special characters of a text that holds
// such sequences already.
std::string encode_unicode_xtext(std::string_view text, std::string_view kept) {
    std::string encoded;
    for (std::size_t at = 0; at < text.size();) {
        const auto lead = static_cast<unsigned char>(text[at++]);
        std::uint32_t code_point = lead;
        if (lead >= 0xC0) code_point &= lead >= 0xF0 ? 0x07 : lead >= 0xE0 ? 0x0F : 0x1F;
        while (lead >= 0xC0 && at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0) == 0x80)
            code_point = code_point << 6 | (static_cast<unsigned char>(text[at++]) & 0x3F);
        const char c = static_cast<char>(lead);
        const bool is_qchar = code_point > ' ' && code_point < 0x7F && c != '+' && c != '=' && c != '\\';
        const bool plain = is_qchar || kept.find(c) != std::string_view::npos;
        encoded += plain ? std::string(1, c) : fmt::format("\\x{{{:X}}}", code_point);
    }
    return encoded;
}

// ORCPT as the recipient's sender wrote it. "utf-8" values carry their own encoding, readable in both kinds of report;
// every other is xtext and decoded, unless that would put in what no field may hold (RFC 3461 §6.3, RFC 6533 §3).
std::string original_recipient(std::string_view parameter, Utf8 utf8) {
    const auto semicolon = parameter.find(';');
    const bool typed = semicolon != std::string_view::npos;
    const std::string type = typed ? to_lower(one_line(parameter.substr(0, semicolon), Utf8::refused, 40)) : "rfc822";
    const std::string_view address = typed ? parameter.substr(semicolon + 1) : parameter;
    if (type == "utf-8" && utf8 == Utf8::refused && !is_ascii(address) && is_utf8(address)) {
        const std::string line = one_line(address, Utf8::allowed, value_limit_octets / 4);
        return "utf-8; " + encode_unicode_xtext(line, "\\+=");
    }
    if (type == "utf-8") return "utf-8; " + one_line(address, utf8, value_limit_octets);
    const std::string decoded = decode_xtext(address);
    const bool printable = std::ranges::none_of(decoded, [](char c) { return is_control(c) || is_eight_bit(c); });
    return type + "; " + one_line(printable ? std::string_view(decoded) : address, Utf8::refused, value_limit_octets);
}

std::string final_recipient(const Address& address, Utf8 utf8) {
    if (!address.needs_smtputf8()) return "rfc822; " + address.text();
    return "utf-8; " + (utf8 == Utf8::allowed ? address.text() : encode_unicode_xtext(address.text(), ""));
}

std::string envelope_id(std::string_view parameter) {
    const std::string decoded = decode_xtext(parameter);
    const bool printable = std::ranges::none_of(decoded, [](char c) { return is_control(c) || is_eight_bit(c); });
    return one_line(printable ? std::string_view(decoded) : parameter, Utf8::refused, value_limit_octets);
}

void add_recipient(std::string& fields, const RecipientReport& report, Utf8 utf8) {
    const Recipient& recipient = report.recipient;
    if (!recipient.original_recipient.empty())
        add_field(fields, "Original-Recipient", original_recipient(recipient.original_recipient, utf8));
    add_field(fields, "Final-Recipient", final_recipient(recipient.address, utf8));
    add_field(fields, "Action", action_name(report.action));
    add_field(fields, "Status", status_code(report));
    if (!report.remote_mta.empty())
        add_field(fields, "Remote-MTA", "dns; " + one_line(report.remote_mta, Utf8::refused, value_limit_octets));
    if (!report.diagnostic.empty())
        add_folded(fields, "Diagnostic-Code", "smtp; " + one_line(report.diagnostic, utf8, diagnostic_limit_octets));
    add_time(fields, "Last-Attempt-Date", report.last_attempt);
    if (report.action == DeliveryAction::delayed) add_time(fields, "Will-Retry-Until", report.will_retry_until);
}

}  // namespace

std::string one_line(std::string_view text, Utf8 utf8, std::size_t limit_octets) {
    const bool keep_eight_bit = utf8 == Utf8::allowed && is_utf8(text);
    std::string line;
    for (const char c : text) {
        const bool continues_character = keep_eight_bit && (static_cast<unsigned char>(c) & 0xC0) == 0x80;
        if (line.size() >= limit_octets && !continues_character) break;
        if (is_control(c)) {
            if (!line.empty() && line.back() != ' ') line += ' ';
        } else {
            line += is_eight_bit(c) && !keep_eight_bit ? '?' : c;
        }
    }
    const std::string_view kept = trimmed(line);
    // What reorders text or is a line end to some (U+0085) comes out escaped.
    return is_ascii(kept) ? std::string(kept) : printable(kept, kept.size());
}

std::string status_code(const RecipientReport& report) {
    if (is_status_code(report.status)) return report.status;
    switch (report.action) {
        case DeliveryAction::failed: return "5.0.0";
        case DeliveryAction::delayed: return "4.0.0";
        default: return "2.0.0";
    }
}

std::string delivery_status(const DeliveryReport& report, Utf8 utf8) {
    std::string fields;
    if (!report.envelope_id.empty()) add_field(fields, "Original-Envelope-Id", envelope_id(report.envelope_id));
    add_field(fields, "Reporting-MTA", "dns; " + one_line(report.reporting_mta, Utf8::refused, value_limit_octets));
    add_time(fields, "Arrival-Date", report.arrival);
    for (const RecipientReport& recipient : report.recipients) {
        fields.append("\r\n");
        add_recipient(fields, recipient, utf8);
    }
    return fields;
}

}  // namespace relevo::mail
