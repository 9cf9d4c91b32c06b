// What waits for endpoints, what became of it, and the log of attempts, as rows. Every table is bounded for each
// endpoint. Threads: the committer's (Transaction) or the reader's (Reader).
#pragma once

#include "core/webhooks/endpoints.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct WebhookDeliveryTag {
    static constexpr std::string_view prefix = "whd";
};
// The `webhook-id` of all its attempts.
using WebhookDeliveryId = Identifier<WebhookDeliveryTag>;

// Stored numbers: never renumber.
enum class WebhookDeliveryState : std::uint8_t { pending = 1, delivered = 2, dead = 3 };

struct WebhookDelivery {
    WebhookDeliveryId id;
    WebhookId webhook;
    WebhookEventType type = WebhookEventType::test;
    std::string body;
    std::int64_t attempts = 0;
};

// How many are kept of an endpoint; the oldest of more go.
inline constexpr std::int64_t kept_delivered = 1'000;
inline constexpr std::int64_t kept_dead = 10'000;
inline constexpr std::int64_t kept_attempts = 1'000;

// One for an event; nothing is done if there is one. True: it is new.
[[nodiscard]] Result<bool> add_delivery(Transaction& transaction, WebhookId webhook, std::int64_t event,
                                        WebhookEventType type, std::string_view body, WallClock::time_point now);
// Gives up the oldest that wait until there are no more than `limit`. Returns how many.
[[nodiscard]] Result<std::int64_t> give_up_deliveries(Transaction& transaction, WebhookId webhook, std::int64_t limit);
// Asked for by a person. Errors: not_found; limit – `pending_limit` wait already.
[[nodiscard]] Result<WebhookDeliveryId> add_test_delivery(Transaction& transaction, WebhookId webhook,
                                                          std::int64_t pending_limit, WallClock::time_point now);
// Those due, longest due first.
[[nodiscard]] Result<std::vector<WebhookDelivery>> due_deliveries(Reader& reader, WebhookId webhook,
                                                                  WallClock::time_point now, std::int64_t limit);

// When the first of those is due that are not yet. Nothing: there is none.
[[nodiscard]] Result<std::optional<WallClock::time_point>> next_due_delivery(Reader& reader, WebhookId webhook,
                                                                             WallClock::time_point now);

// One attempt.
struct WebhookAttempt {
    std::int64_t number = 0;  // of the endpoint's, given when it is written
    WebhookId webhook;
    WebhookDeliveryId delivery;
    WebhookEventType type = WebhookEventType::test;
    WallClock::time_point at{};
    std::chrono::milliseconds duration{};
    std::int64_t attempt = 1;  // of the delivery's
    long status = 0;           // 0: there was no answer
    std::string problem;       // empty: taken
    std::string answer;        // its beginning
    std::string request;       // what was posted, for as long as it is kept; only read
};

enum class AttemptEffect : std::uint8_t { taken, again, dead, endpoint_disabled };
// Writes an attempt and what follows from it. An endpoint with nothing but failures for `disable_after` is switched
// off. What is not there any more has no effect: `dead`.
[[nodiscard]] Result<AttemptEffect> finish_attempt(Transaction& transaction, const WebhookAttempt& attempt,
                                                   std::chrono::seconds disable_after);

// Newest first; `before`: of numbers below, 0 for all. `delivery`: of one alone.
[[nodiscard]] Result<std::vector<WebhookAttempt>> list_attempts(Reader& reader, WebhookId webhook,
                                                                WebhookDeliveryId delivery, std::int64_t before,
                                                                std::int64_t limit);
// Delivers once more what was delivered or is dead; without an id, all that is dead, as much as `pending_limit` lets.
// Returns how many. Errors: not_found. conflict – it waits already. limit.
[[nodiscard]] Result<std::int64_t> redeliver(Transaction& transaction, WebhookId webhook, WebhookDeliveryId delivery,
                                             std::int64_t pending_limit, WallClock::time_point now);
// Removes what is older than `before`.
[[nodiscard]] Result<void> forget_deliveries(Transaction& transaction, WallClock::time_point before);

}  // namespace relevo
