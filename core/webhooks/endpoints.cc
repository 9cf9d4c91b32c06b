#include "core/webhooks/endpoints.h"

#include "core/events/history.h"
#include "core/tenancy/columns.h"
#include "core/tenancy/statements.h"
#include "lib/authreports/https_target.h"
#include "lib/base/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace relevo {
namespace {

constexpr std::size_t description_limit_octets = 500;
constexpr std::int64_t of_one_limit = 20;
constexpr std::int64_t of_all_limit = 1'000;
constexpr std::string_view missing = "there is no such webhook";

std::string sealing_context(WebhookId id) { return "webhook " + id.text(); }

Webhook webhook_of(const Row& row) {
    const std::int64_t tenant = row.integer(1);
    return {.id = WebhookId{row.integer(0)},
            .tenant = tenant == 0 ? std::nullopt : std::optional(TenantId{tenant}),
            .url = std::string(row.text(2)),
            .description = std::string(row.text(3)),
            .events = WebhookEventSet::from_bits(row.integer(4)),
            .sealed_secret = std::string(row.text(5)),
            .sealed_former_secret = std::string(row.text(6)),
            .former_until = columns::time(row.integer(7)),
            .enabled = row.integer(8) != 0,
            .reason = std::string(row.text(9)),
            .created_at = columns::time(row.integer(10)),
            .hears_since = columns::time(row.integer(11)),
            .failing_since = columns::time(row.integer(12)),
            .last_success_at = columns::time(row.integer(13)),
            .pending = row.integer(14),
            .delivered = row.integer(15),
            .dead = row.integer(16),
            .given_up = row.integer(17),
            .attempts = row.integer(18)};
}

}  // namespace

Result<WebhookTarget> parse_webhook_url(std::string_view url, PlainHttp http) {
    constexpr std::string_view plain = "http://";
    std::string secure(url);
    WebhookTarget target;
    if (equals_ignoring_case(url.substr(0, plain.size()), plain)) {
        if (http == PlainHttp::refused)
            return failure(ErrorKind::invalid, "the address is not https://…: what happens to mail is nobody else's");
        target.scheme = WebScheme::http;
        std::string_view rest = url.substr(plain.size());
        const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
        rest.remove_prefix(authority.size());
        secure = "https://" + std::string(authority) + (authority.contains(':') ? "" : ":80") + std::string(rest);
    }
    RELEVO_TRY(authreports::HttpsTarget parsed, authreports::parse_https_target(secure));
    target.host = std::move(parsed.host);
    target.port = parsed.port;
    target.path = std::move(parsed.path);
    return target;
}

Result<WebhookId> create_webhook(Transaction& transaction, KeyVault& vault, const NewWebhook& webhook,
                                 std::string_view secret, WallClock::time_point now) {
    RELEVO_CHECK(statements::check_text("the description", webhook.description, description_limit_octets));
    if (webhook.tenant) RELEVO_CHECK(statements::require_tenant(transaction, *webhook.tenant));
    const std::int64_t tenant = webhook.tenant ? webhook.tenant->value : 0;
    RELEVO_TRY(const std::int64_t of_all, statements::count(transaction, "SELECT count(*) FROM webhook", {}));
    RELEVO_TRY(const std::int64_t of_one,
               statements::count(transaction, "SELECT count(*) FROM webhook WHERE tenant_id = $1", {tenant}));
    if (of_all >= of_all_limit || of_one >= of_one_limit)
        return failure(ErrorKind::limit,
                       "there are " + std::to_string(of_one) + " webhooks already: remove those that nobody needs");
    RELEVO_TRY(const std::int64_t id, statements::next_id(transaction, "webhook"));
    RELEVO_TRY(const std::string sealed, vault.seal(secret, sealing_context(WebhookId{id})));
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO webhook (id, tenant_id, url, description, event_types, secret, former_secret, former_until,"
        " enabled, reason, created_at, hears_since, failing_since, last_success_at, pending, delivered, dead, given_up,"
        " attempts) VALUES ($1, $2, $3, $4, $5, $6, '', 0, 1, '', $7, $7, 0, 0, 0, 0, 0, 0, 0)",
        {id, tenant, std::string_view(webhook.url), std::string_view(webhook.description), webhook.events.bits(),
         std::string_view(sealed), columns::of(now)}));
    return WebhookId{id};
}

Result<void> set_webhook(Transaction& transaction, WebhookId id, const WebhookChange& change,
                         WallClock::time_point now) {
    RELEVO_TRY(Webhook webhook, webhook_with_id(transaction, id));
    if (change.description)
        RELEVO_CHECK(statements::check_text("the description", *change.description, description_limit_octets));
    if (change.enabled && *change.enabled && !webhook.enabled) {
        webhook.hears_since = now;
        webhook.failing_since = {};
    }
    if (change.enabled && *change.enabled != webhook.enabled) {
        webhook.enabled = *change.enabled;
        webhook.reason = webhook.enabled ? "" : "switched off by a person";
    }
    const std::string url = change.url.value_or(webhook.url);
    const std::string description = change.description.value_or(webhook.description);
    return statements::change_one(
        transaction,
        "UPDATE webhook SET url = $2, description = $3, event_types = $4, enabled = $5, reason = $6, hears_since = $7,"
        " failing_since = $8 WHERE id = $1",
        {id.value, std::string_view(url), std::string_view(description), change.events.value_or(webhook.events).bits(),
         columns::of(webhook.enabled), std::string_view(webhook.reason), columns::of(webhook.hears_since),
         columns::of(webhook.failing_since)},
        missing);
}

Result<void> remove_webhook(Transaction& transaction, WebhookId id) {
    RELEVO_CHECK(statements::change_one(transaction, "DELETE FROM webhook WHERE id = $1", {id.value}, missing));
    RELEVO_CHECK(transaction.execute("DELETE FROM webhook_delivery WHERE webhook_id = $1", {id.value}));
    RELEVO_CHECK(transaction.execute("DELETE FROM webhook_attempt WHERE webhook_id = $1", {id.value}));
    return {};
}

Result<void> remove_webhooks_of(Transaction& transaction, TenantId tenant) {
    RELEVO_TRY(const std::vector<Webhook> webhooks, list_webhooks(transaction));
    for (const Webhook& webhook : webhooks)
        if (webhook.tenant == tenant) RELEVO_CHECK(remove_webhook(transaction, webhook.id));
    return {};
}

Result<void> rotate_webhook_secret(Transaction& transaction, KeyVault& vault, WebhookId id, std::string_view secret,
                                   WallClock::time_point former_until) {
    RELEVO_TRY(const std::string sealed, vault.seal(secret, sealing_context(id)));
    return statements::change_one(
        transaction, "UPDATE webhook SET former_secret = secret, former_until = $3, secret = $2 WHERE id = $1",
        {id.value, std::string_view(sealed), columns::of(former_until)}, missing);
}

Result<std::vector<Webhook>> list_webhooks(Reader& reader) {
    std::vector<Webhook> webhooks;
    RELEVO_CHECK(reader.query(
        "SELECT id, tenant_id, url, description, event_types, secret, former_secret, former_until, enabled, reason,"
        " created_at, hears_since, failing_since, last_success_at, pending, delivered, dead, given_up, attempts"
        " FROM webhook ORDER BY id",
        {}, [&](const Row& row) -> Result<void> {
            webhooks.push_back(webhook_of(row));
            return {};
        }));
    return webhooks;
}

Result<Webhook> webhook_with_id(Reader& reader, WebhookId id) {
    std::optional<Webhook> found;
    RELEVO_CHECK(reader.query(
        "SELECT id, tenant_id, url, description, event_types, secret, former_secret, former_until, enabled, reason,"
        " created_at, hears_since, failing_since, last_success_at, pending, delivered, dead, given_up, attempts"
        " FROM webhook WHERE id = $1",
        {id.value}, [&](const Row& row) -> Result<void> {
            found = webhook_of(row);
            return {};
        }));
    if (!found) return failure(ErrorKind::not_found, std::string(missing));
    return *std::move(found);
}

Result<Webhook> find_webhook(Reader& reader, std::string_view text) {
    const auto id = WebhookId::parse(text);
    if (!id.has_value()) return failure(ErrorKind::not_found, "there is no webhook \"" + printable(text, 40) + "\"");
    return webhook_with_id(reader, *id);
}

Result<std::int64_t> count_sealed_webhooks(Reader& reader) {
    return statements::count(reader, "SELECT count(*) FROM webhook", {});
}

Result<std::vector<std::string>> webhook_secrets(KeyVault& vault, const Webhook& webhook, WallClock::time_point now) {
    std::vector<std::string> secrets;
    RELEVO_TRY(secrets.emplace_back(), vault.open(webhook.sealed_secret, sealing_context(webhook.id)));
    if (!webhook.sealed_former_secret.empty() && now < webhook.former_until) {
        RELEVO_TRY(secrets.emplace_back(), vault.open(webhook.sealed_former_secret, sealing_context(webhook.id)));
    }
    return secrets;
}

}  // namespace relevo
