// How a new source gets known at a provider: a number of messages for the day that grows from one good day to the next.
#pragma once

#include "core/shaping/change_log.h"
#include "core/shaping/limits.h"
#include "lib/bounces/bounce_class.h"

#include <cstdint>

namespace relevo::shaping {

// Plain numbers, for a row of a table.
struct WarmUpState {
    std::uint16_t day = 0;     // since 1970, UTC; 0: not begun
    bool ended = false;        // the full number was reached: it limits no more
    std::uint32_t target = 0;  // messages of that day
    std::uint32_t sent = 0;
    std::uint32_t delivered = 0;
    std::uint32_t deferred = 0;  // without greylisting, which says nothing about us
    std::uint32_t bounced = 0;
    std::uint32_t complained = 0;
    friend bool operator==(const WarmUpState&, const WarmUpState&) = default;
};

// A day is good if the shares of deferrals, bounces and complaints are within the limits', and counts only if half of
// its messages were used. Good: the number is multiplied. Not counted, or bad: it stays. Very bad (over twice a limit):
// it is halved, but never below the start. After 30 days without mail a source is new again.
class WarmUp {
 public:
    [[nodiscard]] bool limits_anything(const Limits& limits) const;
    // It has begun, and the source is not new again yet.
    [[nodiscard]] bool is_known(Time now) const;
    // What is left of the day.
    [[nodiscard]] std::uint32_t room(const Limits& limits, Time now) const;
    [[nodiscard]] Time tomorrow(Time now) const;
    void sent(const Limits& limits, Time now, std::uint32_t recipients, ChangeLog& log);
    void heard(bounces::BounceClass kind, std::uint32_t recipients);
    void complained() { ++state_.complained; }

    // As it would be if the day of `now` had begun: what people are shown.
    [[nodiscard]] WarmUpState state_at(const Limits& limits, Time now) const;
    [[nodiscard]] const WarmUpState& state() const { return state_; }
    void restore(const WarmUpState& state) { state_ = state; }

 private:
    enum class Step : std::uint8_t { begun, grew, held, shrank, ended };
    [[nodiscard]] static std::pair<WarmUpState, Step> on_day(const WarmUpState& state, const Limits& limits,
                                                             std::uint16_t day);
    WarmUpState state_;
};

}  // namespace relevo::shaping
