// Webhooks as a service: feeds from the event log, posts, and writes down what came of it.
#pragma once

#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/ports/resolver.h"
#include "core/ports/web_pages.h"
#include "core/webhooks/feed.h"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <vector>

namespace relevo {

struct WebhookOptions {
    PlainHttp http = PlainHttp::refused;
    bool allow_private_addresses = false;                       // security row E4
    std::int64_t pending_limit = 100'000;                       // of one endpoint
    std::chrono::seconds keep = std::chrono::days(7);           // deliveries and the log of attempts
    std::chrono::seconds disable_after = std::chrono::days(5);  // of nothing but failures
};

// Threads: one shard's, unless said otherwise.
class Webhooks {
 public:
    static constexpr std::chrono::seconds post_time_limit{5};
    static constexpr std::size_t answer_limit_octets = 4096;
    static constexpr std::size_t at_once = 32;
    static constexpr std::size_t at_once_of_one = 8;  // 1 while the endpoint fails
    // So long after the last one a round waits for more events, so that one transaction writes many.
    static constexpr std::chrono::seconds round_time{1};
    // Clocks jump: what waits for its time is looked at anew that often.
    static constexpr std::chrono::minutes longest_wait{1};

    struct Ports {
        Shard& shard;
        Resolver& resolver;
        WebPages& pages;  // of its own: nobody else waits for slow endpoints
        Committer& committer;
        KeyVault& vault;
        Log& log;
        Metrics& metrics;
        std::function<WallClock::time_point()> now = [] { return WallClock::now(); };
    };
    Webhooks(Ports ports, WebhookOptions options);

    // Threads: any.
    void set_options(WebhookOptions options) { options_ = std::make_shared<const WebhookOptions>(std::move(options)); }
    [[nodiscard]] std::shared_ptr<const WebhookOptions> options() const { return options_.load(); }

    // Rounds until stop(): when something was committed, when an attempt is due, when one has ended. What is being
    // posted at the end is posted again after the next start.
    Task<> run();
    void stop();
    // Endpoints or deliveries were changed by somebody else. Threads: any.
    void wake();
    // Something was committed, maybe events. Costs nothing while there are no endpoints. Threads: any.
    void committed();

    struct Round {
        bool is_idle = true;                            // false: there may be more of either at once
        std::optional<WallClock::time_point> next_due;  // of what waits for its time; nothing: nothing does
    };
    // One batch of events, and all attempts that are due and have room.
    Task<Round> round();
    [[nodiscard]] bool is_sending() const { return !in_flight_.empty(); }

    // Rows of the housekeeping. Threads: the committer's.
    Result<void> keep_house(Transaction& transaction, WallClock::time_point now) const;

 private:
    struct Due {
        std::vector<std::pair<Webhook, WebhookDelivery>> now;
        std::optional<WallClock::time_point> next;
    };
    Task<> wait_for_work(Deadline began, Round last);
    Task<Result<Due>> due(const std::vector<Webhook>& webhooks);
    Task<> send(Webhook webhook, WebhookDelivery delivery);
    Task<> attempt(Webhook webhook, WebhookDelivery delivery);
    Task<Result<Page>> post(const Webhook& webhook, const WebhookDelivery& delivery);
    Task<Result<std::vector<dns::IpAddress>>> addresses_of(std::string host, Deadline deadline);
    Task<> write(WebhookAttempt attempt);

    Ports ports_;
    std::atomic<std::shared_ptr<const WebhookOptions>> options_;
    Counter &delivered_, &failed_, &dead_, &given_up_, &disabled_;
    WebhookFeed feed_;
    Wakeup wakeup_;
    bool is_stopping_ = false;
    bool is_asked_ = false;  // for a round at once
    bool has_news_ = false;  // something was committed
    std::atomic<bool> has_endpoints_ = true, is_told_ = false;
    std::set<WebhookDeliveryId> in_flight_;
    std::map<WebhookId, std::size_t> in_flight_of_;
};

}  // namespace relevo
