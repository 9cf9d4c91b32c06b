#include "core/tenancy/failed_logins.h"

#include "core/tenancy/columns.h"
#include "core/tenancy/login_guard.h"
#include "lib/base/text.h"

#include <algorithm>
#include <set>

namespace relevo {
namespace {

constexpr std::size_t gathered_limit = 4096;
constexpr std::size_t gathered_strangers_limit = 3072;  // strangers leave room for what is known whose it is
constexpr std::int64_t rows_of_tenant_limit = 1000;
constexpr std::int64_t rows_of_strangers_limit = 10'000;
constexpr std::chrono::seconds pause_between_writes{10};
constexpr std::chrono::hours kept_for{30 * 24};
constexpr std::size_t text_limit = 200;
constexpr std::size_t login_limit = 100;

// What a filter shows beside its own rows: failures before a login, from where its logins come.
constexpr std::string_view columns_of_all =
    "SELECT problem, tenant_id, credential_id, address, port, login, mechanism, client_name, detail, attempts, "
    "first_at, last_at FROM failed_login ORDER BY last_at DESC LIMIT $1";
constexpr std::string_view columns_of_tenant =
    "SELECT problem, tenant_id, credential_id, address, port, CASE WHEN tenant_id = $2 THEN login ELSE '' END,"
    " mechanism, client_name, detail, attempts, first_at, last_at FROM failed_login"
    " WHERE tenant_id = $2 OR (tenant_id = 0 AND login = '' AND counted_address IN"
    " (SELECT a.address FROM login_address a JOIN credential c ON c.login = a.login WHERE c.tenant_id = $2"
    " UNION SELECT f.counted_address FROM failed_login f WHERE f.tenant_id = $2)) ORDER BY last_at DESC LIMIT $1";
constexpr std::string_view columns_of_credential =
    "SELECT problem, tenant_id, credential_id, address, port, CASE WHEN credential_id = $2 THEN login ELSE '' END,"
    " mechanism, client_name, detail, attempts, first_at, last_at FROM failed_login"
    " WHERE credential_id = $2 OR (credential_id = 0 AND login = '' AND counted_address IN"
    " (SELECT a.address FROM login_address a JOIN credential c ON c.login = a.login WHERE c.id = $2"
    " UNION SELECT f.counted_address FROM failed_login f WHERE f.credential_id = $2)) ORDER BY last_at DESC LIMIT $1";

}  // namespace

void FailedLogins::note(FailedLogin failed, WallClock::time_point now) {
    failed.login = printable(failed.login, login_limit);
    failed.mechanism = printable(failed.mechanism, text_limit);
    failed.client_name = printable(failed.client_name, text_limit);
    failed.detail = printable(failed.detail, text_limit);
    Key key{.tenant = failed.tenant.value,
            .credential = failed.credential.value,
            .address = counted_address(failed.address),
            .port = failed.port,
            .problem = failed.problem};
    {
        const std::lock_guard lock(mutex_);
        const auto found = gathered_.find(key);
        if (found != gathered_.end()) {
            const FailedLogin& before = found->second;
            failed.attempts += before.attempts;
            failed.first_at = before.first_at;
        } else {
            if (gathered_.size() >= (failed.tenant ? gathered_limit : gathered_strangers_limit)) return;
            failed.first_at = now;
        }
        failed.last_at = now;
        gathered_.insert_or_assign(std::move(key), std::move(failed));
        if (is_writing_ || now - written_at_ < pause_between_writes) return;  // goes with the next write
        is_writing_ = true;
        written_at_ = now;
    }
    write_in_background();
}

std::shared_ptr<const FailedLogins::Gathered> FailedLogins::take() {
    auto taken = std::make_shared<Gathered>();  // shared by the work and nobody else: it may run twice
    const std::lock_guard lock(mutex_);
    taken->swap(gathered_);
    return taken;
}

void FailedLogins::write_in_background() {
    CommitRequest request;
    request.rows = [taken = take()](Transaction& transaction, const std::vector<ContentToStore>&) {
        return insert(transaction, *taken);
    };
    ports_.committer.commit(std::move(request), Completer<Result<void>>(ports_.executor, [this](Result<void> written) {
                                if (!written.has_value())
                                    ports_.log.error("smtp.login_failures_not_written",
                                                     {{"problem", written.error().detail}});
                                const std::lock_guard lock(mutex_);
                                is_writing_ = false;
                            }));
}

Task<Result<void>> FailedLogins::write() {
    CommitRequest request;
    request.rows = [taken = take()](Transaction& transaction, const std::vector<ContentToStore>&) {
        return insert(transaction, *taken);
    };
    co_return co_await commit(ports_.committer, std::move(request));
}

Result<void> FailedLogins::insert(Transaction& transaction, const Gathered& gathered) {
    std::set<std::int64_t> tenants;
    for (const auto& [key, failed] : gathered) {
        const std::string address = failed.address.text();
        RELEVO_CHECK(transaction.execute(
            "INSERT INTO failed_login (tenant_id, credential_id, counted_address, port, problem, address, login,"
            " mechanism, client_name, detail, attempts, first_at, last_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"
            " ON CONFLICT (tenant_id, credential_id, counted_address, port, problem) DO UPDATE SET"
            " address = excluded.address, login = excluded.login, mechanism = excluded.mechanism,"
            " client_name = excluded.client_name, detail = excluded.detail,"
            " attempts = failed_login.attempts + excluded.attempts, last_at = excluded.last_at",
            {key.tenant, key.credential, std::string_view(key.address), std::int64_t{key.port},
             static_cast<std::int64_t>(key.problem), std::string_view(address), std::string_view(failed.login),
             std::string_view(failed.mechanism), std::string_view(failed.client_name), std::string_view(failed.detail),
             failed.attempts, columns::of(failed.first_at), columns::of(failed.last_at)}));
        tenants.insert(key.tenant);
    }
    for (const std::int64_t tenant : tenants)
        RELEVO_CHECK(
            transaction.execute("DELETE FROM failed_login WHERE tenant_id = $1 AND last_at <= (SELECT last_at FROM "
                                "failed_login WHERE tenant_id = $1 ORDER BY last_at DESC LIMIT 1 OFFSET $2)",
                                {tenant, tenant == 0 ? rows_of_strangers_limit : rows_of_tenant_limit}));
    return {};
}

Result<std::vector<FailedLogin>> list_failed_logins(Reader& reader, const FailedLoginFilter& filter) {
    std::vector<FailedLogin> all;
    const auto take = [&](const Row& row) -> Result<void> {
        FailedLogin failed{.problem = static_cast<LoginProblem>(row.integer(0)),
                           .tenant = TenantId{row.integer(1)},
                           .credential = CredentialId{row.integer(2)},
                           .port = static_cast<std::uint16_t>(row.integer(4)),
                           .login = std::string(row.text(5)),
                           .mechanism = std::string(row.text(6)),
                           .client_name = std::string(row.text(7)),
                           .detail = std::string(row.text(8)),
                           .attempts = row.integer(9),
                           .first_at = columns::time(row.integer(10)),
                           .last_at = columns::time(row.integer(11))};
        RELEVO_TRY(failed.address, dns::IpAddress::parse(row.text(3)));
        all.push_back(std::move(failed));
        return {};
    };
    auto read = filter.credential ? reader.query(columns_of_credential, {filter.limit, filter.credential->value}, take)
                : filter.tenant   ? reader.query(columns_of_tenant, {filter.limit, filter.tenant->value}, take)
                                  : reader.query(columns_of_all, {filter.limit}, take);
    RELEVO_CHECK(std::move(read));
    return all;
}

Result<void> forget_failed_logins(Transaction& transaction, WallClock::time_point now) {
    RELEVO_CHECK(transaction.execute("DELETE FROM failed_login WHERE last_at < $1", {columns::of(now - kept_for)}));
    return {};
}

}  // namespace relevo
