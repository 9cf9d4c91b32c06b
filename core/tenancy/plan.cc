#include "core/tenancy/plan.h"

#include "core/tenancy/columns.h"
#include "core/tenancy/statements.h"
#include "lib/base/text.h"

#include <algorithm>

namespace relevo {
namespace {

constexpr std::size_t name_limit_octets = 100;
constexpr std::size_t note_limit_octets = 500;
constexpr std::int64_t plans_limit = 1000;
constexpr std::string_view missing = "there is no such plan";

std::int64_t number_of(QuotaPeriod period) { return static_cast<std::int64_t>(period); }
std::int64_t number_of(BeyondQuota beyond) { return static_cast<std::int64_t>(beyond); }
constexpr auto tenant_scope = static_cast<std::int64_t>(QuotaScope::tenant);

Result<void> check_plan(const Plan& plan) {
    if (plan.name.empty()) return failure(ErrorKind::invalid, "the plan has no name: give it one");
    RELEVO_CHECK(statements::check_text("the name", plan.name, name_limit_octets));
    RELEVO_CHECK(statements::check_text("the note", plan.note, note_limit_octets));
    if (PlanId::parse(plan.name).has_value())
        return failure(ErrorKind::invalid, "the name looks like the id of a plan: choose another one");
    for (const LimitedThing thing : limited_things)
        if (plan.count_of(thing) > Plan::largest_count)
            return failure(ErrorKind::invalid,
                           "a plan has at most 1,000,000 " + std::string(name_of(thing)) + "; 0: any number");
    for (const PlanQuota& quota : plan.quotas) {
        if (quota.recipients < 1 || quota.recipients > largest_quota)
            return failure(ErrorKind::invalid, "a quota is 1 to 1,000,000,000 recipients");
        if (std::ranges::count(plan.quotas, quota.period, &PlanQuota::period) > 1)
            return failure(ErrorKind::invalid, "the plan has two quotas per " + std::string(name_of(quota.period)));
    }
    return {};
}

Result<void> require_free_name(Reader& reader, const Plan& plan) {
    RELEVO_TRY(const std::vector<Plan> all, list_plans(reader));
    for (const Plan& other : all)
        if (other.id != plan.id && equals_ignoring_case(other.name, plan.name))
            return failure(ErrorKind::conflict, "there is a plan \"" + other.name + "\" already");
    return {};
}

Result<void> write_quotas(Transaction& transaction, const Plan& plan) {
    RELEVO_CHECK(transaction.execute("DELETE FROM plan_quota WHERE plan_id = $1", {plan.id.value}));
    for (const PlanQuota& quota : plan.quotas)
        RELEVO_CHECK(transaction.execute(
            "INSERT INTO plan_quota (plan_id, period, recipients, beyond) VALUES ($1, $2, $3, $4)",
            {plan.id.value, number_of(quota.period), std::int64_t{quota.recipients}, number_of(quota.beyond)}));
    return {};
}

struct QuotaOfTenant {
    QuotaPeriod period = QuotaPeriod::day;
    PlanId plan;  // none: its own
};
Result<std::vector<QuotaOfTenant>> quotas_of_tenant(Reader& reader, TenantId tenant) {
    std::vector<QuotaOfTenant> found;
    RELEVO_CHECK(reader.query("SELECT period, plan_id FROM quota WHERE scope = $1 AND subject = $2",
                              {tenant_scope, tenant.value}, [&](const Row& row) -> Result<void> {
                                  found.push_back({static_cast<QuotaPeriod>(row.integer(0)), PlanId{row.integer(1)}});
                                  return {};
                              }));
    return found;
}

// Makes the tenant's quotas those of its plan, but for those that are its own.
Result<void> follow_plan(Transaction& transaction, TenantId tenant, const Plan* plan) {
    RELEVO_TRY(const std::vector<QuotaOfTenant> present, quotas_of_tenant(transaction, tenant));
    const auto wanted = [&](QuotaPeriod period) {
        return plan != nullptr && std::ranges::find(plan->quotas, period, &PlanQuota::period) != plan->quotas.end();
    };
    for (const QuotaOfTenant& quota : present)
        if (quota.plan && !wanted(quota.period))
            RELEVO_CHECK(remove_quota(transaction, QuotaScope::tenant, tenant.value, quota.period));
    if (plan == nullptr) return {};
    for (const PlanQuota& quota : plan->quotas) {
        const auto own = std::ranges::find(present, quota.period, &QuotaOfTenant::period);
        if (own != present.end() && !own->plan) continue;
        RELEVO_TRY(const Quota made, set_quota(transaction, {.id = {},
                                                             .scope = QuotaScope::tenant,
                                                             .subject = tenant.value,
                                                             .period = quota.period,
                                                             .recipients = quota.recipients,
                                                             .beyond = quota.beyond}));
        RELEVO_CHECK(
            transaction.execute("UPDATE quota SET plan_id = $2 WHERE id = $1", {made.id.value, plan->id.value}));
    }
    return {};
}

Result<std::vector<TenantId>> tenants_with(Reader& reader, PlanId plan) {
    std::vector<TenantId> tenants;
    RELEVO_CHECK(
        reader.query("SELECT id FROM tenant WHERE plan_id = $1", {plan.value}, [&](const Row& row) -> Result<void> {
            tenants.push_back(TenantId{row.integer(0)});
            return {};
        }));
    return tenants;
}

Result<void> add_plan_quotas(Reader& reader, std::vector<Plan>& plans) {
    return reader.query("SELECT plan_id, period, recipients, beyond FROM plan_quota ORDER BY plan_id, period", {},
                        [&](const Row& row) -> Result<void> {
                            const auto plan = std::ranges::find(plans, PlanId{row.integer(0)}, &Plan::id);
                            if (plan == plans.end()) return {};
                            const auto in = [&](int column, std::int64_t last) {
                                return row.integer(column) >= 1 && row.integer(column) <= last;
                            };
                            if (!in(1, 4) || !in(2, largest_quota) || !in(3, 3))
                                return failure(ErrorKind::invalid,
                                               "a quota of the plan \"" + plan->name + "\" is damaged");
                            plan->quotas.push_back({.period = static_cast<QuotaPeriod>(row.integer(1)),
                                                    .recipients = static_cast<std::uint32_t>(row.integer(2)),
                                                    .beyond = static_cast<BeyondQuota>(row.integer(3))});
                            return {};
                        });
}

}  // namespace

std::string_view name_of(LimitedThing thing) {
    switch (thing) {
        case LimitedThing::domains: return "domains";
        case LimitedThing::credentials: return "credentials";
        case LimitedThing::users: return "users";
    }
    return "things";
}

std::string_view name_of(LimitSource source) {
    switch (source) {
        case LimitSource::none: return "none";
        case LimitSource::plan: return "plan";
        case LimitSource::tenant: return "tenant";
    }
    return "none";
}

Result<PlanId> create_plan(Transaction& transaction, const Plan& plan, WallClock::time_point now) {
    RELEVO_CHECK(check_plan(plan));
    RELEVO_CHECK(require_free_name(transaction, plan));
    RELEVO_TRY(const std::int64_t present, statements::count(transaction, "SELECT count(*) FROM plan", {}));
    if (present >= plans_limit) return failure(ErrorKind::limit, "there are 1,000 plans: remove some first");
    Plan made = plan;
    RELEVO_TRY(made.id.value, statements::next_id(transaction, "plan"));
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO plan (id, name, note, domains, credentials, users, created_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        {made.id.value, std::string_view(made.name), std::string_view(made.note),
         std::int64_t{made.count_of(LimitedThing::domains)}, std::int64_t{made.count_of(LimitedThing::credentials)},
         std::int64_t{made.count_of(LimitedThing::users)}, columns::of(now)}));
    RELEVO_CHECK(write_quotas(transaction, made));
    return made.id;
}

Result<void> change_plan(Transaction& transaction, const Plan& plan) {
    RELEVO_CHECK(check_plan(plan));
    RELEVO_CHECK(require_free_name(transaction, plan));
    RELEVO_CHECK(statements::change_one(
        transaction, "UPDATE plan SET name = $2, note = $3, domains = $4, credentials = $5, users = $6 WHERE id = $1",
        {plan.id.value, std::string_view(plan.name), std::string_view(plan.note),
         std::int64_t{plan.count_of(LimitedThing::domains)}, std::int64_t{plan.count_of(LimitedThing::credentials)},
         std::int64_t{plan.count_of(LimitedThing::users)}},
        missing));
    RELEVO_CHECK(write_quotas(transaction, plan));
    RELEVO_TRY(const std::vector<TenantId> tenants, tenants_with(transaction, plan.id));
    for (const TenantId tenant : tenants) RELEVO_CHECK(follow_plan(transaction, tenant, &plan));
    return {};
}

Result<void> remove_plan(Transaction& transaction, PlanId plan) {
    RELEVO_TRY(const std::vector<TenantId> tenants, tenants_with(transaction, plan));
    if (!tenants.empty())
        return failure(ErrorKind::conflict,
                       std::to_string(tenants.size()) + " tenants have this plan: give them another one first");
    RELEVO_CHECK(transaction.execute("DELETE FROM plan_quota WHERE plan_id = $1", {plan.value}));
    return statements::change_one(transaction, "DELETE FROM plan WHERE id = $1", {plan.value}, missing);
}

Result<std::vector<Plan>> list_plans(Reader& reader) {
    std::vector<Plan> plans;
    RELEVO_CHECK(reader.query(
        "SELECT p.id, p.name, p.note, p.domains, p.credentials, p.users, p.created_at,"
        " (SELECT count(*) FROM tenant t WHERE t.plan_id = p.id) FROM plan p ORDER BY p.name, p.id",
        {}, [&](const Row& row) -> Result<void> {
            Plan plan{.id = PlanId{row.integer(0)},
                      .name = std::string(row.text(1)),
                      .note = std::string(row.text(2)),
                      .quotas = {},
                      .tenants = row.integer(7),
                      .created_at = columns::time(row.integer(6))};
            for (const LimitedThing thing : limited_things)
                plan.set_count(thing, static_cast<std::uint32_t>(row.integer(2 + static_cast<int>(thing))));
            plans.push_back(std::move(plan));
            return {};
        }));
    RELEVO_CHECK(add_plan_quotas(reader, plans));
    return plans;
}

Result<Plan> find_plan(Reader& reader, std::string_view text) {
    RELEVO_TRY(std::vector<Plan> plans, list_plans(reader));
    std::vector<std::string_view> names;
    for (Plan& plan : plans) {
        if (equals_ignoring_case(plan.name, text) || plan.id.text() == text) return std::move(plan);
        names.push_back(plan.name);
    }
    const auto nearest = nearest_name(text, names);
    return failure(ErrorKind::not_found,
                   "there is no plan \"" + printable(text, 100) + "\"" +
                       (nearest ? "; did you mean \"" + std::string(*nearest) + "\"?" : "; see: relevo plan list"));
}

Result<void> set_tenant_plan(Transaction& transaction, TenantId tenant, std::optional<PlanId> plan) {
    RELEVO_CHECK(statements::change_one(transaction, "UPDATE tenant SET plan_id = $2 WHERE id = $1",
                                        {tenant.value, plan ? plan->value : 0}, "there is no such tenant"));
    if (!plan) return follow_plan(transaction, tenant, nullptr);
    RELEVO_TRY(const Plan found, find_plan(transaction, plan->text()));
    return follow_plan(transaction, tenant, &found);
}

Result<std::optional<Plan>> plan_of(Reader& reader, TenantId tenant) {
    PlanId plan;
    RELEVO_TRY(plan.value, statements::count(reader, "SELECT plan_id FROM tenant WHERE id = $1", {tenant.value}));
    if (!plan) return std::optional<Plan>();
    RELEVO_TRY(Plan found, find_plan(reader, plan.text()));
    return std::optional(std::move(found));
}

Result<void> set_tenant_count(Transaction& transaction, TenantId tenant, LimitedThing thing, std::uint32_t most) {
    if (most > Plan::largest_count)
        return failure(ErrorKind::invalid, "a tenant has at most 1,000,000 " + std::string(name_of(thing)) +
                                               "; 0: as many as its plan says");
    RELEVO_CHECK(statements::require_tenant(transaction, tenant));
    RELEVO_CHECK(transaction.execute("DELETE FROM tenant_limit WHERE tenant_id = $1 AND thing = $2",
                                     {tenant.value, static_cast<std::int64_t>(thing)}));
    if (most > 0)
        RELEVO_CHECK(transaction.execute("INSERT INTO tenant_limit (tenant_id, thing, most) VALUES ($1, $2, $3)",
                                         {tenant.value, static_cast<std::int64_t>(thing), std::int64_t{most}}));
    return {};
}

Result<void> remove_plan_rows_of(Transaction& transaction, TenantId tenant) {
    RELEVO_CHECK(transaction.execute("DELETE FROM tenant_limit WHERE tenant_id = $1", {tenant.value}));
    return {};
}

Result<std::array<CountLimit, limited_things.size()>> count_limits_of(Reader& reader, TenantId tenant) {
    std::array<CountLimit, limited_things.size()> limits;
    RELEVO_TRY(const std::optional<Plan> plan, plan_of(reader, tenant));
    for (std::size_t i = 0; i < limits.size(); ++i) {
        CountLimit& limit = limits.at(i);
        limit.thing = limited_things.at(i);
        limit.most = plan ? plan->count_of(limit.thing) : 0;
        if (limit.most > 0) limit.source = LimitSource::plan;
        RELEVO_TRY(const std::int64_t own,
                   statements::count(reader, "SELECT most FROM tenant_limit WHERE tenant_id = $1 AND thing = $2",
                                     {tenant.value, static_cast<std::int64_t>(limit.thing)}));
        if (own <= 0) continue;
        limit.most = static_cast<std::uint32_t>(own);
        limit.source = LimitSource::tenant;
    }
    return limits;
}

Result<void> require_room(Reader& reader, TenantId tenant, LimitedThing thing, std::int64_t present) {
    RELEVO_TRY(const auto limits, count_limits_of(reader, tenant));
    const CountLimit& limit = limits.at(static_cast<std::size_t>(thing) - 1);
    if (limit.most == 0 || present < limit.most) return {};
    const std::string what = std::to_string(limit.most) + " " + std::string(name_of(thing));
    const std::string who = limit.source == LimitSource::plan ? "the plan allows " : "this tenant may have ";
    return failure(ErrorKind::limit, who + what + ", and there are " + std::to_string(present) +
                                         ": remove one that is not needed, or ask the operator for more");
}

Result<std::vector<QuotaId>> quotas_from_plans(Reader& reader) {
    std::vector<QuotaId> found;
    RELEVO_CHECK(
        reader.query("SELECT id FROM quota WHERE plan_id <> 0 ORDER BY id", {}, [&](const Row& row) -> Result<void> {
            found.push_back(QuotaId{row.integer(0)});
            return {};
        }));
    return found;
}

Result<void> remove_tenant_quota(Transaction& transaction, TenantId tenant, QuotaPeriod period) {
    RELEVO_TRY(const std::vector<QuotaOfTenant> present, quotas_of_tenant(transaction, tenant));
    const auto found = std::ranges::find(present, period, &QuotaOfTenant::period);
    RELEVO_TRY(const std::optional<Plan> plan, plan_of(transaction, tenant));
    if (found != present.end() && found->plan)
        return failure(ErrorKind::conflict, "the quota per " + std::string(name_of(period)) + " is the plan's" +
                                                (plan ? " (" + plan->name + ")" : "") +
                                                ": change the plan, or set a quota for the tenant alone");
    const bool is_in_plan = plan && std::ranges::find(plan->quotas, period, &PlanQuota::period) != plan->quotas.end();
    if (found == present.end() || !is_in_plan)
        return remove_quota(transaction, QuotaScope::tenant, tenant.value, period);
    // The row stays, with what was used of it, and follows the plan again.
    RELEVO_CHECK(transaction.execute("UPDATE quota SET plan_id = $3 WHERE scope = $1 AND subject = $2 AND period = $4",
                                     {tenant_scope, tenant.value, plan->id.value, number_of(period)}));
    return follow_plan(transaction, tenant, &*plan);
}

}  // namespace relevo
