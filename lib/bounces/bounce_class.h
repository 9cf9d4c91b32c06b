// The reasons that mail comes back for, by the names that the field uses, and what each means for the recipient's
// address. The names are part of the control protocol, of events and of metrics: they stay as they are.
#pragma once

#include "lib/mail/delivery_advice.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace relevo::bounces {

enum class BounceClass : std::uint8_t {
    // the address
    unknown_user,
    address_moved,
    mailbox_disabled,
    mailbox_full,
    no_such_domain,  // or a domain that says that it takes no mail (RFC 7505)
    recipient_restricted,
    // the message
    message_too_large,
    content_rejected,
    spam_content,
    virus,
    // the sender
    authentication_required,  // SPF, DKIM, DMARC of the sender; or a login at the next hop
    reverse_dns,
    address_blocked,
    domain_blocked,
    sender_rejected,
    relay_denied,
    policy,
    // the pace
    rate_limited,
    too_many_connections,
    too_many_recipients,
    greylisted,
    // the way
    dns_failure,
    network_failure,
    tls_required,
    protocol_error,
    system_failure,
    temporary_failure,
    loop,
    expired,
    // no bounce at all
    delivered,
    challenge_response,
    auto_reply,
    vacation,
    complaint,
    unsubscribe,
    unknown,
};

enum class BounceNature : std::uint8_t {
    hard,          // the address will not work: stop writing to it
    soft,          // may pass another time
    block,         // the sender, its server or this message is unwanted; the address may be good
    not_a_bounce,  // nothing is wrong with the delivery
};

[[nodiscard]] std::string_view name_of(BounceClass kind);
[[nodiscard]] std::string_view name_of(BounceNature nature);
[[nodiscard]] std::optional<BounceClass> bounce_class_named(std::string_view name);
[[nodiscard]] std::span<const BounceClass> all_bounce_classes();

// Of a final answer. A server that says "try again" (4yz) is believed: see classify_reply().
[[nodiscard]] BounceNature nature_of(BounceClass kind);

// What it means and what to do, for the person who sent the mail or runs the server that did.
[[nodiscard]] mail::Advice explain(BounceClass kind, mail::Language language);

}  // namespace relevo::bounces
