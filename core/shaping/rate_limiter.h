// Keeps what happens within Rates. Seconds and minutes are spread evenly: at most a tenth of a unit's amount (at least
// one) goes at once. Hours and days are counted in a window that slides, so that no full hour lets twice as many
// through; these counts survive restarts.
#pragma once

#include "core/shaping/permission.h"

#include <array>
#include <cstdint>

namespace relevo::shaping {

// What happened in the unit that ends now, from counts of quarters of it: what of the oldest quarter still belongs to
// it is taken as spread evenly.
struct SlidingCount {
    std::uint32_t quarter = 0;              // since 1970: the current one
    std::uint32_t current = 0;              // in it
    std::array<std::uint32_t, 4> before{};  // in those before it, the latest first

    void add(Time now, std::chrono::seconds unit, std::uint32_t amount);
    [[nodiscard]] double at(Time now, std::chrono::seconds unit) const;
    // When one more stays within `limit`.
    [[nodiscard]] Time free_at(Time now, std::chrono::seconds unit, std::uint32_t limit) const;
    friend bool operator==(const SlidingCount&, const SlidingCount&) = default;
};

// An even pace, as a moment that moves on with each use (the generic cell rate algorithm).
struct Pacer {
    Time next{};  // when the next one would be exactly on time

    // When the next may go; `burst` ≥ 1 may go at once.
    [[nodiscard]] Time free_at(double per_second, double burst) const;
    void take(Time now, double per_second, std::uint32_t amount);
};

class RateLimiter {
 public:
    // `recipients` of a grant: what hours and days leave, at most `most`.
    [[nodiscard]] Permission check(const Rates& rates, Time now, std::uint32_t most, Hindrance hindrance) const;
    void take(const Rates& rates, Time now, std::uint32_t amount);

    [[nodiscard]] const SlidingCount& hour() const { return hour_; }
    [[nodiscard]] const SlidingCount& day() const { return day_; }
    void restore(const SlidingCount& hour, const SlidingCount& day);
    // The clock was set back by `by`.
    void shift(Time::duration by);

 private:
    Pacer second_, minute_;
    SlidingCount hour_, day_;
};

}  // namespace relevo::shaping
