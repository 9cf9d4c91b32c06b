// Webhooks: endpoints, their log, tests and what is delivered once more.
#include "app/relevo/control.h"
#include "app/relevo/control_rows.h"
#include "app/relevo/json_arguments.h"
#include "core/tenancy/administration.h"
#include "core/webhooks/signature.h"
#include "core/webhooks/webhooks.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

namespace json = boost::json;
using Arguments = json::object;
using Work = Result<json::object>;

constexpr std::int64_t usual_log_page = 50;
constexpr std::int64_t log_page_limit = 500;
constexpr std::chrono::hours usual_overlap{24};  // of two secrets
constexpr std::int64_t overlap_limit_hours = 30 * 24;

Result<json::value> name_of_owner(Reader& reader, std::optional<TenantId> tenant) {
    if (!tenant) return json::value(nullptr);
    RELEVO_TRY(const std::vector<Tenant> all, list_tenants(reader));
    const auto found = std::ranges::find(all, *tenant, &Tenant::id);
    return json::value(found == all.end() ? tenant->text() : found->name);
}

Work json_of(Reader& reader, const Webhook& webhook, WallClock::time_point now) {
    RELEVO_TRY(json::value tenant, name_of_owner(reader, webhook.tenant));
    const bool rotates = !webhook.sealed_former_secret.empty() && now < webhook.former_until;
    return json::object{{"id", webhook.id.text()},
                        {"tenant", std::move(tenant)},
                        {"url", webhook.url},
                        {"description", json_text_or_null(webhook.description)},
                        {"events", json_list(webhook.events.names())},
                        {"enabled", webhook.enabled},
                        {"reason", json_text_or_null(webhook.reason)},
                        {"created_at", json_time(webhook.created_at)},
                        {"former_secret_until", rotates ? json_time(webhook.former_until) : json::value(nullptr)},
                        {"last_success_at", json_time(webhook.last_success_at)},
                        {"failing_since", json_time(webhook.failing_since)},
                        {"pending", webhook.pending},
                        {"delivered", webhook.delivered},
                        {"dead", webhook.dead},
                        {"given_up", webhook.given_up}};
}

json::object json_of(const WebhookAttempt& attempt) {
    return {{"number", attempt.number},
            {"delivery", attempt.delivery.text()},
            {"type", name_of(attempt.type)},
            {"at", json_time(attempt.at)},
            {"milliseconds", attempt.duration.count()},
            {"attempt", attempt.attempt},
            {"status", attempt.status == 0 ? json::value(nullptr) : json::value(attempt.status)},
            {"problem", json_text_or_null(attempt.problem)},
            {"answer", json_text_or_null(attempt.answer)},
            {"request", json_text_or_null(attempt.request)}};
}

Result<Webhook> webhook_member(Reader& reader, const Arguments& arguments) {
    RELEVO_TRY(const std::string name, required_text(arguments, "webhook"));
    return find_webhook(reader, name);
}

Result<std::optional<WebhookEventSet>> events_member(const Arguments& arguments) {
    RELEVO_TRY(const auto names, list_member(arguments, "events"));
    if (!names) return std::optional<WebhookEventSet>();
    RELEVO_TRY(const WebhookEventSet events, WebhookEventSet::parse(*names));
    return std::optional(events);
}

Work add_webhook(Transaction& transaction, KeyVault& vault, const Arguments& arguments, const std::string& secret,
                 PlainHttp http, WallClock::time_point now) {
    RELEVO_CHECK(check_members(arguments, {"url", "tenant", "description", "events"}));
    NewWebhook webhook;
    RELEVO_TRY(webhook.url, required_text(arguments, "url"));
    RELEVO_CHECK(parse_webhook_url(webhook.url, http));
    RELEVO_TRY(const auto tenant, text_member(arguments, "tenant"));
    if (tenant && !tenant->empty()) {
        RELEVO_TRY(const Tenant named, named_tenant(transaction, *tenant));
        webhook.tenant = named.id;
    }
    RELEVO_TRY(const auto description, text_member(arguments, "description"));
    webhook.description = description.value_or("");
    RELEVO_TRY(const auto events, events_member(arguments));
    if (events) webhook.events = *events;
    RELEVO_TRY(const WebhookId id, create_webhook(transaction, vault, webhook, secret, now));
    RELEVO_TRY(const Webhook made, webhook_with_id(transaction, id));
    RELEVO_TRY(json::object answer, json_of(transaction, made, now));
    answer["secret"] = secret;
    return answer;
}

Work change_webhook(Transaction& transaction, const Arguments& arguments, PlainHttp http, WallClock::time_point now) {
    RELEVO_CHECK(check_members(arguments, {"webhook", "url", "description", "events", "enabled"}));
    RELEVO_TRY(const Webhook webhook, webhook_member(transaction, arguments));
    WebhookChange change;
    RELEVO_TRY(change.url, text_member(arguments, "url"));
    if (change.url) RELEVO_CHECK(parse_webhook_url(*change.url, http));
    RELEVO_TRY(change.description, text_member(arguments, "description"));
    RELEVO_TRY(change.events, events_member(arguments));
    RELEVO_TRY(change.enabled, flag_member(arguments, "enabled"));
    RELEVO_CHECK(set_webhook(transaction, webhook.id, change, now));
    RELEVO_TRY(const Webhook changed, webhook_with_id(transaction, webhook.id));
    return json_of(transaction, changed, now);
}

Work rotate_webhook(Transaction& transaction, KeyVault& vault, const Arguments& arguments, const std::string& secret,
                    WallClock::time_point now) {
    RELEVO_CHECK(check_members(arguments, {"webhook", "overlap_hours"}));
    RELEVO_TRY(const Webhook webhook, webhook_member(transaction, arguments));
    RELEVO_TRY(const auto hours, number_member(arguments, "overlap_hours"));
    if (hours && (*hours < 0 || *hours > overlap_limit_hours))
        return failure(ErrorKind::invalid, fmt::format("overlap_hours must be 0 to {}", overlap_limit_hours));
    const auto until = now + (hours ? std::chrono::hours(*hours) : usual_overlap);
    RELEVO_CHECK(rotate_webhook_secret(transaction, vault, webhook.id, secret, until));
    RELEVO_TRY(const Webhook changed, webhook_with_id(transaction, webhook.id));
    RELEVO_TRY(json::object answer, json_of(transaction, changed, now));
    answer["secret"] = secret;
    return answer;
}

Work remove_one(Transaction& transaction, const Arguments& arguments) {
    RELEVO_CHECK(check_members(arguments, {"webhook"}));
    RELEVO_TRY(const Webhook webhook, webhook_member(transaction, arguments));
    RELEVO_CHECK(remove_webhook(transaction, webhook.id));
    return json::object{{"removed", webhook.url}};
}

Work test_webhook(Transaction& transaction, const Arguments& arguments, std::int64_t pending_limit,
                  WallClock::time_point now) {
    RELEVO_CHECK(check_members(arguments, {"webhook"}));
    RELEVO_TRY(const Webhook webhook, webhook_member(transaction, arguments));
    if (!webhook.enabled) return failure(ErrorKind::conflict, "the webhook is switched off: switch it on first");
    RELEVO_TRY(const auto delivery, add_test_delivery(transaction, webhook.id, pending_limit, now));
    return json::object{{"delivery", delivery.text()}};
}

Work deliver_again(Transaction& transaction, const Arguments& arguments, std::int64_t pending_limit,
                   WallClock::time_point now) {
    RELEVO_CHECK(check_members(arguments, {"webhook", "delivery"}));
    RELEVO_TRY(const Webhook webhook, webhook_member(transaction, arguments));
    RELEVO_TRY(const auto text, text_member(arguments, "delivery"));
    WebhookDeliveryId delivery;
    if (text) {
        RELEVO_TRY(delivery, WebhookDeliveryId::parse(*text));
    }
    RELEVO_TRY(const std::int64_t count, redeliver(transaction, webhook.id, delivery, pending_limit, now));
    return json::object{{"redelivered", count}};
}

Work read_webhooks(Reader& reader, const Arguments& arguments, WallClock::time_point now) {
    RELEVO_CHECK(check_members(arguments, {"tenant"}));
    RELEVO_TRY(const auto tenant, text_member(arguments, "tenant"));
    std::optional<TenantId> of;
    if (tenant && !tenant->empty()) {
        RELEVO_TRY(const Tenant named, named_tenant(reader, *tenant));
        of = named.id;
    }
    RELEVO_TRY(const std::vector<Webhook> webhooks, list_webhooks(reader));
    json::array rows;
    for (const Webhook& webhook : webhooks) {
        if (of && webhook.tenant != of) continue;
        RELEVO_TRY(json::object row, json_of(reader, webhook, now));
        rows.push_back(std::move(row));
    }
    return json::object{{"webhooks", std::move(rows)}};
}

Work show_webhook(Reader& reader, const Arguments& arguments, WallClock::time_point now) {
    RELEVO_CHECK(check_members(arguments, {"webhook"}));
    RELEVO_TRY(const Webhook webhook, webhook_member(reader, arguments));
    return json_of(reader, webhook, now);
}

Work read_log(Reader& reader, const Arguments& arguments) {
    RELEVO_CHECK(check_members(arguments, {"webhook", "delivery", "limit", "after"}));
    RELEVO_TRY(const Webhook webhook, webhook_member(reader, arguments));
    RELEVO_TRY(const auto text, text_member(arguments, "delivery"));
    WebhookDeliveryId delivery;
    if (text) {
        RELEVO_TRY(delivery, WebhookDeliveryId::parse(*text));
    }
    RELEVO_TRY(const auto limit, number_member(arguments, "limit"));
    RELEVO_TRY(const auto after, text_member(arguments, "after"));
    const auto before = parse_decimal<std::int64_t>(after.value_or("0"));
    if (!before) return failure(ErrorKind::invalid, "after is not from an earlier list");
    const std::int64_t wanted = std::clamp(limit.value_or(usual_log_page), std::int64_t{1}, log_page_limit);
    RELEVO_TRY(const auto attempts, list_attempts(reader, webhook.id, delivery, *before, wanted));
    json::array rows;
    for (const WebhookAttempt& attempt : attempts) rows.push_back(json_of(attempt));
    const bool is_cut = static_cast<std::int64_t>(attempts.size()) == wanted;
    return json::object{{"attempts", std::move(rows)},
                        {"next", is_cut ? json::value(std::to_string(attempts.back().number)) : json::value(nullptr)}};
}

}  // namespace

Task<Control::Answer> Control::perform_webhooks(std::string command, Arguments arguments) {
    const auto now = WallClock::now();
    const WebhookOptions options = context_.webhook_options();
    if (command == "webhook.list")
        co_return co_await read_rows([&](Reader& reader) { return read_webhooks(reader, arguments, now); });
    if (command == "webhook.show")
        co_return co_await read_rows([&](Reader& reader) { return show_webhook(reader, arguments, now); });
    if (command == "webhook.log")
        co_return co_await read_rows([&](Reader& reader) { return read_log(reader, arguments); });
    KeyVault* vault = nullptr;
    std::string secret;
    if (command == "webhook.add" || command == "webhook.rotate") {
        RELEVO_CO_TRY(vault, context_.signing.vault());
        secret = generate_webhook_secret(system_random());
    }
    auto answer = co_await change_rows([&](Transaction& transaction) -> Work {
        if (command == "webhook.add") return add_webhook(transaction, *vault, arguments, secret, options.http, now);
        if (command == "webhook.set") return change_webhook(transaction, arguments, options.http, now);
        if (command == "webhook.rotate") return rotate_webhook(transaction, *vault, arguments, secret, now);
        if (command == "webhook.remove") return remove_one(transaction, arguments);
        if (command == "webhook.test") return test_webhook(transaction, arguments, options.pending_limit, now);
        if (command == "webhook.redeliver") return deliver_again(transaction, arguments, options.pending_limit, now);
        return failure(ErrorKind::unsupported, fmt::format("there is no command \"{}\"", command));
    });
    if (answer.has_value() && context_.webhooks != nullptr) context_.webhooks->wake();
    co_return answer;
}

}  // namespace relevo
