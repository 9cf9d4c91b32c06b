#include "core/events/event.h"

#include <algorithm>

namespace relevo {
namespace {

Event event_of(const Row& row, MessageId message) {
    return {.id = EventId{row.integer(0)},
            .at = time_of_milliseconds(row.integer(1)),
            .kind = static_cast<EventKind>(row.integer(2)),
            .message = message,
            .ordinal = row.integer(3),
            .tenant = TenantId{row.integer(4)},
            .detail = std::string(row.text(5))};
}

}  // namespace

std::string_view name_of(EventKind kind) {
    switch (kind) {
        case EventKind::accepted: return "accepted";
        case EventKind::deferred: return "deferred";
        case EventKind::delivered: return "delivered";
        case EventKind::failed: return "failed";
        case EventKind::expired: return "expired";
        case EventKind::held: return "held";
        case EventKind::released: return "released";
        case EventKind::dropped: return "dropped";
        case EventKind::reported: return "reported";
        case EventKind::suppressed: return "suppressed";
        case EventKind::bounced: return "bounced";
        case EventKind::complained: return "complained";
        case EventKind::auto_reply: return "auto_reply";
        case EventKind::unsubscribed: return "unsubscribed";
        case EventKind::notified: return "notified";
        case EventKind::opened: return "opened";
        case EventKind::clicked: return "clicked";
    }
    return "unknown";
}

Result<void> EventWriter::recover(Reader& reader) {
    RELEVO_TRY(const std::vector<std::int64_t> days, history_days(reader, "event", 0));
    // Near midnight the newest id may lie in the table of the day before, as an event has the day of its time.
    for (const std::int64_t day : days)
        RELEVO_CHECK(reader.query(newest_.of(day), {}, [&](const Row& row) -> Result<void> {
            if (!row.is_null(0)) last_id_ = std::max(last_id_, row.integer(0));
            return {};
        }));
    // The tables may be gone, of a server that had no mail for long: no consumer must find ids again that it has had.
    return reader.query("SELECT max(event_id) FROM event_cursor", {}, [&](const Row& row) -> Result<void> {
        if (!row.is_null(0)) last_id_ = std::max(last_id_, row.integer(0));
        return {};
    });
}

Result<void> EventWriter::append(Transaction& transaction, const Event& event) {
    const std::int64_t day = day_of(event.at);
    const std::int64_t id = ++last_id_;
    return tables_.insert(transaction, day, [&]() -> Result<void> {
        RELEVO_CHECK(transaction.execute(
            insert_.of(day), {id, milliseconds_of(event.at), static_cast<std::int64_t>(event.kind), event.message.value,
                              event.ordinal, event.tenant.value, std::string_view(event.detail)}));
        return {};
    });
}

Result<std::vector<Event>> EventReader::of_message(Reader& reader, MessageId message, std::int64_t first_day,
                                                   std::size_t limit) {
    RELEVO_TRY(const std::vector<std::int64_t> days, history_days(reader, "event", first_day));
    std::vector<Event> events;
    for (const std::int64_t day : days) {
        const auto room = static_cast<std::int64_t>(limit - events.size());
        RELEVO_CHECK(reader.query(select_.of(day), {message.value, room}, [&](const Row& row) -> Result<void> {
            events.push_back(event_of(row, message));
            return {};
        }));
        if (events.size() >= limit) break;
    }
    return events;
}

Result<std::optional<Event>> EventReader::latest(Reader& reader, MessageId message, EventKind kind,
                                                 std::int64_t first_day) {
    RELEVO_TRY(std::vector<std::int64_t> days, history_days(reader, "event", first_day));
    std::ranges::reverse(days);
    std::optional<Event> found;
    for (const std::int64_t day : days) {
        RELEVO_CHECK(reader.query(select_latest_.of(day), {message.value, static_cast<std::int64_t>(kind)},
                                  [&](const Row& row) -> Result<void> {
                                      found = event_of(row, message);
                                      return {};
                                  }));
        if (found) break;
    }
    return found;
}

}  // namespace relevo
