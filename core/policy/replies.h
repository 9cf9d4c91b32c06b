// Every reply that a policy gives, in one table: what goes over the wire, and what it means to people.
#pragma once

#include "lib/mail/report.h"
#include "lib/smtp/reply.h"

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace relevo {

enum class ReplyKey : std::uint8_t {
    // connection
    network_not_allowed,
    tls_to_plain_port,
    plain_text_to_tls_port,
    // authentication
    authenticated,
    encryption_required,
    authentication_required,
    mechanism_unknown,
    credentials_wrong,
    login_held_back,
    login_busy,
    smtp_not_enabled,
    credential_expired,
    tenant_suspended,
    source_network_not_allowed,
    lan_token_used,
    lan_token_expired,
    lan_token_revoked,
    // sender
    sender_accepted,
    sender_is_literal,
    sender_domain_not_allowed,
    sender_domain_not_proven,
    sender_domain_not_of_credential,
    sender_address_not_allowed,
    access_withdrawn,
    // recipient
    recipient_accepted,
    relaying_denied,
    recipient_routes_on,
    recipient_domain_missing,
    recipient_domain_takes_no_mail,
    recipient_suppressed,
    return_path_unknown,
    return_path_alone,
    // rate and size
    hourly_rate_reached,
    daily_rate_reached,
    quota_reached,
    quota_too_small,
    tenant_held,
    message_too_large,
    // content
    content_accepted,
    from_missing,
    from_repeated,
    sender_repeated,
    from_not_readable,
    from_without_address,
    from_domain_not_allowed,
    from_domain_not_proven,
    from_domain_not_of_credential,
    from_address_not_allowed,
    header_malformed,
    stream_unknown,
    pool_unknown,
    track_unknown,
    send_at_unusable,
    control_field_repeated,
    labels_unusable,
    // mail from outside: who wrote it
    spf_failed,
    dmarc_failed,
    author_not_readable,
};

struct ReplyEntry {
    ReplyKey key;
    std::string_view name;  // stable: for logs, documentation and `explain`
    std::uint16_t code;
    smtp::EnhancedStatus status;
    std::string_view text;     // on the wire; {name} stands for a value
    std::string_view english;  // what it means, and what to do
    std::string_view spanish;
};

// All of them, in the order of ReplyKey.
[[nodiscard]] std::span<const ReplyEntry> reply_entries();
[[nodiscard]] const ReplyEntry& reply_entry(ReplyKey key);
// By stable name, for the command line. nullopt: there is none.
[[nodiscard]] std::optional<ReplyKey> reply_key(std::string_view name);

// A value for a {name} in the text. Values that come from a peer are made printable and cut here.
using ReplyValue = std::pair<std::string_view, std::string_view>;
[[nodiscard]] smtp::Reply make_reply(ReplyKey key, std::initializer_list<ReplyValue> values = {});

[[nodiscard]] std::string_view explain(ReplyKey key, mail::Language language);

}  // namespace relevo
