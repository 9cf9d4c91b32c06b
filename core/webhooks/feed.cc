#include "core/webhooks/feed.h"

#include "core/tenancy/columns.h"
#include "core/tenancy/statements.h"
#include "lib/base/json_writer.h"

#include <algorithm>
#include <set>

namespace relevo {

std::string webhook_body(const Event& event, WebhookEventType type) {
    JsonWriter data;
    data.field("event", event.id.text()).field("kind", name_of(event.kind));
    if (event.message) data.field("message", event.message.text());
    if (event.ordinal != whole_message) data.field("recipient_number", event.ordinal);
    if (!event.detail.empty()) data.raw("detail", event.detail);
    return JsonWriter()
        .field("type", name_of(type))
        .field("timestamp", utc_text(event.at))
        .raw("data", data.finish())
        .finish();
}

Result<WebhookFeed::Batch> WebhookFeed::read(Reader& reader) {
    Batch batch;
    RELEVO_TRY(batch.round.webhooks, list_webhooks(reader));
    std::vector<Webhook>& webhooks = batch.round.webhooks;
    std::erase_if(webhooks, [](const Webhook& webhook) { return !webhook.enabled; });
    RELEVO_TRY(batch.from, tail_.cursor(reader));
    batch.to = batch.from;
    if (webhooks.empty()) return batch;
    // Days that nobody wants to hear of are not read, however long the cursor stood.
    const auto since = std::ranges::min(webhooks, {}, &Webhook::hears_since).hears_since;
    RELEVO_TRY(const std::vector<Event> events, tail_.after(reader, batch.from, day_of(since), batch_limit));
    batch.round.events = events.size();
    for (const Event& event : events) {
        batch.to = event.id;
        const auto type = webhook_type_of(event.kind);
        if (!type) continue;
        std::string body;
        for (const Webhook& webhook : webhooks) {
            // security row E9
            if (webhook.tenant && (webhook.tenant != event.tenant || is_of_the_operator(event.kind))) continue;
            if (!webhook.events.contains(*type) || event.at < webhook.hears_since) continue;
            if (body.empty()) body = webhook_body(event, *type);
            batch.wanted.push_back({.webhook = webhook.id, .event = event.id.value, .type = *type, .body = body});
        }
    }
    return batch;
}

Result<std::int64_t> WebhookFeed::write(Transaction& transaction, const Batch& batch, std::int64_t pending_limit,
                                        WallClock::time_point now) const {
    RELEVO_CHECK(tail_.move(transaction, batch.from, batch.to));
    std::set<WebhookId> grown;
    for (const Wanted& wanted : batch.wanted) {
        RELEVO_TRY(const bool is_new,
                   add_delivery(transaction, wanted.webhook, wanted.event, wanted.type, wanted.body, now));
        if (is_new) grown.insert(wanted.webhook);
    }
    std::int64_t given_up = 0;
    for (const WebhookId webhook : grown) {
        RELEVO_TRY(const std::int64_t gone, give_up_deliveries(transaction, webhook, pending_limit));
        given_up += gone;
    }
    return given_up;
}

Task<Result<WebhookFeed::Round>> WebhookFeed::round(std::int64_t pending_limit) {
    Batch batch;
    RELEVO_CO_CHECK(co_await read_rows(committer_, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(batch, read(reader));
        return {};
    }));
    if (batch.to == batch.from) co_return std::move(batch.round);
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_TRY(batch.round.given_up, write(transaction, batch, pending_limit, now_()));
        return {};
    };
    RELEVO_CO_CHECK(co_await commit(committer_, std::move(request)));
    co_return std::move(batch.round);
}

}  // namespace relevo
