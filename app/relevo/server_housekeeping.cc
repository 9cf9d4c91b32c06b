// What the server clears away once in a while.
#include "app/relevo/options.h"
#include "app/relevo/server.h"

namespace relevo {
namespace {
constexpr std::chrono::seconds housekeeping_interval{60};
constexpr std::size_t kept_login_failures = 100'000;
}  // namespace

Task<> Server::keep_house() {
    while (!draining_) {
        co_await house_wakeup_->wait(Clock::now() + housekeeping_interval);
        if (!draining_) co_await housekeeping_round();
    }
}

// What a crash interrupted.
Task<> Server::resume_erasures() {
    const auto resumed = co_await store_->erasure().resume(accounts_.audit());
    if (!resumed.has_value())
        log_->error("erasure.failed", {{"problem", resumed.error().detail}});
    else if (*resumed > 0)
        log_->info("erasure.resumed", {{"persons", *resumed}});
}

Task<> Server::keep_keys() {
    while (!draining_) {
        co_await keeper_->round([this] { return draining_.load(); });
        if (!draining_) co_await keys_wakeup_->wait(Clock::now() + key_check_interval_.load());
    }
}

Task<> Server::housekeeping_round() {
    const auto now = WallClock::now();
    rates_.forget_idle(now);
    quotas_.keep_only(access_->directory.load()->quotas());
    mta_sts_cache_.forget_expired(now);
    CommitRequest request;
    request.rows = [this, failures = guard_->failures(kept_login_failures, now), now](
                       Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_CHECK(feedback_->keep_house(transaction, now));
        RELEVO_CHECK(tracker_->keep_house(transaction, now));
        RELEVO_CHECK(webhooks_->keep_house(transaction, now));
        RELEVO_CHECK(save_login_failures(transaction, failures));
        RELEVO_CHECK(forget_known_addresses(transaction, now));
        RELEVO_CHECK(drop_expired_policies(transaction, now));
        return drop_usage_before(transaction, hour_of(now) - 48);
    };
    if (const auto saved = co_await commit(store_->committer(), std::move(request)); saved.has_value())
        feedback_->house_kept();
    else
        log_->error("store.housekeeping_failed", {{"problem", saved.error().detail}});
    const auto configuration = configuration_.load();
    const std::int64_t first_kept_day = day_of(now - configuration->queue.keep_history);
    const auto dropped = co_await store_->spool().drop_history(first_kept_day);
    if (!dropped.has_value()) log_->error("store.housekeeping_failed", {{"problem", dropped.error().detail}});
    const auto counted =
        co_await statistics_->keep_house(statistics_keeping(configuration->statistics), first_kept_day, now);
    if (!counted.has_value()) log_->error("statistics.housekeeping_failed", {{"problem", counted.error().detail}});
    co_await feedback_->keep_keys(now);
    co_await keep_accounts(now);
    co_await save_paths();
    co_await review_drains();
    co_await tell_expiring_certificates();
    co_await reporting_->round();
}

}  // namespace relevo
