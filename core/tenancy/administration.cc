#include "core/tenancy/administration.h"

#include "core/tenancy/columns.h"
#include "core/tenancy/plan.h"
#include "core/tenancy/quota.h"
#include "core/tenancy/statements.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <algorithm>

namespace relevo {

namespace {

constexpr std::size_t name_limit_octets = 100;

Tenant tenant_of(const Row& row) {
    return Tenant{.id = TenantId{row.integer(0)},
                  .name = std::string(row.text(1)),
                  .language = columns::language(row.text(2)),
                  .suspended = row.integer(3) != 0,
                  .weight = static_cast<std::uint32_t>(row.integer(5)),
                  .tls = static_cast<mail::TlsWish>(row.integer(6)),
                  .created_at = columns::time(row.integer(4))};
}

}  // namespace

Result<TenantId> create_tenant(Transaction& transaction, std::string_view name, mail::Language language,
                               WallClock::time_point now) {
    if (name.empty()) return failure(ErrorKind::invalid, "a tenant needs a name");
    RELEVO_CHECK(statements::check_text("the tenant name", name, name_limit_octets));
    RELEVO_TRY(const bool taken, statements::exists(transaction, "SELECT 1 FROM tenant WHERE name = $1", {name}));
    if (taken)
        return failure(ErrorKind::conflict,
                       "there is a tenant \"" + std::string(name) + "\" already: choose another name");
    RELEVO_TRY(const std::int64_t id, statements::next_id(transaction, "tenant"));
    RELEVO_TRY(
        [[maybe_unused]] const auto inserted,
        transaction.execute("INSERT INTO tenant (id, name, language, suspended, created_at) VALUES ($1, $2, $3, 0, $4)",
                            {id, name, columns::of(language), columns::of(now)}));
    return TenantId{id};
}

Result<void> remove_tenant(Transaction& transaction, TenantId tenant) {
    RELEVO_TRY(const auto domains,
               statements::count(transaction, "SELECT count(*) FROM domain WHERE tenant_id = $1", {tenant.value}));
    RELEVO_TRY(const auto credentials,
               statements::count(transaction, "SELECT count(*) FROM credential WHERE tenant_id = $1", {tenant.value}));
    RELEVO_TRY(
        const auto networks,
        statements::count(transaction, "SELECT count(*) FROM network_grant WHERE tenant_id = $1", {tenant.value}));
    if (domains + credentials + networks > 0)
        return failure(ErrorKind::conflict, "the tenant still has " + std::to_string(domains) + " domains, " +
                                                std::to_string(credentials) + " credentials and " +
                                                std::to_string(networks) + " networks: remove them first");
    RELEVO_CHECK(remove_quotas_of(transaction, QuotaScope::tenant, tenant.value));
    RELEVO_CHECK(remove_plan_rows_of(transaction, tenant));
    return statements::change_one(transaction, "DELETE FROM tenant WHERE id = $1", {tenant.value},
                                  "there is no such tenant");
}

Result<void> set_tenant_language(Transaction& transaction, TenantId tenant, mail::Language language) {
    return statements::change_one(transaction, "UPDATE tenant SET language = $2 WHERE id = $1",
                                  {tenant.value, columns::of(language)}, "there is no such tenant");
}

Result<void> set_tenant_suspended(Transaction& transaction, TenantId tenant, bool suspended) {
    return statements::change_one(transaction, "UPDATE tenant SET suspended = $2 WHERE id = $1",
                                  {tenant.value, columns::of(suspended)}, "there is no such tenant");
}

Result<void> set_tenant_weight(Transaction& transaction, TenantId tenant, std::uint32_t weight) {
    if (weight < 1 || weight > largest_tenant_weight)
        return failure(ErrorKind::invalid, "a tenant's weight is 1 to " + std::to_string(largest_tenant_weight));
    return statements::change_one(transaction, "UPDATE tenant SET weight = $2 WHERE id = $1",
                                  {tenant.value, std::int64_t{weight}}, "there is no such tenant");
}

Result<void> set_tenant_tls(Transaction& transaction, TenantId tenant, mail::TlsWish tls) {
    if (tls == mail::TlsWish::optional)
        return failure(ErrorKind::invalid, "a tenant's mail needs TLS as usual, required or verified");
    return statements::change_one(transaction, "UPDATE tenant SET tls = $2 WHERE id = $1",
                                  {tenant.value, static_cast<std::int64_t>(tls)}, "there is no such tenant");
}

Result<std::vector<Tenant>> list_tenants(Reader& reader) {
    std::vector<Tenant> tenants;
    RELEVO_CHECK(reader.query("SELECT id, name, language, suspended, created_at, weight, tls FROM tenant ORDER BY id",
                              {}, [&](const Row& row) -> Result<void> {
                                  tenants.push_back(tenant_of(row));
                                  return {};
                              }));
    return tenants;
}

Result<Tenant> find_tenant(Reader& reader, std::string_view name) {
    RELEVO_TRY(const auto tenants, list_tenants(reader));
    const auto found = std::ranges::find(tenants, name, &Tenant::name);
    if (found != tenants.end()) return *found;
    const std::vector<std::string_view> names = [&] {
        std::vector<std::string_view> list;
        for (const auto& tenant : tenants) list.emplace_back(tenant.name);
        return list;
    }();
    const auto nearest = nearest_name(name, names);
    return failure(ErrorKind::not_found, "there is no tenant \"" + printable(name, 100) + "\"" +
                                             (nearest ? "; did you mean \"" + std::string(*nearest) + "\"?" : ""));
}

}  // namespace relevo
