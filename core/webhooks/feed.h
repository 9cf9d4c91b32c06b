// From the event log to deliveries that wait, behind a durable cursor: in batches, each with its cursor in one
// transaction, so that a crash between batches neither loses an event nor writes it twice.
#pragma once

#include "core/events/event_tail.h"
#include "core/ports/committer.h"
#include "core/webhooks/deliveries.h"

#include <vector>

namespace relevo {

// What is posted about an event: {"type", "timestamp", "data"}. `type`: of webhook_type_of().
[[nodiscard]] std::string webhook_body(const Event& event, WebhookEventType type);

// Threads: one shard's.
class WebhookFeed {
 public:
    static constexpr std::size_t batch_limit = 200;  // mail that is committed waits for one at most

    WebhookFeed(Committer& committer, std::function<WallClock::time_point()> now)
        : committer_(committer), now_(std::move(now)) {}

    struct Round {
        std::vector<Webhook> webhooks;  // those switched on
        std::size_t events = 0;         // batch_limit: there may be more
        std::int64_t given_up = 0;      // that waited too long in a line that is full
    };
    // One batch. Errors: of the store.
    Task<Result<Round>> round(std::int64_t pending_limit);

 private:
    struct Wanted {
        WebhookId webhook;
        std::int64_t event = 0;
        WebhookEventType type = WebhookEventType::test;
        std::string body;
    };
    struct Batch {
        Round round;
        EventId from, to;  // the cursor
        std::vector<Wanted> wanted;
    };
    Result<Batch> read(Reader& reader);
    Result<std::int64_t> write(Transaction& transaction, const Batch& batch, std::int64_t pending_limit,
                               WallClock::time_point now) const;

    Committer& committer_;
    std::function<WallClock::time_point()> now_;
    EventTail tail_{"webhooks"};
};

}  // namespace relevo
