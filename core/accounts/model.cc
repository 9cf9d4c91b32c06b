#include "core/accounts/model.h"

#include "lib/base/text.h"

#include <array>
#include <utility>

namespace relevo {
namespace {

constexpr std::array all_roles = {Role::admin, Role::mail_operator, Role::analyst, Role::sender};

constexpr ScopeSet scopes_of_analyst = {Scope::messages_read,   Scope::domains_read, Scope::suppressions_read,
                                        Scope::statistics_read, Scope::queue_read,   Scope::sources_read,
                                        Scope::tenants_read,    Scope::checks_read};

constexpr ScopeSet scopes_of_sender = {Scope::messages_send,     Scope::messages_read,   Scope::domains_read,
                                       Scope::suppressions_read, Scope::statistics_read, Scope::checks_read};

// Who has access, which tenants there are and how the server is set up is for admins.
constexpr ScopeSet only_for_admins = {Scope::tenants_write, Scope::users_read, Scope::users_write,
                                      Scope::keys_read,     Scope::keys_write, Scope::settings_write};

}  // namespace

std::string_view name_of(PrincipalKind kind) {
    switch (kind) {
        case PrincipalKind::key: return "key";
        case PrincipalKind::session: return "session";
        case PrincipalKind::control: return "control";
        case PrincipalKind::nobody: return "nobody";
    }
    return "nobody";
}

std::string Principal::id_text() const {
    switch (kind) {
        case PrincipalKind::key: return ApiKeyId{id}.text();
        case PrincipalKind::session: return UserId{id}.text();
        case PrincipalKind::control:
        case PrincipalKind::nobody: break;
    }
    return std::string(name_of(kind));
}

Principal control_principal(std::string name) {
    return Principal{.kind = PrincipalKind::control, .name = std::move(name), .scopes = ScopeSet::all()};
}

Result<void> check_grant(const Principal& giver, std::optional<TenantId> owner, ScopeSet scopes) {
    if (!giver.covers(owner))
        return failure(ErrorKind::refused, "you may give access to your own tenant only, not to the whole server");
    if (giver.scopes.contains(scopes)) return {};
    return failure(ErrorKind::refused,
                   "you cannot give what you may not do yourself: " + scopes.without(giver.scopes).text());
}

std::string_view name_of(Role role) {
    switch (role) {
        case Role::admin: return "admin";
        case Role::mail_operator: return "operator";
        case Role::analyst: return "analyst";
        case Role::sender: return "sender";
    }
    return "unknown";
}

Result<Role> parse_role(std::string_view text) {
    for (const Role role : all_roles)
        if (name_of(role) == text) return role;
    return failure(ErrorKind::invalid,
                   "there is no role \"" + printable(text, 60) + "\": use admin, operator, analyst or sender");
}

ScopeSet scopes_of(Role role, std::optional<TenantId> tenant) {
    const ScopeSet of_role = [&] {
        switch (role) {
            case Role::admin: return ScopeSet::all();
            case Role::mail_operator: return ScopeSet::all().without(only_for_admins);
            case Role::analyst: return scopes_of_analyst;
            case Role::sender: return scopes_of_sender;
        }
        return ScopeSet();
    }();
    return tenant ? of_role.without(server_scopes) : of_role;
}

}  // namespace relevo
