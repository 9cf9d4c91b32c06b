#include "core/events/event_tail.h"

#include <algorithm>
#include <utility>

namespace relevo {

Result<EventId> EventTail::cursor(Reader& home) const {
    EventId found;
    RELEVO_CHECK(home.query("SELECT event_id FROM event_cursor WHERE consumer = $1", {consumer_},
                            [&](const Row& row) -> Result<void> {
                                found = EventId{row.integer(0)};
                                return {};
                            }));
    return found;
}

Result<std::vector<Event>> EventTail::after(Reader& log, EventId cursor, std::int64_t first_day, std::size_t limit) {
    RELEVO_TRY(const std::vector<std::int64_t> days, history_days(log, "event", first_day));
    std::vector<std::pair<std::int64_t, std::int64_t>> firsts;  // the first id that is asked for, and its day
    for (const std::int64_t day : days)
        RELEVO_CHECK(log.query(first_.of(day), {cursor.value}, [&](const Row& row) -> Result<void> {
            if (!row.is_null(0)) firsts.emplace_back(row.integer(0), day);
            return {};
        }));
    std::ranges::sort(firsts);
    std::vector<Event> events;
    for (const auto& [first, day] : firsts) {
        // An event lies in the table of its own day, so that ids of two tables may interleave around midnight; beyond
        // that the first day has all that is asked for.
        if (events.size() >= limit && events[limit - 1].id.value < first) break;
        RELEVO_CHECK(log.query(select_.of(day), {cursor.value, static_cast<std::int64_t>(limit)},
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
    }
    if (events.size() > limit) events.resize(limit);
    return events;
}

Result<EventId> EventTail::newest(Reader& log) {
    EventId found;
    RELEVO_TRY(const std::vector<std::int64_t> days, history_days(log, "event", 0));
    for (const std::int64_t day : days)
        RELEVO_CHECK(log.query(newest_.of(day), {}, [&](const Row& row) -> Result<void> {
            found = std::max(found, EventId{row.integer(0)});
            return {};
        }));
    return found;
}

Result<void> EventTail::move(Transaction& home, EventId from, EventId to) const {
    RELEVO_TRY(const std::int64_t moved,
               home.execute("UPDATE event_cursor SET event_id = $1 WHERE consumer = $2 AND event_id = $3",
                            {to.value, consumer_, from.value}));
    if (moved == 1) return {};
    if (from.value != 0) return failure(ErrorKind::conflict, "the events were taken by somebody else");
    RELEVO_CHECK(home.execute("INSERT INTO event_cursor (consumer, event_id) VALUES ($1, $2)", {consumer_, to.value}));
    return {};
}

}  // namespace relevo
