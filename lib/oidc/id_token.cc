#include "lib/oidc/id_token.h"

#include "lib/base/base64url.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cmath>
#include <optional>

namespace relevo::oidc {
namespace {

using boost::json::value;
using json::member;
using json::text_of;

constexpr std::size_t subject_limit_octets = 255;  // OpenID Connect Core 1.0 §2
constexpr std::size_t email_limit_octets = 320, name_limit_octets = 200, key_id_limit_octets = 500;
constexpr std::size_t audiences_limit = 100;

std::unexpected<TokenProblem> fault(TokenFault kind, std::string detail) {
    return std::unexpected(TokenProblem{kind, std::move(detail)});
}

// Two members of one name: two readers may take another one.
Checked<value> object_of(std::string_view text, std::string_view what) {
    auto parsed = json::parse(text, {.octets = token_limit, .depth = 16, .same_names = json::SameNames::refused});
    if (!parsed.has_value())
        return fault(TokenFault::malformed, fmt::format("{} is not JSON: {}", what, parsed.error().detail));
    if (!parsed->is_object()) return fault(TokenFault::malformed, fmt::format("{} is no JSON object", what));
    return *std::move(parsed);
}

// NumericDate (RFC 7519 §2): seconds since 1970, with a fraction perhaps. Nothing: none, or beyond all years.
std::optional<Time> time_member(const value& object, std::string_view name) {
    const value* found = member(object, name);
    if (found == nullptr || !found->is_number()) return std::nullopt;
    const double seconds = found->to_number<double>();
    constexpr double latest = 9e9;  // the year 2255
    if (!(seconds >= 0 && seconds <= latest)) return std::nullopt;
    return Time(std::chrono::seconds(static_cast<std::int64_t>(seconds)));
}

// A text of UTF-8 without control characters; "" if it is none, or longer.
std::string bounded_text(const value& object, std::string_view name, std::size_t limit_octets) {
    const std::string_view text = text_of(member(object, name));
    const bool has_control =
        std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (text.size() > limit_octets || has_control || !is_utf8(text)) return {};
    return std::string(text);
}

// Some providers write it as a text.
bool flag_member(const value& object, std::string_view name) {
    const value* found = member(object, name);
    if (found == nullptr) return false;
    return (found->is_bool() && found->get_bool()) || text_of(found) == "true";
}

Claims claims_of(const value& object) {
    return {.subject = bounded_text(object, "sub", subject_limit_octets),
            .email = bounded_text(object, "email", email_limit_octets),
            .email_verified = flag_member(object, "email_verified"),
            .name = bounded_text(object, "name", name_limit_octets)};
}

// "It MUST contain the OAuth 2.0 client_id of the Relying Party"; "the Client SHOULD verify that an azp Claim is
// present" if there are others. One of several without azp is not ours to trust.
bool is_for(const value& object, std::string_view client_id) {
    const value *audience = member(object, "aud"), *authorized = member(object, "azp");
    if (audience == nullptr) return false;
    if (authorized != nullptr && text_of(authorized) != client_id) return false;
    if (audience->is_string()) return text_of(audience) == client_id;
    if (!audience->is_array() || audience->get_array().size() > audiences_limit) return false;
    const auto& all = audience->get_array();
    return (all.size() == 1 || authorized != nullptr) &&
           std::ranges::any_of(all, [&](const value& one) { return text_of(&one) == client_id; });
}

// The left half of the hash of the access token, by the hash of the signature's algorithm (§3.1.3.6).
std::string access_token_hash(std::string_view access_token, Algorithm algorithm) {
    std::string hash(EVP_MAX_MD_SIZE, '\0');
    unsigned length = 0;
    const EVP_MD* digest = algorithm == Algorithm::eddsa ? EVP_sha512() : EVP_sha256();
    if (EVP_Digest(access_token.data(), access_token.size(), reinterpret_cast<unsigned char*>(hash.data()), &length,
                   digest, nullptr) != 1)
        return {};
    return encode_base64url(hash.substr(0, length / 2));
}

}  // namespace

std::string_view name_of(TokenFault fault) {
    switch (fault) {
        case TokenFault::malformed: return "malformed";
        case TokenFault::algorithm: return "algorithm";
        case TokenFault::unknown_key: return "unknown_key";
        case TokenFault::signature: return "signature";
        case TokenFault::issuer: return "issuer";
        case TokenFault::audience: return "audience";
        case TokenFault::nonce: return "nonce";
        case TokenFault::expired: return "expired";
        case TokenFault::from_future: return "from_future";
        case TokenFault::access_token: return "access_token";
    }
    return "unknown";
}

Checked<TokenParts> parse_token(std::string_view token) {
    if (token.size() > token_limit) return fault(TokenFault::malformed, "the token is too long");
    const std::vector<std::string_view> parts = split(token, '.');
    if (parts.size() != 3)
        return fault(TokenFault::malformed, parts.size() == 5
                                                ? "the token is encrypted: switch that off at the provider"
                                                : "the token has not three parts");
    const bool is_clean = std::ranges::all_of(parts, [](std::string_view part) { return !part.contains('='); });
    auto header_text = decode_base64url(parts[0]), claims = decode_base64url(parts[1]);
    auto signature = decode_base64url(parts[2]);
    if (!is_clean || !header_text.has_value() || !claims.has_value() || !signature.has_value())
        return fault(TokenFault::malformed, "the token is not base64url");
    const auto header = object_of(*header_text, "the header");
    if (!header.has_value()) return std::unexpected(header.error());
    // "If any of the listed extension Header Parameters are not understood … the JWS is invalid" (RFC 7515 §4.1.11).
    if (member(*header, "crit") != nullptr)
        return fault(TokenFault::malformed, "the header demands an extension with \"crit\"");
    // What is another kind of token is none for us (RFC 8725 §3.11).
    if (const value* type = member(*header, "typ"); type != nullptr && !equals_ignoring_case(text_of(type), "JWT"))
        return fault(TokenFault::malformed, "the token is no ID token by its \"typ\"");
    const std::string_view name = text_of(member(*header, "alg"));
    const auto algorithm = parse_algorithm(name);
    if (!algorithm)
        return fault(
            TokenFault::algorithm,
            fmt::format("the token is signed with \"{}\": RS256, ES256 or EdDSA is needed", printable(name, 40)));
    const std::string_view key_id = text_of(member(*header, "kid"));
    if (key_id.size() > key_id_limit_octets) return fault(TokenFault::malformed, "the \"kid\" is too long");
    return TokenParts{.algorithm = *algorithm,
                      .key_id = std::string(key_id),
                      .signed_text = token.substr(0, parts[0].size() + 1 + parts[1].size()),
                      .signature = *std::move(signature),
                      .claims = *std::move(claims)};
}

Checked<Claims> check_claims(std::string_view json, Algorithm algorithm, const Expectation& expected) {
    const auto object = object_of(json, "the claims");
    if (!object.has_value()) return std::unexpected(object.error());
    const std::string_view issuer = text_of(member(*object, "iss"));
    if (issuer != expected.issuer)
        return fault(TokenFault::issuer, fmt::format("the token is of \"{}\"", printable(issuer, 200)));
    if (!is_for(*object, expected.client_id)) return fault(TokenFault::audience, "the token is for another client");
    if (expected.nonce.empty() || text_of(member(*object, "nonce")) != expected.nonce)
        return fault(TokenFault::nonce, "the nonce is not the one that was sent");
    const auto expires = time_member(*object, "exp"), issued = time_member(*object, "iat");
    if (!expires || !issued) return fault(TokenFault::malformed, "\"exp\" or \"iat\" is missing, or no time");
    if (expected.now >= *expires + clock_tolerance)
        return fault(TokenFault::expired,
                     fmt::format("the token ended {} s ago by this server's clock",
                                 std::chrono::duration_cast<std::chrono::seconds>(expected.now - *expires).count()));
    Time begins = *issued;
    if (member(*object, "nbf") != nullptr) {
        const auto not_before = time_member(*object, "nbf");
        if (!not_before) return fault(TokenFault::malformed, "\"nbf\" is no time");
        begins = std::max(begins, *not_before);
    }
    if (begins > expected.now + clock_tolerance)
        return fault(TokenFault::from_future,
                     fmt::format("the token begins in {} s by this server's clock",
                                 std::chrono::duration_cast<std::chrono::seconds>(begins - expected.now).count()));
    if (const value* hash = member(*object, "at_hash"); hash != nullptr && !expected.access_token.empty())
        if (text_of(hash) != access_token_hash(expected.access_token, algorithm))
            return fault(TokenFault::access_token, "\"at_hash\" is of another access token");
    Claims claims = claims_of(*object);
    if (claims.subject.empty()) return fault(TokenFault::malformed, "\"sub\" is missing, or longer than 255 octets");
    return claims;
}

Checked<Claims> verify_id_token(std::string_view token, const KeySet& keys, const Expectation& expected) {
    const auto parts = parse_token(token);
    if (!parts.has_value()) return std::unexpected(parts.error());
    switch (keys.check(parts->algorithm, parts->key_id, parts->signed_text, parts->signature)) {
        case Signature::good: break;
        case Signature::bad: return fault(TokenFault::signature, "the signature is not of the provider's key");
        case Signature::unknown_key:
            return fault(TokenFault::unknown_key,
                         fmt::format("the provider publishes no {} key \"{}\"", name_of(parts->algorithm),
                                     printable(parts->key_id, 100)));
    }
    return check_claims(parts->claims, parts->algorithm, expected);
}

Checked<Claims> parse_user_info(std::string_view json, std::string_view subject) {
    const auto object = object_of(json, "the user info");
    if (!object.has_value()) return std::unexpected(object.error());
    Claims claims = claims_of(*object);
    if (claims.subject.empty() || claims.subject != subject)
        return fault(TokenFault::malformed, "the user info is of another subject than the ID token");
    return claims;
}

}  // namespace relevo::oidc
