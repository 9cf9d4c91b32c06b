// The log as people and programs read it: the newest first, by what they look for.
#pragma once

#include "core/events/event.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct EventQuery {
    std::optional<TenantId> tenant;    // of that one alone, and nothing that is the operator's
    std::optional<MessageId> message;  // about it
    std::string subject;               // about it; not empty: the rest of the log is not looked at
    std::optional<EventTopic> topic;
    std::optional<EventKind> kind;
};

// Where a page ended. The tables of days are read one after the other, so that an event that came around midnight may
// stand a little before or behind its neighbours, but never twice or not at all.
struct EventPlace {
    std::int64_t day = 0;
    std::int64_t id = 0;
    // "20783.1517"
    [[nodiscard]] std::string text() const;
    // Errors: invalid.
    [[nodiscard]] static Result<EventPlace> parse(std::string_view text);
};

// Threads: those of the reader it is given, one at a time.
class EventList {
 public:
    // So many events are looked at for one page: a page may be short, even empty, and have more behind it.
    static constexpr std::int64_t looked_at_limit = 50'000;

    struct Page {
        std::vector<Event> events;
        std::optional<EventPlace> next;  // nothing: that was all
    };
    // At most `limit` events that fit, from behind `after` on.
    Result<Page> page(Reader& reader, const EventQuery& query, const std::optional<EventPlace>& after,
                      std::size_t limit);

 private:
    struct Scan;
    Result<void> read_day(Reader& reader, Scan& scan, std::int64_t day, std::int64_t before);

    static constexpr std::int64_t looked_at_once = 500;
    DayStatement all_{
        "SELECT id, at, kind, message_id, ordinal, tenant_id, detail FROM event_{} WHERE id < $1 ORDER BY id DESC"
        " LIMIT $2"};
    DayStatement of_message_{
        "SELECT id, at, kind, message_id, ordinal, tenant_id, detail FROM event_{} WHERE id < $1 AND message_id = $3"
        " ORDER BY id DESC LIMIT $2"};
    DayStatement about_{
        "SELECT e.id, e.at, e.kind, e.message_id, e.ordinal, e.tenant_id, e.detail FROM event_subject_{0} s"
        " JOIN event_{0} e ON e.id = s.id WHERE s.id < $1 AND s.subject = $3 ORDER BY s.id DESC LIMIT $2"};
};

}  // namespace relevo
