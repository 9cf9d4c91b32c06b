// The search for messages, in the database of the statistics.
#include "core/erasure/erasure.h"
#include "core/spool/message.h"
#include "core/statistics/search_words.h"
#include "lib/base/text.h"

#include <algorithm>

namespace relevo {
namespace {

constexpr std::int64_t page_rows = 5'000;
constexpr std::int64_t last_ordinal = 65'535;  // MessageIdSource's bound
constexpr std::size_t messages_at_once = 100;  // in one transaction

struct SearchRow {
    std::int64_t id = 0, tenant = 0;
    std::string recipient, sender;
};

}  // namespace

// Rows that the events do not tell any more, and how many there are.
Task<Result<void>> Erasure::find_searched(Run& run) {
    RELEVO_CO_TRY(const std::vector<std::int64_t> days, co_await days_of(statistics_, "recipient"));
    for (const std::int64_t day : days) {
        std::int64_t after = 0;
        for (bool is_more = true; is_more;) {
            is_more = false;
            RELEVO_CO_CHECK(co_await read_rows(statistics_, [&](Reader& reader) {
                return reader.query(searched_.of(day), {after, page_rows}, [&](const Row& row) -> Result<void> {
                    after = row.integer(0);
                    is_more = true;
                    const std::int64_t message = row.integer(1);
                    if (run.tenant != 0 && run.tenant != row.integer(2)) return {};
                    const bool is_recipient = run.person.is(row.text(3)), is_sender = run.person.is(row.text(4));
                    if (run.mail.size() + 2 > mail_limit)
                        return failure(ErrorKind::limit,
                                       "more than a million messages are to or from the address: "
                                       "name a tenant");
                    if (is_recipient) run.mail.emplace(message, after - message);
                    if (is_sender) run.mail.emplace(message, -1);
                    const bool stays = run.waiting.contains({message, after - message}) ||
                                       (is_sender && !is_recipient && waits(run, message));
                    if ((is_recipient || is_sender) && !stays) ++run.counts.searches;
                    return {};
                });
            }));
        }
        day_done(run);
    }
    co_return Result<void>();
}

Task<Result<void>> Erasure::erase_searches(Run& run) {
    if (run.mode == Mode::count) co_return Result<void>();
    RELEVO_CO_TRY(const std::vector<std::int64_t> days, co_await days_of(statistics_, "recipient"));
    std::vector<std::int64_t> messages;  // ascending, as the places are
    for (const auto& [message, ordinal] : run.mail)
        if ((messages.empty() || messages.back() != message) &&
            std::ranges::binary_search(days, day_of(time_of(MessageId{message}))))
            messages.push_back(message);
    for (std::size_t at = 0; at < messages.size(); at += messages_at_once)
        RELEVO_CO_CHECK(co_await write(statistics_, [&](Transaction& transaction) -> Result<void> {
            for (std::size_t i = at; i < std::min(at + messages_at_once, messages.size()); ++i)
                RELEVO_CHECK(erase_search(transaction, run, messages[i]));
            return {};
        }));
    co_return Result<void>();
}

// The index holds no copy of the words: what goes out of it must be what went in.
Result<void> Erasure::erase_search(Transaction& transaction, const Run& run, std::int64_t message) {
    const std::int64_t day = day_of(time_of(MessageId{message}));
    std::vector<SearchRow> rows;
    RELEVO_CHECK(transaction.query(
        searches_of_.of(day), {message, message + last_ordinal, message}, [&](const Row& row) -> Result<void> {
            rows.push_back({row.integer(0), row.integer(1), std::string(row.text(2)), std::string(row.text(3))});
            return {};
        }));
    MailLabels labels;
    RELEVO_TRY(const std::vector<std::int64_t> labelled, history_days(transaction, "labels", day));
    const bool has_labels = !labelled.empty() && labelled.front() == day;
    if (has_labels)
        RELEVO_CHECK(transaction.query(labels_of_.of(day), {message}, [&](const Row& row) -> Result<void> {
            labels.subject = row.text(0);
            for (const std::string_view tag : split(row.text(1), '\n'))
                if (!tag.empty()) labels.tags.emplace_back(tag);
            return {};
        }));
    const bool is_sender = run.mail.contains({message, -1});
    std::size_t left = 0;
    for (const SearchRow& row : rows) {
        const bool is_recipient = run.mail.contains({message, row.id - message});
        if (!is_recipient) ++left;
        if (!is_recipient && !is_sender) continue;
        const TenantId tenant{row.tenant};
        RELEVO_CHECK(
            transaction.execute(delete_words_.of(day),
                                {row.id, std::string_view(search_words(tenant, row.recipient, row.sender, labels))}));
        if (is_recipient) {
            RELEVO_CHECK(transaction.execute(delete_search_.of(day), {row.id}));
            continue;
        }
        RELEVO_CHECK(transaction.execute(update_search_.of(day), {erased_address, row.id}));
        RELEVO_CHECK(
            transaction.execute(insert_words_.of(day),
                                {row.id, std::string_view(search_words(tenant, row.recipient, erased_address, {}))}));
    }
    // Of a message to others the subject is theirs as well, if it is not of the person.
    if (has_labels && (is_sender || left == 0)) RELEVO_CHECK(transaction.execute(delete_labels_.of(day), {message}));
    return {};
}

}  // namespace relevo
