// The append-only log of what happened to messages. Every change of state is written with its event in one transaction,
// so state and history cannot disagree (architecture §5.7).
#pragma once

#include "core/events/history.h"
#include "core/ports/database.h"
#include "lib/base/identifier.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Stored numbers: never renumber.
enum class EventKind : std::uint8_t {
    accepted = 1,   // durable, 250 may follow
    deferred = 2,   // an attempt ended with "try again later"
    delivered = 3,  // the next hop took responsibility
    failed = 4,     // refused for good
    expired = 5,    // tried until the end of its time
    held = 6,       // waits for a person
    released = 7,
    dropped = 8,        // removed by a person
    reported = 9,       // a delivery status notification was made for it
    suppressed = 20,    // never sent: the recipient is on the tenant's list
    bounced = 21,       // a report of another server came back after it had taken the message
    complained = 22,    // its recipient called it spam
    auto_reply = 23,    // a program answered
    unsubscribed = 24,  // its recipient wants no more
    notified = 25,      // something else came back: a delay, a receipt, an answer of a person
    opened = 30,        // its image was loaded, by a person or a program
    clicked = 31,       // one of its links was followed, likewise
};
[[nodiscard]] std::string_view name_of(EventKind kind);

// In place of an ordinal: the event is of the whole message.
inline constexpr std::int64_t whole_message = -1;

struct Event {
    EventId id;
    std::chrono::system_clock::time_point at;
    EventKind kind = EventKind::accepted;
    MessageId message;
    std::int64_t ordinal = whole_message;
    TenantId tenant;
    std::string detail;  // a JSON object
};

// Threads: the committer's only. Ids grow by one in the order of commits, so a consumer's cursor never skips one that
// appears later.
class EventWriter {
 public:
    // Reads where the ids stand. Call once, before the first append.
    Result<void> recover(Reader& reader);
    // event.id is given here.
    Result<void> append(Transaction& transaction, const Event& event);

 private:
    std::int64_t last_id_ = 0;
    DayTables tables_{
        "event",
        "CREATE TABLE event_{0} (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL,"
        " message_id INTEGER NOT NULL, ordinal INTEGER NOT NULL, tenant_id INTEGER NOT NULL, detail TEXT NOT NULL);"
        "CREATE INDEX event_{0}_message ON event_{0} (message_id);"};
    DayStatement insert_{
        "INSERT INTO event_{} (id, at, kind, message_id, ordinal, tenant_id, detail) VALUES ($1, $2, $3, $4, $5, $6, "
        "$7)"};
    DayStatement newest_{"SELECT max(id) FROM event_{}"};
};

// Threads: the reader's only.
class EventReader {
 public:
    // Everything that happened to a message from the day of its acceptance on, oldest first; at most `limit`.
    Result<std::vector<Event>> of_message(Reader& reader, MessageId message, std::int64_t first_day,
                                          std::size_t limit = 10'000);
    // The last event of that kind of a message, looked for from today back to that day; nothing: there is none.
    Result<std::optional<Event>> latest(Reader& reader, MessageId message, EventKind kind, std::int64_t first_day);

 private:
    DayStatement select_{
        "SELECT id, at, kind, ordinal, tenant_id, detail FROM event_{} WHERE message_id = $1 ORDER BY id LIMIT $2"};
    DayStatement select_latest_{
        "SELECT id, at, kind, ordinal, tenant_id, detail FROM event_{} WHERE message_id = $1 AND kind = $2"
        " ORDER BY id DESC LIMIT 1"};
};

}  // namespace relevo
