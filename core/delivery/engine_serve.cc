// Who works off which lane: connections with their messages one after the other, and failures that many share.
#include "core/delivery/engine.h"

#include <algorithm>

namespace relevo {
namespace {

// After a connection that came to nothing, this many more recipients share its fate, so that a long queue to a dead
// server is worked off.
constexpr std::size_t shared_failures = 200;
constexpr std::chrono::minutes load_retry{1};
constexpr std::chrono::seconds look_up_limit{30};  // while a connection's place waits for it
// A source that cannot connect at all is left out so long, where there are others.
constexpr std::chrono::minutes source_rest{1};

}  // namespace

Task<> DeliveryEngine::serve(Lane& lane, Lease lease) {
    // The decision to connect falls here. Until the message is read, others that were let go with it may have failed.
    const Deadline began = Clock::now();
    ports_.metrics.connections.add();
    const TenantId tenant = queue_.flow(lease.flow).tenant;
    auto work = co_await load(std::move(lease));
    if (work)
        co_await serve_first(lane, std::move(*work), began);
    else
        lane.throttle->given_up(WallClock::now());
    ports_.metrics.connections.subtract();
    leave(lane, tenant);
}

// Opens a connection for a message, and goes on with what waits behind it.
Task<> DeliveryEngine::serve_first(Lane& lane, Work work, Deadline began) {
    Destination& destination = *work.lease.destination;
    const Hold hold(*this, destination);
    if (!has_fresh_bearings(destination)) {
        if (auto problem = co_await find(destination, began + look_up_limit)) {
            lane.throttle->given_up(WallClock::now());
            Opened nothing;
            nothing.problem = std::move(*problem);
            nothing.concerns_destination = true;
            co_return co_await fail(lane, std::move(work), std::move(nothing), began);
        }
        // Its mail servers are others now: the lane there is the one to wait in.
        if (!destination.bearings || !settle(destination) || destination.site != &lane.site()) {
            lane.throttle->given_up(WallClock::now());
            co_return put_back(work.lease, 0, WallClock::now());
        }
    }
    Opened opened = co_await open_connection(lane, destination);
    if (opened.connection) {
        lane.back_off.end();
        lane.throttle->connected(WallClock::now());
        ++lane.answering;
        Lease first = std::move(work.lease);
        work = {};       // its attempt begins when its connection loads it
        schedule(lane);  // it answers: more connections may follow
        co_await work_through(lane, *opened.connection, std::move(first));
        --lane.answering;
        lane.throttle->closed(WallClock::now());
        co_return;
    }
    hear_failure(lane, destination, opened);
    if (opened.busy && (lane.answering > 0 || lane.back_off.failures_in_a_row == 0)) {
        pause(lane);
        put_back(work.lease, 0, WallClock::now());
    } else {
        co_await fail(lane, std::move(work), std::move(opened), began);
    }
}

Task<> DeliveryEngine::fail(Lane& lane, Work work, Opened opened, Deadline began) {
    Destination& destination = *work.lease.destination;
    if (opened.source_failed) overflow(lane, Clock::now() + source_rest);
    RoutingProblem problem = opened.problem;
    if (!problem.permanent) {
        if (opened.concerns_destination)
            back_off(destination.back_off(), destination.route(), probe_of(destination), problem.text, began);
        else
            back_off(lane.back_off, destination.route(), probe_of(lane), problem.text, began);
    }
    if (opened.concerns_destination) queue_.unplace(destination);
    AttemptEnd end = end_by(work, opened);
    co_await conclude(std::move(work), std::move(end));
    if (opened.concerns_destination)
        co_await share_failure(destination, std::move(problem));
    else
        co_await share_failure(lane, std::move(problem));
}

DeliveryEngine::AttemptEnd DeliveryEngine::end_by(const Work& work, const Opened& opened) const {
    AttemptEnd end{.results = {}, .peer = opened.peer, .transcript = opened.transcript};
    for (const std::uint32_t ordinal : work.lease.ordinals) end.results.push_back(judge(ordinal, opened.problem));
    return end;
}

Task<> DeliveryEngine::share_failure(Lane& lane, RoutingProblem problem) {
    for (std::size_t shared = 0; shared < shared_failures && !draining_;) {
        auto lease = queue_.lease(lane, [this](const ReadyEntry&) { return options_.recipients_per_transaction; });
        if (lease) shared += lease->ordinals.size();
        if (!co_await fail_one(std::move(lease), problem)) co_return;
    }
}

Task<> DeliveryEngine::share_failure(Destination& destination, RoutingProblem problem) {
    for (std::size_t shared = 0; shared < shared_failures && !draining_;) {
        auto lease = queue_.lease_due(destination, options_.recipients_per_transaction);
        if (lease) shared += lease->ordinals.size();
        if (!co_await fail_one(std::move(lease), problem)) co_return;
    }
}

// False: there was none.
Task<bool> DeliveryEngine::fail_one(std::optional<Lease> lease, RoutingProblem problem) {
    if (!lease) co_return false;
    auto work = co_await load(std::move(*lease));
    if (!work) co_return true;
    Opened nothing;
    nothing.problem = std::move(problem);
    AttemptEnd end = end_by(*work, nothing);
    co_await conclude(std::move(*work), std::move(end));
    co_return true;
}

// Routes that end the matter here.
Task<> DeliveryEngine::serve_without_connection(Destination& destination) {
    {
        const Hold hold(*this, destination);
        while (auto next = queue_.lease_due(destination, options_.recipients_per_transaction)) {
            const std::shared_ptr<const Route> route = destination.shared_route();
            if (route->kind == RouteKind::hold) {
                co_await set_aside(std::move(*next),
                                   route->text.empty() ? "held by route " + route->name : route->text);
                continue;
            }
            auto work = co_await load(std::move(*next));
            if (!work) continue;
            AttemptEnd end;
            for (const std::uint32_t ordinal : work->lease.ordinals) {
                AttemptResult result{.ordinal = ordinal};
                result.stage = "routing";
                const bool discards = route->kind == RouteKind::discard;
                result.outcome = discards ? Outcome::delivered : Outcome::failed;
                result.status = discards ? "2.0.0" : "5.7.1";
                result.explanation = discards              ? "discarded by route " + route->name
                                     : route->text.empty() ? "refused by route " + route->name
                                                           : route->text;
                result.dsn_relayed = discards;
                end.results.push_back(std::move(result));
            }
            co_await conclude(std::move(*work), std::move(end));
        }
    }
    finished_one();
}

Task<> DeliveryEngine::work_through(Lane& lane, Connection& connection, std::optional<Lease> lease) {
    const auto pending = std::make_shared<PendingRecord>(ports_.shard);
    std::uint32_t limit = lane.throttle->limits().messages_per_connection.value_or(options_.messages_per_connection);
    if (const auto announced = connection.extensions().mail_limit) limit = std::min(limit, std::max(1U, *announced));
    if (!begin_first(lane, *lease)) lease = co_await wait_for_work(lane, connection);
    while (lease) {
        // What the server announces as its limit binds us (RFC 9422 §3.1.2); the rest follows in the next transaction.
        if (const auto most = connection.extensions().recipient_limit)
            put_back(*lease, std::max(1U, *most), WallClock::now());
        auto work = co_await load(std::move(*lease));
        lease.reset();
        if (work) co_await attempt(lane, connection, std::move(*work), pending);
        const bool goes_on = connection.is_usable() && connection.transactions() < limit && !draining_ &&
                             !lane.site().suspended && !lane.source()->drained;
        if (!goes_on) break;
        lease = lease_for(lane, connection);
        // What waits needs another connection: this one makes room for it.
        const auto room = [&](const ReadyEntry& ready) { return room_for(lane, ready); };
        if (!lease && lane.ready_count() > 0 && may_send(lane) && queue_.may_lease(lane, room)) break;
        if (!lease) lease = co_await wait_for_work(lane, connection);
        if (lease && connection.has_gone()) {
            // The server closed while we were idle: the message goes over another connection, and nothing was
            // attempted.
            put_back(*lease, 0, WallClock::now());
            break;
        }
    }
    if (connection.is_usable()) co_await connection.quit();
}

std::optional<Lease> DeliveryEngine::lease_for(Lane& lane, const Connection& connection) {
    const auto now = WallClock::now();
    const shaping::Permission permission = lane.throttle->may_send(now);
    if (!permission.granted()) {
        if (lane.ready_count() > 0) refused(lane, permission);
        return std::nullopt;
    }
    auto lease = queue_.lease(lane, [&](const ReadyEntry& ready) -> std::size_t {
        if (!meets(connection, *ready.destination)) return 0;
        return std::min<std::size_t>(permission.recipients, room_for(lane, ready));
    });
    if (!lease) return std::nullopt;
    lane.throttle->sent(now, static_cast<std::uint32_t>(lease->ordinals.size()));
    sent_of_tenant(lane, *lease);
    return lease;
}

// The message that a connection was opened for. False: meanwhile others have used up what may go; it waits again.
bool DeliveryEngine::begin_first(Lane& lane, Lease& lease) {
    const auto now = WallClock::now();
    const shaping::Permission permission = lane.throttle->may_send(now);
    if (!permission.granted()) {
        refused(lane, permission);
        put_back(lease, 0, now);
        return false;
    }
    put_back(lease, permission.recipients, now);
    lane.throttle->sent(now, static_cast<std::uint32_t>(lease.ordinals.size()));
    return true;
}

// Gives back all but the first `kept` recipients of a lease, as if they had not been leased.
void DeliveryEngine::put_back(Lease& lease, std::size_t kept, WallClock::time_point due) {
    const std::size_t count = lease.ordinals.size();
    if (count <= kept) return;
    Destination& destination = *lease.destination;
    // What came again meanwhile is the same as what is given back here.
    static_cast<void>(finish(destination, lease.message, std::span(lease.ordinals).subspan(kept)));
    for (std::size_t i = kept; i < count; ++i)
        add(destination,
            {.message = lease.message,
             .ordinal = lease.ordinals[i],
             .attempts = lease.attempts[i],
             .delay_reported = lease.delay_reported[i],
             .flow = lease.flow},
            due);  // not fresh: a person may have held it meanwhile
    lease.ordinals.resize(kept);
    lease.attempts.resize(kept);
    lease.delay_reported.resize(kept);
    wake_for(destination.key());
}

Task<std::optional<Lease>> DeliveryEngine::wait_for_work(Lane& lane, Connection& connection) {
    IdleSlot slot(ports_.shard, connection);
    idle_[&lane].push_back(&slot);
    // Another site may be waiting for our place.
    const auto idle = lane.throttle->limits().idle_timeout.value_or(options_.idle_timeout);
    const Deadline until = starved_.empty() ? Clock::now() + idle : Clock::now();
    co_await slot.wakeup.wait(until);
    if (!slot.lease) std::erase(idle_[&lane], &slot);
    co_return std::move(slot.lease);
}

// Leaves its trace. False: it is suspected of having ended the process, and waits until the attempt of another one that
// is has ended; it comes back then as if it had just become due.
bool DeliveryEngine::begin_attempt(Work& work) {
    const Lease& lease = work.lease;
    if (ports_.suspects != nullptr) {
        auto turn = ports_.suspects->begin(
            lease.message, [this, destination = lease.destination->key(), route = lease.destination->shared_route(),
                            flow = queue_.flow(lease.flow), message = lease.message, ordinals = lease.ordinals,
                            attempts = lease.attempts, delay_reported = lease.delay_reported] {
                for (std::size_t i = 0; i < ordinals.size(); ++i)
                    enqueue({.destination = destination,
                             .route = route,
                             .flow = flow,
                             .message = message,
                             .ordinals = {ordinals[i]},
                             .attempts = attempts[i],
                             .delay_reported = delay_reported[i],
                             .due = WallClock::now(),
                             .fresh = nullptr});
            });
        if (!turn) return false;
        work.turn = *std::move(turn);
    }
    if (ports_.trace != nullptr) work.mark = ports_.trace->begin(lease.message);
    return true;
}

// The message of a lease, from memory or from the spool. Nothing: the lease was dealt with here.
Task<std::optional<DeliveryEngine::Work>> DeliveryEngine::load(Lease lease) {
    Work work{.lease = std::move(lease), .message = nullptr, .started = Clock::now()};
    if (!begin_attempt(work)) {
        const Hold hold(*this, *work.lease.destination);
        finish_unattempted(*work.lease.destination, work.lease.message, work.lease.ordinals);
        co_return std::nullopt;
    }
    if (const auto fresh = fresh_.find(work.lease.message); work.lease.fresh && fresh != fresh_.end()) {
        work.message = fresh->second.message;
        co_return work;
    }
    Destination& destination = *work.lease.destination;
    const Hold hold(*this, destination);
    auto loaded = co_await ports_.spool.load(work.lease.message, work.lease.ordinals);
    if (!loaded.has_value()) {
        const Error problem = std::move(loaded.error());
        if (problem.kind == ErrorKind::io || problem.kind == ErrorKind::damaged) {
            ports_.log.error("spool.damaged", {{"message", work.lease.message.text()}, {"problem", problem.detail}});
            co_await set_aside(std::move(work.lease), "its stored content cannot be read: " + problem.detail);
            co_return std::nullopt;
        }
        if (problem.kind == ErrorKind::not_found)
            finish_unattempted(destination, work.lease.message, work.lease.ordinals);
        else
            put_back(work.lease, 0, WallClock::now() + load_retry);
        co_return std::nullopt;
    }
    work.message = std::move(*loaded);
    // What a person removed meanwhile is no longer ours to deliver.
    Lease kept{.destination = &destination,
               .message = work.lease.message,
               .ordinals = {},
               .attempts = {},
               .delay_reported = {},
               .flow = work.lease.flow};
    std::vector<std::uint32_t> gone;
    for (std::size_t i = 0; i < work.lease.ordinals.size(); ++i) {
        if (!std::ranges::binary_search(work.message->ordinals, work.lease.ordinals[i])) {
            gone.push_back(work.lease.ordinals[i]);
            continue;
        }
        kept.ordinals.push_back(work.lease.ordinals[i]);
        kept.attempts.push_back(work.lease.attempts[i]);
        kept.delay_reported.push_back(work.lease.delay_reported[i]);
    }
    finish_unattempted(destination, work.lease.message, gone);
    work.lease = std::move(kept);
    co_return work;
}

// Holds recipients until a person decides.
Task<> DeliveryEngine::set_aside(Lease lease, std::string reason) {
    const Hold hold(*this, *lease.destination);
    std::vector<DeliveryRow> rows;
    for (const std::uint32_t ordinal : lease.ordinals) {
        DeliveryRow row;
        row.id = {lease.message, ordinal};
        rows.push_back(std::move(row));
    }
    for (;;) {
        const auto changed = co_await ports_.spool.change(rows, Spool::Change::hold, reason);
        if (changed.has_value()) break;
        ports_.log.error("spool.write_failed",
                         {{"message", lease.message.text()}, {"problem", changed.error().detail}});
        // Their own rows cannot be written: nothing was sent, so they may wait in the store alone, for its repair.
        if (changed.error().kind == ErrorKind::damaged) break;
        co_await pause_before_writing_again();
    }
    finish_unattempted(*lease.destination, lease.message, lease.ordinals);
    release_fresh(lease.message, lease.ordinals.size());
}

}  // namespace relevo
