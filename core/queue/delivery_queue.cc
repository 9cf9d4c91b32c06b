#include "core/queue/delivery_queue.h"

#include <algorithm>
#include <tuple>

namespace relevo {
namespace {

std::int64_t milliseconds(WallClock::time_point time) {
    return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

}  // namespace

// Recipients of one message that became due together stay neighbours, so that they share a transaction.
bool Site::Later::operator()(const Waiting& a, const Waiting& b) const {
    return std::tie(a.due, a.entry.message, a.entry.ordinal) > std::tie(b.due, b.entry.message, b.entry.ordinal);
}

Site& DeliveryQueue::site(std::string_view key, const std::shared_ptr<const Route>& route) {
    if (const auto found = sites_.find(key); found != sites_.end()) return *found->second;
    auto site = std::make_unique<Site>(std::string(key), route);
    Site& made = *site;
    sites_.emplace(made.key(), std::move(site));
    return made;
}

Site* DeliveryQueue::find(std::string_view key) {
    const auto found = sites_.find(key);
    return found == sites_.end() ? nullptr : found->second.get();
}

void DeliveryQueue::for_each_site(const std::function<void(Site&)>& visit) {
    for (const auto& [key, site] : sites_) visit(*site);
}

void DeliveryQueue::forget_if_idle(Site& site) {
    if (!site.is_empty() || site.connections > 0 || site.suspended || site.index_entries_ > 0) return;
    sites_.erase(sites_.find(site.key()));
}

void DeliveryQueue::make_ready(Site& site, QueueEntry entry) {
    if (site.ready_begin_ == site.ready_.size()) {
        site.ready_.clear();
        site.ready_begin_ = 0;
    }
    site.ready_.push_back(entry);
}

void DeliveryQueue::arm(Site& site) {
    if (site.waiting_.empty() || site.waiting_.front().due >= site.armed_due_) return;
    site.armed_due_ = site.waiting_.front().due;
    due_.push({site.armed_due_, &site});
    ++site.index_entries_;
}

void DeliveryQueue::add(Site& site, QueueEntry entry, WallClock::time_point due, WallClock::time_point now) {
    ++total_;
    if (const auto leased = leased_.find({entry.message, entry.ordinal}); leased != leased_.end()) {
        leased->second = {.again = entry, .count = leased->second.count + 1};
        return;
    }
    if (due <= now) return make_ready(site, entry);
    site.waiting_.push_back({milliseconds(due), entry});
    std::ranges::push_heap(site.waiting_, Site::Later{});
    arm(site);
}

void DeliveryQueue::wake(WallClock::time_point now, const std::function<void(Site&)>& ready) {
    const std::int64_t until = milliseconds(now);
    while (!due_.empty() && due_.top().at <= until) {
        const Due due = due_.top();
        due_.pop();
        Site& site = *due.site;
        --site.index_entries_;
        if (site.armed_due_ != due.at) continue;
        site.armed_due_ = INT64_MAX;
        bool woken = false;
        while (!site.waiting_.empty() && site.waiting_.front().due <= until) {
            make_ready(site, site.waiting_.front().entry);
            std::ranges::pop_heap(site.waiting_, Site::Later{});
            site.waiting_.pop_back();
            woken = true;
        }
        arm(site);
        if (woken) ready(site);
    }
}

std::optional<WallClock::time_point> DeliveryQueue::next_due() const {
    if (due_.empty()) return std::nullopt;
    return WallClock::time_point(std::chrono::milliseconds(due_.top().at));
}

std::optional<Lease> DeliveryQueue::lease(Site& site, std::size_t recipients) {
    Lease lease;
    while (site.ready_count() > 0 && lease.ordinals.size() < recipients) {
        const QueueEntry& entry = site.ready_[site.ready_begin_];
        if (!lease.ordinals.empty() && (entry.message != lease.message || entry.ordinal < lease.ordinals.back())) break;
        ++site.ready_begin_;
        const auto [leased, is_new] = leased_.try_emplace({entry.message, entry.ordinal});
        if (!is_new) {  // another destination's, from before its route changed
            leased->second = {.again = entry, .count = leased->second.count + 1};
            continue;
        }
        lease.message = entry.message;
        lease.ordinals.push_back(entry.ordinal);
        lease.attempts.push_back(entry.attempts);
        lease.delay_reported.push_back(entry.delay_reported);
        lease.fresh = lease.fresh && entry.fresh;
    }
    if (site.ready_begin_ == site.ready_.size()) {
        site.ready_.clear();
        if (site.ready_.capacity() > 1024) site.ready_.shrink_to_fit();
        site.ready_begin_ = 0;
    } else if (site.ready_begin_ > 4096 && site.ready_begin_ * 2 > site.ready_.size()) {
        site.ready_.erase(site.ready_.begin(), site.ready_.begin() + static_cast<std::ptrdiff_t>(site.ready_begin_));
        site.ready_begin_ = 0;
    }
    if (lease.ordinals.empty()) return std::nullopt;
    site.leased_ += static_cast<std::uint32_t>(lease.ordinals.size());
    return lease;
}

std::vector<QueueEntry> DeliveryQueue::finish(Site& site, MessageId message, std::span<const std::uint32_t> ordinals) {
    std::vector<QueueEntry> again;
    for (const std::uint32_t ordinal : ordinals) {
        const auto found = leased_.find({message, ordinal});
        if (found->second.count > 0) again.push_back(found->second.again);
        total_ -= 1 + found->second.count;
        leased_.erase(found);
    }
    site.leased_ -= static_cast<std::uint32_t>(ordinals.size());
    return again;
}

std::size_t DeliveryQueue::remove_if(Site& site, const std::function<bool(const QueueEntry&)>& chosen) {
    site.ready_.erase(site.ready_.begin(), site.ready_.begin() + static_cast<std::ptrdiff_t>(site.ready_begin_));
    site.ready_begin_ = 0;
    std::size_t removed = std::erase_if(site.ready_, chosen);
    removed += std::erase_if(site.waiting_, [&](const Site::Waiting& waiting) { return chosen(waiting.entry); });
    std::ranges::make_heap(site.waiting_, Site::Later{});
    total_ -= removed;
    return removed;
}

std::size_t DeliveryQueue::retry_if(Site& site, const std::function<bool(const QueueEntry&)>& chosen) {
    std::vector<Site::Waiting> kept, due;
    for (const Site::Waiting& waiting : site.waiting_) (chosen(waiting.entry) ? due : kept).push_back(waiting);
    std::ranges::sort(due, [](const auto& a, const auto& b) { return Site::Later{}(b, a); });
    for (const Site::Waiting& waiting : due) make_ready(site, waiting.entry);
    site.waiting_ = std::move(kept);
    std::ranges::make_heap(site.waiting_, Site::Later{});
    return due.size();
}

}  // namespace relevo
