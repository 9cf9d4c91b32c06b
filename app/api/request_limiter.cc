#include "app/api/request_limiter.h"

#include <algorithm>

namespace relevo::api {

RequestLimiter::Verdict RequestLimiter::take(const std::string& who, Clock::time_point now) {
    if (rate_ == 0) return {.is_allowed = true, .remaining = burst_};
    const auto step = std::chrono::duration_cast<Clock::duration>(std::chrono::seconds(1)) / rate_;
    const std::lock_guard lock(mutex_);
    forget_idle(now);
    Clock::time_point& full_at = full_at_[who];
    const Clock::time_point next = std::max(full_at, now) + step;
    const auto missing = next - now;
    if (missing > step * burst_) {
        const auto wait = std::chrono::ceil<std::chrono::seconds>(missing - step * burst_);
        return {.is_allowed = false, .remaining = 0, .retry_after = std::max(wait, std::chrono::seconds(1))};
    }
    full_at = next;
    return {.is_allowed = true, .remaining = static_cast<std::uint32_t>((step * burst_ - missing) / step)};
}

// Who has all tokens again needs no entry.
void RequestLimiter::forget_idle(Clock::time_point now) {
    if (now - swept_at_ < std::chrono::minutes(1)) return;
    swept_at_ = now;
    std::erase_if(full_at_, [&](const auto& entry) { return entry.second < now; });
}

}  // namespace relevo::api
