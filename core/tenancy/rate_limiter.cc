#include "core/tenancy/rate_limiter.h"

#include <algorithm>

namespace relevo {

namespace {

std::int64_t seconds_of(WallClock::time_point time) {
    return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

WallClock::time_point rounded_up_to_minute(std::int64_t seconds) {
    return WallClock::time_point(std::chrono::minutes((seconds + 59) / 60));
}

}  // namespace

SenderKey sender_key(const Identity& identity) {
    if (identity.credential) return {SenderKind::credential, identity.credential.value};
    return {SenderKind::network_grant, identity.grant.value};
}

template <std::int64_t slot_seconds, std::size_t slots_per_window>
std::uint64_t SlidingCount<slot_seconds, slots_per_window>::total(std::int64_t now_seconds) const {
    const std::int64_t now_slot = std::max(now_seconds / slot_seconds, newest_);
    std::uint64_t sum = 0;
    for (std::int64_t slot = newest_; slot > newest_ - slots && is_current(slot, now_slot); --slot)
        if (slot >= 0) sum += counts_[static_cast<std::size_t>(slot % slots)];
    return sum;
}

template <std::int64_t slot_seconds, std::size_t slots_per_window>
void SlidingCount<slot_seconds, slots_per_window>::add(std::int64_t at_seconds, std::uint32_t count) {
    const std::int64_t slot = at_seconds / slot_seconds;
    if (slot >= newest_ + slots) counts_.fill(0);
    for (std::int64_t skipped = std::max(newest_ + 1, slot - slots + 1); skipped <= slot; ++skipped)
        counts_[static_cast<std::size_t>(skipped % slots)] = 0;
    newest_ = std::max(newest_, slot);
    // A clock that went back a little: what is too old to have a slot no longer counts.
    if (is_current(slot, newest_)) counts_[static_cast<std::size_t>(slot % slots)] += count;
}

template <std::int64_t slot_seconds, std::size_t slots_per_window>
void SlidingCount<slot_seconds, slots_per_window>::remove(std::int64_t at_seconds, std::uint32_t count) {
    const std::int64_t slot = at_seconds / slot_seconds;
    if (!is_current(slot, newest_)) return;
    auto& counted = counts_[static_cast<std::size_t>(slot % slots)];
    counted -= std::min(counted, count);
}

template <std::int64_t slot_seconds, std::size_t slots_per_window>
std::int64_t SlidingCount<slot_seconds, slots_per_window>::room_at(std::int64_t now_seconds, std::uint64_t limit,
                                                                   std::uint64_t wanted) const {
    const std::int64_t now_slot = std::max(now_seconds / slot_seconds, newest_);
    std::uint64_t sum = total(now_seconds);
    if (sum + wanted <= limit) return now_seconds;
    std::int64_t room = now_seconds;
    for (std::int64_t slot = newest_ - slots + 1; slot <= newest_ && sum + wanted > limit; ++slot) {
        if (slot < 0 || !is_current(slot, now_slot)) continue;
        const auto counted = counts_[static_cast<std::size_t>(slot % slots)];
        if (counted == 0) continue;
        sum -= counted;
        room = (slot + slots) * slot_seconds;
    }
    return room;
}

template class SlidingCount<300, 12>;
template class SlidingCount<3600, 24>;

std::optional<RateLimiter::Refusal> RateLimiter::refusal(const Usage& usage, RateLimits limits, std::int64_t now) {
    std::optional<Refusal> longest;
    std::int64_t latest = now;
    const auto judge = [&](const auto& count, Window window, std::uint32_t limit) {
        if (limit == 0) return;
        const std::int64_t room = count.room_at(now, limit, 1);
        if (room <= latest) return;
        latest = room;
        longest = Refusal{window, limit, rounded_up_to_minute(room)};
    };
    judge(usage.hour, Window::hour, limits.messages_per_hour);
    judge(usage.day, Window::day, limits.messages_per_day);
    return longest;
}

std::optional<RateLimiter::Refusal> RateLimiter::check(SenderKey sender, RateLimits limits,
                                                       WallClock::time_point now) const {
    const std::lock_guard lock(mutex_);
    const auto found = usage_.find(sender);
    if (found == usage_.end()) return std::nullopt;
    return refusal(found->second, limits, seconds_of(now));
}

std::optional<RateLimiter::Refusal> RateLimiter::take(SenderKey sender, RateLimits limits, WallClock::time_point now) {
    const std::lock_guard lock(mutex_);
    Usage& usage = usage_[sender];
    if (auto refused = refusal(usage, limits, seconds_of(now))) return refused;
    usage.hour.add(seconds_of(now), 1);
    usage.day.add(seconds_of(now), 1);
    return std::nullopt;
}

void RateLimiter::give_back(SenderKey sender, WallClock::time_point taken_at) {
    const std::lock_guard lock(mutex_);
    const auto found = usage_.find(sender);
    if (found == usage_.end()) return;
    found->second.hour.remove(seconds_of(taken_at), 1);
    found->second.day.remove(seconds_of(taken_at), 1);
}

void RateLimiter::restore(const std::vector<UsageRow>& rows, WallClock::time_point now) {
    const std::lock_guard lock(mutex_);
    std::vector<UsageRow> ascending = rows;
    std::ranges::sort(ascending, {}, &UsageRow::hour);
    for (const auto& row : ascending) {
        Usage& usage = usage_[row.sender];
        const std::int64_t end_of_hour = row.hour * 3600 + 3599;
        const std::int64_t at = std::min(end_of_hour, seconds_of(now));
        usage.hour.add(at, row.messages);
        usage.day.add(at, row.messages);
    }
}

void RateLimiter::forget_idle(WallClock::time_point now) {
    const std::lock_guard lock(mutex_);
    std::erase_if(usage_, [&](const auto& item) { return item.second.day.total(seconds_of(now)) == 0; });
}

std::size_t RateLimiter::senders() const {
    const std::lock_guard lock(mutex_);
    return usage_.size();
}

std::int64_t hour_of(WallClock::time_point time) { return seconds_of(time) / 3600; }

Result<void> record_usage(Transaction& transaction, SenderKey sender, std::int64_t hour, std::uint32_t messages) {
    RELEVO_TRY([[maybe_unused]] const auto changed,
               transaction.execute("INSERT INTO usage_hour (sender_kind, sender_id, hour, messages)"
                                   " VALUES ($1, $2, $3, $4) ON CONFLICT (sender_kind, sender_id, hour)"
                                   " DO UPDATE SET messages = usage_hour.messages + excluded.messages",
                                   {static_cast<std::int64_t>(sender.kind), sender.id, hour, std::int64_t{messages}}));
    return {};
}

Result<std::vector<UsageRow>> load_usage(Reader& reader, WallClock::time_point now) {
    std::vector<UsageRow> rows;
    RELEVO_CHECK(reader.query("SELECT sender_kind, sender_id, hour, messages FROM usage_hour WHERE hour >= $1",
                              {hour_of(now) - 24}, [&](const Row& row) -> Result<void> {
                                  rows.push_back({{static_cast<SenderKind>(row.integer(0)), row.integer(1)},
                                                  row.integer(2),
                                                  static_cast<std::uint32_t>(row.integer(3))});
                                  return {};
                              }));
    return rows;
}

Result<void> drop_usage_before(Transaction& transaction, std::int64_t hour) {
    RELEVO_TRY([[maybe_unused]] const auto removed,
               transaction.execute("DELETE FROM usage_hour WHERE hour < $1", {hour}));
    return {};
}

}  // namespace relevo
