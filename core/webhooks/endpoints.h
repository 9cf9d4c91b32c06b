// Endpoints as rows. Changes are statements inside a transaction of the caller. Threads: the committer's (Transaction)
// or the reader's (Reader).
#pragma once

#include "core/ports/database.h"
#include "core/ports/key_vault.h"
#include "core/ports/task.h"
#include "core/ports/web_pages.h"
#include "core/webhooks/event_types.h"
#include "lib/base/identifier.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct WebhookTag {
    static constexpr std::string_view prefix = "whk";
};
using WebhookId = Identifier<WebhookTag>;

struct Webhook {
    WebhookId id;
    std::optional<TenantId> tenant;  // absent: the operator's, it hears of every tenant
    std::string url;
    std::string description;
    WebhookEventSet events;
    std::string sealed_secret;
    std::string sealed_former_secret;  // of the last rotation; counts until then
    WallClock::time_point former_until{};
    bool enabled = true;
    std::string reason;  // why not
    WallClock::time_point created_at{};
    WallClock::time_point hears_since{};    // of events from then on
    WallClock::time_point failing_since{};  // nothing but failures from then on; the epoch: it works
    WallClock::time_point last_success_at{};
    std::int64_t pending = 0;
    std::int64_t delivered = 0, dead = 0, given_up = 0, attempts = 0;  // all there ever were
};

// Where an endpoint is.
struct WebhookTarget {
    WebScheme scheme = WebScheme::https;
    std::string host;  // A-labels, lower case; never an IP address
    std::uint16_t port = 443;
    std::string path;
};
enum class PlainHttp : bool { refused, allowed };
// Errors: invalid – no https: (or http:, where that is allowed) URL with a host name. limit – over 2,000 octets.
[[nodiscard]] Result<WebhookTarget> parse_webhook_url(std::string_view url, PlainHttp http);

struct NewWebhook {
    std::optional<TenantId> tenant;
    std::string url;  // that parse_webhook_url() takes
    std::string description;
    WebhookEventSet events = WebhookEventSet::all();
};

// It hears of what happens from now on. `secret`: of generate_webhook_secret(); the caller shows it once. Errors:
// invalid – the description (500 octets). not_found – no such tenant. limit – 20 endpoints of the tenant, 1,000 of all.
// internal – it cannot be sealed.
[[nodiscard]] Result<WebhookId> create_webhook(Transaction& transaction, KeyVault& vault, const NewWebhook& webhook,
                                               std::string_view secret, WallClock::time_point now);
// Members that are absent stay.
struct WebhookChange {
    std::optional<std::string> url;
    std::optional<std::string> description;
    std::optional<WebhookEventSet> events;
    std::optional<bool> enabled;  // switched on again, it hears of what happens from then on, and of what still waits
};
// Errors: invalid, not_found.
[[nodiscard]] Result<void> set_webhook(Transaction& transaction, WebhookId id, const WebhookChange& change,
                                       WallClock::time_point now);
// With all that waits for it and its log. Errors: not_found.
[[nodiscard]] Result<void> remove_webhook(Transaction& transaction, WebhookId id);
[[nodiscard]] Result<void> remove_webhooks_of(Transaction& transaction, TenantId tenant);
// The present secret counts until `former_until`, beside the new one. Errors: not_found, internal.
[[nodiscard]] Result<void> rotate_webhook_secret(Transaction& transaction, KeyVault& vault, WebhookId id,
                                                 std::string_view secret, WallClock::time_point former_until);

// By id, oldest first.
[[nodiscard]] Result<std::vector<Webhook>> list_webhooks(Reader& reader);
// Errors: not_found.
[[nodiscard]] Result<Webhook> webhook_with_id(Reader& reader, WebhookId id);
[[nodiscard]] Result<Webhook> find_webhook(Reader& reader, std::string_view text);
// How many secrets the vault must be able to open.
[[nodiscard]] Result<std::int64_t> count_sealed_webhooks(Reader& reader);
// Those that count at `now`, the newest first. Errors: as KeyVault::open().
[[nodiscard]] Result<std::vector<std::string>> webhook_secrets(KeyVault& vault, const Webhook& webhook,
                                                               WallClock::time_point now);

}  // namespace relevo
