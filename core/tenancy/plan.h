// Plans: what an operator lets tenants have, as a set of quotas and numbers of things that many tenants share. A tenant
// of a plan has its quotas as rows of its own that follow the plan; whatever is set for the tenant alone comes before
// the plan. Rows; threads as of the Transaction or Reader. After a change the owner loads a new Directory.
#pragma once

#include "core/tenancy/quota.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct PlanTag {
    static constexpr std::string_view prefix = "pln";
};
using PlanId = Identifier<PlanTag>;

// What of a tenant is counted. Stored numbers: never renumber.
enum class LimitedThing : std::uint8_t { domains = 1, credentials = 2, users = 3 };
inline constexpr std::array limited_things{LimitedThing::domains, LimitedThing::credentials, LimitedThing::users};
[[nodiscard]] std::string_view name_of(LimitedThing thing);  // "domains", "credentials", "users"

struct PlanQuota {
    QuotaPeriod period = QuotaPeriod::month;
    std::uint32_t recipients = 1;  // 1 to largest_quota
    BeyondQuota beyond = BeyondQuota::wait;
    friend bool operator==(const PlanQuota&, const PlanQuota&) = default;
};

struct Plan {
    static constexpr std::uint32_t largest_count = 1'000'000;
    PlanId id;
    std::string name;               // 1 to 100 octets; case is kept, and ignored when names are compared
    std::string note;               // for people, at most 500 octets
    std::vector<PlanQuota> quotas;  // at most one for each period, in the order of their lengths
    std::array<std::uint32_t, limited_things.size()> counts{};  // by LimitedThing; 0: any number
    std::int64_t tenants = 0;                                   // that have it
    WallClock::time_point created_at{};

    [[nodiscard]] std::uint32_t count_of(LimitedThing thing) const {
        return counts.at(static_cast<std::size_t>(thing) - 1);
    }
    void set_count(LimitedThing thing, std::uint32_t most) { counts.at(static_cast<std::size_t>(thing) - 1) = most; }
};

// `plan`: all but id, tenants and created_at. Errors: invalid – a name, a note, a number or two quotas of one period.
// conflict – the name is taken. limit – there are 1,000 plans.
[[nodiscard]] Result<PlanId> create_plan(Transaction& transaction, const Plan& plan, WallClock::time_point now);
// All of it becomes as `plan` says, and its tenants' quotas with it, in this transaction. Errors: as above, not_found.
[[nodiscard]] Result<void> change_plan(Transaction& transaction, const Plan& plan);
// Errors: not_found. conflict – tenants have it.
[[nodiscard]] Result<void> remove_plan(Transaction& transaction, PlanId plan);
[[nodiscard]] Result<std::vector<Plan>> list_plans(Reader& reader);  // by name
// By name in any case, or by id. Errors: not_found – detail names the nearest plan, if one is near.
[[nodiscard]] Result<Plan> find_plan(Reader& reader, std::string_view text);

// nullopt: no plan. What was used of a quota still counts, up to its new limit. Errors: not_found.
[[nodiscard]] Result<void> set_tenant_plan(Transaction& transaction, TenantId tenant, std::optional<PlanId> plan);
[[nodiscard]] Result<std::optional<Plan>> plan_of(Reader& reader, TenantId tenant);
// How many of `thing` this tenant may have, whatever its plan says; 0: as the plan says. Errors: invalid – over
// Plan::largest_count.
[[nodiscard]] Result<void> set_tenant_count(Transaction& transaction, TenantId tenant, LimitedThing thing,
                                            std::uint32_t most);
// With the tenant.
[[nodiscard]] Result<void> remove_plan_rows_of(Transaction& transaction, TenantId tenant);

// Where a limit comes from.
enum class LimitSource : std::uint8_t { none, plan, tenant };
[[nodiscard]] std::string_view name_of(LimitSource source);
struct CountLimit {
    LimitedThing thing = LimitedThing::domains;
    std::uint32_t most = 0;  // 0: any number
    LimitSource source = LimitSource::none;
};
[[nodiscard]] Result<std::array<CountLimit, limited_things.size()>> count_limits_of(Reader& reader, TenantId tenant);
// Whether a tenant that has `present` may have one more. Errors: limit – for people.
[[nodiscard]] Result<void> require_room(Reader& reader, TenantId tenant, LimitedThing thing, std::int64_t present);

// Quotas that follow a plan.
[[nodiscard]] Result<std::vector<QuotaId>> quotas_from_plans(Reader& reader);
// After a quota of its own was taken from a tenant: its plan's is in its place. What was used counts on.
// Errors: conflict – the quota is the plan's. not_found.
[[nodiscard]] Result<void> remove_tenant_quota(Transaction& transaction, TenantId tenant, QuotaPeriod period);

}  // namespace relevo
