#include "core/events/event_tail.h"

#include <algorithm>

namespace relevo {

Result<EventId> EventTail::newest(Reader& reader) {
    RELEVO_TRY(const std::vector<std::int64_t> days, history_days(reader, "event", 0));
    EventId newest;
    // Near midnight it may lie in the table of the day before.
    for (std::size_t index = days.size() < 2 ? 0 : days.size() - 2; index < days.size(); ++index)
        RELEVO_CHECK(reader.query(newest_.of(days[index]), {}, [&](const Row& row) -> Result<void> {
            if (!row.is_null(0)) newest.value = std::max(newest.value, row.integer(0));
            return {};
        }));
    return newest;
}

Result<std::vector<Event>> EventTail::after(Reader& reader, EventId cursor, std::int64_t first_day, std::size_t limit) {
    RELEVO_TRY(const std::vector<std::int64_t> days, history_days(reader, "event", first_day));
    std::vector<Event> events;
    // An event lies in the table of its own day, so that ids of two tables may interleave around midnight.
    for (const std::int64_t day : days)
        RELEVO_CHECK(reader.query(select_.of(day), {cursor.value, static_cast<std::int64_t>(limit)},
                                  [&](const Row& row) -> Result<void> {
                                      events.push_back({.id = EventId{row.integer(0)},
                                                        .at = time_of_milliseconds(row.integer(1)),
                                                        .kind = static_cast<EventKind>(row.integer(2)),
                                                        .message = MessageId{row.integer(3)},
                                                        .ordinal = row.integer(4),
                                                        .tenant = TenantId{row.integer(5)},
                                                        .detail = std::string(row.text(6))});
                                      return {};
                                  }));
    std::ranges::sort(events, {}, &Event::id);
    if (events.size() > limit) events.resize(limit);
    return events;
}

}  // namespace relevo
