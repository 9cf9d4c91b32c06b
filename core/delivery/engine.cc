#include "core/delivery/engine.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::chrono::seconds longest_back_off{900};
constexpr std::chrono::seconds busy_pause{1};
// The wall clock may jump; nothing is due later than this without a look at it.
constexpr std::chrono::seconds longest_sleep{60};

}  // namespace

DeliveryEngine::DeliveryEngine(Ports ports, DeliveryOptions options, unsigned shards)
    : ports_(std::move(ports)),
      options_(std::move(options)),
      finder_(ports_.resolver,
              {.host_name = options_.host_name,
               .use_ipv6 = options_.use_ipv6,
               .allow_private_addresses = options_.allow_private_addresses},
              std::random_device{}()),
      connection_limit_(std::max(1U, options_.connection_limit / shards)),
      share_(connection_limit_),
      clock_(ports_.shard),
      chance_(std::random_device{}()),
      drain_(ports_.shard) {
    options_.fresh_content_limit /= shards;
    if (ports_.weight_of) queue_.weigh_by(ports_.weight_of);
}

DeliveryEngine::~DeliveryEngine() = default;

void DeliveryEngine::start() {
    ports_.shard.post([this] {
        std::vector<Destination*> all;
        queue_.for_each_destination([&](Destination& destination) { all.push_back(&destination); });
        for (Destination* destination : all) schedule(*destination);
        ports_.shard.spawn(keep_time());
    });
}

void DeliveryEngine::drain(Deadline deadline, std::function<void()> done) {
    ports_.shard.post([this, deadline, done = std::move(done)]() mutable {
        draining_ = true;
        drained_ = std::move(done);
        for (auto& [lane, slots] : idle_)
            for (IdleSlot* slot : slots) slot->wakeup.notify_all();
        clock_.notify_all();
        drain_.notify_all();
        ++running_;  // so that drained_ is called from here if nothing runs
        finished_one();
        if (drained_)
            ports_.shard.spawn([](DeliveryEngine& engine, Deadline until) -> Task<> {
                co_await sleep_until(until);
                if (engine.drained_) std::exchange(engine.drained_, nullptr)();
            }(*this, deadline));
    });
}

void DeliveryEngine::finished_one() {
    --running_;
    if (running_ == 0 && draining_ && drained_) std::exchange(drained_, nullptr)();
}

// Mail is given its time, and is not tried all at once, whatever the wall clock does.
void DeliveryEngine::look_at_clock() {
    const auto leap = leaps_.look(WallClock::now(), Clock::now());
    if (leap == std::chrono::milliseconds::zero()) return;
    queue_.shift_retries(leap);
    clock_.notify_all();
    ports_.log.warning("clock.leapt",
                       {{"seconds", std::chrono::round<std::chrono::seconds>(leap).count()},
                        {"recipients", queue_.size()},
                        {"problem",
                         "the system's clock was set, or the machine slept: mail that waits is tried after the "
                         "same pauses as before, and none expires by it"}});
}

std::chrono::milliseconds DeliveryEngine::tried_for(const Message& message) const {
    // One that claims to be from later than now is from a run with another clock.
    const auto kept = leaps_.age(message.accepted_at).value_or(leaps_.known_for());
    if (message.due_at <= message.accepted_at) return kept;
    return std::min(kept, leaps_.age(message.due_at).value_or(std::chrono::milliseconds::zero()));
}

Task<> DeliveryEngine::keep_time() {
    while (!draining_) {
        look_at_clock();
        queue_.wake(WallClock::now(), [this](Destination& destination) {
            schedule(destination);
            forget_if_done(destination);
        });
        while (!probes_.empty() && probes_.begin()->first <= Clock::now()) {
            const Probe due = std::move(probes_.begin()->second);
            probes_.erase(probes_.begin());
            probe(due);
        }
        Deadline deadline = Clock::now() + longest_sleep;
        clock_set_for_ = queue_.next_due();
        if (clock_set_for_)
            deadline = std::min(
                deadline, Clock::now() + std::max(Clock::duration::zero(), std::chrono::duration_cast<Clock::duration>(
                                                                               *clock_set_for_ - WallClock::now())));
        if (!probes_.empty()) deadline = std::min(deadline, probes_.begin()->first);
        co_await clock_.wait(deadline);
    }
}

// A back-off is over, or something may be forgotten.
void DeliveryEngine::probe(const Probe& due) {
    if (!due.is_site) {
        Destination* destination = queue_.find(due.key);
        if (destination == nullptr) return;
        destination->is_kept = false;
        schedule(*destination);
        if (destination->is_empty() && destination->may_be_tried(Clock::now())) destination->end_back_off();
        return forget_if_done(*destination);
    }
    Site* site = queue_.find_site(due.key);
    if (site == nullptr) return;
    if (Lane* lane = site->find_lane(due.source)) {
        if (Clock::now() >= lane->probe_set_for) lane->probe_set_for = Deadline::min();
        schedule(*lane);
        // With nothing left to deliver there is nothing to remember it for.
        if (lane->ready_count() == 0 && lane->connections == 0 && lane->back_off.is_over(Clock::now()))
            lane->back_off.end();
    }
    forget_if_done(*site);
}

void DeliveryEngine::schedule(Lane& lane) {
    if (draining_ || lane.site().suspended) return;
    while (lane.ready_count() > 0) {
        if (offer_to_idle(lane)) continue;
        if (!has_room_for_connection(lane)) return;
        bool is_share_used_up = false;
        auto lease = queue_.lease(lane, [&](const ReadyEntry& ready) -> std::size_t {
            const bool has_share = share_.may_open(queue_.flow(ready.entry.flow).tenant, Clock::now());
            is_share_used_up = is_share_used_up || !has_share;
            return has_share ? room_for(lane, ready) : 0;
        });
        if (!lease && is_share_used_up) wait_for_share(lane);
        if (!lease) return;
        share_.opened(queue_.flow(lease->flow).tenant);
        sent_of_tenant(lane, *lease);  // already: or each connection that is being opened would have been promised it
        lane.throttle->connecting(WallClock::now());
        ++lane.connections;
        ++connections_;
        ++running_;
        ports_.shard.spawn(serve(lane, std::move(*lease)));
    }
}

// The one used last first: the others may time out.
bool DeliveryEngine::offer_to_idle(Lane& lane) {
    const auto idle = idle_.find(&lane);
    if (idle == idle_.end()) return false;
    auto& slots = idle->second;
    for (auto slot = slots.rbegin(); slot != slots.rend(); ++slot) {
        auto lease = lease_for(lane, (*slot)->connection);
        if (!lease) continue;
        (*slot)->lease = std::move(lease);
        (*slot)->wakeup.notify_all();
        slots.erase(std::next(slot).base());
        return true;
    }
    return false;
}

bool DeliveryEngine::has_room_for_connection(Lane& lane) {
    if (!lane.back_off.is_over(Clock::now())) return false;
    // A site that failed is tried by one connection until it answers again.
    const std::uint32_t limit = lane.back_off.failures_in_a_row > 0 ? 1 : lane.site().connection_limit;
    if (lane.connections >= limit) return false;
    const auto now = WallClock::now();
    shaping::Permission permission = lane.throttle->may_send(now);
    // Each connection that is being opened has a message to begin with.
    if (permission.granted() && lane.connections - lane.answering >= permission.recipients) return false;
    if (permission.granted()) permission = lane.throttle->may_connect(now);
    if (!permission.granted()) {
        refused(lane, permission);
        return false;
    }
    if (connections_ < connection_limit_) return true;
    if (std::ranges::find(starved_, &lane) == starved_.end()) starved_.push_back(&lane);
    end_an_idle_connection();
    return false;
}

// Its tenants have all the connections that they may have: it waits for one of them to end.
void DeliveryEngine::wait_for_share(Lane& lane) {
    if (std::exchange(lane.waits_for_share, true)) return;
    beyond_share_.push_back(&lane);
}

void DeliveryEngine::schedule_beyond_share() {
    while (!beyond_share_.empty()) {
        Lane& lane = *beyond_share_.front();
        beyond_share_.pop_front();
        lane.waits_for_share = false;
        Site& site = lane.site();
        schedule(lane);
        if (lane.waits_for_share) return;  // the share is used up again
        forget_if_done(site);
    }
}

// Its place goes to a site that has none.
void DeliveryEngine::end_an_idle_connection() {
    for (auto& [lane, slots] : idle_) {
        if (slots.empty()) continue;
        slots.front()->wakeup.notify_all();
        slots.pop_front();
        return;
    }
}

// A connection of this lane ended that was opened for a tenant's mail.
void DeliveryEngine::leave(Lane& lane, TenantId tenant) {
    share_.closed(tenant);
    --lane.connections;
    --connections_;
    schedule(lane);
    wake_throttled(lane.throttle);
    schedule_starved();
    forget_if_done(lane.site());
    schedule_beyond_share();
    finished_one();
}

// Nothing refers to a site without connections and destinations; one that failed is kept for its back-off.
bool DeliveryEngine::is_done(const Site& site) const {
    return site.destinations() == 0 && std::ranges::all_of(site.lanes(), [this](const auto& lane) {
               return lane->connections == 0 && lane->back_off.last_problem.empty() && !lane->waits_for_share &&
                      std::ranges::find(starved_, lane.get()) == starved_.end();
           });
}

// Not at once, as with destinations.
void DeliveryEngine::forget_if_done(Site& site) {
    if (!is_done(site) || std::exchange(site.is_leaving, true)) return;
    ports_.shard.post([this, is_alive = std::weak_ptr(is_alive_), key = site.key()] {
        if (is_alive.expired()) return;
        if (Site* left = queue_.find_site(key)) forget(*left);
    });
}

void DeliveryEngine::forget(Site& site) {
    site.is_leaving = false;
    if (!is_done(site)) return;
    for (const auto& lane : site.lanes()) {
        idle_.erase(lane.get());
        const auto waiting = throttled_.find(lane->throttle.get());
        if (waiting != throttled_.end()) std::erase(waiting->second, lane.get());
    }
    queue_.forget_if_idle(site);
}

void DeliveryEngine::schedule_starved() {
    if (starved_.empty()) return;
    for (Lane* lane : std::exchange(starved_, {})) schedule(*lane);
}

void DeliveryEngine::connect_not_before(BackOff& state, const Probe& probe, Deadline time) {
    state.not_before = time;
    probes_.emplace(time, probe);
    clock_.notify_all();
}

// `began`: when we set out to connect. Several may be under way when a server fails: that is one
// failure, not one for each.
void DeliveryEngine::back_off(BackOff& state, const Route& route, const Probe& probe, const std::string& problem,
                              Deadline began) {
    state.last_problem = problem;
    if (began < state.failed_at) return;
    const auto& delays = route.retry.delays;
    const auto first = std::min<std::chrono::milliseconds>(options_.first_back_off, delays.front());
    const auto longest = std::min<std::chrono::milliseconds>(longest_back_off, std::ranges::max(delays));
    const auto doubled = first * (1U << std::min(state.failures_in_a_row, 10U));
    ++state.failures_in_a_row;
    const auto share = 0.8 + 0.4 * std::uniform_real_distribution<>()(chance_);
    state.failed_at = Clock::now();
    connect_not_before(
        state, probe,
        state.failed_at + std::chrono::duration_cast<Clock::duration>(
                              std::min<std::chrono::duration<double, std::milli>>(doubled, longest) * share));
    ports_.log.warning(
        "delivery.back_off",
        {{"site", probe.key},
         {"failures", state.failures_in_a_row},
         {"seconds", std::chrono::duration_cast<std::chrono::seconds>(state.not_before - Clock::now()).count()},
         {"problem", problem}});
}

// A server that has no room for one connection is not down: it gets one probe soon, before any mail is put off.
void DeliveryEngine::pause(Lane& lane) {
    lane.back_off.failures_in_a_row = std::max(1U, lane.back_off.failures_in_a_row);
    connect_not_before(lane.back_off, probe_of(lane),
                       Clock::now() + std::min<std::chrono::milliseconds>(busy_pause, options_.first_back_off));
}

void DeliveryEngine::look_again(Lane& lane, Deadline time) {
    if (lane.probe_set_for > Clock::now() && lane.probe_set_for <= time) return;
    lane.probe_set_for = time;
    probes_.emplace(time, probe_of(lane));
    clock_.notify_all();
}

}  // namespace relevo
