// The append-only log of what happened: to messages, and to what mail depends on. Every change of state is written with
// its event in one transaction, so state and history cannot disagree (architecture §5.7).
#pragma once

#include "core/events/history.h"
#include "core/ports/database.h"
#include "lib/base/identifier.h"
#include "lib/base/json_writer.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
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
    // What mail depends on. Such an event has a subject; most are of no message.
    domain_status_changed = 40,  // a check of its DNS came out otherwise
    source_drained = 50,         // mail leaves from other addresses
    source_resumed = 51,
    source_listed = 52,         // a blocklist names one of its addresses
    source_delisted = 53,       // none does any more
    source_warm_up_step = 54,   // another number of messages a day to a provider
    tenant_warned = 60,         // of its conduct: too much bounces or is complained about
    tenant_slowed = 61,         // likewise
    tenant_held = 62,           // likewise
    tenant_released = 63,       // it sends as others do again
    certificate_issued = 70,    // for a name that had none
    certificate_renewed = 71,   //
    certificate_failed = 72,    // the authority refused, or could not be asked
    certificate_expiring = 73,  // soon, and nothing has renewed it
    suppression_created = 80,   // an address that mail is not sent to
    suppression_deleted = 81,   //
    quota_reached = 90,         // four fifths of it are used, or all
};
// "delivered"; what is not of a message says what it is of: "domain.status_changed".
[[nodiscard]] std::string_view name_of(EventKind kind);
[[nodiscard]] std::optional<EventKind> event_kind_named(std::string_view name);
// In the order of their numbers.
[[nodiscard]] std::span<const EventKind> all_event_kinds();

// What an event is about.
enum class EventTopic : std::uint8_t { message, domain, source, tenant, certificate, suppression, quota };
[[nodiscard]] std::string_view name_of(EventTopic topic);
[[nodiscard]] std::optional<EventTopic> event_topic_named(std::string_view name);
[[nodiscard]] EventTopic topic_of(EventKind kind);
// No tenant ever learns of it, whatever its tenant_id says (security row E9).
[[nodiscard]] bool is_of_the_operator(EventKind kind);

// In place of an ordinal: the event is of the whole message.
inline constexpr std::int64_t whole_message = -1;

struct Event {
    EventId id;
    std::chrono::system_clock::time_point at;
    EventKind kind = EventKind::accepted;
    MessageId message;  // none: 0
    std::int64_t ordinal = whole_message;
    TenantId tenant;        // none: of the whole server
    std::string detail;     // a JSON object
    std::string subject{};  // what subject_text() gives, also a member of `detail`; empty: the message alone
};

// "domain:dom_…", "source:NAME", "tenant:ten_…", "certificate:HOST", "suppression:ADDRESS", "quota:quo_…": by it the
// history of a thing is found.
[[nodiscard]] std::string subject_text(EventTopic topic, std::string_view name);
// An event that is of no message: about the thing of that name. `detail`: what else there is to say.
[[nodiscard]] Event occasion(EventKind kind, std::string_view name, TenantId tenant,
                             std::chrono::system_clock::time_point at, JsonWriter detail);

// Threads: the committer's only. Ids grow by one in the order of commits, so a consumer's cursor never skips one that
// appears later.
class EventWriter {
 public:
    // Reads where the ids stand. Call once, before the first append.
    Result<void> recover(Reader& reader);
    // event.id is given here.
    Result<void> append(Transaction& transaction, const Event& event);
    // The last event about a thing that is one of `kinds`: for those who tell a state only once.
    Result<std::optional<Event>> latest_about(Reader& transaction, const std::string& subject,
                                              std::initializer_list<EventKind> kinds);

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
    // The events of a thing, without a look at those of messages, of which there are a thousand times more.
    DayTables subject_tables_{
        "event_subject",
        "CREATE TABLE event_subject_{0} (subject TEXT NOT NULL, id BIGINT NOT NULL, PRIMARY KEY (subject, id));"};
    DayStatement insert_subject_{"INSERT INTO event_subject_{} (subject, id) VALUES ($1, $2)"};
    DayStatement newest_{"SELECT max(id) FROM event_{}"};
    DayStatement select_about_{
        "SELECT e.id, e.at, e.kind, e.ordinal, e.tenant_id, e.detail, e.message_id FROM event_subject_{0} s"
        " JOIN event_{0} e ON e.id = s.id WHERE s.subject = $1 ORDER BY s.id DESC"};
};

// Threads: those of the reader it is given, one at a time.
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
