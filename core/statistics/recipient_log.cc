#include "core/statistics/recipient_log.h"

#include "core/spool/message.h"
#include "core/statistics/search_words.h"

#include <algorithm>
#include <limits>
#include <ranges>

namespace relevo {
namespace {

using mailsearch::State;

constexpr std::int64_t last_ordinal = 65'535;  // MessageIdSource's bound
constexpr std::size_t step_rows = 2'000;       // read at once
constexpr std::int64_t due_at_once = 1'000;    // messages

std::int64_t day_of_id(MessageId id) { return day_of(time_of(id)); }

// The first id that a message accepted then could have.
std::int64_t first_id_at(WallClock::time_point time) { return milliseconds_of(time) << id_time_shift; }

FoundRecipient recipient_of(const Row& row) {
    const MessageId message{row.integer(1)};
    return {.id = {message, static_cast<std::uint32_t>(row.integer(0) - message.value)},
            .tenant = TenantId{row.integer(2)},
            .recipient = std::string(row.text(3)),
            .sender = std::string(row.text(4)),
            .state = static_cast<State>(row.integer(5)),
            .marks = static_cast<std::uint8_t>(row.integer(6)),
            .reason = std::string(row.text(7)),
            .changed_at = time_of_milliseconds(row.integer(8)),
            .send_at = std::nullopt,
            .labels = {}};
}

}  // namespace

Result<void> RecipientWriter::write(Transaction& transaction, const RecipientChange& change) {
    const std::int64_t day = day_of_id(change.mail->message);
    return tables_.insert(transaction, day, [&]() -> Result<void> {
        return change.ordinal ? change_recipient(transaction, day, change) : change_message(transaction, day, change);
    });
}

Result<void> RecipientWriter::change_message(Transaction& transaction, std::int64_t day,
                                             const RecipientChange& change) {
    const std::int64_t first = change.mail->message.value;
    if (change.state)
        RELEVO_CHECK(transaction.execute(change_message_.of(day), {static_cast<std::int64_t>(*change.state), change.at,
                                                                   first, first + last_ordinal, first}));
    if (change.marks != 0)
        RELEVO_CHECK(transaction.execute(mark_message_.of(day), {static_cast<std::int64_t>(change.marks), change.at,
                                                                 first, first + last_ordinal, first}));
    return {};
}

Result<bool> RecipientWriter::update(Transaction& transaction, std::int64_t day, const RecipientChange& change) {
    if (change.only_if_new) return false;
    const std::int64_t key = key_of({change.mail->message, *change.ordinal});
    const auto marks = static_cast<std::int64_t>(change.marks);
    RELEVO_TRY(const std::int64_t changed,
               change.state ? transaction.execute(update_.of(day), {static_cast<std::int64_t>(*change.state), marks,
                                                                    std::string_view(change.reason), change.at, key})
                            : transaction.execute(mark_.of(day), {marks, change.at, key}));
    return changed > 0;
}

Result<bool> RecipientWriter::insert(Transaction& transaction, std::int64_t day, const RecipientChange& change) {
    if (change.recipient.empty()) return false;
    const FoundMail& mail = *change.mail;
    const std::int64_t key = key_of({mail.message, *change.ordinal});
    RELEVO_TRY(const std::int64_t inserted,
               transaction.execute(
                   insert_.of(day),
                   {key, mail.message.value, mail.tenant.value, std::string_view(change.recipient),
                    std::string_view(mail.sender), static_cast<std::int64_t>(change.state.value_or(State::waiting)),
                    static_cast<std::int64_t>(change.marks), std::string_view(change.reason), change.at}));
    if (inserted == 0) return false;
    if (change.send_at != 0)
        RELEVO_CHECK(
            transaction.execute("INSERT INTO scheduled (message_id, send_at) VALUES ($1, $2)"
                                " ON CONFLICT (message_id) DO NOTHING",
                                {mail.message.value, change.send_at}));
    const std::string words = search_words(mail.tenant, change.recipient, mail.sender, mail.labels);
    RELEVO_CHECK(words_.insert(transaction, day, [&]() -> Result<void> {
        RELEVO_CHECK(transaction.execute(insert_words_.of(day), {key, std::string_view(words)}));
        return {};
    }));
    return true;
}

Result<void> RecipientWriter::change_recipient(Transaction& transaction, std::int64_t day,
                                               const RecipientChange& change) {
    // First what most likely does it.
    if (change.arrives) {
        RELEVO_TRY(const bool inserted, insert(transaction, day, change));
        if (!inserted) RELEVO_CHECK(update(transaction, day, change));
        return {};
    }
    RELEVO_TRY(const bool updated, update(transaction, day, change));
    if (!updated) RELEVO_CHECK(insert(transaction, day, change));
    return {};
}

Result<void> RecipientWriter::begin_due(Transaction& transaction, WallClock::time_point now) {
    std::vector<std::pair<MessageId, std::int64_t>> due;  // with their times
    RELEVO_CHECK(
        transaction.query("SELECT message_id, send_at FROM scheduled WHERE send_at <= $1 ORDER BY send_at LIMIT $2",
                          {milliseconds_of(now), due_at_once}, [&](const Row& row) -> Result<void> {
                              due.emplace_back(MessageId{row.integer(0)}, row.integer(1));
                              return {};
                          }));
    for (const auto& [message, send_at] : due) {
        const std::int64_t first = message.value, day = day_of_id(message);
        RELEVO_CHECK(tables_.insert(transaction, day, [&]() -> Result<void> {
            RELEVO_CHECK(transaction.execute(begin_.of(day), {send_at, first, first + last_ordinal, first}));
            return {};
        }));
        RELEVO_CHECK(transaction.execute("DELETE FROM scheduled WHERE message_id = $1", {first}));
    }
    return {};
}

struct RecipientSearch::Search {
    const mailsearch::MailQuery& query;
    std::optional<TenantId> tenant;
    std::string expression;
    Index index = Index::all;
    std::int64_t first = 0, end = 0;  // of ids
    std::size_t limit = 0;
    std::size_t looked_at = 0;
    RecipientPage page;
    void choose_index();
    [[nodiscard]] bool is_over() const { return page.rows.size() >= limit || looked_at >= looked_at_limit; }
};

// The index that leaves the fewest rows to look at.
void RecipientSearch::Search::choose_index() {
    const bool is_by_words = !search_expression(query, std::nullopt).empty();
    // What rows do not have is for the index alone to find.
    const bool is_by_labels = !query.subject.empty() || !query.tags.empty();
    const bool is_rare_state = query.state && *query.state != State::delivered;
    const bool is_rare_mark = query.mark && static_cast<int>(*query.mark) >= 4;
    if (is_rare_mark && !is_by_labels)
        index = Index::marks;
    else if (is_rare_state && !is_by_words)
        index = tenant ? Index::tenant_state : Index::state;
    else if (expression = search_expression(query, tenant); !expression.empty())
        index = Index::words;
}

Result<std::size_t> RecipientSearch::read_step(Reader& reader, std::int64_t day, const Search& search,
                                               std::int64_t below, std::size_t count, const RowCallback& row) {
    const auto limit = static_cast<std::int64_t>(count);
    std::size_t rows = 0;
    const RowCallback counted = [&](const Row& one) -> Result<void> {
        ++rows;
        return row(one);
    };
    const auto state = static_cast<std::int64_t>(search.query.state.value_or(State::waiting));
    switch (search.index) {
        case Index::words:
            RELEVO_CHECK(reader.query(by_words_.of(day),
                                      {std::string_view(search.expression), search.first, below, limit}, counted));
            break;
        case Index::state:
            RELEVO_CHECK(reader.query(by_state_.of(day), {state, search.first, below, limit}, counted));
            break;
        case Index::tenant_state:
            RELEVO_CHECK(
                reader.query(by_tenant_.of(day), {search.tenant->value, state, search.first, below, limit}, counted));
            break;
        case Index::marks: RELEVO_CHECK(reader.query(by_marks_.of(day), {search.first, below, limit}, counted)); break;
        case Index::all: RELEVO_CHECK(reader.query(in_order_.of(day), {search.first, below, limit}, counted)); break;
    }
    return rows;
}

Result<void> RecipientSearch::find_in_day(Reader& reader, std::int64_t day, Search& search) {
    std::int64_t below = search.end;
    std::size_t step = std::min(step_rows, std::max<std::size_t>(search.limit, 50));
    for (;;) {
        bool is_full = false;
        RELEVO_TRY(
            const std::size_t rows, read_step(reader, day, search, below, step, [&](const Row& row) -> Result<void> {
                if (is_full) return {};
                FoundRecipient one = recipient_of(row);
                below = row.integer(0);
                ++search.looked_at;
                if ((!search.tenant || *search.tenant == one.tenant) &&
                    mailsearch::matches(
                        search.query,
                        {.recipient = one.recipient, .sender = one.sender, .state = one.state, .marks = one.marks}))
                    search.page.rows.push_back(std::move(one));
                is_full = search.is_over();
                return {};
            }));
        if (search.is_over()) {
            search.page.next = below;
            return {};
        }
        if (rows < step) return {};
        step = step_rows;
    }
}

Result<void> RecipientSearch::add_schedule(Reader& reader, RecipientPage& page) {
    for (FoundRecipient& one : page.rows)
        if (one.state == State::scheduled)
            RELEVO_CHECK(reader.query("SELECT send_at FROM scheduled WHERE message_id = $1", {one.id.message.value},
                                      [&](const Row& row) -> Result<void> {
                                          one.send_at = time_of_milliseconds(row.integer(0));
                                          return {};
                                      }));
    return {};
}

Result<RecipientPage> RecipientSearch::find(Reader& reader, const mailsearch::MailQuery& query,
                                            std::optional<TenantId> tenant, std::int64_t before, std::size_t limit) {
    Search search{.query = query,
                  .tenant = tenant,
                  .expression = {},
                  .end = before > 0 ? before : std::numeric_limits<std::int64_t>::max(),
                  .limit = limit,
                  .page = {}};
    search.choose_index();
    if (query.after) search.first = first_id_at(*query.after);
    if (query.before) search.end = std::min(search.end, first_id_at(*query.before));
    if (!query.id.empty()) {
        RELEVO_TRY(const MessageId id, MessageId::parse(query.id));
        search.index = Index::all;
        search.first = std::max(search.first, id.value);
        search.end = std::min(search.end, id.value + last_ordinal + 1);
    }
    RELEVO_TRY(const std::vector<std::int64_t> days,
               history_days(reader, "recipient", day_of_id(MessageId{search.first})));
    for (const std::int64_t day : std::views::reverse(days)) {
        if (day > day_of_id(MessageId{search.end - 1})) continue;
        RELEVO_CHECK(find_in_day(reader, day, search));
        if (search.is_over()) break;
    }
    if (!query.id.empty())  // recipients of others lie within the same keys
        std::erase_if(search.page.rows, [&](const FoundRecipient& one) { return one.id.message.text() != query.id; });
    RELEVO_CHECK(add_schedule(reader, search.page));
    RELEVO_CHECK(labels_.refresh(reader));
    for (FoundRecipient& one : search.page.rows) {
        RELEVO_TRY(one.labels, labels_.of(reader, one.id.message));
    }
    return std::move(search.page);
}

}  // namespace relevo
