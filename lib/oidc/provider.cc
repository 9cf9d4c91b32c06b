#include "lib/oidc/provider.h"

#include "lib/base/text.h"
#include "lib/json/json.h"
#include "lib/oidc/key_set.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo::oidc {
namespace {

using boost::json::value;
using json::member;
using json::text_of;

constexpr std::string_view document_path = "/.well-known/openid-configuration";

Result<HttpsUrl> endpoint(const value& document, std::string_view name) {
    auto url = parse_https_url(text_of(member(document, name)));
    if (!url.has_value())
        return failure(ErrorKind::invalid, fmt::format("\"{}\" is missing or unusable: {}", name, url.error().detail));
    return url;
}

// Whether a list has an element that fits. `otherwise`: there is no list.
template <class Predicate>
bool lists(const value& document, std::string_view name, bool otherwise, Predicate fits) {
    const value* list = member(document, name);
    if (list == nullptr) return otherwise;
    return list->is_array() &&
           std::ranges::any_of(list->get_array(), [&](const value& one) { return fits(text_of(&one)); });
}

}  // namespace

Result<HttpsUrl> parse_issuer(std::string_view text) {
    RELEVO_TRY(HttpsUrl url, parse_https_url(text));
    if (url.text.find('?') != std::string::npos) return failure(ErrorKind::invalid, "an issuer has no query");
    return url;
}

Result<HttpsUrl> discovery_url(std::string_view issuer) {
    RELEVO_CHECK(parse_issuer(issuer));
    // "If the Issuer value contains a path component, any terminating / MUST be removed".
    if (issuer.ends_with('/')) issuer.remove_suffix(1);
    return parse_https_url(std::string(issuer) + std::string(document_path));
}

Result<Provider> parse_provider(std::string_view text, std::string_view issuer) {
    RELEVO_TRY(const value document, json::parse(text, {.octets = Provider::text_limit, .depth = 16}));
    const std::string_view named = text_of(member(document, "issuer"));
    if (named != issuer)
        return failure(ErrorKind::invalid,
                       fmt::format("it is the document of \"{}\", not of \"{}\": write the issuer as "
                                   "the provider does, to the last slash",
                                   printable(named, 200), printable(issuer, 200)));
    Provider provider{.issuer = std::string(issuer)};
    RELEVO_TRY(provider.authorization, endpoint(document, "authorization_endpoint"));
    RELEVO_TRY(provider.token, endpoint(document, "token_endpoint"));
    RELEVO_TRY(provider.keys, endpoint(document, "jwks_uri"));
    if (member(document, "userinfo_endpoint") != nullptr) {
        RELEVO_TRY(provider.user_info, endpoint(document, "userinfo_endpoint"));
    }
    if (!lists(document, "response_types_supported", true, [](std::string_view type) { return type == "code"; }))
        return failure(ErrorKind::unsupported, "the provider has no authorization code flow");
    if (!lists(document, "id_token_signing_alg_values_supported", true,
               [](std::string_view name) { return parse_algorithm(name).has_value(); }))
        return failure(ErrorKind::unsupported, "the provider signs with none of RS256, ES256 and EdDSA");
    // "If omitted, the default is client_secret_basic".
    const bool has_basic = lists(document, "token_endpoint_auth_methods_supported", true,
                                 [](std::string_view method) { return method == "client_secret_basic"; });
    if (!has_basic) provider.authentication = ClientAuthentication::post;
    const value* names_itself = member(document, "authorization_response_iss_parameter_supported");
    provider.names_itself = names_itself != nullptr && names_itself->is_bool() && names_itself->get_bool();
    return provider;
}

}  // namespace relevo::oidc
