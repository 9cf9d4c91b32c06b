#include "core/spool/spool.h"

#include "core/spool/message_facts.h"
#include "lib/base/json_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace relevo {
namespace {

constexpr std::string_view sql_insert_delivery =
    "INSERT INTO delivery (id, message_id, tenant_id, recipient, notify, original_recipient, state, due_at, attempts, "
    "delay_reported,"
    " last_reply) VALUES ($1, $2, $3, $4, $5, $6, $9, $7, 0, 0, $8)";
constexpr std::string_view sql_delete_delivery = "DELETE FROM delivery WHERE id = $1";
constexpr std::string_view sql_defer_delivery =
    "UPDATE delivery SET due_at = $1, attempts = $2, last_reply = $3 WHERE id = $4";
constexpr std::string_view sql_delay_reported = "UPDATE delivery SET delay_reported = 1 WHERE id = $1";
constexpr std::string_view sql_next_delivery = "SELECT message_id FROM delivery WHERE id >= $1 ORDER BY id LIMIT 1";
constexpr std::string_view sql_any_delivery = "SELECT 1 FROM delivery WHERE id >= $1 AND id < $2 LIMIT 1";
constexpr std::string_view sql_pending_recipients =
    "SELECT id, recipient, notify, original_recipient, first_due_at FROM delivery WHERE id >= $1 AND id <= $2 AND "
    "message_id = $3 "
    "AND state = 0 ORDER BY id";

constexpr std::int64_t last_ordinal = 65'535;  // MessageIdSource's bound

// Pools have numbers, so that a message needs no text for one.
constexpr int pool_shift = 8;

// The small values of a message in one column.
std::int64_t pack_options(const mail::Envelope& envelope, mail::MessageStream stream, std::int64_t pool) {
    return static_cast<std::int64_t>(envelope.body) | (envelope.smtputf8 ? 4 : 0) |
           static_cast<std::int64_t>(envelope.dsn_return) << 3 | (envelope.require_tls ? 32 : 0) |
           (stream == mail::MessageStream::bulk ? bulk_option : 0) | (envelope.tls_optional ? 128 : 0) |
           pool << pool_shift;
}

bool is_tls_optional(std::int64_t options) { return (options & 128) != 0; }

void unpack_options(std::int64_t options, mail::Envelope& envelope) {
    envelope.body = static_cast<mail::BodyType>(options & 3);
    envelope.smtputf8 = (options & 4) != 0;
    envelope.dsn_return = static_cast<mail::DsnReturn>(options >> 3 & 3);
    envelope.require_tls = (options & 32) != 0;
    envelope.tls_optional = is_tls_optional(options);
}

// The number of a pool's name, given with the first message that asks for it. 0: none.
Result<std::int64_t> number_of_pool(Transaction& transaction, std::string_view name) {
    std::int64_t number = 0;
    if (name.empty()) return number;
    const auto take = [&](const Row& row) -> Result<void> {
        number = row.integer(0);
        return {};
    };
    constexpr std::string_view find = "SELECT id FROM pool_name WHERE name = $1";
    RELEVO_CHECK(transaction.query(find, {name}, take));
    if (number != 0) return number;
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO pool_name (id, name) VALUES ((SELECT count(*) + 1 FROM pool_name), $1)", {name}));
    RELEVO_CHECK(transaction.query(find, {name}, take));
    return number;
}

// The names by number.
Result<std::map<std::int64_t, std::string>> names_of_pools(Reader& reader) {
    std::map<std::int64_t, std::string> names;
    RELEVO_CHECK(reader.query("SELECT id, name FROM pool_name", {}, [&](const Row& row) -> Result<void> {
        names.emplace(row.integer(0), row.text(1));
        return {};
    }));
    return names;
}

Result<mail::ReversePath> stored_sender(std::string_view text) {
    if (text.empty()) return mail::ReversePath();
    RELEVO_TRY(mail::Address address, mail::Address::parse(text, mail::Utf8::allowed));
    return mail::ReversePath(std::move(address));
}

// First id that a message accepted at the start of this day could have.
std::int64_t first_id_of(std::int64_t day) {
    return std::chrono::milliseconds(std::chrono::days(day)).count() << id_time_shift;
}

EventKind event_of(Outcome outcome) {
    switch (outcome) {
        case Outcome::delivered: return EventKind::delivered;
        case Outcome::deferred: return EventKind::deferred;
        case Outcome::failed: return EventKind::failed;
        case Outcome::expired: return EventKind::expired;
    }
    return EventKind::failed;
}

bool is_withheld(const Submission& submission, std::uint32_t ordinal) {
    return std::ranges::binary_search(submission.withheld, ordinal, {}, &Withheld::ordinal);
}

std::shared_ptr<Message> accepted_message(const Submission& submission, const ContentLocation& location) {
    auto message = std::make_shared<Message>();
    message->id = submission.id;
    message->tenant = submission.tenant;
    message->credential = submission.credential;
    message->stream = submission.stream;
    message->pool = submission.pool;
    message->due_at = std::max(submission.accepted_at, submission.not_before);
    message->envelope = submission.envelope;
    message->envelope.recipients.clear();
    for (std::uint32_t ordinal = 0; ordinal < submission.envelope.recipients.size(); ++ordinal) {
        if (is_withheld(submission, ordinal)) continue;
        message->envelope.recipients.push_back(submission.envelope.recipients[ordinal]);
        message->ordinals.push_back(ordinal);
    }
    message->accepted_at = submission.accepted_at;
    message->location = location;
    message->content = submission.content;
    return message;
}

}  // namespace

std::string_view name_of(Outcome outcome) { return name_of(event_of(outcome)); }

Result<Spool::Recovery> Spool::recover(Reader& reader, ContentStore& contents,
                                       const std::function<void(const PendingDelivery&)>& delivery) {
    Recovery recovery;
    RELEVO_CHECK(event_writer_.recover(reader));
    RELEVO_TRY(const std::vector<std::int64_t> days, history_days(reader, "message", 0));
    RELEVO_TRY(const auto pools, names_of_pools(reader));
    const auto pool_of = [&](std::int64_t options) {
        const auto found = pools.find(options >> pool_shift);
        return found == pools.end() ? std::string_view() : std::string_view(found->second);
    };
    MessageId previous;
    for (const std::int64_t day : days) {
        RELEVO_CHECK(reader.query(
            recover_.of(day), {first_id_of(day), first_id_of(day + 1)}, [&](const Row& row) -> Result<void> {
                const MessageId message{row.integer(1)};
                ++recovery.deliveries;
                const std::int64_t ordinal = row.integer(0) - message.value;
                if (row.is_null(8) || ordinal < 0 || ordinal > last_ordinal) {
                    recovery.damage.push_back(fmt::format("delivery {} to {} of {} has no message row", row.integer(0),
                                                          row.text(3), message.text()));
                    return {};
                }
                if (message != previous) {
                    contents.mark_live({.segment = static_cast<std::uint32_t>(row.integer(9)),
                                        .offset = static_cast<Octets>(row.integer(10)),
                                        .length = static_cast<Octets>(row.integer(8))});
                    previous = message;
                    ++recovery.messages;
                }
                delivery({.id = {message, static_cast<std::uint32_t>(ordinal)},
                          .tenant = TenantId{row.integer(2)},
                          .stream = stream_of_options(row.integer(11)),
                          .pool = pool_of(row.integer(11)),
                          .recipient = row.text(3),
                          .due_at = time_of_milliseconds(row.integer(4)),
                          .attempts = static_cast<std::uint32_t>(row.integer(5)),
                          .state = static_cast<DeliveryState>(row.integer(6)),
                          .delay_reported = row.integer(7) != 0,
                          .tls_optional = is_tls_optional(row.integer(11))});
                return {};
            }));
    }
    if (!days.empty())
        RELEVO_CHECK(reader.query(last_message_.of(days.back()), {}, [&](const Row& row) -> Result<void> {
            recovery.last = MessageId{row.integer(0) + row.integer(1)};
            return {};
        }));
    std::int64_t rows = 0;
    RELEVO_CHECK(reader.query("SELECT count(*) FROM delivery", {}, [&](const Row& row) -> Result<void> {
        rows = row.integer(0);
        return {};
    }));
    if (rows != recovery.deliveries)
        recovery.damage.push_back(
            fmt::format("{} deliveries belong to days without a message table", rows - recovery.deliveries));
    return recovery;
}

Result<void> Spool::insert(Transaction& transaction, const Submission& submission, const ContentLocation& location) {
    const mail::Envelope& envelope = submission.envelope;
    const std::int64_t day = day_of(time_of(submission.id));
    const std::string sender = envelope.reverse_path.text();
    RELEVO_TRY(const std::int64_t pool, number_of_pool(transaction, submission.pool));
    RELEVO_CHECK(message_tables_.insert(transaction, day, [&]() -> Result<void> {
        RELEVO_CHECK(transaction.execute(
            insert_message_.of(day),
            {submission.id.value, submission.tenant.value, submission.credential.value,
             milliseconds_of(submission.accepted_at), std::string_view(sender),
             pack_options(envelope, submission.stream, pool), std::string_view(envelope.envelope_id),
             static_cast<std::int64_t>(envelope.recipients.size()), static_cast<std::int64_t>(location.length),
             static_cast<std::int64_t>(location.segment), static_cast<std::int64_t>(location.offset)}));
        return {};
    }));
    for (std::uint32_t ordinal = 0; ordinal < envelope.recipients.size(); ++ordinal) {
        if (is_withheld(submission, ordinal)) continue;
        const mail::Recipient& recipient = envelope.recipients[ordinal];
        RELEVO_CHECK(transaction.execute(
            sql_insert_delivery,
            {key_of({submission.id, ordinal}), submission.id.value, submission.tenant.value,
             std::string_view(recipient.address.text()), static_cast<std::int64_t>(recipient.notify.bits),
             std::string_view(recipient.original_recipient),
             milliseconds_of(std::max(submission.accepted_at, submission.not_before)),
             std::string_view(submission.held_because.empty() ? submission.waits_for : submission.held_because),
             static_cast<std::int64_t>(submission.held_because.empty() ? DeliveryState::waiting
                                                                       : DeliveryState::held)}));
    }
    RELEVO_CHECK(event_writer_.append(transaction, Event{.id = {},
                                                         .at = submission.accepted_at,
                                                         .kind = EventKind::accepted,
                                                         .message = submission.id,
                                                         .ordinal = whole_message,
                                                         .tenant = submission.tenant,
                                                         .detail = submission.origin}));
    if (!submission.held_because.empty())
        RELEVO_CHECK(event_writer_.append(
            transaction, Event{.id = {},
                               .at = submission.accepted_at,
                               .kind = EventKind::held,
                               .message = submission.id,
                               .ordinal = whole_message,
                               .tenant = submission.tenant,
                               .detail = JsonWriter().field("reason", submission.held_because).finish()}));
    for (const Withheld& one : submission.withheld)
        RELEVO_CHECK(event_writer_.append(transaction, Event{.id = {},
                                                             .at = submission.accepted_at,
                                                             .kind = EventKind::suppressed,
                                                             .message = submission.id,
                                                             .ordinal = one.ordinal,
                                                             .tenant = submission.tenant,
                                                             .detail = one.detail}));
    if (submission.also) return submission.also(transaction);
    return {};
}

Task<Result<std::shared_ptr<const Message>>> Spool::accept(Submission submission) {
    CommitRequest request;
    ContentLocation location{.segment = 0, .offset = 0, .length = submission.content->size()};
    // What nobody gets is not kept.
    if (submission.withheld.size() < submission.envelope.recipients.size())
        request.contents.push_back({.id = submission.id, .content = submission.content, .location = {}});
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>& contents) {
        if (!contents.empty()) location = contents.front().location;
        return insert(transaction, submission, location);
    };
    RELEVO_CO_CHECK(co_await commit(committer_, std::move(request)));
    auto message = accepted_message(submission, location);
    choose_return_path(*message);
    co_return message;
}

void Spool::choose_return_path(Message& message) const {
    if (!rules_.return_path || message.envelope.reverse_path.is_null()) return;
    if (auto other = rules_.return_path(message))
        message.submitted_by = std::exchange(message.envelope.reverse_path, *std::move(other));
}

Task<Result<std::vector<std::shared_ptr<const Message>>>> Spool::note(std::vector<Event> events,
                                                                      std::vector<Submission> mails,
                                                                      std::function<Result<void>(Transaction&)> also) {
    CommitRequest request;
    for (const Submission& mail : mails)
        request.contents.push_back({.id = mail.id, .content = mail.content, .location = {}});
    std::vector<ContentLocation> locations(mails.size());
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>& contents) -> Result<void> {
        for (const Event& event : events) RELEVO_CHECK(event_writer_.append(transaction, event));
        for (std::size_t i = 0; i < mails.size(); ++i) {
            locations[i] = contents[i].location;
            RELEVO_CHECK(insert(transaction, mails[i], locations[i]));
        }
        return also ? also(transaction) : Result<void>();
    };
    RELEVO_CO_CHECK(co_await commit(committer_, std::move(request)));
    std::vector<std::shared_ptr<const Message>> accepted;
    for (std::size_t i = 0; i < mails.size(); ++i) accepted.push_back(accepted_message(mails[i], locations[i]));
    co_return accepted;
}

Result<bool> Spool::is_live(Reader& reader, MessageId id) {
    bool live = false;
    RELEVO_CHECK(reader.query(sql_next_delivery, {id.value}, [&](const Row& row) -> Result<void> {
        live = row.integer(0) == id.value;
        return {};
    }));
    return live;
}

Result<void> Spool::record_move(Transaction& transaction, const ContentStore::Move& move) {
    // The old place is part of the condition: a record that a failed commit left behind may carry the id of a message
    // that lives elsewhere.
    RELEVO_CHECK(transaction.execute(
        move_message_.of(day_of(time_of(move.id))),
        {static_cast<std::int64_t>(move.to.segment), static_cast<std::int64_t>(move.to.offset), move.id.value,
         static_cast<std::int64_t>(move.from.segment), static_cast<std::int64_t>(move.from.offset)}));
    return {};
}

Result<std::int64_t> Spool::apply(Transaction& transaction, const Message& message, const DeliveryOutcome& outcome) {
    const std::int64_t key = key_of({message.id, outcome.ordinal});
    std::int64_t removed = 0;
    if (outcome.outcome == Outcome::deferred) {
        RELEVO_CHECK(transaction.execute(sql_defer_delivery,
                                         {milliseconds_of(outcome.due_at), static_cast<std::int64_t>(outcome.attempts),
                                          std::string_view(outcome.last_reply), key}));
        if (outcome.delay_reported) RELEVO_CHECK(transaction.execute(sql_delay_reported, {key}));
    } else {
        RELEVO_TRY(removed, transaction.execute(sql_delete_delivery, {key}));
    }
    RELEVO_CHECK(event_writer_.append(transaction, Event{.id = {},
                                                         .at = WallClock::now(),
                                                         .kind = event_of(outcome.outcome),
                                                         .message = message.id,
                                                         .ordinal = outcome.ordinal,
                                                         .tenant = message.tenant,
                                                         .detail = outcome.detail}));
    if (rules_.ended && outcome.outcome != Outcome::deferred) RELEVO_CHECK(rules_.ended(transaction, message, outcome));
    return removed;
}

Result<void> Spool::append_reported(Transaction& transaction, const Message& message, const Submission& report) {
    return event_writer_.append(transaction,
                                Event{.id = {},
                                      .at = WallClock::now(),  // behind what it tells of
                                      .kind = EventKind::reported,
                                      .message = message.id,
                                      .ordinal = whole_message,
                                      .tenant = message.tenant,
                                      .detail = JsonWriter()
                                                    .field("report", report.id.text())
                                                    .field("to", report.envelope.recipients.front().address.text())
                                                    .finish()});
}

// Compaction may have moved it since the message was loaded.
Result<void> Spool::find_content(Transaction& transaction, MessageId id, ContentLocation& location) {
    return transaction.query(location_of_.of(day_of(time_of(id))), {id.value}, [&](const Row& row) -> Result<void> {
        location.segment = static_cast<std::uint32_t>(row.integer(0));
        location.offset = static_cast<Octets>(row.integer(1));
        return {};
    });
}

Task<Result<std::vector<std::shared_ptr<const Message>>>> Spool::record(std::shared_ptr<const Message> message,
                                                                        std::vector<DeliveryOutcome> outcomes,
                                                                        std::vector<Submission> reports) {
    CommitRequest request;
    for (const Submission& report : reports)
        request.contents.push_back({.id = report.id, .content = report.content, .location = {}});
    std::vector<ContentLocation> locations(reports.size());
    const bool may_end =
        std::ranges::any_of(outcomes, [](const DeliveryOutcome& o) { return o.outcome != Outcome::deferred; });
    std::int64_t removed = 0;
    bool ended = false;
    ContentLocation location = message->location;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>& contents) -> Result<void> {
        removed = 0;
        for (const DeliveryOutcome& outcome : outcomes) {
            RELEVO_TRY(const std::int64_t rows, apply(transaction, *message, outcome));
            removed += rows;
        }
        for (std::size_t i = 0; i < reports.size(); ++i) {
            locations[i] = contents[i].location;
            RELEVO_CHECK(insert(transaction, reports[i], locations[i]));
            RELEVO_CHECK(append_reported(transaction, *message, reports[i]));
        }
        if (!may_end) return {};
        RELEVO_TRY(const bool live, is_live(transaction, message->id));
        ended = !live && removed > 0;  // whoever removes the last row drops the content, and nobody else
        if (!ended) return {};
        return find_content(transaction, message->id, location);
    };
    RELEVO_CO_CHECK(co_await commit(committer_, std::move(request)));
    if (ended) committer_.drop_content(location);
    std::vector<std::shared_ptr<const Message>> accepted;
    for (std::size_t i = 0; i < reports.size(); ++i) accepted.push_back(accepted_message(reports[i], locations[i]));
    co_return accepted;
}

Result<Message> Spool::message_row(Reader& reader, MessageId id, std::uint32_t& recipients) {
    Message message;
    message.id = id;
    bool found = false;
    std::int64_t pool = 0;
    const std::int64_t day = day_of(time_of(id));
    RELEVO_TRY(const std::vector<std::int64_t> days, history_days(reader, "message", day));
    if (!days.empty() && days.front() == day)
        RELEVO_CHECK(reader.query(select_message_.of(day), {id.value}, [&](const Row& row) -> Result<void> {
            found = true;
            message.tenant = TenantId{row.integer(0)};
            message.credential = CredentialId{row.integer(1)};
            message.accepted_at = time_of_milliseconds(row.integer(2));
            RELEVO_TRY(message.envelope.reverse_path, stored_sender(row.text(3)));
            unpack_options(row.integer(4), message.envelope);
            message.stream = stream_of_options(row.integer(4));
            pool = row.integer(4) >> pool_shift;
            message.envelope.envelope_id = row.text(5);
            recipients = static_cast<std::uint32_t>(row.integer(6));
            message.location = {.segment = static_cast<std::uint32_t>(row.integer(8)),
                                .offset = static_cast<Octets>(row.integer(9)),
                                .length = static_cast<Octets>(row.integer(7))};
            return {};
        }));
    if (!found) return failure(ErrorKind::not_found, "there is no message " + id.text());
    if (pool != 0)
        RELEVO_CHECK(
            reader.query("SELECT name FROM pool_name WHERE id = $1", {pool}, [&](const Row& row) -> Result<void> {
                message.pool = row.text(0);
                return {};
            }));
    return message;
}

Task<Result<std::shared_ptr<const Message>>> Spool::load(MessageId id, std::vector<std::uint32_t> ordinals) {
    auto message = std::make_shared<Message>();
    RELEVO_CO_CHECK(co_await read_rows(committer_, [&](Reader& reader) -> Result<void> {
        std::uint32_t recipients = 0;
        RELEVO_TRY(*message, message_row(reader, id, recipients));
        return reader.query(
            sql_pending_recipients, {id.value, id.value + last_ordinal, id.value}, [&](const Row& row) -> Result<void> {
                const auto ordinal = static_cast<std::uint32_t>(row.integer(0) - id.value);
                if (!std::ranges::binary_search(ordinals, ordinal)) return {};
                auto address = mail::Address::parse(row.text(1), mail::Utf8::allowed);
                if (!address.has_value())  // it was one when it was accepted
                    return failure(ErrorKind::damaged, fmt::format("recipient {} of {} is damaged: {}", ordinal,
                                                                   id.text(), address.error().detail));
                message->envelope.recipients.push_back({.address = *std::move(address),
                                                        .notify = {static_cast<std::uint8_t>(row.integer(2))},
                                                        .original_recipient = std::string(row.text(3))});
                message->ordinals.push_back(ordinal);
                message->due_at = std::max(message->due_at, time_of_milliseconds(row.integer(4)));
                return {};
            });
    }));
    if (rules_.may_withhold) RELEVO_CO_CHECK(co_await withhold(*message));
    choose_return_path(*message);
    if (message->ordinals.empty())
        co_return failure(ErrorKind::not_found, "nothing of " + id.text() + " waits any more");
    auto content = co_await read_content(committer_, id, message->location);
    // A row without its content is damage, not the end of the message.
    if (!content.has_value())
        co_return failure(content.error().kind == ErrorKind::not_found ? ErrorKind::io : content.error().kind,
                          std::move(content.error().detail));
    message->content = std::make_shared<const std::string>(std::move(*content));
    co_return message;
}

// Ends the deliveries that the rules withhold, and takes them out of the message.
Task<Result<void>> Spool::withhold(Message& message) {
    const auto& recipients = message.envelope.recipients;
    if (std::ranges::none_of(recipients, [&](const mail::Recipient& recipient) {
            return rules_.may_withhold(message.tenant, recipient.address);
        }))
        co_return Result<void>();
    std::vector<std::uint32_t> ended;
    bool last = false;
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        ended.clear();
        for (std::size_t i = 0; i < recipients.size(); ++i) {
            RELEVO_TRY(auto detail, rules_.withhold(transaction, message.tenant, recipients[i].address));
            if (!detail) continue;
            const DeliveryId id{message.id, message.ordinals[i]};
            RELEVO_TRY(const std::int64_t removed, transaction.execute(sql_delete_delivery, {key_of(id)}));
            if (removed == 0) continue;
            RELEVO_CHECK(event_writer_.append(transaction, Event{.id = {},
                                                                 .at = WallClock::now(),
                                                                 .kind = EventKind::suppressed,
                                                                 .message = message.id,
                                                                 .ordinal = id.ordinal,
                                                                 .tenant = message.tenant,
                                                                 .detail = *std::move(detail)}));
            ended.push_back(id.ordinal);
        }
        RELEVO_TRY(const bool live, is_live(transaction, message.id));
        last = !live && !ended.empty();
        if (!last) return {};
        return find_content(transaction, message.id, message.location);
    };
    RELEVO_CO_CHECK(co_await commit(committer_, std::move(request)));
    if (last) committer_.drop_content(message.location);
    for (std::size_t i = message.ordinals.size(); i-- > 0;) {
        if (!std::ranges::binary_search(ended, message.ordinals[i])) continue;
        message.envelope.recipients.erase(message.envelope.recipients.begin() + static_cast<std::ptrdiff_t>(i));
        message.ordinals.erase(message.ordinals.begin() + static_cast<std::ptrdiff_t>(i));
    }
    co_return Result<void>();
}

Task<Result<int>> Spool::drop_history(std::int64_t first_kept_day) {
    int dropped = 0;
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        const auto is_needed = [&](std::int64_t day) -> Result<bool> {
            bool waits = false;
            RELEVO_CHECK(transaction.query(sql_any_delivery, {first_id_of(day), first_id_of(day + 1)},
                                           [&](const Row&) -> Result<void> {
                                               waits = true;
                                               return {};
                                           }));
            return waits;
        };
        RELEVO_TRY(dropped, drop_history_before(transaction, first_kept_day, is_needed));
        return {};
    };
    RELEVO_CO_CHECK(co_await commit(committer_, std::move(request)));
    co_return dropped;
}

Task<Result<std::string>> Spool::content_of(MessageId id) {
    ContentLocation location;
    RELEVO_CO_CHECK(co_await read_rows(committer_, [&](Reader& reader) -> Result<void> {
        std::uint32_t recipients = 0;
        RELEVO_TRY(const Message message, message_row(reader, id, recipients));
        location = message.location;
        return {};
    }));
    co_return co_await read_content(committer_, id, location);
}

}  // namespace relevo
