#include "core/erasure/erasure.h"

#include "core/tenancy/administration.h"
#include "core/tenancy/statements.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::string_view operation = "person.erase";

Result<PersonText> person_of(const std::string& text) {
    auto address = comparable_address(text);
    if (!address.has_value()) return std::unexpected(std::move(address).error());
    return PersonText(*std::move(address));
}

std::string detail_of(const ErasureCounts& counts) {
    return boost::json::serialize(boost::json::object{{"sent", counts.sent},
                                                      {"received", counts.received},
                                                      {"events", counts.events},
                                                      {"searches", counts.searches},
                                                      {"lists", counts.lists},
                                                      {"waiting", counts.waiting}});
}

// An erasure that is not over, as its row.
struct Unfinished {
    std::int64_t id = 0;
    ErasureRequest request;
    AuditEntry entry;
};

}  // namespace

Task<Result<void>> Erasure::write(Committer& committer, std::function<Result<void>(Transaction&)> work) {
    CommitRequest request;
    request.rows = [&work](Transaction& transaction, const std::vector<ContentToStore>&) { return work(transaction); };
    co_return co_await commit(committer, std::move(request));
}

Task<Result<std::vector<std::int64_t>>> Erasure::days_of(Committer& committer, std::string_view kind) {
    std::vector<std::int64_t> days;
    RELEVO_CO_CHECK(co_await read_rows(committer, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(days, history_days(reader, kind, 0));
        return {};
    }));
    co_return days;
}

Task<Result<ErasureCounts>> Erasure::count(ErasureRequest request) {
    RELEVO_CO_TRY(PersonText person, person_of(request.address));
    Run counted{.person = std::move(person), .tenant = request.tenant ? request.tenant->value : 0};
    RELEVO_CO_CHECK(co_await run(counted));
    co_return counted.counts;
}

Task<Result<ErasureCounts>> Erasure::erase(ErasureRequest request, AuditEntry entry, AuditWriter& audit) {
    RELEVO_CO_TRY(PersonText person, person_of(request.address));
    if (is_busy_.exchange(true))
        co_return failure(ErrorKind::conflict, "another person is being erased at this moment: try again soon");
    struct Release {
        std::atomic<bool>& flag;
        ~Release() { flag = false; }
    } const release{is_busy_};
    tenant_under_way_ = request.tenant ? request.tenant->value : 0;
    days_done_ = days_in_all_ = 0;
    Run erased{.person = std::move(person), .tenant = request.tenant ? request.tenant->value : 0, .mode = Mode::erase};
    RELEVO_CO_CHECK(co_await write(mail_, [&](Transaction& transaction) -> Result<void> {
        const auto find = [&] {
            return transaction.query("SELECT id FROM erasure WHERE tenant_id = $1 AND address = $2",
                                     {erased.tenant, std::string_view(erased.person.address())},
                                     [&](const Row& row) -> Result<void> {
                                         erased.id = row.integer(0);
                                         return {};
                                     });
        };
        RELEVO_CHECK(find());
        if (erased.id != 0) return {};  // a crash left it
        RELEVO_TRY(erased.id, statements::next_id(transaction, "erasure"));
        RELEVO_CHECK(transaction.execute(
            "INSERT INTO erasure (id, tenant_id, address, begun_at, principal_kind, principal, principal_name)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7)",
            {erased.id, erased.tenant, std::string_view(erased.person.address()), milliseconds_of(entry.at),
             static_cast<std::int64_t>(entry.kind), entry.principal, std::string_view(entry.principal_name)}));
        return {};
    }));
    RELEVO_CO_CHECK(co_await run(erased));
    RELEVO_CO_CHECK(co_await finish(erased, std::move(entry), audit));
    co_return erased.counts;
}

Task<Result<int>> Erasure::resume(AuditWriter& audit) {
    std::vector<Unfinished> all;
    RELEVO_CO_CHECK(co_await read_rows(mail_, [&](Reader& reader) {
        return reader.query(
            "SELECT id, tenant_id, address, principal_kind, principal, principal_name FROM erasure ORDER BY id", {},
            [&](const Row& row) -> Result<void> {
                Unfinished& one = all.emplace_back();
                one.id = row.integer(0);
                if (row.integer(1) != 0) one.request.tenant = TenantId{row.integer(1)};
                one.request.address = row.text(2);
                one.entry.at = WallClock::now();
                one.entry.kind = static_cast<PrincipalKind>(row.integer(3));
                one.entry.principal = row.integer(4);
                one.entry.principal_name = row.text(5);
                one.entry.tenant = one.request.tenant;
                one.entry.operation = operation;
                return {};
            });
    }));
    for (Unfinished& one : all) RELEVO_CO_CHECK(co_await erase(std::move(one.request), std::move(one.entry), audit));
    co_return static_cast<int>(all.size());
}

std::optional<Erasure::Progress> Erasure::under_way() const {
    if (!is_busy_) return std::nullopt;
    Progress progress{.tenant = std::nullopt, .done = days_done_, .all = days_in_all_};
    if (const std::int64_t tenant = tenant_under_way_; tenant != 0) progress.tenant = TenantId{tenant};
    return progress;
}

// Each day of these tables is read once by each step that calls day_done().
Task<Result<void>> Erasure::begin_progress(const Run& run) {
    if (run.mode == Mode::count) co_return Result<void>();
    RELEVO_CO_TRY(const auto messages, co_await days_of(mail_, "message"));
    RELEVO_CO_TRY(const auto events, co_await days_of(mail_, "event"));
    RELEVO_CO_TRY(const auto entries, co_await days_of(mail_, "audit"));
    RELEVO_CO_TRY(const auto searches, co_await days_of(statistics_, "recipient"));
    days_in_all_ = std::ssize(messages) + 2 * std::ssize(events) + std::ssize(entries) + std::ssize(searches);
    co_return Result<void>();
}

void Erasure::day_done(const Run& run) {
    if (run.mode == Mode::erase) ++days_done_;
}

bool Erasure::waits(const Run& run, std::int64_t message) {
    return std::ranges::binary_search(run.waiting_mails, message);
}

// Every step may be repeated. The places of the person's mail are written down before anything that tells them goes;
// the search, which tells them too, goes last.
Task<Result<void>> Erasure::run(Run& run) {
    RELEVO_CO_CHECK(co_await begin_progress(run));
    RELEVO_CO_CHECK(co_await find_waiting(run));
    RELEVO_CO_CHECK(co_await find_sent(run));
    RELEVO_CO_CHECK(co_await find_received(run));
    RELEVO_CO_CHECK(co_await find_searched(run));
    for (const Place& place : run.waiting) run.mail.erase(place);
    for (auto place = run.mail.begin(); place != run.mail.end();)
        place = place->second == -1 && waits(run, place->first) ? run.mail.erase(place) : ++place;
    for (const Place& place : run.mail) ++(place.second == -1 ? run.counts.sent : run.counts.received);
    if (run.mode == Mode::erase) RELEVO_CO_CHECK(co_await keep_places(run));
    RELEVO_CO_CHECK(co_await erase_events(run));
    RELEVO_CO_CHECK(co_await erase_subjects(run));
    RELEVO_CO_CHECK(co_await erase_senders(run));
    RELEVO_CO_CHECK(co_await erase_audit(run));
    RELEVO_CO_CHECK(co_await erase_lists(run));
    RELEVO_CO_CHECK(co_await erase_links(run));
    RELEVO_CO_CHECK(co_await erase_webhooks(run));
    RELEVO_CO_CHECK(co_await erase_answers(run));
    co_return co_await erase_searches(run);
}

Task<Result<void>> Erasure::finish(const Run& run, AuditEntry entry, AuditWriter& audit) {
    entry.object_type = "person";
    entry.object_id.clear();
    entry.detail = detail_of(run.counts);
    co_return co_await write(mail_, [&](Transaction& transaction) -> Result<void> {
        RELEVO_CHECK(transaction.execute("DELETE FROM erasure_mail WHERE erasure_id = $1", {run.id}));
        RELEVO_CHECK(transaction.execute("DELETE FROM erasure WHERE id = $1", {run.id}));
        return audit.append(transaction, entry);
    });
}

}  // namespace relevo
