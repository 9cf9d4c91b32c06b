// From which source each recipient's mail goes, and how much of it may go now.
#include "core/delivery/engine.h"

#include <algorithm>

namespace relevo {
namespace {

// A source that may not send for longer than this leaves its mail to others.
constexpr std::chrono::seconds long_wait{60};

bool is_long(const shaping::Permission& permission, shaping::Time now) {
    using shaping::Hindrance;
    if (permission.hindrance == Hindrance::block || permission.hindrance == Hindrance::warm_up) return true;
    return permission.until != shaping::never && permission.until > now + long_wait;
}

// The steady clock's time of a date.
Deadline deadline_of(shaping::Time time, shaping::Time now) {
    return Clock::now() + std::chrono::duration_cast<Clock::duration>(std::max(time - now, shaping::Time::duration(0)));
}

}  // namespace

std::string DeliveryEngine::shaping_key_of(const Destination& destination, std::string_view site) const {
    const auto table = ports_.dispatcher.shaping();
    return table->key_of({.domain = destination.domain(),
                          .site = site,
                          .provider = table->provider_of(destination.bearings->hosts.names),
                          .source = {},
                          .pool = {},
                          .tenant = {}});
}

// Null: every source that it could leave from is drained.
Lane* DeliveryEngine::lane_for(Destination& destination, const EgressTable& egress, const QueueEntry& entry) {
    const MailFlow& flow = queue_.flow(entry.flow);
    const EgressPool& pool = egress.pool_for({.tenant = flow.tenant,
                                              .stream = flow.stream,
                                              .domain = destination.domain(),
                                              .route = destination.route(),
                                              .wanted = flow.pool});
    Site& site = *destination.site;
    const Deadline now = Clock::now();
    auto source = choose_source(pool, entry.message, [&](const EgressSource& candidate) {
        const Lane* known = site.find_lane(candidate.name);
        return known == nullptr || now >= known->closed_until;
    });
    // All wait: it does so where it belongs.
    if (!source) source = choose_source(pool, entry.message, {});
    if (!source) return nullptr;
    Lane& lane = site.lane(source);
    if (!lane.throttle) equip(lane);
    return &lane;
}

// Gives a lane its limits.
void DeliveryEngine::equip(Lane& lane) {
    const Site& site = lane.site();
    const auto egress = ports_.dispatcher.egress();
    const auto has_source = [&](const EgressPool& pool) {
        return std::ranges::any_of(pool.members,
                                   [&](const EgressMember& member) { return member.source == lane.source(); });
    };
    const auto pool = std::ranges::find_if(egress->pools(), has_source);
    auto limits = std::make_shared<const shaping::Limits>(ports_.dispatcher.shaping()->limits(
        {.domain = site.domain,
         .site = site.key(),
         .provider = site.provider,
         .source = lane.source_name(),
         .pool = pool != egress->pools().end() ? std::string_view(pool->name) : std::string_view(),
         .tenant = {}}));
    auto& throttle = throttles_[{lane.source_name(), site.shaping_key}].throttle;
    if (throttle)
        throttle->set_limits(std::move(limits));
    else
        throttle = std::make_shared<shaping::Throttle>(std::move(limits));
    lane.throttle = throttle;
}

// Nothing may go from this lane now: somebody looks at it again when that may have changed.
void DeliveryEngine::refused(Lane& lane, const shaping::Permission& permission) {
    const auto now = WallClock::now();
    if (is_long(permission, now) && Clock::now() >= lane.closed_until) {
        const auto until = permission.until == shaping::never ? now + long_wait : permission.until;
        ports_.shard.post([this, key = lane.site().key(), source = lane.source_name(), until, now] {
            Site* site = queue_.find_site(key);
            Lane* closed = site != nullptr ? site->find_lane(source) : nullptr;
            if (closed != nullptr) overflow(*closed, deadline_of(until, now));
        });
    }
    auto& waiting = throttled_[lane.throttle.get()];
    if (std::ranges::find(waiting, &lane) == waiting.end()) waiting.push_back(&lane);
    if (permission.until != shaping::never) look_again(lane, deadline_of(permission.until, now));
}

// What other sources can take goes to them.
void DeliveryEngine::overflow(Lane& lane, Deadline until) {
    if (until <= lane.closed_until) return;
    lane.closed_until = until;
    look_again(lane, until);
    std::vector<Destination*> touched;
    queue_.unplace(lane, [&](Destination& destination) { touched.push_back(&destination); });
    for (Destination* destination : touched)
        if (!destination->suspended) place(*destination);
}

// A reply or the end of a connection may let others of the provider go on.
void DeliveryEngine::wake_throttled(const std::shared_ptr<shaping::Throttle>& throttle) {
    const auto found = throttled_.find(throttle.get());
    if (found == throttled_.end()) return;
    const std::vector<Lane*> lanes = std::move(found->second);
    throttled_.erase(found);
    for (Lane* lane : lanes) schedule(*lane);
}

bool DeliveryEngine::may_send(Lane& lane) { return lane.throttle->may_send(WallClock::now()).granted(); }

std::uint32_t DeliveryEngine::recipients_per_transaction(const Lane& lane) const {
    return lane.throttle->limits().recipients_per_transaction.value_or(options_.recipients_per_transaction);
}

DeliveryTimeouts DeliveryEngine::timeouts_of(const Lane& lane) const {
    const shaping::Limits& limits = lane.throttle->limits();
    const DeliveryTimeouts& usual = options_.timeouts;
    return {.connect = limits.connect_timeout.value_or(usual.connect),
            .greeting = limits.greeting_timeout.value_or(usual.greeting),
            .command = limits.command_timeout.value_or(usual.command),
            .data = limits.data_start_timeout.value_or(usual.data),
            .content = limits.data_block_timeout.value_or(usual.content),
            .end_of_data = limits.data_end_timeout.value_or(usual.end_of_data)};
}

// What the server thinks of it.
void DeliveryEngine::hear(Lane& lane, const Work& work, shaping::Time began, const std::vector<AttemptResult>& results,
                          const PeerFacts& peer) {
    const auto now = WallClock::now();
    const auto patterns = ports_.patterns.load();
    const bool was_blocked = lane.throttle->is_blocked();
    auto place = source_counters_.find(lane.source_name());
    if (place == source_counters_.end())
        place = source_counters_.emplace(lane.source_name(), ports_.metrics.of_source(lane.source_name())).first;
    const DeliveryMetrics::OfSource& counted = place->second;
    std::uint32_t delivered = 0;
    for (const AttemptResult& result : results) {
        if (result.outcome == Outcome::delivered) {
            ++delivered;
            continue;
        }
        (result.outcome == Outcome::failed ? counted.failed : counted.deferred).add();
        AttemptResult judged = result;
        classify(judged, &peer, work.lease.destination->domain(), *patterns);
        lane.throttle->heard(now, began, judged.kind);
    }
    counted.delivered.add(delivered);
    if (delivered > 0) lane.throttle->heard(now, began, bounces::BounceClass::delivered, delivered);
    if (!was_blocked) tell_if_blocked(lane);
    wake_throttled(lane.throttle);
}

void DeliveryEngine::hear_failure(Lane& lane, const Destination& destination, Opened& opened) {
    const auto now = WallClock::now();
    if (!opened.replied) return lane.throttle->given_up(now);
    AttemptResult result = judge(0, opened.problem);
    classify(result, opened.peer ? &*opened.peer : nullptr, destination.domain(), *ports_.patterns.load());
    opened.source_failed = shaping::signal_of(result.kind) == shaping::Signal::blocked;
    // A server that takes nobody is down, or full of others: that is the lane's own back-off.
    if (lane.answering == 0 && !opened.source_failed) return lane.throttle->given_up(now);
    const bool was_blocked = lane.throttle->is_blocked();
    lane.throttle->connection_refused(now, result.kind);
    if (!was_blocked) tell_if_blocked(lane);
}

// When many destinations do so, the source is drained (core/delivery/drained_sources.h).
void DeliveryEngine::tell_if_blocked(const Lane& lane) {
    if (lane.throttle->is_blocked() && ports_.source_closed)
        ports_.source_closed(lane.source_name(), lane.site().shaping_key);
}

void DeliveryEngine::refresh() {
    ports_.shard.post([this] { look_at_sources_anew(); });
}

// Sources may have gone, have been drained or have other addresses; limits may be others.
void DeliveryEngine::look_at_sources_anew() {
    ++table_generation_;
    forget_tenant_throttles();
    const auto egress = ports_.dispatcher.egress();
    queue_.for_each_site([&](Site& site) {
        for (const auto& lane : site.lanes()) {
            for (const auto& source : egress->sources())
                if (source->name == lane->source_name()) lane->set_source(source);
            if (lane->throttle) equip(*lane);
            queue_.unplace(*lane, [](Destination&) {});
        }
    });
    std::vector<Destination*> all;
    queue_.for_each_destination([&](Destination& destination) { all.push_back(&destination); });
    for (Destination* destination : all) schedule(*destination);
}

void DeliveryEngine::refresh_suspensions() {
    ports_.shard.post([this] {
        std::vector<Lane*> freed;
        queue_.for_each_site([&](Site& site) {
            site.suspended = ports_.dispatcher.is_suspended(site.key(), site.provider);
            if (!site.suspended)
                for (const auto& lane : site.lanes()) freed.push_back(lane.get());
        });
        for (Lane* lane : freed) schedule(*lane);
    });
}

}  // namespace relevo
