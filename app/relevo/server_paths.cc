// The server's paths to the world: what was learned of them is kept, and sources that nobody wants are drained.
#include "app/relevo/server.h"
#include "app/relevo/waiting.h"
#include "core/delivery/throttle_rows.h"

#include <boost/json/object.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <future>

namespace relevo {
namespace {

// Of one shard in one round: a transaction of some tenths of a second at most. The rest follows in the next.
constexpr std::size_t throttles_at_once = 5000;
constexpr std::chrono::seconds path_write_limit{5};  // at the end
constexpr std::chrono::seconds list_time{15};

}  // namespace

// Before the shards run.
Result<void> Server::restore_paths() {
    return store_->read([this](Reader& reader) -> Result<void> {
        RELEVO_TRY(const std::size_t passed_over, load_throttles(reader, [this](const KeptThrottle& kept) {
                       dispatcher_.engine_of_site(kept.shaping_key).restore_throttle(kept);
                   }));
        if (passed_over > 0) log_->warning("delivery.throttles_unreadable", {{"rows", passed_over}});
        std::set<std::string> sites;
        RELEVO_CHECK(reader.query("SELECT site FROM suspension", {}, [&](const Row& row) -> Result<void> {
            const std::string_view key = row.text(0);
            if (key.starts_with(site_prefix) || key.starts_with(provider_prefix))
                sites.insert(std::string(key));
            else
                dispatcher_.suspend(std::string(key), true);
            return {};
        }));
        dispatcher_.set_suspended_sites(std::move(sites));
        return {};
    });
}

Task<> Server::save_paths() {
    for (const auto& parts : shards_) {
        DeliveryEngine& engine = *parts->engine;
        const ThrottleChanges changes = co_await on_shard<ThrottleChanges>(
            parts->shard, [&engine] { return engine.take_throttle_changes(throttles_at_once); });
        if (changes.changed.empty() && changes.forgotten.empty()) continue;
        CommitRequest request;
        request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) {
            return save_throttles(transaction, store_->spool().events(), changes, WallClock::now());
        };
        const auto saved = co_await commit(store_->committer(), std::move(request));
        if (saved.has_value()) continue;
        log_->error("delivery.throttles_not_saved", {{"problem", saved.error().detail}});
        parts->shard.post([&engine] { engine.throttles_not_written(); });
    }
}

// What was counted since the last minute is written; longer than a few seconds nobody waits for that.
void Server::finish_paths() {
    auto finished = std::make_shared<std::promise<void>>();  // shared with a coroutine that may take too long
    const auto finish = [](Server& server, std::shared_ptr<std::promise<void>> done) -> Task<> {
        co_await server.save_paths();
        CommitRequest request;
        request.rows = [&server](Transaction& transaction, const std::vector<ContentToStore>&) {
            return server.feedback_->conduct().save(transaction, server.store_->spool().events(), WallClock::now());
        };
        static_cast<void>(co_await commit(server.store_->committer(), std::move(request)));  // a minute at most is lost
        done->set_value();
    };
    shards_.front()->shard.spawn(finish(*this, finished));
    if (finished->get_future().wait_for(path_write_limit) != std::future_status::ready)
        log_->error("delivery.throttles_not_saved", {{"problem", "the store takes too long: the last minute is lost"}});
}

// --- drained sources; all of it on the first shard

Task<Result<void>> Server::refresh_drains() {
    Drains fresh;
    RELEVO_CO_CHECK(co_await read_rows(store_->committer(), [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(fresh, load_drains(reader));
        return {};
    }));
    drains_ = std::make_shared<const Drains>(std::move(fresh));
    refresh_routes();
    co_return Result<void>();
}

// Threads: any.
void Server::destination_closed(const std::string& source, const std::string& shaping_key) {
    shards_.front()->shard.post([this, source, shaping_key] {
        log_->warning("source.blocked", {{"source", source}, {"by", shaping_key}});
        if (drains_.load()->contains(source)) return;
        if (auto drain = source_health_.blocked(source, shaping_key, WallClock::now()))
            shards_.front()->shard.spawn(drain_by_itself(source, *std::move(drain)));
    });
}

Task<> Server::drain_by_itself(std::string source, Drain drain) {
    if (!can_be_spared(*egress_.load(), source)) {
        log_->warning("source.not_drained",
                      {{"source", source}, {"reason", drain.reason}, {"problem", "a pool has no other source"}});
        co_return;
    }
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_TRY(const Drains known, load_drains(transaction));
        if (known.contains(source)) return {};  // a person was faster
        return save_drain(transaction, store_->spool().events(), source, drain);
    };
    auto done = co_await commit(store_->committer(), std::move(request));
    if (done.has_value()) done = co_await refresh_drains();
    if (!done.has_value()) {
        log_->error("source.drain_not_saved", {{"source", source}, {"problem", done.error().detail}});
        co_return;
    }
    log_->warning("source.drained", {{"source", source}, {"cause", name_of(drain.cause)}, {"reason", drain.reason}});
}

Task<> Server::resume_by_itself(std::string source, Drain drain) {
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_TRY(const Drains known, load_drains(transaction));
        const auto found = known.find(source);
        if (found == known.end() || found->second.cause != drain.cause) return {};  // a person decided otherwise
        return remove_drain(transaction, store_->spool().events(), source, WallClock::now());
    };
    auto done = co_await commit(store_->committer(), std::move(request));
    if (done.has_value()) done = co_await refresh_drains();
    if (!done.has_value()) {
        log_->error("source.drain_not_saved", {{"source", source}, {"problem", done.error().detail}});
        co_return;
    }
    source_health_.returned(source, drain, WallClock::now());
    log_->info("source.resumed", {{"source", source}, {"cause", name_of(drain.cause)}});
}

// Those whose rest is over come back.
Task<> Server::review_drains() {
    const auto drains = drains_.load();
    for (const auto& [source, drain] : *drains)
        if (drain.cause == DrainCause::blocked && drain.until <= WallClock::now())
            co_await resume_by_itself(source, drain);
}

// Asks the blocklists about the addresses of each source, again and again.
Task<> Server::watch_sources() {
    while (!draining_) {
        const std::chrono::seconds interval = configuration_.load()->checks.interval;
        if (interval.count() > 0) co_await look_for_listings();
        if (draining_) break;
        co_await sources_wakeup_->wait(interval.count() > 0 ? Clock::now() + interval : no_deadline);
    }
}

Task<> Server::look_for_listings() {
    const auto table = egress_.load();
    for (const auto& source : table->sources()) {
        if (draining_) co_return;
        if (source->seen_addresses().empty()) continue;
        const ListingState state = co_await inspection_->listing_of(source->seen_addresses(), Clock::now() + list_time);
        co_await tell_listing(source->name, state);
        const auto drains = drains_.load();
        const auto known = drains->find(source->name);
        if (state.kind == ListingState::Kind::listed && known == drains->end() && !source->drained)
            co_await drain_by_itself(source->name, {.cause = DrainCause::listed,
                                                    .reason = state.where,
                                                    .since = WallClock::now(),
                                                    .until = {},
                                                    .times = 0});
        if (state.kind == ListingState::Kind::clean && known != drains->end() &&
            known->second.cause == DrainCause::listed)
            co_await resume_by_itself(source->name, known->second);
    }
}

Task<> Server::tell_listing(std::string source, ListingState state) {
    if (state.kind == ListingState::Kind::unknown) co_return;
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) {
        return note_listing(transaction, store_->spool().events(), source, state.where, WallClock::now());
    };
    if (const auto told = co_await commit(store_->committer(), std::move(request)); !told.has_value())
        log_->error("source.listing_not_saved", {{"source", source}, {"problem", told.error().detail}});
}

// What was counted since the start; `relevo top` makes rates of it.
boost::json::object Server::totals() const {
    const auto count = [](const Counter& counter) { return static_cast<std::int64_t>(counter.value()); };
    return {{"accepted", count(reception_metrics_->accepted)},
            {"delivered", count(delivery_metrics_->delivered)},
            {"deferred", count(delivery_metrics_->deferred)},
            {"failed", count(delivery_metrics_->failed) + count(delivery_metrics_->expired)},
            {"connections_in", reception_metrics_->open_connections.value()},
            {"connections_out", delivery_metrics_->connections.value()}};
}

}  // namespace relevo
