#include "app/relevo/json_accounts.h"

#include "app/relevo/control_rows.h"
#include "app/relevo/json_arguments.h"
#include "core/accounts/one_time_tokens.h"
#include "core/tenancy/administration.h"

#include <algorithm>

namespace relevo {
namespace {

namespace json = boost::json;

std::string_view word(SecondFactor factor) {
    switch (factor) {
        case SecondFactor::none: return "none";
        case SecondFactor::unconfirmed: return "unconfirmed";
        case SecondFactor::totp: return "totp";
    }
    return "none";
}

Result<json::value> link_json(Reader& reader, UserId user) {
    RELEVO_TRY(const auto link, open_link_of(reader, user, WallClock::now()));
    if (!link) return json::value(nullptr);
    return json::value(json::object{{"purpose", name_of(link->purpose)},
                                    {"message", link->message ? json::value(link->message.text()) : json::value()},
                                    {"expires_at", json_time(link->expires_at)}});
}

}  // namespace

Result<std::optional<TenantId>> tenant_member(Reader& reader, const json::object& arguments) {
    RELEVO_TRY(const auto name, text_member(arguments, "tenant"));
    if (!name || name->empty()) return std::optional<TenantId>();
    RELEVO_TRY(const Tenant tenant, named_tenant(reader, *name));
    return std::optional(tenant.id);
}

Result<json::value> tenant_json(Reader& reader, std::optional<TenantId> tenant) {
    if (!tenant) return json::value(nullptr);
    RELEVO_TRY(const std::vector<Tenant> all, list_tenants(reader));
    const auto found = std::ranges::find(all, *tenant, &Tenant::id);
    return json::value(found == all.end() ? tenant->text() : found->name);
}

Result<User> user_member(Reader& reader, const json::object& arguments) {
    RELEVO_TRY(const std::string name, required_text(arguments, "user"));
    return find_user(reader, name);
}

Result<NewUser> new_user_of(Reader& reader, const Principal& giver, const json::object& arguments,
                            mail::Language default_language) {
    NewUser user{.language = default_language};
    RELEVO_TRY(user.login, required_text(arguments, "login"));
    RELEVO_TRY(const std::string role, required_text(arguments, "role"));
    RELEVO_TRY(user.role, parse_role(role));
    RELEVO_TRY(const auto name, text_member(arguments, "name"));
    user.display_name = name.value_or("");
    RELEVO_TRY(const auto chosen, text_member(arguments, "language"));
    if (chosen) {
        RELEVO_TRY(user.language, mail::parse_language(*chosen));
    }
    RELEVO_TRY(user.tenant, tenant_member(reader, arguments));
    RELEVO_CHECK(check_grant(giver, user.tenant, scopes_of(user.role, user.tenant)));
    return user;
}

Result<json::object> json_of(Reader& reader, const User& user) {
    RELEVO_TRY(json::value tenant, tenant_json(reader, user.tenant));
    RELEVO_TRY(json::value link, link_json(reader, user.id));
    return json::object{{"id", user.id.text()},
                        {"login", user.login},
                        {"name", json_text_or_null(user.display_name)},
                        {"language", user.language == mail::Language::spanish ? "es" : "en"},
                        {"role", name_of(user.role)},
                        {"tenant", std::move(tenant)},
                        {"enabled", user.enabled},
                        {"has_password", user.has_password},
                        {"has_identity", user.has_identity},
                        {"has_passkey", user.has_passkey},
                        {"second_factor", word(user.second_factor)},
                        {"created_at", json_time(user.created_at)},
                        {"last_login_at", json_time(user.last_login_at)},
                        {"link", std::move(link)}};
}

}  // namespace relevo
