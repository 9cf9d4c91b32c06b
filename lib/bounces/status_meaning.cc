#include "lib/bounces/status_meaning.h"

#include "lib/base/text.h"

#include <algorithm>
#include <array>

namespace relevo::bounces {
namespace {

struct Entry {
    std::string_view code;  // subject "." detail
    StatusMeaning meaning;
};

using enum BounceClass;
using enum StatusStrength;

// Codes that servers use for nearly everything (1.0, 2.0, 4.0, 5.0) are left out.
constexpr auto entries = std::to_array<Entry>({
    {"1.1", {unknown_user, exact}},
    {"1.2", {no_such_domain, exact}},
    {"1.3", {unknown_user, general}},
    {"1.4", {unknown_user, general}},
    {"1.6", {address_moved, exact}},
    {"1.7", {sender_rejected, exact}},
    {"1.8", {sender_rejected, general}},
    {"1.9", {relay_denied, general}},
    {"1.10", {no_such_domain, exact}},  // RFC 7505 §4.2: a null MX
    {"2.1", {mailbox_disabled, general}},
    {"2.2", {mailbox_full, exact}},
    {"2.3", {message_too_large, exact}},
    {"2.4", {system_failure, general}},
    {"3.0", {system_failure, general}},
    {"3.1", {system_failure, general}},
    {"3.2", {temporary_failure, general}},
    {"3.3", {protocol_error, general}},
    {"3.4", {message_too_large, exact}},
    {"3.5", {system_failure, general}},
    {"4.1", {network_failure, general}},
    {"4.2", {network_failure, general}},
    {"4.3", {dns_failure, general}},
    {"4.4", {dns_failure, general}},
    {"4.5", {too_many_connections, general}},
    {"4.6", {loop, exact}},
    {"4.7", {expired, general}},
    {"5.1", {protocol_error, general}},
    {"5.2", {protocol_error, general}},
    {"5.3", {too_many_recipients, exact}},
    {"5.4", {protocol_error, general}},
    {"5.5", {protocol_error, general}},
    {"5.6", {protocol_error, general}},
    {"6.0", {content_rejected, general}},
    {"6.1", {content_rejected, general}},
    {"6.2", {content_rejected, general}},
    {"6.3", {content_rejected, general}},
    {"6.5", {content_rejected, general}},
    {"6.6", {content_rejected, general}},
    {"6.7", {protocol_error, general}},  // RFC 6531 §4.3: no SMTPUTF8 there
    {"6.8", {protocol_error, general}},
    {"6.9", {content_rejected, general}},
    {"6.10", {protocol_error, general}},
    {"7.0", {policy, general}},
    {"7.1", {policy, general}},
    {"7.2", {recipient_restricted, general}},
    {"7.4", {tls_required, general}},
    {"7.5", {tls_required, general}},
    {"7.7", {content_rejected, general}},
    {"7.8", {authentication_required, general}},
    {"7.9", {authentication_required, general}},
    {"7.10", {tls_required, exact}},
    {"7.11", {tls_required, exact}},
    {"7.13", {mailbox_disabled, general}},
    {"7.15", {policy, general}},
    {"7.16", {message_too_large, general}},
    {"7.17", {unknown_user, exact}},  // RFC 7293 §4: the mailbox has another owner now
    {"7.18", {no_such_domain, exact}},
    // RFC 7372 §3
    {"7.20", {authentication_required, exact}},
    {"7.21", {authentication_required, exact}},
    {"7.22", {authentication_required, exact}},
    {"7.23", {authentication_required, exact}},
    {"7.24", {authentication_required, exact}},
    {"7.25", {reverse_dns, exact}},
    {"7.26", {authentication_required, exact}},
    {"7.27", {sender_rejected, exact}},  // RFC 7505 §4.2: the sender's domain has a null MX
    {"7.28", {rate_limited, exact}},
    {"7.29", {authentication_required, exact}},
    {"7.30", {tls_required, exact}},
});

}  // namespace

bool is_status(std::string_view text) {
    const auto parts = split(text, '.');
    if (parts.size() != 3 || parts[0].size() != 1) return false;
    if (parts[0] != "2" && parts[0] != "4" && parts[0] != "5") return false;
    return std::ranges::all_of(parts, [](std::string_view part) {
        return !part.empty() && part.size() <= 3 && std::ranges::all_of(part, is_digit);
    });
}

std::optional<StatusMeaning> meaning_of_status(std::string_view status) {
    if (!is_status(status)) return std::nullopt;
    const auto* const found = std::ranges::find(entries, status.substr(2), &Entry::code);
    if (found == entries.end()) return std::nullopt;
    return found->meaning;
}

BounceClass meaning_of_code(std::uint16_t code) {
    switch (code) {
        case 500:
        case 501:
        case 502:
        case 503:
        case 504:
        case 555: return protocol_error;
        case 521:
        case 556: return no_such_domain;
        case 523:
        case 530:
        case 534:
        case 535: return authentication_required;
        case 538: return tls_required;
        case 551: return address_moved;
        case 552: return mailbox_full;
        case 554: return policy;
        default: break;
    }
    if (code >= 200 && code < 300) return delivered;
    if (code >= 400 && code < 500) return temporary_failure;
    return unknown;
}

}  // namespace relevo::bounces
