// Envelope, content, deliveries and events, durable before 250 (RFC 5321 §6.1), and every change of them afterwards.
#pragma once

#include "core/events/event.h"
#include "core/ports/committer.h"
#include "core/spool/message.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relevo {

[[nodiscard]] std::span<const Migration> spool_migrations();

// A recipient that gets nothing: it is an event from the beginning.
struct Withheld {
    std::uint32_t ordinal = 0;
    std::string detail;  // JSON object of the event `suppressed`
};

// What reception (or delivery, for a report) hands over.
struct Submission {
    MessageId id;  // from the shard's MessageIdSource
    TenantId tenant;
    CredentialId credential;
    mail::MessageStream stream = mail::MessageStream::transactional;
    std::string pool;  // of egress sources, that the sender asks for; empty: none
    mail::Envelope envelope;
    std::shared_ptr<const std::string> content;
    WallClock::time_point accepted_at;
    WallClock::time_point not_before{};  // delivery waits until then; the epoch: it may begin at once
    std::string waits_for;               // why, as the queue list shows it
    std::string held_because;            // not empty: its recipients are held, and nothing is to be delivered
    std::string origin;                  // JSON object: how it came in; the detail of the `accepted` event
    std::vector<Withheld> withheld;      // ascending; nothing of the message waits if that is all of its recipients
    // Rows of others that belong into the same transaction (usage, last login, idempotency key); may be empty. Must be
    // repeatable.
    std::function<Result<void>(Transaction&)> also;
};

enum class Outcome : std::uint8_t { delivered, deferred, failed, expired };
[[nodiscard]] std::string_view name_of(Outcome outcome);

// What became of one delivery in one attempt.
struct DeliveryOutcome {
    std::uint32_t ordinal = 0;
    Outcome outcome = Outcome::deferred;
    WallClock::time_point due_at;  // deferred only
    std::uint32_t attempts = 0;
    std::string last_reply;       // one line, kept for the queue list
    std::string detail;           // JSON object of the event
    bool delay_reported = false;  // a delay warning goes out with this outcome
};

// A delivery as the queue list shows it.
struct DeliveryRow {
    DeliveryId id;
    TenantId tenant;
    mail::MessageStream stream = mail::MessageStream::transactional;
    std::string pool;  // that it asks for
    std::string sender;
    std::string recipient;
    WallClock::time_point accepted_at;
    WallClock::time_point due_at;
    std::uint32_t attempts = 0;
    DeliveryState state = DeliveryState::waiting;
    std::string last_reply;
    bool delay_reported = false;
    Octets size = 0;
    bool tls_optional = false;  // as in its envelope
    bool restored = false;      // held because it came from a backup
};

// A message as `message show` needs it.
struct MessageRow {
    MessageId id;
    TenantId tenant;
    CredentialId credential;
    mail::MessageStream stream = mail::MessageStream::transactional;
    std::string pool;  // that it asks for
    std::string sender;
    WallClock::time_point accepted_at;
    Octets size = 0;
    std::uint32_t recipients = 0;
    std::vector<DeliveryRow> pending;
    std::vector<Event> events;
};

struct DeliveryFilter {
    std::optional<MessageId> message;
    std::optional<TenantId> tenant;
    std::string sender;            // exact address, or empty
    std::string recipient;         // exact address, or empty
    std::string recipient_domain;  // or empty
    std::optional<DeliveryState> state;
    bool restored = false;  // only what is held because it came from a backup
};

// A backup was made; one that shows an earlier moment than the last changes nothing.
[[nodiscard]] Result<void> record_backup(Transaction& transaction, WallClock::time_point moment);

// Threads: its methods may be called on any shard; state of its own is touched on the committer's and the reader's
// threads alone.
class Spool {
 public:
    explicit Spool(Committer& committer) : committer_(committer) {}

    // What writes the log, for events that are of no message: one numbers all of them. Threads: the committer's, after
    // recover() or hold_for_review().
    [[nodiscard]] EventWriter& events() { return event_writer_; }

    // Holds what waits and is wanted until a person lets it go: in a store that was made from a backup it may have been
    // delivered since, in one that was damaged an address may be wrong. `reason` is what people read. Before anything
    // else of this spool. Returns the number of recipients.
    Result<std::int64_t> hold_for_review(Transaction& transaction, const std::string& reason,
                                         const std::function<bool(DeliveryId)>& is_wanted);

    // What others decide about recipients. Each is called on the committer's thread inside the transaction, must be
    // repeatable, and may be empty.
    struct Rules {
        // A delivery ended; for what must be written with it.
        std::function<Result<void>(Transaction&, const Message&, const DeliveryOutcome&)> ended;
        // The detail of the event `suppressed` if the recipient must not be sent to any more; asked when a message is
        // loaded for a later attempt.
        std::function<Result<std::optional<std::string>>(Reader&, TenantId, const mail::Address&)> withhold;
        // Whether `withhold` may say so: asked first, on the shard.
        std::function<bool(TenantId, const mail::Address&)> may_withhold;
        // What the message leaves with instead of its sender, on any shard; nothing: its sender. Empty: always that.
        std::function<std::optional<mail::ReversePath>(const Message&)> return_path;
    };
    // Before the shards start.
    void set_rules(Rules rules) { rules_ = std::move(rules); }

    // At start, before anything else and before the committer's thread runs: tells the content store what lives, calls
    // `delivery` for each row of the queue in order of acceptance. Damaged rows are reported in the error list, never
    // invented or dropped.
    struct Recovery {
        std::int64_t messages = 0, deliveries = 0;
        MessageId last;  // the greatest id ever given, finished messages included
        std::vector<std::string> damage;
    };
    Result<Recovery> recover(Reader& reader, ContentStore& contents,
                             const std::function<void(const PendingDelivery&)>& delivery);

    // Completes when the message survives a power cut. Errors: full – 452 4.3.1; limit – 451 4.3.2; io, damaged –
    // 451 4.3.0.
    Task<Result<std::shared_ptr<const Message>>> accept(Submission submission);

    // Writes what became of deliveries of one message, and reports that it caused, in one transaction. Returns the
    // accepted reports.
    Task<Result<std::vector<std::shared_ptr<const Message>>>> record(std::shared_ptr<const Message> message,
                                                                     std::vector<DeliveryOutcome> outcomes,
                                                                     std::vector<Submission> reports);

    // Writes events of messages, rows of others and mail that follow from what came back, in one transaction. Returns
    // the accepted mail.
    Task<Result<std::vector<std::shared_ptr<const Message>>>> note(std::vector<Event> events,
                                                                   std::vector<Submission> mails,
                                                                   std::function<Result<void>(Transaction&)> also);

    // The message with those of its `ordinals` that still wait and are not held, and its content; those that the rules
    // withhold have ended, as if a person had dropped them. Errors: not_found –
    // finished or held meanwhile; damaged; io – its content is not there.
    Task<Result<std::shared_ptr<const Message>>> load(MessageId id, std::vector<std::uint32_t> ordinals);

    // For people. `after` pages: rows with a greater key.
    Task<Result<std::vector<DeliveryRow>>> list(DeliveryFilter filter, std::int64_t after, std::size_t limit);
    Task<Result<MessageRow>> show(MessageId id);
    Task<Result<std::string>> content_of(MessageId id);
    // Sets the state of deliveries, found by their ids; drop removes them (reason goes into the event). The result
    // tells how each stood just before; rows that ended meanwhile are left out.
    enum class Change : std::uint8_t { hold, release, retry, drop };
    Task<Result<std::vector<DeliveryRow>>> change(std::vector<DeliveryRow> rows, Change change, std::string reason);

    // Destinations that a person suspended: the queue keeps their mail until resumed.
    struct Suspension {
        std::string site;
        std::string reason;
        WallClock::time_point since;
    };
    Task<Result<std::vector<Suspension>>> suspensions();
    Task<Result<void>> set_suspension(std::string site, std::optional<std::string> reason);  // nullopt: resume

    // For monitoring.
    struct Numbers {
        std::optional<WallClock::time_point> oldest_waiting;  // when it was accepted; what is held does not count
        std::size_t suspensions = 0;
        std::optional<WallClock::time_point> last_backup;  // the moment that it shows
    };
    Task<Result<Numbers>> numbers();

    // For the committer's compaction (core owns the rows).
    [[nodiscard]] static Result<bool> is_live(Reader& reader, MessageId id);
    Result<void> record_move(Transaction& transaction, const ContentStore::Move& move);
    // Drops history older than the day. Days of messages still in the queue stay: one that is held waits for a person,
    // however long. Returns the number of tables.
    Task<Result<int>> drop_history(std::int64_t first_kept_day);

 private:
    Result<void> insert(Transaction& transaction, const Submission& submission, const ContentLocation& location);
    // Returns how many rows it removed.
    Result<std::int64_t> apply(Transaction& transaction, const Message& message, const DeliveryOutcome& outcome);
    Task<Result<void>> withhold(Message& message);
    void choose_return_path(Message& message) const;
    Result<void> find_content(Transaction& transaction, MessageId id, ContentLocation& location);
    Result<void> append_reported(Transaction& transaction, const Message& message, const Submission& report);
    Result<void> change_one(Transaction& transaction, const DeliveryRow& row, Change change, WallClock::time_point now);
    Result<std::vector<DeliveryRow>> rows_of(Reader& reader, const DeliveryFilter& filter, std::int64_t after,
                                             std::size_t limit);
    Result<Message> message_row(Reader& reader, MessageId id, std::uint32_t& recipients);

    Committer& committer_;
    Rules rules_;
    // Committer's thread:
    EventWriter event_writer_;
    DayTables message_tables_{
        "message",
        "CREATE TABLE message_{0} (id INTEGER PRIMARY KEY, tenant_id INTEGER NOT NULL, credential_id INTEGER NOT NULL,"
        " accepted_at INTEGER NOT NULL, sender TEXT NOT NULL, options INTEGER NOT NULL,"
        " envelope_id TEXT NOT NULL, recipients INTEGER NOT NULL, size INTEGER NOT NULL, segment INTEGER NOT NULL,"
        " segment_offset INTEGER NOT NULL);"};
    DayStatement insert_message_{
        "INSERT INTO message_{} (id, tenant_id, credential_id, accepted_at, sender, options, envelope_id, recipients, "
        "size,"
        " segment, segment_offset) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"};
    DayStatement move_message_{
        "UPDATE message_{} SET segment = $1, segment_offset = $2 WHERE id = $3 AND segment = $4 AND segment_offset = "
        "$5"};
    DayStatement location_of_{"SELECT segment, segment_offset, size FROM message_{} WHERE id = $1"};
    DayStatement last_message_{"SELECT id, recipients FROM message_{} ORDER BY id DESC LIMIT 1"};
    // Reader's thread:
    EventReader event_reader_;
    DayStatement select_message_{
        "SELECT tenant_id, credential_id, accepted_at, sender, options, envelope_id, recipients, size, segment, "
        "segment_offset"
        " FROM message_{} WHERE id = $1"};
    DayStatement recover_{
        "SELECT d.id, d.message_id, d.tenant_id, d.recipient, d.due_at, d.attempts, d.state, d.delay_reported, m.size, "
        "m.segment, "
        "m.segment_offset, m.options"
        " FROM delivery d LEFT JOIN message_{} m ON m.id = d.message_id WHERE d.id >= $1 AND d.id < $2 ORDER BY d.id"};
};

}  // namespace relevo
