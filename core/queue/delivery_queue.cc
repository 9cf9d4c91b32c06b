#include "core/queue/delivery_queue.h"

#include <algorithm>
#include <numeric>
#include <tuple>

namespace relevo {
namespace {

// Above this many elements, memory that a vector no longer needs is given back.
constexpr std::size_t kept_capacity = 1024;

std::int64_t milliseconds(WallClock::time_point time) {
    return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}
WallClock::time_point time_of_milliseconds(std::int64_t value) {
    return WallClock::time_point(std::chrono::milliseconds(value));
}

template <class T>
void give_back(std::vector<T>& emptied) {
    if (emptied.capacity() > kept_capacity) emptied.shrink_to_fit();
}

}  // namespace

// Recipients of one message that became due together stay neighbours, so that they share a transaction.
bool Destination::Later::operator()(const Waiting& a, const Waiting& b) const {
    return std::tie(a.due, a.entry.message, a.entry.ordinal) > std::tie(b.due, b.entry.message, b.entry.ordinal);
}

void Destination::drop_taken() {
    due_.erase(due_.begin(), due_.begin() + static_cast<std::ptrdiff_t>(due_begin_));
    due_begin_ = 0;
    if (due_.empty()) give_back(due_);
}

Lane& Site::lane(const std::shared_ptr<const EgressSource>& source) {
    if (Lane* known = find_lane(source->name)) return *known;
    return *lanes_.emplace_back(std::make_unique<Lane>(*this, source));
}

Lane* Site::find_lane(std::string_view source) const {
    const auto found =
        std::ranges::find(lanes_, source, [](const auto& lane) { return std::string_view(lane->source_name()); });
    return found != lanes_.end() ? found->get() : nullptr;
}

std::uint32_t Site::connections() const {
    return std::transform_reduce(lanes_.begin(), lanes_.end(), 0U, std::plus<>(),
                                 [](const auto& lane) { return lane->connections; });
}

Destination& DeliveryQueue::destination(std::string_view key, const std::shared_ptr<const Route>& route) {
    if (const auto found = destinations_.find(key); found != destinations_.end()) return *found->second;
    auto made = std::make_unique<Destination>(std::string(key), route);
    Destination& destination = *made;
    destinations_.emplace(destination.key(), std::move(made));
    return destination;
}

Destination* DeliveryQueue::find(std::string_view key) {
    const auto found = destinations_.find(key);
    return found == destinations_.end() ? nullptr : found->second.get();
}

void DeliveryQueue::for_each_destination(const std::function<void(Destination&)>& visit) {
    for (const auto& [key, destination] : destinations_) visit(*destination);
}

bool DeliveryQueue::forget_if_idle(Destination& destination) {
    if (!destination.is_empty() || destination.users > 0 || destination.suspended || destination.index_entries_ > 0)
        return false;
    if (destination.site != nullptr) --destination.site->destinations_;
    destinations_.erase(destinations_.find(destination.key()));
    return true;
}

Site& DeliveryQueue::site(std::string_view key) {
    if (const auto found = sites_.find(key); found != sites_.end()) return *found->second;
    auto made = std::make_unique<Site>(std::string(key));
    Site& site = *made;
    sites_.emplace(site.key(), std::move(made));
    return site;
}

Site* DeliveryQueue::find_site(std::string_view key) {
    const auto found = sites_.find(key);
    return found == sites_.end() ? nullptr : found->second.get();
}

void DeliveryQueue::for_each_site(const std::function<void(Site&)>& visit) {
    for (const auto& [key, site] : sites_) visit(*site);
}

void DeliveryQueue::lead(Destination& destination, Site& site) {
    if (destination.site == &site) return;
    if (destination.site != nullptr) {
        unplace(destination);
        --destination.site->destinations_;
    }
    destination.site = &site;
    ++site.destinations_;
}

bool DeliveryQueue::forget_if_idle(Site& site) {
    if (site.destinations_ > 0 || site.connections() > 0) return false;
    sites_.erase(sites_.find(site.key()));
    return true;
}

std::uint32_t DeliveryQueue::flow(const MailFlow& flow) {
    const auto [found, is_new] = flow_index_.try_emplace(flow, static_cast<std::uint32_t>(flows_.size()));
    if (is_new) flows_.push_back(flow);
    return found->second;
}

void DeliveryQueue::arm(Destination& destination) {
    if (destination.waiting_.empty() || destination.waiting_.front().due >= destination.armed_due_) return;
    destination.armed_due_ = destination.waiting_.front().due;
    due_.push({destination.armed_due_, &destination});
    ++destination.index_entries_;
}

void DeliveryQueue::add(Destination& destination, QueueEntry entry, WallClock::time_point due,
                        WallClock::time_point now) {
    ++total_;
    if (const auto leased = leased_.find({entry.message, entry.ordinal}); leased != leased_.end()) {
        leased->second = {.again = entry, .count = leased->second.count + 1};
        return;
    }
    if (due <= now) return destination.due_.push_back(entry);
    destination.waiting_.push_back({milliseconds(due), entry});
    std::ranges::push_heap(destination.waiting_, Destination::Later{});
    arm(destination);
}

void DeliveryQueue::wake(WallClock::time_point now, const std::function<void(Destination&)>& ready) {
    const std::int64_t until = milliseconds(now);
    while (!due_.empty() && due_.top().at <= until) {
        const Due due = due_.top();
        due_.pop();
        Destination& destination = *due.destination;
        --destination.index_entries_;
        if (destination.armed_due_ != due.at) continue;
        destination.armed_due_ = INT64_MAX;
        bool woken = false;
        auto& waiting = destination.waiting_;
        while (!waiting.empty() && waiting.front().due <= until) {
            destination.due_.push_back(waiting.front().entry);
            std::ranges::pop_heap(waiting, Destination::Later{});
            waiting.pop_back();
            woken = true;
        }
        arm(destination);
        if (woken || destination.is_empty()) ready(destination);
    }
}

void DeliveryQueue::shift_retries(std::chrono::milliseconds leap) {
    due_ = {};
    for (const auto& [key, destination] : destinations_) {
        for (Destination::Waiting& waiting : destination->waiting_)
            if (waiting.entry.attempts > 0) waiting.due += leap.count();
        std::ranges::make_heap(destination->waiting_, Destination::Later{});
        const bool is_to_be_looked_at = destination->index_entries_ > 0 && destination->waiting_.empty();
        destination->armed_due_ = INT64_MAX;
        destination->index_entries_ = 0;
        arm(*destination);
        if (!is_to_be_looked_at) continue;
        due_.push({destination->armed_due_ = 0, destination.get()});
        ++destination->index_entries_;
    }
}

std::optional<WallClock::time_point> DeliveryQueue::next_due() const {
    if (due_.empty()) return std::nullopt;
    return time_of_milliseconds(due_.top().at);
}

void DeliveryQueue::place(Destination& destination, const std::function<Lane*(const QueueEntry&)>& lane_of) {
    destination.drop_taken();
    std::erase_if(destination.due_, [&](const QueueEntry& entry) {
        Lane* lane = lane_of(entry);
        if (lane == nullptr) return false;
        const MailFlow& flow = flows_[entry.flow];
        lane->ready_.push(priority_of(flow.stream), flow.tenant, {.entry = entry, .destination = &destination});
        ++destination.ready_;
        return true;
    });
    if (destination.due_.empty()) give_back(destination.due_);
}

void DeliveryQueue::unplace(Destination& destination) {
    if (destination.ready_ == 0) return;
    for (const auto& lane : destination.site->lanes_)
        lane->ready_.remove_if([&](shaping::Priority, TenantId, const ReadyEntry& ready) {
            if (ready.destination != &destination) return false;
            destination.due_.push_back(ready.entry);
            return true;
        });
    destination.ready_ = 0;
}

void DeliveryQueue::unplace(Lane& lane, const std::function<void(Destination&)>& due) {
    std::vector<Destination*> touched;
    lane.ready_.remove_if([&](shaping::Priority, TenantId, const ReadyEntry& ready) {
        if (ready.destination->due_count() == 0) touched.push_back(ready.destination);
        ready.destination->due_.push_back(ready.entry);
        --ready.destination->ready_;
        return true;
    });
    for (Destination* destination : touched) due(*destination);
}

// False: it is leased elsewhere, from before its route or its site changed.
bool DeliveryQueue::extend(Lease& lease, const QueueEntry& entry) {
    const auto [leased, is_new] = leased_.try_emplace({entry.message, entry.ordinal});
    if (!is_new) {
        leased->second = {.again = entry, .count = leased->second.count + 1};
        return false;
    }
    lease.message = entry.message;
    lease.flow = entry.flow;
    lease.ordinals.push_back(entry.ordinal);
    lease.attempts.push_back(entry.attempts);
    lease.delay_reported.push_back(entry.delay_reported);
    lease.fresh = lease.fresh && entry.fresh;
    return true;
}

namespace {

bool goes_with(const Lease& lease, const QueueEntry& entry) {
    return lease.ordinals.empty() || (entry.message == lease.message && entry.ordinal > lease.ordinals.back());
}

}  // namespace

bool DeliveryQueue::may_lease(Lane& lane, const Room& room) {
    const auto is_accepted = [&](shaping::Priority, TenantId, const ReadyEntry& ready) { return room(ready) > 0; };
    return lane.ready_.peek(is_accepted, weight_) != nullptr;
}

std::optional<Lease> DeliveryQueue::lease(Lane& lane, const Room& room) {
    Lease lease;
    std::size_t recipients = 0;
    const auto take = [&](const ReadyEntry& taken) {
        --taken.destination->ready_;
        if (extend(lease, taken.entry)) lease.destination = taken.destination;
    };
    const auto is_accepted = [&](shaping::Priority, TenantId, const ReadyEntry& ready) { return room(ready) > 0; };
    while (lease.ordinals.empty()) {
        const ReadyEntry* first = lane.ready_.peek(is_accepted, weight_);
        if (first == nullptr) return std::nullopt;
        recipients = room(*first);
        take(lane.ready_.pop());
    }
    for (const ReadyEntry* next = lane.ready_.following(); next != nullptr; next = lane.ready_.following()) {
        const bool fits = lease.ordinals.size() < recipients && next->destination == lease.destination &&
                          goes_with(lease, next->entry);
        if (!fits) break;
        take(lane.ready_.pop_following());
    }
    lease.destination->leased_ += static_cast<std::uint32_t>(lease.ordinals.size());
    return lease;
}

std::optional<Lease> DeliveryQueue::lease_due(Destination& destination, std::size_t recipients) {
    Lease lease;
    for (; destination.due_count() > 0; ++destination.due_begin_) {
        const QueueEntry& entry = destination.due_[destination.due_begin_];
        if (lease.ordinals.size() >= recipients || !goes_with(lease, entry)) break;
        static_cast<void>(extend(lease, entry));  // leased elsewhere: finish() gives it back
    }
    if (destination.due_begin_ * 2 > destination.due_.size()) destination.drop_taken();
    if (lease.ordinals.empty()) return std::nullopt;
    lease.destination = &destination;
    destination.leased_ += static_cast<std::uint32_t>(lease.ordinals.size());
    return lease;
}

std::vector<QueueEntry> DeliveryQueue::finish(Destination& destination, MessageId message,
                                              std::span<const std::uint32_t> ordinals) {
    std::vector<QueueEntry> again;
    for (const std::uint32_t ordinal : ordinals) {
        const auto found = leased_.find({message, ordinal});
        if (found->second.count > 0) again.push_back(found->second.again);
        total_ -= 1 + found->second.count;
        leased_.erase(found);
    }
    destination.leased_ -= static_cast<std::uint32_t>(ordinals.size());
    return again;
}

std::size_t DeliveryQueue::remove_if(Destination& destination, const std::function<bool(const QueueEntry&)>& chosen) {
    destination.drop_taken();
    std::size_t removed = std::erase_if(destination.due_, chosen);
    if (destination.ready_ > 0) {
        std::size_t ready = 0;
        for (const auto& lane : destination.site->lanes_)
            ready += lane->ready_.remove_if([&](shaping::Priority, TenantId, const ReadyEntry& ready_one) {
                return ready_one.destination == &destination && chosen(ready_one.entry);
            });
        destination.ready_ -= static_cast<std::uint32_t>(ready);
        removed += ready;
    }
    removed +=
        std::erase_if(destination.waiting_, [&](const Destination::Waiting& waiting) { return chosen(waiting.entry); });
    std::ranges::make_heap(destination.waiting_, Destination::Later{});
    total_ -= removed;
    return removed;
}

std::size_t DeliveryQueue::retry_if(Destination& destination, const std::function<bool(const QueueEntry&)>& chosen) {
    std::vector<Destination::Waiting> kept, due;
    for (const Destination::Waiting& waiting : destination.waiting_)
        (chosen(waiting.entry) ? due : kept).push_back(waiting);
    std::ranges::sort(due, [](const auto& a, const auto& b) { return Destination::Later{}(b, a); });
    for (const Destination::Waiting& waiting : due) destination.due_.push_back(waiting.entry);
    destination.waiting_ = std::move(kept);
    std::ranges::make_heap(destination.waiting_, Destination::Later{});
    return due.size();
}

std::vector<DeliveryQueue::Taken> DeliveryQueue::take_all(Destination& destination, WallClock::time_point now) {
    unplace(destination);
    destination.drop_taken();
    std::vector<Taken> taken;
    taken.reserve(destination.due_.size() + destination.waiting_.size());
    for (const QueueEntry& entry : destination.due_) taken.push_back({entry, now});
    for (const Destination::Waiting& waiting : destination.waiting_)
        taken.push_back({waiting.entry, time_of_milliseconds(waiting.due)});
    destination.due_ = {};
    destination.waiting_ = {};
    destination.armed_due_ = INT64_MAX;
    total_ -= taken.size();
    return taken;
}

}  // namespace relevo
