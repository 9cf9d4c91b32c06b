// Quotas, and what is used of them.
#include "app/relevo/control.h"
#include "app/relevo/control_rows.h"
#include "app/relevo/json_arguments.h"
#include "core/policy/sending.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/credentials.h"
#include "core/tenancy/plan.h"
#include "core/tenancy/quota.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

namespace relevo {
namespace {

namespace json = boost::json;
using Arguments = json::object;
using Work = Result<json::object>;

struct Subject {
    QuotaScope scope = QuotaScope::tenant;
    std::int64_t id = 0;
};

// The one of tenant, domain and credential that is named.
Result<Subject> named_subject(Reader& reader, const Arguments& arguments) {
    RELEVO_TRY(const auto tenant, text_member(arguments, "tenant"));
    RELEVO_TRY(const auto domain, text_member(arguments, "domain"));
    RELEVO_TRY(const auto credential, text_member(arguments, "credential"));
    if ((tenant ? 1 : 0) + (domain ? 1 : 0) + (credential ? 1 : 0) != 1)
        return failure(ErrorKind::invalid, "say whose quota: one of tenant, domain and credential");
    if (tenant) {
        RELEVO_TRY(const Tenant named, named_tenant(reader, *tenant));
        return Subject{QuotaScope::tenant, named.id.value};
    }
    if (domain) {
        RELEVO_TRY(const Domain named, named_domain(reader, *domain));
        return Subject{QuotaScope::domain, named.id.value};
    }
    RELEVO_TRY(const CredentialRow named, named_credential(reader, *credential));
    return Subject{QuotaScope::credential, named.credential.id.value};
}

Result<QuotaPeriod> period_member(const Arguments& arguments) {
    RELEVO_TRY(const std::string text, required_text(arguments, "per"));
    const auto period = parse_quota_period(text);
    if (!period)
        return failure(ErrorKind::invalid,
                       fmt::format("per is \"{}\": must be minute, hour, day or month", printable(text, 60)));
    return *period;
}

// Whose a quota is in the end.
TenantId owner_of(const Directory& directory, const Quota& quota) {
    if (quota.scope == QuotaScope::tenant) return TenantId{quota.subject};
    if (quota.scope == QuotaScope::domain) {
        const Domain* domain = directory.domain(DomainId{quota.subject});
        return domain != nullptr ? domain->tenant : TenantId{};
    }
    const Credential* credential = directory.credential(CredentialId{quota.subject});
    return credential != nullptr ? credential->tenant : TenantId{};
}

json::object json_of(const Directory& directory, const Quota& quota, const QuotaCount& stored,
                     WallClock::time_point now) {
    const QuotaCount count = advanced(quota, stored, now);
    const auto limit = static_cast<std::uint64_t>(quota.recipients);
    const auto room = room_at(quota, count, now);
    const std::string subject = subject_of(directory, quota);
    const Tenant* tenant = directory.tenant(owner_of(directory, quota));
    return {{"id", quota.id.text()},
            {"scope", name_of(quota.scope)},
            {"subject", subject.substr(subject.find(' ') + 1)},
            {"tenant", tenant != nullptr ? json_text_or_null(tenant->name) : json::value(nullptr)},
            {"per", name_of(quota.period)},
            {"recipients", quota.recipients},
            {"beyond", name_of(quota.beyond)},
            {"used", std::min(count.used, limit)},
            {"ahead", count.used > limit ? count.used - limit : 0},
            {"percent", std::min<std::uint64_t>(count.used * 100 / limit, 100)},
            {"room_at", room > now ? json_time(room) : json::value(nullptr)},
            {"period_ends_at", json_time(period_start(quota.period, count.number + 1))}};
}

template <class Chosen>
Work listed(Reader& reader, const Directory& directory, Chosen chosen) {
    RELEVO_TRY(const auto quotas, list_quotas(reader));
    RELEVO_TRY(const auto rows, load_quota_usage(reader));
    std::map<std::int64_t, QuotaCount> counts;
    for (const QuotaLedger::Row& row : rows) counts[row.quota.value] = row.count;
    json::array list;
    const auto now = WallClock::now();
    RELEVO_TRY(const std::vector<QuotaId> from_plans, quotas_from_plans(reader));
    for (const Quota& quota : quotas) {
        if (!chosen(quota)) continue;
        json::object row = json_of(directory, quota, counts[quota.id.value], now);
        row["from"] = std::ranges::binary_search(from_plans, quota.id) ? "plan" : "own";
        list.emplace_back(std::move(row));
    }
    return json::object{{"quotas", std::move(list)}};
}

Work listed(Reader& reader, const Directory& directory, const Subject& subject) {
    return listed(reader, directory,
                  [&](const Quota& quota) { return quota.scope == subject.scope && quota.subject == subject.id; });
}

Work read_quotas(Reader& reader, const Directory& directory, std::string_view command, const Arguments& arguments) {
    if (command == "quota.show") {
        RELEVO_CHECK(check_members(arguments, {"tenant", "domain", "credential"}));
        RELEVO_TRY(const Subject subject, named_subject(reader, arguments));
        return listed(reader, directory, subject);
    }
    RELEVO_CHECK(check_members(arguments, {"tenant"}));
    RELEVO_TRY(const auto name, text_member(arguments, "tenant"));
    if (!name) return listed(reader, directory, [](const Quota&) { return true; });
    RELEVO_TRY(const Tenant tenant, named_tenant(reader, *name));
    return listed(reader, directory, [&](const Quota& quota) { return owner_of(directory, quota) == tenant.id; });
}

Work change_quotas(Transaction& transaction, const Directory& directory, std::string_view command,
                   const Arguments& arguments) {
    if (command == "quota.remove") {
        RELEVO_CHECK(check_members(arguments, {"tenant", "domain", "credential", "per"}));
        RELEVO_TRY(const Subject subject, named_subject(transaction, arguments));
        RELEVO_TRY(const QuotaPeriod period, period_member(arguments));
        RELEVO_CHECK(subject.scope == QuotaScope::tenant
                         ? remove_tenant_quota(transaction, TenantId{subject.id}, period)
                         : remove_quota(transaction, subject.scope, subject.id, period));
        return listed(transaction, directory, subject);
    }
    if (command != "quota.set")
        return failure(ErrorKind::unsupported, fmt::format("there is no command \"{}\"", command));
    RELEVO_CHECK(check_members(arguments, {"tenant", "domain", "credential", "per", "recipients", "beyond"}));
    RELEVO_TRY(const Subject subject, named_subject(transaction, arguments));
    RELEVO_TRY(const QuotaPeriod period, period_member(arguments));
    RELEVO_TRY(const auto recipients, number_member(arguments, "recipients"));
    if (!recipients) return failure(ErrorKind::invalid, "recipients is missing: how many the quota allows");
    RELEVO_TRY(const auto beyond_text, text_member(arguments, "beyond"));
    const auto beyond = parse_beyond_quota(beyond_text.value_or("wait"));
    if (!beyond)
        return failure(ErrorKind::invalid,
                       fmt::format("beyond is \"{}\": must be wait, hold or refuse", printable(*beyond_text, 60)));
    RELEVO_CHECK(set_quota(transaction, {.id = {},
                                         .scope = subject.scope,
                                         .subject = subject.id,
                                         .period = period,
                                         .recipients = static_cast<std::uint32_t>(
                                             std::min<std::int64_t>(*recipients, std::int64_t{largest_quota} + 1)),
                                         .beyond = *beyond}));
    return listed(transaction, directory, subject);
}

}  // namespace

Task<Control::Answer> Control::perform_quotas(std::string command, Arguments arguments) {
    // For names; the quotas themselves come from their rows.
    std::shared_ptr<const Directory> directory = context_.directory();
    if (command == "quota.list" || command == "quota.show")
        return read_rows([=](Reader& reader) -> Work { return read_quotas(reader, *directory, command, arguments); });
    return change_rows([=](Transaction& rows) -> Work { return change_quotas(rows, *directory, command, arguments); });
}

}  // namespace relevo
