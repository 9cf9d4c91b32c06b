// From destinations to the sites that their mail servers make up, and back.
#include "core/delivery/engine.h"
#include "core/routing/site_key.h"
#include "lib/mail/address.h"

#include <algorithm>

namespace relevo {
namespace {

// Of each engine.
constexpr std::uint32_t quick_at_once = 200;
constexpr std::uint32_t slow_at_once = 100;
constexpr std::chrono::seconds slow_limit{60};

bool connects(const Route& route) {
    return route.kind == RouteKind::mail_exchanger || route.kind == RouteKind::smarthost ||
           route.kind == RouteKind::lmtp;
}

}  // namespace

void DeliveryEngine::enqueue(QueuedRecipients recipients) {
    ports_.shard.post([this, recipients = std::move(recipients)] { take_in(recipients); });
}

void DeliveryEngine::restore(const QueuedRecipients& recipients) {
    Destination& destination = queue_.destination(recipients.destination, recipients.route);
    if (destination.wish() != mail::TlsWish::usual)
        destination.suspended = ports_.dispatcher.is_suspended(usual_destination(destination.key()));
    const std::uint32_t flow = queue_.flow(recipients.flow);
    for (const std::uint32_t ordinal : recipients.ordinals)
        add(destination,
            {.message = recipients.message,
             .ordinal = ordinal,
             .attempts = recipients.attempts,
             .delay_reported = recipients.delay_reported,
             .fresh = recipients.fresh != nullptr,
             .flow = flow},
            recipients.due);
}

void DeliveryEngine::add(Destination& destination, QueueEntry entry, WallClock::time_point due) {
    queue_.add(destination, entry, due, WallClock::now());
    ports_.metrics.queue.add();
}

std::vector<QueueEntry> DeliveryEngine::finish(Destination& destination, MessageId message,
                                               std::span<const std::uint32_t> ordinals) {
    const std::size_t before = queue_.size();
    auto again = queue_.finish(destination, message, ordinals);
    ports_.metrics.queue.subtract(static_cast<std::int64_t>(before - queue_.size()));
    return again;
}

// Ends a lease that led to no attempt: what came again meanwhile is looked at again, its row tells whether it waits.
void DeliveryEngine::finish_unattempted(Destination& destination, MessageId message,
                                        std::span<const std::uint32_t> ordinals) {
    const auto again = finish(destination, message, ordinals);
    for (const QueueEntry& entry : again) add(destination, entry, WallClock::now());
    if (!again.empty()) ports_.shard.post([this, key = destination.key()] { wake_for(key); });
}

void DeliveryEngine::take_in(const QueuedRecipients& recipients) {
    // It moved while this was on its way.
    if (DeliveryEngine& home = ports_.dispatcher.engine_of(recipients.destination); &home != this)
        return home.enqueue(recipients);
    queue_.destination(recipients.destination, recipients.route).set_route(recipients.route);
    if (recipients.fresh && fresh_octets_ + recipients.fresh->content->size() <= options_.fresh_content_limit) {
        Fresh& fresh = fresh_[recipients.message];
        if (!fresh.message) {
            fresh.message = recipients.fresh;
            fresh_octets_ += recipients.fresh->content->size();
        }
        fresh.remaining += recipients.ordinals.size();
    }
    share_.seen(recipients.flow.tenant, Clock::now());
    restore(recipients);
    wake_for(recipients.destination);
}

// Something was added to this destination.
void DeliveryEngine::wake_for(std::string_view key) {
    if (Destination* destination = queue_.find(key)) schedule(*destination);
    const auto due = queue_.next_due();
    if (due && (!clock_set_for_ || *due < *clock_set_for_)) clock_.notify_all();
}

void DeliveryEngine::release_fresh(MessageId message, std::size_t recipients) {
    const auto found = fresh_.find(message);
    if (found == fresh_.end()) return;
    found->second.remaining -= std::min(recipients, found->second.remaining);
    if (found->second.remaining > 0) return;
    fresh_octets_ -= found->second.message->content->size();
    fresh_.erase(found);
}

void DeliveryEngine::schedule(Destination& destination) {
    if (draining_ || destination.suspended || destination.due_count() == 0) return;
    if (!connects(destination.route())) {
        if (destination.users > 0) return;  // one works at it
        ++running_;
        ports_.shard.spawn(serve_without_connection(destination));
        return;
    }
    if (has_fresh_bearings(destination)) {
        if (settle(destination)) place(destination);
        return;
    }
    if (!destination.is_sought && destination.may_be_tried(Clock::now())) look_up(destination);
}

void DeliveryEngine::look_up(Destination& destination) {
    destination.is_sought = true;
    LookUps& look_ups = destination.is_slow ? slow_look_ups_ : quick_look_ups_;
    if (look_ups.running >= (destination.is_slow ? slow_at_once : quick_at_once)) {
        look_ups.waiting.push_back(destination.key());
        return;
    }
    ++look_ups.running;
    ++running_;
    ports_.shard.spawn(find_in_background(destination, look_ups));
}

// Finds the mail servers of a destination, then of others that wait for it.
Task<> DeliveryEngine::find_in_background(Destination& first, LookUps& look_ups) {
    for (Destination* next = &first; next != nullptr; next = next_to_find(look_ups))
        co_await find_one(*next, &look_ups == &slow_look_ups_);
    --look_ups.running;
    finished_one();
}

Task<> DeliveryEngine::find_one(Destination& destination, bool is_slow) {
    const Hold hold(*this, destination);
    const Deadline began = Clock::now();
    const Deadline deadline = began + (is_slow ? std::chrono::milliseconds(slow_limit) : options_.quick_look_up);
    auto problem = co_await find(destination, deadline);
    destination.is_sought = false;
    destination.is_slow = problem && !is_slow && Clock::now() >= deadline;
    if (destination.is_slow) {
        look_up(destination);
    } else if (!problem) {
        if (destination.bearings && settle(destination)) place(destination);
    } else {
        if (!problem->permanent)
            back_off(destination.back_off(), destination.route(), probe_of(destination), problem->text, began);
        co_await share_failure(destination, std::move(*problem));
    }
}

Destination* DeliveryEngine::next_to_find(LookUps& look_ups) {
    while (!look_ups.waiting.empty() && !draining_) {
        Destination* destination = queue_.find(look_ups.waiting.front());
        look_ups.waiting.pop_front();
        if (destination == nullptr || !destination->is_sought) continue;
        if (destination->due_count() > 0) return destination;
        destination->is_sought = false;
        forget_if_done(*destination);
    }
    return nullptr;
}

// Asks the DNS; nothing is known afterwards only if there is a problem.
Task<std::optional<RoutingProblem>> DeliveryEngine::find(Destination& destination, Deadline deadline) {
    const std::shared_ptr<const Route> route = destination.shared_route();
    auto hosts = co_await finder_.hosts_of(*route, std::string(destination.domain()), deadline);
    if (!hosts.has_value()) co_return std::move(hosts.error());
    auto bearings = std::make_shared<Bearings>(
        Bearings{.hosts = std::move(*hosts), .mta_sts = nullptr, .mta_sts_failure = {}, .asked_at = {}});
    const bool may_have_policy = ports_.mta_sts != nullptr && route->kind == RouteKind::mail_exchanger &&
                                 route->tls != RouteTls::never && !destination.domain().starts_with('[');
    if (may_have_policy) {
        const auto ascii = mail::to_ascii_domain(destination.domain());
        if (ascii.has_value()) {
            StsFinding found = co_await ports_.mta_sts->policy_of(*ascii);
            bearings->mta_sts = std::move(found.policy);
            bearings->mta_sts_failure = std::move(found.failure);
        }
    }
    bearings->asked_at = Clock::now();
    if (&destination.route() != route.get()) co_return std::nullopt;  // changed meanwhile: asked again
    destination.bearings = std::move(bearings);
    destination.end_back_off();
    co_return std::nullopt;
}

// Leads a destination to its site. False: another engine has the site, and the destination moves there, now or as soon
// as nothing of it is under way.
bool DeliveryEngine::settle(Destination& destination) {
    std::string key = site_key(destination.route(), destination.bearings->hosts.names);
    const std::string shaping_key = shaping_key_of(destination, key);
    // Limits of its own need lanes of its own.
    if (shaping_key.starts_with("domain:")) key += "@" + std::string(destination.domain());
    if (destination.site != nullptr && destination.site->key() == key) return true;
    if (DeliveryEngine& home = ports_.dispatcher.engine_of_site(shaping_key); &home != this) {
        queue_.unplace(destination);
        if (destination.leased_count() == 0 && destination.users == 0) move_home(destination, home);
        return false;
    }
    Site* former = destination.site;
    Site& site = queue_.site(key);
    site.shaping_key = shaping_key;
    site.provider = ports_.dispatcher.shaping()->provider_of(destination.bearings->hosts.names);
    site.domain = destination.domain();
    site.suspended = ports_.dispatcher.is_suspended(site.key(), site.provider);
    site.connection_limit = destination.route().connection_limit;
    queue_.lead(destination, site);
    if (former != nullptr) forget_if_done(*former);
    return true;
}

// A coroutine that is started may add a lane.
void DeliveryEngine::schedule_lanes(const Site& site) {
    for (std::size_t i = 0; i < site.lanes().size(); ++i) schedule(*site.lanes()[i]);
}

void DeliveryEngine::place(Destination& destination) {
    const std::shared_ptr<const EgressTable> egress = ports_.dispatcher.egress();
    queue_.place(destination, [&](const QueueEntry& entry) { return lane_for(destination, *egress, entry); });
    schedule_lanes(*destination.site);
}

// Contents stay behind: the other engine reads them from the spool.
void DeliveryEngine::move_home(Destination& destination, DeliveryEngine& home) {
    Moved moved{.key = destination.key(),
                .route = destination.shared_route(),
                .bearings = destination.bearings,
                .suspended = destination.suspended,
                .entries = {}};
    for (const DeliveryQueue::Taken& taken : queue_.take_all(destination, WallClock::now())) {
        if (taken.entry.fresh) release_fresh(taken.entry.message, 1);
        moved.entries.push_back({.taken = taken, .flow = queue_.flow(taken.entry.flow)});
        moved.entries.back().taken.entry.fresh = false;
    }
    ports_.metrics.queue.subtract(static_cast<std::int64_t>(moved.entries.size()));
    destination.suspended = false;
    destination.bearings = nullptr;
    ports_.dispatcher.set_home(moved.key, home);
    home.adopt(std::move(moved));
    ports_.shard.post([this, key = destination.key()] {
        if (Destination* left = queue_.find(key)) forget_if_done(*left);
    });
}

void DeliveryEngine::adopt(Moved moved) {
    ports_.shard.post([this, moved = std::move(moved)] {
        Destination& destination = queue_.destination(moved.key, moved.route);
        destination.bearings = moved.bearings;
        destination.suspended = destination.suspended || moved.suspended;
        for (const Moved::Entry& entry : moved.entries) {
            QueueEntry taken = entry.taken.entry;
            taken.flow = queue_.flow(entry.flow);
            add(destination, taken, entry.taken.due);
        }
        wake_for(moved.key);
        forget_if_done(destination);
    });
}

void DeliveryEngine::let_go(Destination& destination) {
    --destination.users;
    if (destination.users > 0) return;
    schedule(destination);  // it may have waited to move
    forget_if_done(destination);
}

// One whose mail servers are known is kept a while: the next message to it then finds its connections.
void DeliveryEngine::forget_if_done(Destination& destination) {
    if (!destination.is_empty() || destination.trouble() != nullptr) return;
    if (is_ours(destination) && has_fresh_bearings(destination)) {
        if (std::exchange(destination.is_kept, true)) return;
        probes_.emplace(destination.bearings->asked_at + options_.bearings_last, probe_of(destination));
        return;
    }
    // Not at once: coroutines run before spawn() returns, to their end if the DNS answers from a cache, and who started
    // one may be at work on the destination too.
    if (std::exchange(destination.is_leaving, true)) return;
    ports_.shard.post([this, is_alive = std::weak_ptr(is_alive_), key = destination.key()] {
        if (is_alive.expired()) return;
        if (Destination* left = queue_.find(key)) forget(*left);
    });
}

bool DeliveryEngine::is_ours(const Destination& destination) const {
    return &ports_.dispatcher.engine_of(destination.key()) == this;
}

void DeliveryEngine::forget(Destination& destination) {
    destination.is_leaving = false;
    if (!destination.is_empty() || destination.trouble() != nullptr) return;
    const bool has_its_home_here = is_ours(destination);
    if (has_its_home_here && has_fresh_bearings(destination)) return forget_if_done(destination);
    Site* site = destination.site;
    const std::string key = destination.key();
    destination.is_kept = false;
    if (!queue_.forget_if_idle(destination)) return;
    if (has_its_home_here) ports_.dispatcher.forget_home(key);
    if (site != nullptr) forget_if_done(*site);
}

void DeliveryEngine::suspend(std::string_view key, bool suspended) {
    Destination* destination = queue_.find(key);
    if (destination == nullptr) {
        // Others look when they come to be.
        if (!suspended || tls_wish_of(key) != mail::TlsWish::usual) return;
        const auto [unused, route] = ports_.dispatcher.destination_of(key, {});
        destination = &queue_.destination(key, route);
    }
    destination->suspended = suspended;
    if (suspended) queue_.unplace(*destination);
    schedule(*destination);
    forget_if_done(*destination);
}

void DeliveryEngine::remove(std::string_view key, const std::set<DeliveryId>& chosen) {
    Destination* destination = queue_.find(key);
    if (destination == nullptr) return;
    const std::size_t removed = queue_.remove_if(*destination, [&](const QueueEntry& entry) {
        if (!chosen.contains({entry.message, entry.ordinal})) return false;
        if (entry.fresh) release_fresh(entry.message, 1);
        return true;
    });
    ports_.metrics.queue.subtract(static_cast<std::int64_t>(removed));
    forget_if_done(*destination);
}

void DeliveryEngine::retry(std::string_view key, const std::set<DeliveryId>& chosen) {
    Destination* destination = queue_.find(key);
    if (destination == nullptr) return;
    queue_.retry_if(*destination,
                    [&](const QueueEntry& entry) { return chosen.contains({entry.message, entry.ordinal}); });
    destination->end_back_off();
    if (const Site* site = destination->site; site != nullptr) {
        for (const auto& lane : site->lanes()) lane->back_off.not_before = Deadline::min();
        schedule_lanes(*site);
    }
    schedule(*destination);
}

}  // namespace relevo
