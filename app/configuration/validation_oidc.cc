// What is wrong with [[oidc]] as a whole.
#include "app/configuration/validation.h"
#include "lib/base/text.h"
#include "lib/oidc/provider.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace relevo::configuration {
namespace {

constexpr std::size_t name_limit_octets = 40, title_limit_octets = 60, scope_limit_octets = 100;

bool is_name(std::string_view name) {
    return !name.empty() && name.size() <= name_limit_octets &&
           std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-'; });
}

// RFC 6749 §3.3.
bool is_scope(std::string_view scope) {
    return !scope.empty() && scope.size() <= scope_limit_octets &&
           std::ranges::all_of(scope, [](char c) { return c > ' ' && c < '\x7F' && c != '"' && c != '\\'; });
}

void check_one(OidcSettings& settings, const std::string& path, Problems& problems) {
    if (!is_name(settings.name))
        problems.add(path + ".name", "must be lower-case letters, digits and \"-\", at most 40: such as \"company\"");
    if (settings.title.size() > title_limit_octets)
        problems.add(path + ".title", "is longer than 60 octets: the button has no room for it");
    if (settings.title.empty()) settings.title = settings.name;
    if (const auto issuer = oidc::parse_issuer(settings.issuer); !issuer)
        problems.add(path + ".issuer", "is no issuer such as \"https://id.example.com\": " + issuer.error().detail);
    if (settings.client_id.empty())
        problems.add(path + ".client_id", "is missing: the provider gives it with the client");
    for (const std::string& scope : settings.scopes)
        if (!is_scope(scope)) problems.add(path + ".scopes", fmt::format("\"{}\" is no scope", printable(scope, 100)));
    for (std::string& domain : settings.email_domains) {
        check_domain(domain, path + ".email_domains", problems);
        domain = to_lower(domain);
    }
    if (settings.trust_email && settings.email_domains.empty())
        problems.add(path + ".trust_email", "needs email_domains: name the domains that the provider manages");
    if (settings.new_users != NewOidcUsers::none && settings.email_domains.empty())
        problems.add(path + ".new_users", "needs email_domains: else whoever has an account there would come in");
    if (settings.new_users == NewOidcUsers::none && !settings.new_users_tenant.empty())
        problems.add(path + ".new_users_tenant", "has no use without new_users: set both, or none");
}

}  // namespace

void check_oidc(Configuration& configuration, Problems& problems) {
    std::set<std::string> names;
    for (std::size_t i = 0; i < configuration.oidc.size(); ++i) {
        const std::string path = fmt::format("oidc[{}]", i);
        check_one(configuration.oidc[i], path, problems);
        if (!names.insert(configuration.oidc[i].name).second)
            problems.add(path + ".name", fmt::format("\"{}\" is taken by an earlier one", configuration.oidc[i].name));
    }
    const bool has_console =
        std::ranges::any_of(configuration.http, [](const HttpSettings& http) { return http.console && http.api; });
    if (!configuration.oidc.empty() && !has_console)
        problems.add("oidc", "has no use without a console: add [[http]], or remove [[oidc]]");
}

}  // namespace relevo::configuration
