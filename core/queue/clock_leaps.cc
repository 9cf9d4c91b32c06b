#include "core/queue/clock_leaps.h"

#include <algorithm>
#include <utility>

namespace relevo {
namespace {

constexpr std::chrono::minutes least_leap{1};
constexpr std::size_t most_stretches = 32;

}  // namespace

ClockLeaps::Duration ClockLeaps::look(WallClock::time_point wall, Clock::time_point steady) {
    const auto wall_now = std::chrono::floor<Duration>(wall);
    const Moment last_look = std::exchange(now_, std::chrono::floor<Duration>(steady));
    if (stretches_.empty()) {
        first_ = now_;
        stretches_.push_back({now_, wall_now, now_});
        return Duration::zero();
    }
    const Stretch& last = stretches_.back();
    const Duration leap = (wall_now - last.wall) - (now_ - last.begin);
    if (std::chrono::abs(leap) < least_leap) return Duration::zero();
    // The oldest reaches back for ever, so the one after it is what may be forgotten.
    if (stretches_.size() == most_stretches) stretches_.erase(stretches_.begin() + 1);
    stretches_.push_back({last_look, wall_now - (now_ - last_look), now_});
    return leap;
}

std::optional<ClockLeaps::Duration> ClockLeaps::age(WallClock::time_point time) const {
    const auto wall = std::chrono::floor<Duration>(time);
    Moment end = now_ + least_leap;  // another thread's clock may be a little ahead of the last look
    for (std::size_t place = stretches_.size(); place-- > 0; end = stretches_[place].noticed) {
        const Stretch& stretch = stretches_[place];
        const Moment moment = stretch.begin + (wall - stretch.wall);
        if (moment < end && (place == 0 || moment >= stretch.begin)) return std::max(now_ - moment, Duration::zero());
    }
    return std::nullopt;
}

}  // namespace relevo
