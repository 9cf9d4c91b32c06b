// Plans, and what a tenant may have: from its plan, or of its own.
#include "app/relevo/control.h"
#include "app/relevo/control_rows.h"
#include "app/relevo/json_arguments.h"
#include "core/accounts/users.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/credentials.h"
#include "core/tenancy/plan.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

namespace json = boost::json;
using Arguments = json::object;
using Work = Result<json::object>;

json::object json_of(const Plan& plan) {
    json::array quotas;
    for (const PlanQuota& quota : plan.quotas)
        quotas.emplace_back(json::object{
            {"per", name_of(quota.period)}, {"recipients", quota.recipients}, {"beyond", name_of(quota.beyond)}});
    json::object shown{
        {"id", plan.id.text()},        {"name", plan.name},       {"note", json_text_or_null(plan.note)},
        {"quotas", std::move(quotas)}, {"tenants", plan.tenants}, {"created_at", json_time(plan.created_at)}};
    for (const LimitedThing thing : limited_things) {
        const std::uint32_t most = plan.count_of(thing);
        shown[name_of(thing)] = most > 0 ? json::value(most) : json::value(nullptr);
    }
    return shown;
}

// "month=50000:wait", or an object with per, recipients and beyond.
Result<PlanQuota> quota_of(const json::value& given) {
    std::string per, beyond = "wait";
    std::int64_t recipients = 0;
    if (const auto* text = given.if_string()) {
        const std::string_view whole(*text);
        const auto equals = whole.find('=');
        const auto colon = whole.find(':');
        if (equals == std::string_view::npos)
            return failure(ErrorKind::invalid,
                           fmt::format("\"{}\" is no quota: write one such as month=50000:wait", printable(whole, 60)));
        per = whole.substr(0, equals);
        const std::string_view number =
            whole.substr(equals + 1, colon == std::string_view::npos ? colon : colon - equals - 1);
        recipients = parse_decimal<std::int64_t>(number).value_or(0);
        if (colon != std::string_view::npos) beyond = whole.substr(colon + 1);
    } else if (const auto* object = given.if_object()) {
        RELEVO_CHECK(check_members(*object, {"per", "recipients", "beyond"}));
        RELEVO_TRY(per, required_text(*object, "per"));
        RELEVO_TRY(const auto number, number_member(*object, "recipients"));
        recipients = number.value_or(0);
        RELEVO_TRY(const auto chosen, text_member(*object, "beyond"));
        beyond = chosen.value_or(beyond);
    } else {
        return failure(ErrorKind::invalid, "quotas: each is an object, or a text such as \"month=50000:wait\"");
    }
    const auto period = parse_quota_period(per);
    if (!period)
        return failure(ErrorKind::invalid,
                       fmt::format("per is \"{}\": must be minute, hour, day or month", printable(per, 60)));
    const auto what_then = parse_beyond_quota(beyond);
    if (!what_then)
        return failure(ErrorKind::invalid,
                       fmt::format("beyond is \"{}\": must be wait, hold or refuse", printable(beyond, 60)));
    if (recipients < 1 || recipients > std::int64_t{largest_quota})
        return failure(ErrorKind::invalid, "a quota is 1 to 1,000,000,000 recipients; to lift it, leave it out");
    return PlanQuota{*period, static_cast<std::uint32_t>(recipients), *what_then};
}

Result<std::optional<std::uint32_t>> count_member(const Arguments& arguments, std::string_view name) {
    RELEVO_TRY(const auto number, number_member(arguments, name));
    if (!number) return std::optional<std::uint32_t>();
    if (*number < 0 || *number > std::int64_t{Plan::largest_count})
        return failure(ErrorKind::invalid, fmt::format("{} is {}: must be 0 to 1,000,000", name, *number));
    return std::optional(static_cast<std::uint32_t>(*number));
}

// What is named changes; the list of quotas as a whole.
Result<void> apply_members(Plan& plan, const Arguments& arguments) {
    RELEVO_TRY(const auto note, text_member(arguments, "note"));
    if (note) plan.note = *note;
    for (const LimitedThing thing : limited_things) {
        RELEVO_TRY(const auto most, count_member(arguments, name_of(thing)));
        if (most) plan.set_count(thing, *most);
    }
    const auto* quotas = arguments.if_contains("quotas");
    if (quotas == nullptr || quotas->is_null()) return {};
    if (!quotas->is_array()) return failure(ErrorKind::invalid, "quotas must be a list");
    plan.quotas.clear();
    for (const json::value& given : quotas->get_array()) {
        RELEVO_TRY(plan.quotas.emplace_back(), quota_of(given));
    }
    return {};
}

Work change_plans(Transaction& transaction, std::string_view command, const Arguments& arguments) {
    if (command == "plan.add") {
        RELEVO_CHECK(check_members(arguments, {"name", "note", "quotas", "domains", "credentials", "users"}));
        Plan plan;
        RELEVO_TRY(plan.name, required_text(arguments, "name"));
        RELEVO_CHECK(apply_members(plan, arguments));
        RELEVO_TRY(const PlanId id, create_plan(transaction, plan, WallClock::now()));
        RELEVO_TRY(const Plan made, find_plan(transaction, id.text()));
        return json_of(made);
    }
    RELEVO_TRY(const std::string name, required_text(arguments, "plan"));
    RELEVO_TRY(Plan plan, find_plan(transaction, name));
    if (command == "plan.remove") {
        RELEVO_CHECK(check_members(arguments, {"plan"}));
        RELEVO_CHECK(remove_plan(transaction, plan.id));
        return json::object{{"removed", plan.name}};
    }
    if (command != "plan.set")
        return failure(ErrorKind::unsupported, fmt::format("there is no command \"{}\"", command));
    RELEVO_CHECK(check_members(arguments, {"plan", "name", "note", "quotas", "domains", "credentials", "users"}));
    RELEVO_TRY(const auto renamed, text_member(arguments, "name"));
    if (renamed) plan.name = *renamed;
    RELEVO_CHECK(apply_members(plan, arguments));
    RELEVO_CHECK(change_plan(transaction, plan));
    RELEVO_TRY(const Plan changed, find_plan(transaction, plan.id.text()));
    return json_of(changed);
}

Work read_plans(Reader& reader, std::string_view command, const Arguments& arguments) {
    if (command == "plan.show") {
        RELEVO_CHECK(check_members(arguments, {"plan"}));
        RELEVO_TRY(const std::string name, required_text(arguments, "plan"));
        RELEVO_TRY(const Plan plan, find_plan(reader, name));
        return json_of(plan);
    }
    RELEVO_CHECK(check_members(arguments, {}));
    RELEVO_TRY(const std::vector<Plan> plans, list_plans(reader));
    json::array rows;
    for (const Plan& plan : plans) rows.emplace_back(json_of(plan));
    return json::object{{"plans", std::move(rows)}};
}

Result<std::size_t> number_present(Reader& reader, TenantId tenant, LimitedThing thing) {
    if (thing == LimitedThing::domains) {
        RELEVO_TRY(const auto domains, list_domains(reader, tenant));
        return domains.size();
    }
    if (thing == LimitedThing::credentials) {
        RELEVO_TRY(const auto credentials, list_credentials(reader, tenant));
        return credentials.size();
    }
    RELEVO_TRY(const auto users, list_users(reader));
    return static_cast<std::size_t>(std::ranges::count(users, std::optional(tenant), &User::tenant));
}

// What a tenant may have, what it has, and where each limit comes from.
Work limits_json(Reader& reader, const Tenant& tenant) {
    RELEVO_TRY(const std::optional<Plan> plan, plan_of(reader, tenant.id));
    RELEVO_TRY(const auto limits, count_limits_of(reader, tenant.id));
    json::array counts;
    for (const CountLimit& limit : limits) {
        RELEVO_TRY(const std::size_t present, number_present(reader, tenant.id, limit.thing));
        counts.emplace_back(json::object{{"thing", name_of(limit.thing)},
                                         {"most", limit.most > 0 ? json::value(limit.most) : json::value(nullptr)},
                                         {"used", present},
                                         {"from", name_of(limit.source)}});
    }
    return json::object{{"tenant", tenant.name},
                        {"plan", plan ? json::value(plan->name) : json::value(nullptr)},
                        {"note", plan ? json_text_or_null(plan->note) : json::value(nullptr)},
                        {"counts", std::move(counts)}};
}

}  // namespace

// What set a tenant's plan and numbers, from arguments of tenant.set.
Result<void> apply_plan_members(Transaction& transaction, TenantId tenant, const Arguments& arguments) {
    RELEVO_TRY(const auto plan, text_member(arguments, "plan"));
    if (plan && plan->empty()) {
        RELEVO_CHECK(set_tenant_plan(transaction, tenant, std::nullopt));
    } else if (plan) {
        RELEVO_TRY(const Plan found, find_plan(transaction, *plan));
        RELEVO_CHECK(set_tenant_plan(transaction, tenant, found.id));
    }
    for (const LimitedThing thing : limited_things) {
        RELEVO_TRY(const auto most, count_member(arguments, fmt::format("max_{}", name_of(thing))));
        if (most) RELEVO_CHECK(set_tenant_count(transaction, tenant, thing, *most));
    }
    return {};
}

Task<Control::Answer> Control::perform_plans(std::string command, Arguments arguments) {
    if (command == "plan.list" || command == "plan.show")
        return read_rows([=](Reader& reader) -> Work { return read_plans(reader, command, arguments); });
    if (command == "plan.use") return show_plan_use(std::move(arguments));
    return change_rows([=](Transaction& rows) -> Work { return change_plans(rows, command, arguments); });
}

// Of one tenant, with its quotas as quota.list has them.
Task<Control::Answer> Control::show_plan_use(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"tenant"}));
    RELEVO_CO_TRY(const std::string name, required_text(arguments, "tenant"));
    RELEVO_CO_TRY(json::object shown, co_await read_rows([&](Reader& reader) -> Work {
                      RELEVO_TRY(const Tenant tenant, named_tenant(reader, name));
                      return limits_json(reader, tenant);
                  }));
    RELEVO_CO_TRY(json::object quotas, co_await perform_quotas("quota.list", {{"tenant", name}}));
    shown["quotas"] = std::move(quotas.at("quotas"));
    co_return shown;
}

}  // namespace relevo
