// How far the wall clock may have been wrong when a row was written. Internal.
#pragma once

#include <chrono>

namespace relevo {

// What would last longer than its lifetime and this was made by a clock that was ahead, and does not count (security
// row R13). Two hours, because an hour is how far a wrong time zone or summer time puts a clock.
inline constexpr std::chrono::hours clock_slack{2};

}  // namespace relevo
