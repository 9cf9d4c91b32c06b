#include "core/webhooks/deliveries.h"

#include "core/tenancy/columns.h"
#include "core/tenancy/statements.h"
#include "core/webhooks/retry_schedule.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace relevo {
namespace {

constexpr std::int64_t state_of(WebhookDeliveryState state) { return static_cast<std::int64_t>(state); }

// The delivery has ended as `state`, the `place`th of its endpoint. False: it is not there, or does not wait.
Result<bool> end_delivery(Transaction& transaction, const WebhookAttempt& attempt, WebhookDeliveryState state,
                          std::int64_t place, std::int64_t kept) {
    RELEVO_TRY(const std::int64_t changed,
               transaction.execute("UPDATE webhook_delivery SET state = $2, place = $3, attempts = $4"
                                   " WHERE id = $1 AND state = 1",
                                   {attempt.delivery.value, state_of(state), place, attempt.attempt}));
    if (changed == 0) return false;
    RELEVO_CHECK(
        transaction.execute("DELETE FROM webhook_delivery WHERE webhook_id = $1 AND state = $2 AND place <= $3",
                            {attempt.webhook.value, state_of(state), place - kept}));
    return true;
}

Result<void> write_attempt(Transaction& transaction, const WebhookAttempt& attempt, std::int64_t number) {
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO webhook_attempt (webhook_id, number, delivery_id, event_type, at, milliseconds, attempt, status,"
        " problem, answer) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        {attempt.webhook.value, number, attempt.delivery.value, static_cast<std::int64_t>(attempt.type),
         columns::of(attempt.at), static_cast<std::int64_t>(attempt.duration.count()), attempt.attempt,
         static_cast<std::int64_t>(attempt.status), std::string_view(attempt.problem),
         std::string_view(attempt.answer)}));
    RELEVO_CHECK(transaction.execute("DELETE FROM webhook_attempt WHERE webhook_id = $1 AND number <= $2",
                                     {attempt.webhook.value, number - kept_attempts}));
    return {};
}

Result<AttemptEffect> note_success(Transaction& transaction, const WebhookAttempt& attempt, const Webhook& webhook) {
    RELEVO_TRY(const bool ended, end_delivery(transaction, attempt, WebhookDeliveryState::delivered,
                                              webhook.delivered + 1, kept_delivered));
    RELEVO_CHECK(
        transaction.execute("UPDATE webhook SET attempts = $2, delivered = $3, pending = $4, failing_since = 0,"
                            " last_success_at = $5 WHERE id = $1",
                            {attempt.webhook.value, webhook.attempts + 1, webhook.delivered + (ended ? 1 : 0),
                             webhook.pending - (ended ? 1 : 0), columns::of(attempt.at)}));
    return AttemptEffect::taken;
}

}  // namespace

Result<bool> add_delivery(Transaction& transaction, WebhookId webhook, std::int64_t event, WebhookEventType type,
                          std::string_view body, WallClock::time_point now) {
    RELEVO_TRY(const bool exists,
               statements::exists(transaction, "SELECT 1 FROM webhook_delivery WHERE webhook_id = $1 AND event_id = $2",
                                  {webhook.value, event}));
    if (exists) return false;
    RELEVO_TRY(const std::int64_t counted,
               transaction.execute("UPDATE webhook SET pending = pending + 1 WHERE id = $1", {webhook.value}));
    if (counted == 0) return false;  // removed meanwhile
    RELEVO_TRY(const std::int64_t id, statements::next_id(transaction, "webhook_delivery"));
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO webhook_delivery (id, webhook_id, event_id, event_type, body, state, attempts, due_at, place,"
        " created_at) VALUES ($1, $2, $3, $4, $5, 1, 0, $6, 0, $6)",
        {id, webhook.value, type == WebhookEventType::test ? -id : event, static_cast<std::int64_t>(type), body,
         columns::of(now)}));
    return true;
}

Result<std::int64_t> give_up_deliveries(Transaction& transaction, WebhookId webhook, std::int64_t limit) {
    RELEVO_TRY(
        const std::int64_t pending,
        statements::count(transaction, "SELECT coalesce(max(pending), 0) FROM webhook WHERE id = $1", {webhook.value}));
    if (pending <= limit) return std::int64_t{0};
    RELEVO_TRY(const std::int64_t gone,
               transaction.execute("DELETE FROM webhook_delivery WHERE id IN (SELECT id FROM webhook_delivery"
                                   " WHERE webhook_id = $1 AND state = 1 ORDER BY id LIMIT $2)",
                                   {webhook.value, pending - limit}));
    RELEVO_CHECK(transaction.execute(
        "UPDATE webhook SET pending = pending - $2, given_up = given_up + $2 WHERE id = $1", {webhook.value, gone}));
    return gone;
}

Result<WebhookDeliveryId> add_test_delivery(Transaction& transaction, WebhookId webhook, std::int64_t pending_limit,
                                            WallClock::time_point now) {
    RELEVO_TRY(const Webhook row, webhook_with_id(transaction, webhook));
    if (row.pending >= pending_limit)
        return failure(ErrorKind::limit, fmt::format("{} deliveries wait for the webhook already", row.pending));
    const std::string body = JsonWriter()
                                 .field("type", name_of(WebhookEventType::test))
                                 .field("timestamp", utc_text(now))
                                 .raw("data", JsonWriter().field("webhook", webhook.text()).finish())
                                 .finish();
    RELEVO_TRY(const bool added, add_delivery(transaction, webhook, 0, WebhookEventType::test, body, now));
    if (!added) return failure(ErrorKind::internal, "the test could not be written");
    RELEVO_TRY(
        const std::int64_t id,
        statements::count(transaction, "SELECT max(id) FROM webhook_delivery WHERE webhook_id = $1", {webhook.value}));
    return WebhookDeliveryId{id};
}

Result<std::vector<WebhookDelivery>> due_deliveries(Reader& reader, WebhookId webhook, WallClock::time_point now,
                                                    std::int64_t limit) {
    std::vector<WebhookDelivery> due;
    RELEVO_CHECK(
        reader.query("SELECT id, event_type, body, attempts FROM webhook_delivery"
                     " WHERE webhook_id = $1 AND state = 1 AND due_at <= $2 ORDER BY due_at, id LIMIT $3",
                     {webhook.value, columns::of(now), limit}, [&](const Row& row) -> Result<void> {
                         due.push_back({.id = WebhookDeliveryId{row.integer(0)},
                                        .webhook = webhook,
                                        .type = static_cast<WebhookEventType>(row.integer(1)),
                                        .body = std::string(row.text(2)),
                                        .attempts = row.integer(3)});
                         return {};
                     }));
    return due;
}

Result<std::optional<WallClock::time_point>> next_due_delivery(Reader& reader, WebhookId webhook,
                                                               WallClock::time_point now) {
    std::optional<WallClock::time_point> next;
    RELEVO_CHECK(
        reader.query("SELECT due_at FROM webhook_delivery WHERE webhook_id = $1 AND state = 1 AND due_at > $2 ORDER BY "
                     "due_at LIMIT 1",
                     {webhook.value, columns::of(now)}, [&](const Row& row) -> Result<void> {
                         next = columns::time(row.integer(0));
                         return {};
                     }));
    return next;
}

Result<AttemptEffect> finish_attempt(Transaction& transaction, const WebhookAttempt& attempt,
                                     std::chrono::seconds disable_after) {
    const auto found = webhook_with_id(transaction, attempt.webhook);
    if (!found.has_value() && found.error().kind == ErrorKind::not_found) return AttemptEffect::dead;
    if (!found.has_value()) return std::unexpected(found.error());
    const Webhook& webhook = *found;
    RELEVO_CHECK(write_attempt(transaction, attempt, webhook.attempts + 1));
    if (attempt.problem.empty()) return note_success(transaction, attempt, webhook);
    const auto wait = webhook_retry_after(attempt.attempt);
    bool died = false;
    if (wait) {
        RELEVO_CHECK(transaction.execute(
            "UPDATE webhook_delivery SET attempts = $2, due_at = $3 WHERE id = $1 AND state = 1",
            {attempt.delivery.value, attempt.attempt, columns::of(attempt.at + attempt.duration + *wait)}));
    } else {
        RELEVO_TRY(died, end_delivery(transaction, attempt, WebhookDeliveryState::dead, webhook.dead + 1, kept_dead));
    }
    const auto since = webhook.failing_since == WallClock::time_point{} ? attempt.at : webhook.failing_since;
    const bool gives_up = webhook.enabled && attempt.at - since >= disable_after;
    const std::string reason =
        gives_up ? fmt::format("nothing but failures since {}", utc_text(since)) : webhook.reason;
    RELEVO_CHECK(transaction.execute(
        "UPDATE webhook SET attempts = $2, dead = $3, pending = $4, failing_since = $5,"
        " enabled = $6, reason = $7 WHERE id = $1",
        {attempt.webhook.value, webhook.attempts + 1, webhook.dead + (died ? 1 : 0), webhook.pending - (died ? 1 : 0),
         columns::of(since), columns::of(webhook.enabled && !gives_up), std::string_view(reason)}));
    if (gives_up) return AttemptEffect::endpoint_disabled;
    return wait ? AttemptEffect::again : AttemptEffect::dead;
}

Result<std::vector<WebhookAttempt>> list_attempts(Reader& reader, WebhookId webhook, WebhookDeliveryId delivery,
                                                  std::int64_t before, std::int64_t limit) {
    std::vector<WebhookAttempt> attempts;
    RELEVO_CHECK(reader.query(
        "SELECT a.number, a.delivery_id, a.event_type, a.at, a.milliseconds, a.attempt, a.status, a.problem, a.answer,"
        " d.body FROM webhook_attempt a LEFT JOIN webhook_delivery d ON d.id = a.delivery_id"
        " WHERE a.webhook_id = $1 AND ($2 = 0 OR a.delivery_id = $2) AND ($3 = 0 OR a.number < $3)"
        " ORDER BY a.number DESC LIMIT $4",
        {webhook.value, delivery.value, before, limit}, [&](const Row& row) -> Result<void> {
            attempts.push_back({.number = row.integer(0),
                                .webhook = webhook,
                                .delivery = WebhookDeliveryId{row.integer(1)},
                                .type = static_cast<WebhookEventType>(row.integer(2)),
                                .at = columns::time(row.integer(3)),
                                .duration = std::chrono::milliseconds(row.integer(4)),
                                .attempt = row.integer(5),
                                .status = static_cast<long>(row.integer(6)),
                                .problem = std::string(row.text(7)),
                                .answer = std::string(row.text(8)),
                                .request = row.is_null(9) ? std::string() : std::string(row.text(9))});
            return {};
        }));
    return attempts;
}

Result<std::int64_t> redeliver(Transaction& transaction, WebhookId webhook, WebhookDeliveryId delivery,
                               std::int64_t pending_limit, WallClock::time_point now) {
    RELEVO_TRY(const Webhook row, webhook_with_id(transaction, webhook));
    const std::int64_t room = pending_limit - row.pending;
    if (room <= 0)
        return failure(ErrorKind::limit, fmt::format("{} deliveries wait for the webhook already", row.pending));
    std::int64_t changed = 0;
    if (delivery) {
        RELEVO_TRY(changed, transaction.execute("UPDATE webhook_delivery SET state = 1, attempts = 0, place = 0,"
                                                " due_at = $3, created_at = $3 WHERE id = $1 AND webhook_id = $2"
                                                " AND state <> 1",
                                                {delivery.value, webhook.value, columns::of(now)}));
        if (changed == 0) {
            RELEVO_TRY(const bool waits, statements::exists(transaction,
                                                            "SELECT 1 FROM webhook_delivery WHERE id = $1"
                                                            " AND webhook_id = $2",
                                                            {delivery.value, webhook.value}));
            if (waits) return failure(ErrorKind::conflict, "the delivery waits already: `webhook log` tells");
            return failure(ErrorKind::not_found, "the webhook has no such delivery, or has it no more");
        }
    } else {
        RELEVO_TRY(changed,
                   transaction.execute("UPDATE webhook_delivery SET state = 1, attempts = 0, place = 0, due_at = $2,"
                                       " created_at = $2 WHERE id IN (SELECT id FROM webhook_delivery"
                                       " WHERE webhook_id = $1 AND state = 3 ORDER BY place LIMIT $3)",
                                       {webhook.value, columns::of(now), room}));
    }
    RELEVO_CHECK(
        transaction.execute("UPDATE webhook SET pending = pending + $2 WHERE id = $1", {webhook.value, changed}));
    return changed;
}

Result<void> forget_deliveries(Transaction& transaction, WallClock::time_point before) {
    RELEVO_TRY(const std::vector<Webhook> webhooks, list_webhooks(transaction));
    for (const Webhook& webhook : webhooks) {
        RELEVO_TRY(const std::int64_t waited,
                   transaction.execute("DELETE FROM webhook_delivery WHERE webhook_id = $1 AND state = 1"
                                       " AND created_at < $2",
                                       {webhook.id.value, columns::of(before)}));
        if (waited > 0)
            RELEVO_CHECK(
                transaction.execute("UPDATE webhook SET pending = pending - $2, given_up = given_up + $2 WHERE id = $1",
                                    {webhook.id.value, waited}));
        RELEVO_CHECK(
            transaction.execute("DELETE FROM webhook_delivery WHERE webhook_id = $1 AND state <> 1"
                                " AND created_at < $2",
                                {webhook.id.value, columns::of(before)}));
        RELEVO_CHECK(transaction.execute("DELETE FROM webhook_attempt WHERE webhook_id = $1 AND at < $2",
                                         {webhook.id.value, columns::of(before)}));
    }
    return {};
}

}  // namespace relevo
