// What a person asks of the queue: list, show, hold, release, retry, drop, suspend.
#include "core/spool/spool.h"
#include "lib/base/json_writer.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::string_view sql_page =
    "SELECT id, message_id, tenant_id, recipient, state, due_at, attempts, last_reply, delay_reported, restored FROM "
    "delivery WHERE id > $1 AND id - message_id BETWEEN 0 AND 65535 ORDER BY id LIMIT $2";
constexpr std::string_view sql_of_message =
    "SELECT id, message_id, tenant_id, recipient, state, due_at, attempts, last_reply, delay_reported, restored FROM "
    "delivery WHERE id >= $1 AND id <= $2 AND message_id = $3 ORDER BY id";
constexpr std::size_t page_rows = 1000;
constexpr std::int64_t last_ordinal = 65'535;  // MessageIdSource's bound

DeliveryRow delivery_row(const Row& row) {
    DeliveryRow delivery;
    delivery.id.message = MessageId{row.integer(1)};
    delivery.id.ordinal = static_cast<std::uint32_t>(row.integer(0) - row.integer(1));
    delivery.tenant = TenantId{row.integer(2)};
    // Saved from a damaged page it may be anything.
    delivery.recipient = is_utf8(row.text(3)) ? std::string(row.text(3)) : printable(row.text(3));
    delivery.state = static_cast<DeliveryState>(row.integer(4));
    delivery.due_at = time_of_milliseconds(row.integer(5));
    delivery.attempts = static_cast<std::uint32_t>(row.integer(6));
    delivery.last_reply = row.text(7);
    delivery.delay_reported = row.integer(8) != 0;
    delivery.restored = row.integer(9) != 0;
    return delivery;
}

// Whose delivery it is and for whom, as its event tells, and how it stands: the caller may know the id alone, or how it
// stood a while ago. False: it waits no more.
Result<bool> read_present(Reader& reader, DeliveryRow& row) {
    bool waits = false;
    RELEVO_CHECK(
        reader.query("SELECT tenant_id, recipient, state, attempts, delay_reported FROM delivery WHERE id = $1",
                     {key_of(row.id)}, [&](const Row& found) -> Result<void> {
                         waits = true;
                         row.tenant = TenantId{found.integer(0)};
                         row.recipient = found.text(1);
                         row.state = static_cast<DeliveryState>(found.integer(2));
                         row.attempts = static_cast<std::uint32_t>(found.integer(3));
                         row.delay_reported = found.integer(4) != 0;
                         return {};
                     }));
    return waits;
}

std::string_view domain_of(std::string_view address) { return address.substr(address.rfind('@') + 1); }

bool matches(const DeliveryFilter& filter, const DeliveryRow& row) {
    return (!filter.tenant || *filter.tenant == row.tenant) && (!filter.state || *filter.state == row.state) &&
           (!filter.restored || row.restored) &&
           (filter.recipient.empty() || equals_ignoring_case(filter.recipient, row.recipient)) &&
           (filter.recipient_domain.empty() ||
            equals_ignoring_case(filter.recipient_domain, domain_of(row.recipient))) &&
           (filter.sender.empty() || equals_ignoring_case(filter.sender, row.sender));
}

}  // namespace

Result<std::vector<DeliveryRow>> Spool::rows_of(Reader& reader, const DeliveryFilter& filter, std::int64_t after,
                                                std::size_t limit) {
    std::vector<DeliveryRow> found;
    Message known;  // rows of one message follow each other: its row is read once
    const auto complete = [&](DeliveryRow& row) -> Result<void> {
        if (known.id != row.id.message) {
            std::uint32_t recipients = 0;
            RELEVO_TRY(known, message_row(reader, row.id.message, recipients));
        }
        row.sender = known.sender().text();
        row.accepted_at = known.accepted_at;
        row.stream = known.stream;
        row.pool = known.pool;
        row.size = known.location.length;
        row.tls_optional = known.envelope.tls_optional;
        return {};
    };
    for (bool more = true; more && found.size() < limit;) {
        std::vector<DeliveryRow> page;
        const auto take = [&](const Row& row) -> Result<void> {
            page.push_back(delivery_row(row));
            return {};
        };
        if (filter.message) {
            const std::int64_t first = filter.message->value;
            RELEVO_CHECK(reader.query(sql_of_message, {std::max(first, after + 1), first + last_ordinal, first}, take));
            more = false;
        } else {
            RELEVO_CHECK(reader.query(sql_page, {after, static_cast<std::int64_t>(page_rows)}, take));
            more = page.size() == page_rows;
        }
        for (DeliveryRow& row : page) {
            after = key_of(row.id);
            if (!complete(row).has_value() || !matches(filter, row)) continue;
            found.push_back(std::move(row));
            if (found.size() == limit) break;
        }
    }
    return found;
}

Task<Result<std::vector<DeliveryRow>>> Spool::list(DeliveryFilter filter, std::int64_t after, std::size_t limit) {
    std::vector<DeliveryRow> rows;
    RELEVO_CO_CHECK(co_await read_rows(committer_, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(rows, rows_of(reader, filter, after, limit));
        return {};
    }));
    co_return rows;
}

Task<Result<MessageRow>> Spool::show(MessageId id) {
    MessageRow shown;
    RELEVO_CO_CHECK(co_await read_rows(committer_, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(const Message message, message_row(reader, id, shown.recipients));
        shown.id = id;
        shown.tenant = message.tenant;
        shown.credential = message.credential;
        shown.stream = message.stream;
        shown.pool = message.pool;
        shown.sender = message.sender().text();
        shown.accepted_at = message.accepted_at;
        shown.size = message.location.length;
        DeliveryFilter only_this;
        only_this.message = id;
        RELEVO_TRY(shown.pending, rows_of(reader, only_this, 0, 65'536));
        RELEVO_TRY(shown.events, event_reader_.of_message(reader, id, day_of(message.accepted_at)));
        return {};
    }));
    co_return shown;
}

Task<Result<std::vector<DeliveryRow>>> Spool::change(std::vector<DeliveryRow> rows, Change change, std::string reason) {
    std::vector<DeliveryRow> changed;
    std::vector<ContentLocation> ended;
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        changed.clear();
        ended.clear();
        const auto now = WallClock::now();
        for (DeliveryRow row : rows) {
            RELEVO_TRY(const bool waits, read_present(transaction, row));
            if (!waits) continue;
            RELEVO_CHECK(change_one(transaction, row, change, now));
            changed.push_back(row);
            RELEVO_CHECK(event_writer_.append(
                transaction,
                Event{.id = {},
                      .at = now,
                      .kind = change == Change::hold   ? EventKind::held
                              : change == Change::drop ? EventKind::dropped
                                                       : EventKind::released,
                      .message = row.id.message,
                      .ordinal = row.id.ordinal,
                      .tenant = row.tenant,
                      .detail = JsonWriter().field("recipient", row.recipient).optional("reason", reason).finish()}));
            if (change != Change::drop) continue;
            RELEVO_TRY(const bool live, is_live(transaction, row.id.message));
            if (live) continue;
            RELEVO_CHECK(transaction.query(location_of_.of(day_of(time_of(row.id.message))), {row.id.message.value},
                                           [&](const Row& found) -> Result<void> {
                                               ended.push_back({.segment = static_cast<std::uint32_t>(found.integer(0)),
                                                                .offset = static_cast<Octets>(found.integer(1)),
                                                                .length = static_cast<Octets>(found.integer(2))});
                                               return {};
                                           }));
        }
        return {};
    };
    RELEVO_CO_CHECK(co_await commit(committer_, std::move(request)));
    for (const ContentLocation& location : ended) committer_.drop_content(location);
    co_return changed;
}

Result<void> Spool::change_one(Transaction& transaction, const DeliveryRow& row, Change change,
                               WallClock::time_point now) {
    const std::int64_t key = key_of(row.id);
    switch (change) {
        case Change::hold:
            RELEVO_CHECK(transaction.execute("UPDATE delivery SET state = 1 WHERE id = $1", {key}));
            break;
        case Change::release:
        case Change::retry:
            RELEVO_CHECK(transaction.execute("UPDATE delivery SET state = 0, restored = 0, due_at = $1 WHERE id = $2",
                                             {milliseconds_of(now), key}));
            break;
        case Change::drop: RELEVO_CHECK(transaction.execute("DELETE FROM delivery WHERE id = $1", {key})); break;
    }
    return {};
}

Result<std::int64_t> Spool::hold_for_review(Transaction& transaction, const std::string& reason,
                                            const std::function<bool(DeliveryId)>& is_wanted) {
    RELEVO_CHECK(event_writer_.recover(transaction));
    const auto now = WallClock::now();
    std::int64_t held = 0;
    std::vector<DeliveryRow> page;
    for (std::int64_t after = 0;; after = key_of(page.back().id)) {
        page.clear();
        RELEVO_CHECK(transaction.query(sql_page, {after, static_cast<std::int64_t>(page_rows)},
                                       [&](const Row& row) -> Result<void> {
                                           page.push_back(delivery_row(row));
                                           return {};
                                       }));
        if (page.empty()) break;
        for (const DeliveryRow& row : page) {
            // Held for another reason, which stays.
            if (row.state != DeliveryState::waiting || !is_wanted(row.id)) continue;
            RELEVO_CHECK(
                transaction.execute("UPDATE delivery SET state = 1, restored = 1, last_reply = $1 WHERE id = $2",
                                    {std::string_view(reason), key_of(row.id)}));
            ++held;
            RELEVO_CHECK(event_writer_.append(
                transaction,
                Event{.id = {},
                      .at = now,
                      .kind = EventKind::held,
                      .message = row.id.message,
                      .ordinal = row.id.ordinal,
                      .tenant = row.tenant,
                      .detail = JsonWriter().field("recipient", row.recipient).field("reason", reason).finish()}));
        }
    }
    return held;
}

Task<Result<std::vector<Spool::Suspension>>> Spool::suspensions() {
    std::vector<Suspension> found;
    RELEVO_CO_CHECK(co_await read_rows(committer_, [&](Reader& reader) -> Result<void> {
        return reader.query(
            "SELECT site, reason, since FROM suspension ORDER BY site", {}, [&](const Row& row) -> Result<void> {
                found.push_back(
                    {std::string(row.text(0)), std::string(row.text(1)), time_of_milliseconds(row.integer(2))});
                return {};
            });
    }));
    co_return found;
}

Task<Result<void>> Spool::set_suspension(std::string site, std::optional<std::string> reason) {
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_CHECK(transaction.execute("DELETE FROM suspension WHERE site = $1", {std::string_view(site)}));
        if (reason)
            RELEVO_CHECK(transaction.execute(
                "INSERT INTO suspension (site, reason, since) VALUES ($1, $2, $3)",
                {std::string_view(site), std::string_view(*reason), milliseconds_of(WallClock::now())}));
        return {};
    };
    co_return co_await commit(committer_, std::move(request));
}

}  // namespace relevo
