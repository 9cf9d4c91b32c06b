// The log from where a consumer stopped (architecture §5.8).
#pragma once

#include "core/events/event.h"

#include <vector>

namespace relevo {

// Threads: the reader's only.
class EventTail {
 public:
    // The last one that there is; zero: none yet.
    Result<EventId> newest(Reader& reader);
    // The next events behind `cursor` in the order of commits, at most `limit`, of tables from `first_day` on.
    Result<std::vector<Event>> after(Reader& reader, EventId cursor, std::int64_t first_day, std::size_t limit);

 private:
    DayStatement newest_{"SELECT max(id) FROM event_{}"};
    DayStatement select_{
        "SELECT id, at, kind, message_id, ordinal, tenant_id, detail FROM event_{} WHERE id > $1 ORDER BY id LIMIT $2"};
};

}  // namespace relevo
