#include "app/relevo/sign_in_options.h"

#include "app/relevo/public_face.h"

namespace relevo {
namespace {

constexpr std::string_view return_path = "/api/v1/session/openid/";

std::optional<NewUserRule> new_user_rule(const OidcSettings& settings, mail::Language language) {
    NewUserRule rule{.tenant = settings.new_users_tenant, .language = language};
    switch (settings.new_users) {
        case NewOidcUsers::none: return std::nullopt;
        case NewOidcUsers::mail_operator: rule.role = Role::mail_operator; break;
        case NewOidcUsers::analyst: rule.role = Role::analyst; break;
        case NewOidcUsers::sender: rule.role = Role::sender; break;
    }
    return rule;
}

}  // namespace

std::vector<OpenIdProvider> openid_providers(const Configuration& configuration) {
    std::vector<OpenIdProvider> providers;
    const std::string console = console_url(configuration);
    if (console.empty()) return providers;
    for (const OidcSettings& settings : configuration.oidc)
        providers.push_back({.rules = {.provider = settings.name,
                                       .issuer = settings.issuer,
                                       .email = settings.trust_email ? EmailTrust::always : EmailTrust::claim,
                                       .email_domains = settings.email_domains,
                                       .new_users = new_user_rule(settings, configuration.server.language)},
                             .client = {.id = settings.client_id,
                                        .secret = settings.client_secret.value,
                                        .redirect_uri = console + std::string(return_path) + settings.name},
                             .scopes = settings.scopes,
                             .trust_file = settings.trust_file});
    return providers;
}

}  // namespace relevo
