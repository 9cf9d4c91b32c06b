// ID tokens: who signed in, as the provider says it (OpenID Connect Core 1.0 §2, §3.1.3.7; RFC 7519, RFC 8725).
#pragma once

#include "lib/oidc/key_set.h"

#include <chrono>
#include <expected>
#include <string>
#include <string_view>

namespace relevo::oidc {

using Time = std::chrono::system_clock::time_point;

inline constexpr Octets token_limit = 64 * kibibyte;
// How far the provider's clock and ours may be apart.
inline constexpr std::chrono::seconds clock_tolerance{120};

// Who it is. Texts are a provider's: UTF-8 of bounded length, for printable() before people see them.
struct Claims {
    std::string subject;          // never given to another one: with the issuer it tells who it is (§5.7)
    std::string email;            // "": not told
    bool email_verified = false;  // the provider has made sure that the address is the person's
    std::string name;             // "": not told
};

struct Expectation {
    std::string issuer, client_id, nonce;
    std::string access_token;  // that came along, for "at_hash"; "": none
    Time now;
};

enum class TokenFault : std::uint8_t {
    malformed,
    algorithm,    // "none", HMAC, or one that is not taken
    unknown_key,  // the key set may be an older one: fetch it again
    signature,
    issuer,
    audience,
    nonce,
    expired,      // also: our clock is ahead
    from_future,  // also: our clock is behind
    access_token,
};
[[nodiscard]] std::string_view name_of(TokenFault fault);

struct TokenProblem {
    TokenFault fault;
    std::string detail;  // for the log
};
template <class T>
using Checked = std::expected<T, TokenProblem>;

// A JWS in its compact form, taken apart and not believed.
struct TokenParts {
    Algorithm algorithm;
    std::string key_id;
    std::string_view signed_text;  // of the token that was parsed
    std::string signature;         // octets
    std::string claims;            // JSON
};
[[nodiscard]] Checked<TokenParts> parse_token(std::string_view token);
// Every rule of §3.1.3.7 that is about claims. `algorithm`: of the signature, which chooses the hash of "at_hash".
[[nodiscard]] Checked<Claims> check_claims(std::string_view json, Algorithm algorithm, const Expectation& expected);
// All of it: the claims, if the signature is of one of the keys and everything is as expected.
[[nodiscard]] Checked<Claims> verify_id_token(std::string_view token, const KeySet& keys, const Expectation& expected);

// The answer of the UserInfo endpoint (§5.3.2), for what the ID token does not tell. Errors: malformed – no JSON
// object, or of another subject, so that it "MUST NOT be used".
[[nodiscard]] Checked<Claims> parse_user_info(std::string_view json, std::string_view subject);

}  // namespace relevo::oidc
