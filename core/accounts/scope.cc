#include "core/accounts/scope.h"

#include "lib/base/text.h"

#include <algorithm>
#include <array>

namespace relevo {
namespace {

struct NamedScope {
    Scope scope;
    std::string_view name;
};

constexpr std::array<NamedScope, scope_count> names_of_scopes{{
    {Scope::messages_send, "messages:send"},
    {Scope::messages_read, "messages:read"},
    {Scope::domains_read, "domains:read"},
    {Scope::domains_write, "domains:write"},
    {Scope::credentials_read, "credentials:read"},
    {Scope::credentials_write, "credentials:write"},
    {Scope::suppressions_read, "suppressions:read"},
    {Scope::suppressions_write, "suppressions:write"},
    {Scope::statistics_read, "statistics:read"},
    {Scope::webhooks_read, "webhooks:read"},
    {Scope::webhooks_write, "webhooks:write"},
    {Scope::queue_read, "queue:read"},
    {Scope::queue_write, "queue:write"},
    {Scope::sources_read, "sources:read"},
    {Scope::sources_write, "sources:write"},
    {Scope::tenants_read, "tenants:read"},
    {Scope::tenants_write, "tenants:write"},
    {Scope::users_read, "users:read"},
    {Scope::users_write, "users:write"},
    {Scope::keys_read, "keys:read"},
    {Scope::keys_write, "keys:write"},
    {Scope::settings_read, "settings:read"},
    {Scope::settings_write, "settings:write"},
    {Scope::checks_read, "checks:read"},
}};

constexpr std::array<Scope, scope_count> list_of_scopes = [] {
    std::array<Scope, scope_count> list{};
    for (std::size_t i = 0; i < scope_count; ++i) list[i] = names_of_scopes[i].scope;
    return list;
}();

constexpr bool is_in_order() {
    for (std::size_t i = 0; i < scope_count; ++i)
        if (static_cast<std::size_t>(list_of_scopes[i]) != i) return false;
    return true;
}
static_assert(is_in_order(), "a scope is missing from the table, or not at its place");

}  // namespace

std::string_view name_of(Scope scope) { return names_of_scopes.at(static_cast<std::size_t>(scope)).name; }

std::span<const Scope> all_scopes() { return list_of_scopes; }

Result<Scope> parse_scope(std::string_view text) {
    const auto found = std::ranges::find(names_of_scopes, text, &NamedScope::name);
    if (found != names_of_scopes.end()) return found->scope;
    std::vector<std::string_view> candidates;
    for (const NamedScope& named : names_of_scopes) candidates.push_back(named.name);
    const auto nearest = nearest_name(text, candidates);
    return failure(ErrorKind::invalid, "there is no scope \"" + printable(text, 60) + "\"" +
                                           (nearest ? "; did you mean \"" + std::string(*nearest) + "\"?" : ""));
}

Result<ScopeSet> ScopeSet::parse(const std::vector<std::string>& names) {
    ScopeSet set;
    for (const std::string& name : names) {
        RELEVO_TRY(const Scope scope, parse_scope(name));
        set.insert(scope);
    }
    return set;
}

std::vector<std::string> ScopeSet::names() const {
    std::vector<std::string> names;
    for (const NamedScope& named : names_of_scopes)
        if (contains(named.scope)) names.emplace_back(named.name);
    return names;
}

std::string ScopeSet::text() const {
    std::string text;
    for (const std::string& name : names()) text += (text.empty() ? "" : ", ") + name;
    return text;
}

}  // namespace relevo
