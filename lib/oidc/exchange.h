// The two requests of the authorization code flow and their answers (RFC 6749 §4.1, RFC 7636, OpenID Connect Core 1.0
// §3.1).
#pragma once

#include "lib/oidc/provider.h"

#include <string>
#include <string_view>
#include <vector>

namespace relevo::oidc {

// What our side is at the provider.
struct Client {
    std::string id;
    std::string secret;  // "": a public client, which PKCE alone protects
    std::string redirect_uri;
};

struct SignInRequest {
    std::vector<std::string> scopes;  // "openid" comes along anyway
    std::string state, nonce;
    std::string code_verifier;  // 43 to 128 letters and digits (RFC 7636 §4.1); stays here
};

// BASE64URL(SHA256(ASCII(verifier))), RFC 7636 §4.2.
[[nodiscard]] std::string code_challenge(std::string_view code_verifier);
// Where the browser goes.
[[nodiscard]] std::string authorization_url(const Provider& provider, const Client& client,
                                            const SignInRequest& request);

// What the token endpoint is sent: a form, and fields of the request such as "Authorization: Basic …".
struct TokenRequest {
    std::string form;
    std::vector<std::string> fields;
};
[[nodiscard]] TokenRequest token_request(const Provider& provider, const Client& client, std::string_view code,
                                         std::string_view code_verifier);

struct TokenAnswer {
    static constexpr Octets text_limit = 256 * kibibyte;
    std::string id_token;
    std::string access_token;  // "": none, or none that a field of HTTP can carry
};
// Errors: refused – the code is wrong, used or too old. invalid – the provider does not take the client: its id, secret
// or redirect URI, with the provider's words. temporary – a fault of the provider. unsupported – there is no ID token
// in it: "openid" is not among the scopes of the client there.
[[nodiscard]] Result<TokenAnswer> parse_token_answer(long status, std::string_view body);

// "a%20b" (RFC 6749 Appendix B, with %20 for a space).
[[nodiscard]] std::string form_encoded(std::string_view text);

}  // namespace relevo::oidc
