// What a provider says of itself (OpenID Connect Discovery 1.0 §3, RFC 8414, RFC 9207 §3).
#pragma once

#include "lib/base/https_url.h"
#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace relevo::oidc {

// How a client shows its secret at the token endpoint (OpenID Connect Core 1.0 §9).
enum class ClientAuthentication : std::uint8_t { basic, post };

struct Provider {
    static constexpr Octets text_limit = 256 * kibibyte;

    std::string issuer;
    HttpsUrl authorization, token, keys;
    std::optional<HttpsUrl> user_info;
    ClientAuthentication authentication = ClientAuthentication::basic;
    bool names_itself = false;  // every answer of it brings "iss"
};

// https, without query and fragment. Errors: invalid.
[[nodiscard]] Result<HttpsUrl> parse_issuer(std::string_view text);
// Where the document is (§4.1): "https://id.example/.well-known/openid-configuration".
[[nodiscard]] Result<HttpsUrl> discovery_url(std::string_view issuer);
// Errors: invalid – no such document, of another issuer ("MUST exactly match", §4.3), or an endpoint that is not https.
// unsupported – it has no code flow, or signs with nothing that is taken here.
[[nodiscard]] Result<Provider> parse_provider(std::string_view text, std::string_view issuer);

}  // namespace relevo::oidc
