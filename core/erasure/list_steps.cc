// What is kept in lists: suppressions, bounces, logins, links, webhooks, answers.
#include "core/erasure/erasure.h"

namespace relevo {
namespace {

constexpr std::int64_t page_rows = 500;

Result<std::int64_t> count_of(Reader& reader, std::string_view sql, std::int64_t tenant, std::string_view address) {
    std::int64_t count = 0;
    RELEVO_CHECK(reader.query(sql, {tenant, address}, [&](const Row& row) -> Result<void> {
        count = row.integer(0);
        return {};
    }));
    return count;
}

}  // namespace

// The entry itself stays: without it the person would be written to again.
Task<Result<void>> Erasure::erase_lists(Run& run) {
    const std::string_view address = run.person.address();
    RELEVO_CO_CHECK(co_await read_rows(mail_, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(
            run.counts.suppressed,
            count_of(reader, "SELECT count(*) FROM suppression WHERE ($1 = 0 OR tenant_id = $1) AND address = $2",
                     run.tenant, address));
        RELEVO_TRY(
            const std::int64_t bounces,
            count_of(reader, "SELECT count(*) FROM soft_bounce WHERE ($1 = 0 OR tenant_id = $1) AND address = $2",
                     run.tenant, address));
        RELEVO_TRY(const std::int64_t failures,
                   count_of(reader,
                            "SELECT count(*) FROM failed_login WHERE ($1 = 0 OR tenant_id = $1) AND lower(login) = $2"
                            " AND NOT EXISTS (SELECT 1 FROM credential WHERE credential.login = lower($2))",
                            run.tenant, address));
        RELEVO_TRY(const std::int64_t users,
                   count_of(reader,
                            "SELECT count(*) FROM account_user u WHERE ($1 = 0 OR u.tenant_id = $1) AND (u.login = $2"
                            " OR EXISTS (SELECT 1 FROM account_identity i WHERE i.user_id = u.id"
                            " AND lower(i.email) = $2))",
                            run.tenant, address));
        RELEVO_TRY(const std::int64_t logins,
                   count_of(reader, "SELECT count(*) FROM credential WHERE ($1 = 0 OR tenant_id = $1) AND login = $2",
                            run.tenant, address));
        RELEVO_TRY(const std::int64_t senders,
                   count_of(reader,
                            "SELECT count(*) FROM domain_address a JOIN domain d ON d.id = a.domain_id"
                            " WHERE ($1 = 0 OR d.tenant_id = $1) AND lower(a.address) = $2",
                            run.tenant, address));
        run.counts.lists += bounces + failures;
        run.counts.accounts = users + logins + senders;
        return {};
    }));
    if (run.mode == Mode::count) co_return Result<void>();
    co_return co_await write(mail_, [&](Transaction& transaction) -> Result<void> {
        RELEVO_CHECK(
            transaction.execute("UPDATE suppression SET text = '', message_id = 0"
                                " WHERE ($1 = 0 OR tenant_id = $1) AND address = $2",
                                {run.tenant, address}));
        RELEVO_CHECK(transaction.execute("DELETE FROM soft_bounce WHERE ($1 = 0 OR tenant_id = $1) AND address = $2",
                                         {run.tenant, address}));
        RELEVO_CHECK(
            transaction.execute("DELETE FROM failed_login WHERE ($1 = 0 OR tenant_id = $1) AND lower(login) = $2"
                                " AND NOT EXISTS (SELECT 1 FROM credential WHERE credential.login = lower($2))",
                                {run.tenant, address}));
        return {};
    });
}

// A link that says whose it is leads nowhere afterwards.
Task<Result<void>> Erasure::erase_links(Run& run) {
    std::vector<Place> links;  // tenant and number
    RELEVO_CO_CHECK(co_await read_rows(mail_, [&](Reader& reader) {
        return reader.query(
            "SELECT tenant_id, id, url FROM tracked_link WHERE url LIKE $1 ESCAPE '\\' AND ($2 = 0 OR tenant_id = $2)",
            {std::string_view(run.person.pattern()), run.tenant}, [&](const Row& row) -> Result<void> {
                if (run.person.without(row.text(2)) != row.text(2)) links.emplace_back(row.integer(0), row.integer(1));
                return {};
            });
    }));
    run.counts.lists += std::ssize(links);
    if (run.mode == Mode::count || links.empty()) co_return Result<void>();
    co_return co_await write(mail_, [&](Transaction& transaction) -> Result<void> {
        for (const auto& [tenant, id] : links)
            RELEVO_CHECK(
                transaction.execute("DELETE FROM tracked_link WHERE tenant_id = $1 AND id = $2", {tenant, id}));
        return {};
    });
}

// What is still to be posted stays as it is.
Task<Result<void>> Erasure::erase_webhooks(Run& run) {
    std::int64_t after = 0;
    for (bool is_more = true; is_more;) {
        is_more = false;
        std::vector<Change> changes;
        RELEVO_CO_CHECK(co_await read_rows(mail_, [&](Reader& reader) {
            return reader.query(
                "SELECT d.id, d.body FROM webhook_delivery d JOIN webhook w ON w.id = d.webhook_id WHERE d.id > $1"
                " AND d.state <> 1 AND d.body LIKE $2 ESCAPE '\\' AND ($3 = 0 OR w.tenant_id = $3) ORDER BY d.id"
                " LIMIT $4",
                {after, std::string_view(run.person.pattern()), run.tenant, page_rows},
                [&](const Row& row) -> Result<void> {
                    after = row.integer(0);
                    is_more = true;
                    Change change{.id = after, .text = run.person.without(row.text(1))};
                    if (change.text != row.text(1)) changes.push_back(std::move(change));
                    return {};
                });
        }));
        run.counts.lists += std::ssize(changes);
        if (run.mode == Mode::count || changes.empty()) continue;
        RELEVO_CO_CHECK(co_await write(mail_, [&](Transaction& transaction) -> Result<void> {
            for (const Change& change : changes)
                RELEVO_CHECK(transaction.execute("UPDATE webhook_delivery SET body = $1 WHERE id = $2",
                                                 {std::string_view(change.text), change.id}));
            return {};
        }));
    }
    struct Answer {
        Place place;  // endpoint and number
        std::string text;
    };
    std::vector<Answer> answers;
    RELEVO_CO_CHECK(co_await read_rows(mail_, [&](Reader& reader) {
        return reader.query(
            "SELECT a.webhook_id, a.number, a.answer FROM webhook_attempt a JOIN webhook w ON w.id = a.webhook_id"
            " WHERE a.answer LIKE $1 ESCAPE '\\' AND ($2 = 0 OR w.tenant_id = $2)",
            {std::string_view(run.person.pattern()), run.tenant}, [&](const Row& row) -> Result<void> {
                Answer answer{{row.integer(0), row.integer(1)}, run.person.without(row.text(2))};
                if (answer.text != row.text(2)) answers.push_back(std::move(answer));
                return {};
            });
    }));
    run.counts.lists += std::ssize(answers);
    if (run.mode == Mode::count || answers.empty()) co_return Result<void>();
    co_return co_await write(mail_, [&](Transaction& transaction) -> Result<void> {
        for (const Answer& answer : answers)
            RELEVO_CHECK(
                transaction.execute("UPDATE webhook_attempt SET answer = $1 WHERE webhook_id = $2 AND number = $3",
                                    {std::string_view(answer.text), answer.place.first, answer.place.second}));
        return {};
    });
}

// Answers kept for repeated requests: a program that repeats one is told the same, without the address.
Task<Result<void>> Erasure::erase_answers(Run& run) {
    struct Answer {
        std::int64_t kind = 0, principal = 0;
        std::string key, body;
    };
    std::vector<Answer> answers;
    RELEVO_CO_CHECK(co_await read_rows(mail_, [&](Reader& reader) {
        return reader.query(
            "SELECT principal_kind, principal_id, request_key, body FROM idempotent_answer"
            " WHERE body LIKE $1 ESCAPE '\\'",
            {std::string_view(run.person.pattern())}, [&](const Row& row) -> Result<void> {
                Answer answer{row.integer(0), row.integer(1), std::string(row.text(2)),
                              run.person.without(row.text(3))};
                if (answer.body != row.text(3)) answers.push_back(std::move(answer));
                return {};
            });
    }));
    run.counts.lists += std::ssize(answers);
    if (run.mode == Mode::count || answers.empty()) co_return Result<void>();
    co_return co_await write(mail_, [&](Transaction& transaction) -> Result<void> {
        for (const Answer& answer : answers)
            RELEVO_CHECK(transaction.execute(
                "UPDATE idempotent_answer SET body = $1 WHERE principal_kind = $2 AND principal_id = $3"
                " AND request_key = $4",
                {std::string_view(answer.body), answer.kind, answer.principal, std::string_view(answer.key)}));
        return {};
    });
}

}  // namespace relevo
