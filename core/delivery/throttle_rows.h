// What was learned of paths, as rows: it survives a restart, and a crash but for its last minute.
#pragma once

#include "core/delivery/status.h"
#include "core/events/event.h"
#include "core/ports/database.h"

#include <functional>

namespace relevo {

// Writes what take_throttle_changes() gave, and an event for each number of a warm-up that is another one than the row
// said. Must be repeatable, so it is.
[[nodiscard]] Result<void> save_throttles(Transaction& transaction, EventWriter& events, const ThrottleChanges& changes,
                                          WallClock::time_point now);

// Calls `kept` for each row. A row that cannot be read (of another release, or damaged) is passed over: its path is
// learned anew. Returns how many were.
[[nodiscard]] Result<std::size_t> load_throttles(Reader& reader, const std::function<void(const KeptThrottle&)>& kept);

}  // namespace relevo
