// Times that strangers name.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace relevo::acme {

using Time = std::chrono::system_clock::time_point;

// Seconds since 1970 within what a Time can hold: later ones ("99991231235959Z") become the year 2255, earlier ones
// 1970.
[[nodiscard]] inline Time bounded_time(std::int64_t seconds) {
    constexpr std::int64_t latest = 9'000'000'000;
    return Time(std::chrono::seconds(std::clamp(seconds, std::int64_t{0}, latest)));
}

}  // namespace relevo::acme
