// The log from where a consumer stopped (architecture §5.8). Its cursor is a row in the database that holds what
// follows from the events and moves in one transaction with that, so that a crash neither loses nor doubles anything.
#pragma once

#include "core/events/event.h"

#include <cstdint>
#include <string_view>
#include <vector>

namespace relevo {

// Threads: cursor() and after() on that of the reader they are given, one at a time; move() on the writer's.
class EventTail {
 public:
    // `consumer`: a literal, under which the cursor is kept.
    explicit EventTail(std::string_view consumer) : consumer_(consumer) {}

    // The last event that the consumer has had; 0 before the first. `home`: the database of the cursor.
    [[nodiscard]] Result<EventId> cursor(Reader& home) const;
    // The next events behind `cursor` in the order of commits, at most `limit`, of tables from `first_day` on. One
    // whose table is gone is passed over.
    Result<std::vector<Event>> after(Reader& log, EventId cursor, std::int64_t first_day, std::size_t limit);
    // The last event that there is; 0: there is none. A cursor beyond it is of another log: this one was put back from
    // an older copy, or its tables are all gone.
    Result<EventId> newest(Reader& log);
    // Errors: conflict – the cursor is not at `from`: somebody else has had these events.
    Result<void> move(Transaction& home, EventId from, EventId to) const;

 private:
    std::string_view consumer_;
    DayStatement first_{"SELECT min(id) FROM event_{} WHERE id > $1"};
    DayStatement newest_{"SELECT max(id) FROM event_{}"};
    DayStatement select_{
        "SELECT id, at, kind, message_id, ordinal, tenant_id, detail FROM event_{} WHERE id > $1 ORDER BY id LIMIT $2"};
};

}  // namespace relevo
