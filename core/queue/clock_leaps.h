// How long ago something was, although the wall clock was set meanwhile. Pure data, no I/O.
#pragma once

#include "core/ports/task.h"

#include <chrono>
#include <optional>
#include <vector>

namespace relevo {

// Holds the wall clock against the steady one: where they part by a minute or more, the wall clock leapt (NTP after a
// start with a wrong clock, a person, a machine that slept). Threads: one's.
class ClockLeaps {
 public:
    using Duration = std::chrono::milliseconds;

    // Call it before age(), and at least each minute. How far the wall clock leapt since the last look, ahead or back;
    // zero: it did not.
    Duration look(WallClock::time_point wall, Clock::time_point steady);
    // How long before the last look the wall clock said so, leaps not counted; of several such moments the latest.
    // nullopt: it never did, as far as this knows.
    [[nodiscard]] std::optional<Duration> age(WallClock::time_point time) const;
    // How long ago the first look was.
    [[nodiscard]] Duration known_for() const { return now_ - first_; }

 private:
    using Moment = std::chrono::time_point<Clock, Duration>;
    using WallMoment = std::chrono::time_point<WallClock, Duration>;
    // From `begin` on the wall clock went on from `wall`, until the next was noticed. When it leapt between two looks
    // nobody knows: the earliest moment is taken here, the latest for the end of the stretch before.
    struct Stretch {
        Moment begin;
        WallMoment wall;
        Moment noticed;
    };
    std::vector<Stretch> stretches_;  // the first reaches back for ever; bounded
    Moment first_{}, now_{};
};

}  // namespace relevo
