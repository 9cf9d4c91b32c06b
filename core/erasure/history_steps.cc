// What is kept by days: messages, events, the audit log.
#include "core/erasure/erasure.h"
#include "core/events/event.h"
#include "core/spool/message.h"
#include "lib/json/json.h"

#include <boost/json/object.hpp>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::int64_t window_rows = 20'000;  // looked at in one read
constexpr std::int64_t page_rows = 5'000;     // taken out of the database in one read
constexpr std::size_t changes_at_once = 500;  // in one transaction

Result<void> add_place(std::set<std::pair<std::int64_t, std::int64_t>>& mail, std::int64_t message,
                       std::int64_t ordinal) {
    if (mail.size() >= Erasure::mail_limit)
        return failure(ErrorKind::limit, "more than a million messages are to or from the address: name a tenant");
    mail.emplace(message, ordinal);
    return {};
}

// Whose event it is, as its detail says.
std::string recipient_of(std::string_view detail) {
    const auto parsed = json::parse(detail);
    if (!parsed.has_value() || !parsed->is_object()) return {};
    const auto* recipient = parsed->get_object().if_contains("recipient");
    return recipient != nullptr && recipient->is_string() ? std::string(std::string_view(recipient->get_string()))
                                                          : std::string();
}

}  // namespace

// What waits is still needed: to deliver it, and to report to its sender.
Task<Result<void>> Erasure::find_waiting(Run& run) {
    std::int64_t after = 0;
    for (bool is_more = true; is_more;) {
        is_more = false;
        RELEVO_CO_CHECK(co_await read_rows(mail_, [&](Reader& reader) {
            return reader.query(
                "SELECT id, message_id, tenant_id, recipient FROM delivery WHERE id > $1 ORDER BY id"
                " LIMIT $2",
                {after, page_rows}, [&](const Row& row) -> Result<void> {
                    after = row.integer(0);
                    is_more = true;
                    if (run.tenant != 0 && run.tenant != row.integer(2)) return {};
                    if (!waits(run, row.integer(1))) run.waiting_mails.push_back(row.integer(1));
                    if (!run.person.is(row.text(3))) return {};
                    ++run.counts.waiting;
                    run.waiting.emplace(row.integer(1), row.integer(0) - row.integer(1));
                    return {};
                });
        }));
    }
    co_return Result<void>();
}

Task<Result<void>> Erasure::find_sent(Run& run) {
    RELEVO_CO_TRY(const std::vector<std::int64_t> days, co_await days_of(mail_, "message"));
    for (const std::int64_t day : days) {
        std::int64_t after = 0;
        for (bool is_more = true; is_more;) {
            is_more = false;
            RELEVO_CO_CHECK(co_await read_rows(mail_, [&](Reader& reader) {
                return reader.query(sent_.of(day), {after, page_rows}, [&](const Row& row) -> Result<void> {
                    after = row.integer(0);
                    is_more = true;
                    if ((run.tenant != 0 && run.tenant != row.integer(2)) || !run.person.is(row.text(1))) return {};
                    if (waits(run, after)) ++run.counts.waiting;
                    return add_place(run.mail, after, -1);
                });
            }));
        }
        day_done(run);
    }
    co_return Result<void>();
}

Task<Result<std::pair<std::int64_t, std::int64_t>>> Erasure::event_ids_of(std::int64_t day) {
    std::pair<std::int64_t, std::int64_t> ids{1, 0};
    RELEVO_CO_CHECK(co_await read_rows(mail_, [&](Reader& reader) {
        return reader.query(event_bounds_.of(day), {}, [&](const Row& row) -> Result<void> {
            if (!row.is_null(0)) ids = {row.integer(0), row.integer(1)};
            return {};
        });
    }));
    co_return ids;
}

Task<Result<void>> Erasure::find_received(Run& run) {
    RELEVO_CO_CHECK(co_await read_rows(mail_, [&](Reader& reader) {
        return reader.query("SELECT message_id, ordinal FROM erasure_mail WHERE erasure_id = $1", {run.id},
                            [&](const Row& row) { return add_place(run.mail, row.integer(0), row.integer(1)); });
    }));
    RELEVO_CO_TRY(const std::vector<std::int64_t> days, co_await days_of(mail_, "event"));
    for (const std::int64_t day : days) {
        RELEVO_CO_TRY(const auto ids, co_await event_ids_of(day));
        const std::int64_t last = ids.second;
        for (std::int64_t after = ids.first - 1; after < last; after += window_rows)
            RELEVO_CO_CHECK(co_await read_rows(mail_, [&](Reader& reader) {
                return reader.query(received_.of(day),
                                    {after, after + window_rows, std::string_view(run.person.pattern()), run.tenant},
                                    [&](const Row& row) -> Result<void> {
                                        if (!run.person.is(recipient_of(row.text(2)))) return {};
                                        return add_place(run.mail, row.integer(0), row.integer(1));
                                    });
            }));
        day_done(run);
    }
    co_return Result<void>();
}

Task<Result<void>> Erasure::keep_places(const Run& run) {
    for (auto next = run.mail.begin(); next != run.mail.end();) {
        const auto begin = next;
        std::size_t count = 0;
        for (; next != run.mail.end() && count < changes_at_once; ++count) ++next;
        const auto end = next;
        RELEVO_CO_CHECK(co_await write(mail_, [&](Transaction& transaction) -> Result<void> {
            for (auto place = begin; place != end; ++place)
                RELEVO_CHECK(
                    transaction.execute("INSERT INTO erasure_mail (erasure_id, message_id, ordinal) VALUES ($1, $2, $3)"
                                        " ON CONFLICT (erasure_id, message_id, ordinal) DO NOTHING",
                                        {run.id, place->first, place->second}));
            return {};
        }));
    }
    co_return Result<void>();
}

Task<Result<void>> Erasure::erase_events(Run& run) {
    RELEVO_CO_TRY(const std::vector<std::int64_t> days, co_await days_of(mail_, "event"));
    for (const std::int64_t day : days) {
        RELEVO_CO_TRY(const auto ids, co_await event_ids_of(day));
        const std::int64_t last = ids.second;
        for (std::int64_t after = ids.first - 1; after < last; after += page_rows) {
            std::vector<Change> changes;
            RELEVO_CO_CHECK(co_await read_rows(mail_, [&](Reader& reader) {
                return reader.query(events_.of(day), {after, after + page_rows, run.tenant},
                                    [&](const Row& row) -> Result<void> {
                                        const std::int64_t message = row.integer(1), ordinal = row.integer(2);
                                        if (run.waiting.contains({message, ordinal})) return {};
                                        const bool is_sender = run.mail.contains({message, -1});
                                        const bool is_recipient = ordinal >= 0 && run.mail.contains({message, ordinal});
                                        std::string rest;
                                        if (is_recipient)
                                            rest = PersonText::bare_detail(row.text(3), PersonText::EventOf::recipient);
                                        else if (is_sender && ordinal < 0)
                                            rest = PersonText::bare_detail(row.text(3), PersonText::EventOf::message);
                                        else if (!waits(run, message))
                                            rest = run.person.without(row.text(3));
                                        else
                                            return {};
                                        if (rest != row.text(3))
                                            changes.push_back({.id = row.integer(0), .text = std::move(rest)});
                                        return {};
                                    });
            }));
            run.counts.events += std::ssize(changes);
            if (run.mode == Mode::count || changes.empty()) continue;
            RELEVO_CO_CHECK(co_await write(mail_, [&](Transaction& transaction) -> Result<void> {
                for (const Change& change : changes)
                    RELEVO_CHECK(
                        transaction.execute(update_event_.of(day), {std::string_view(change.text), change.id}));
                return {};
            }));
        }
        day_done(run);
    }
    co_return Result<void>();
}

// The histories of the person's entries on lists.
Task<Result<void>> Erasure::erase_subjects(Run& run) {
    if (run.mode == Mode::count) co_return Result<void>();
    RELEVO_CO_TRY(const std::vector<std::int64_t> days, co_await days_of(mail_, "event_subject"));
    const std::string subject = subject_text(EventTopic::suppression, run.person.address());
    for (const std::int64_t day : days)
        RELEVO_CO_CHECK(co_await write(mail_, [&](Transaction& transaction) -> Result<void> {
            RELEVO_CHECK(transaction.execute(delete_subject_.of(day), {std::string_view(subject), run.tenant}));
            return {};
        }));
    co_return Result<void>();
}

Task<Result<void>> Erasure::erase_senders(Run& run) {
    if (run.mode == Mode::count) co_return Result<void>();
    RELEVO_CO_TRY(const std::vector<std::int64_t> days, co_await days_of(mail_, "message"));
    std::vector<std::int64_t> sent;
    for (const auto& [message, ordinal] : run.mail)
        if (ordinal == -1 && std::ranges::binary_search(days, day_of(time_of(MessageId{message}))))
            sent.push_back(message);
    for (std::size_t at = 0; at < sent.size(); at += changes_at_once)
        RELEVO_CO_CHECK(co_await write(mail_, [&](Transaction& transaction) -> Result<void> {
            for (std::size_t i = at; i < std::min(at + changes_at_once, sent.size()); ++i)
                RELEVO_CHECK(transaction.execute(update_sender_.of(day_of(time_of(MessageId{sent[i]}))),
                                                 {erased_address, sent[i]}));
            return {};
        }));
    co_return Result<void>();
}

// Who did what, and when, stays.
Task<Result<void>> Erasure::erase_audit(Run& run) {
    RELEVO_CO_TRY(const std::vector<std::int64_t> days, co_await days_of(mail_, "audit"));
    for (const std::int64_t day : days) {
        std::int64_t after = 0;
        for (bool is_more = true; is_more;) {
            is_more = false;
            std::vector<Change> changes;
            RELEVO_CO_CHECK(co_await read_rows(mail_, [&](Reader& reader) {
                return reader.query(audit_.of(day),
                                    {after, std::string_view(run.person.pattern()), run.tenant,
                                     static_cast<std::int64_t>(changes_at_once)},
                                    [&](const Row& row) -> Result<void> {
                                        after = row.integer(0);
                                        is_more = true;
                                        Change change{.id = after,
                                                      .text = run.person.without(row.text(1)),
                                                      .other = run.person.without(row.text(2))};
                                        if (change.text != row.text(1) || change.other != row.text(2))
                                            changes.push_back(std::move(change));
                                        return {};
                                    });
            }));
            run.counts.events += std::ssize(changes);
            if (run.mode == Mode::count || changes.empty()) continue;
            RELEVO_CO_CHECK(co_await write(mail_, [&](Transaction& transaction) -> Result<void> {
                for (const Change& change : changes)
                    RELEVO_CHECK(transaction.execute(
                        update_audit_.of(day),
                        {std::string_view(change.text), std::string_view(change.other), change.id}));
                return {};
            }));
        }
        day_done(run);
    }
    co_return Result<void>();
}

}  // namespace relevo
