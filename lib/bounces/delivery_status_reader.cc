#include "lib/bounces/delivery_status_reader.h"

#include "lib/base/text.h"
#include "lib/bounces/status_meaning.h"
#include "lib/mail/message.h"
#include "lib/mail/report.h"

#include <algorithm>
#include <utility>

namespace relevo::bounces {
namespace {

constexpr std::size_t value_limit_octets = 2'000;
constexpr std::size_t group_limit = 1'000;

// Behind "dns;", "smtp;", "rfc822;", which some leave out.
std::string_view behind_type(std::string_view value) {
    const auto semicolon = value.find(';');
    if (semicolon == std::string_view::npos || semicolon > 12) return trimmed(value);
    const std::string_view type = trimmed(value.substr(0, semicolon));
    const bool is_type = !type.empty() && std::ranges::all_of(type, [](char c) {
        return is_alpha(c) || is_digit(c) || c == '-' || c == '_';
    });
    return trimmed(is_type ? value.substr(semicolon + 1) : value);
}

std::string_view first_word(std::string_view value) { return value.substr(0, value.find_first_of(" \t(;,")); }

std::string text_of(const mail::Field& field) { return printable(mail::unfolded(field.value), value_limit_octets); }

void fill(std::string& member, const std::string& value) {
    if (member.empty()) member = value;
}

void read_field(const mail::Field& field, ReadDeliveryStatus& report, StatusOfRecipient& recipient) {
    const auto is = [&field](std::string_view name) { return equals_ignoring_case(field.name, name); };
    const std::string value = text_of(field);
    if (is("Original-Envelope-Id"))
        fill(report.envelope_id, mail::decode_xtext(trimmed(value)));
    else if (is("Reporting-MTA"))
        fill(report.reporting_mta, std::string(first_word(behind_type(value))));
    else if (is("Final-Recipient"))
        fill(recipient.recipient, address_of_field(value));
    else if (is("Original-Recipient"))
        fill(recipient.original_recipient, mail::decode_xtext(address_of_field(value)));
    else if (is("Action"))
        fill(recipient.action, to_lower(first_word(trimmed(value))));
    else if (is("Status")) {
        const std::string_view status = first_word(trimmed(value));
        if (is_status(status)) fill(recipient.status, std::string(status));
    } else if (is("Remote-MTA"))
        fill(recipient.remote_mta, std::string(first_word(behind_type(value))));
    else if (is("Diagnostic-Code"))
        fill(recipient.diagnostic, std::string(behind_type(value)));
}

// The next block of lines up to an empty one; takes it off `body`.
std::string_view take_group(std::string_view& body) {
    while (!body.empty() && (body[0] == '\n' || body[0] == '\r')) body.remove_prefix(1);
    std::size_t end = 0;
    while (end < body.size()) {
        const std::size_t line_end = body.find('\n', end);
        if (line_end == std::string_view::npos) {
            end = body.size();
            break;
        }
        const std::string_view line = body.substr(end, line_end - end);
        if (line.empty() || line == "\r") break;
        end = line_end + 1;
    }
    const std::string_view group = body.substr(0, end);
    body.remove_prefix(end);
    return group;
}

void append(std::vector<StatusOfRecipient>& recipients, StatusOfRecipient recipient, std::size_t limit) {
    fill(recipient.recipient, recipient.original_recipient);
    const bool tells = !recipient.recipient.empty() || !recipient.action.empty() || !recipient.status.empty() ||
                       !recipient.diagnostic.empty();
    if (!tells) return;
    // Others put one between the fields of one recipient.
    if (!recipients.empty() && (recipient.recipient.empty() || recipients.back().recipient.empty())) {
        StatusOfRecipient& last = recipients.back();
        fill(last.recipient, recipient.recipient);
        fill(last.original_recipient, recipient.original_recipient);
        fill(last.action, recipient.action);
        fill(last.status, recipient.status);
        fill(last.remote_mta, recipient.remote_mta);
        fill(last.diagnostic, recipient.diagnostic);
    } else if (recipients.size() < limit) {
        recipients.push_back(std::move(recipient));
    }
}

}  // namespace

std::string address_of_field(std::string_view value) {
    std::string_view address = behind_type(value);
    const auto open = address.find('<');
    if (open != std::string_view::npos) {
        const auto close = address.find('>', open);
        if (close != std::string_view::npos) address = address.substr(open + 1, close - open - 1);
    }
    address = trimmed(address);
    return std::string(address.substr(0, address.find_first_of(" \t")));
}

ReadDeliveryStatus read_delivery_status(std::string_view body, std::size_t recipient_limit) {
    ReadDeliveryStatus report;
    for (std::size_t groups = 0; !body.empty() && groups < group_limit; ++groups) {
        const auto header = mail::Header::parse(take_group(body));
        if (!header) continue;
        StatusOfRecipient recipient;
        for (const mail::Field& field : header->fields()) {
            // Some leave out the empty line between two recipients.
            if (!recipient.recipient.empty() && equals_ignoring_case(field.name, "Final-Recipient")) {
                append(report.recipients, std::exchange(recipient, {}), recipient_limit);
            }
            read_field(field, report, recipient);
        }
        append(report.recipients, std::move(recipient), recipient_limit);
    }
    return report;
}

}  // namespace relevo::bounces
