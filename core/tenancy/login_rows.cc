// What LoginGuard keeps over a restart: the rows of login_guard.h.
#include "core/tenancy/columns.h"
#include "core/tenancy/login_guard.h"
#include "core/tenancy/network_table.h"

namespace relevo {

std::string counted_address(const dns::IpAddress& address) {
    return address.is_v4() ? address.text() : masked(address, 64).text();
}

Result<void> record_login(Transaction& transaction, CredentialId credential, const dns::IpAddress& address,
                          WallClock::time_point now) {
    const std::string counted = counted_address(address);
    RELEVO_TRY([[maybe_unused]] const auto remembered,
               transaction.execute(
                   "INSERT INTO login_address (login, address, last_used_at) SELECT login, $2, $3 FROM credential"
                   " WHERE id = $1 ON CONFLICT (login, address) DO UPDATE SET last_used_at = excluded.last_used_at",
                   {credential.value, std::string_view(counted), columns::of(now)}));
    const std::string exact = address.text();
    RELEVO_TRY([[maybe_unused]] const auto changed,
               transaction.execute("UPDATE credential SET last_used_at = $2, last_used_from = $3 WHERE id = $1",
                                   {credential.value, columns::of(now), std::string_view(exact)}));
    return {};
}

Result<void> record_login_address(Transaction& transaction, std::string_view login, const dns::IpAddress& address,
                                  WallClock::time_point now) {
    const std::string counted = counted_address(address);
    RELEVO_TRY([[maybe_unused]] const auto remembered,
               transaction.execute("INSERT INTO login_address (login, address, last_used_at) VALUES ($1, $2, $3)"
                                   " ON CONFLICT (login, address) DO UPDATE SET last_used_at = excluded.last_used_at",
                                   {login, std::string_view(counted), columns::of(now)}));
    return {};
}

Result<void> load_known_addresses(Reader& reader, LoginGuard& guard) {
    return reader.query("SELECT login, address, last_used_at FROM login_address", {},
                        [&](const Row& row) -> Result<void> {
                            RELEVO_TRY(const auto address, dns::IpAddress::parse(row.text(1)));
                            guard.add_known_address(row.text(0), address, columns::time(row.integer(2)));
                            return {};
                        });
}

Result<void> save_login_failures(Transaction& transaction, const std::vector<LoginFailureRow>& rows) {
    RELEVO_TRY([[maybe_unused]] const auto removed, transaction.execute("DELETE FROM login_failure", {}));
    for (const auto& row : rows) {
        RELEVO_TRY([[maybe_unused]] const auto inserted,
                   transaction.execute(
                       "INSERT INTO login_failure (kind, subject, failures, last_failed_at) VALUES ($1, $2, $3, $4)",
                       {static_cast<std::int64_t>(row.kind), static_cast<std::int64_t>(row.subject),
                        std::int64_t{row.failures}, columns::of(row.last_failed_at)}));
    }
    return {};
}

Result<std::vector<LoginFailureRow>> load_login_failures(Reader& reader) {
    std::vector<LoginFailureRow> rows;
    RELEVO_CHECK(reader.query(
        "SELECT kind, subject, failures, last_failed_at FROM login_failure", {}, [&](const Row& row) -> Result<void> {
            rows.push_back({static_cast<LoginSubject>(row.integer(0)), static_cast<std::uint64_t>(row.integer(1)),
                            static_cast<std::uint16_t>(row.integer(2)), columns::time(row.integer(3))});
            return {};
        }));
    return rows;
}

Result<void> forget_known_addresses(Transaction& transaction, WallClock::time_point now, std::chrono::hours known_for) {
    RELEVO_TRY(
        [[maybe_unused]] const auto removed,
        transaction.execute("DELETE FROM login_address WHERE last_used_at < $1", {columns::of(now - known_for)}));
    return {};
}

}  // namespace relevo
