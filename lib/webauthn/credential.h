// Public keys of passkeys and what they sign (Web Authentication Level 3 §6.1, §7.1, §7.2), checked by libfido2.
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace relevo::webauthn {

// Numbers of COSE (RFC 9053 §2, RFC 8812 §2); stored: never renumber.
enum class Algorithm : std::int16_t { es256 = -7, eddsa = -8, rs256 = -257 };
// The best first: what browsers are offered.
inline constexpr std::array algorithms = {Algorithm::es256, Algorithm::eddsa, Algorithm::rs256};
[[nodiscard]] std::optional<Algorithm> algorithm_of(std::int64_t number);

inline constexpr std::size_t credential_id_limit = 1023;  // §7.1, step 25
// libfido2 checks signatures of no more than this, the hash of the client data included.
inline constexpr Octets authenticator_data_limit = 2 * kibibyte;
inline constexpr Octets signature_limit = 512;

struct PublicKey {
    Algorithm algorithm = Algorithm::es256;
    std::string octets;  // as libfido2 holds it: x and y; 32 octets; modulus (256) and exponent (3)
    friend bool operator==(const PublicKey&, const PublicKey&) = default;
};

struct NewCredential {
    std::string id;  // octets, 1 to `credential_id_limit`
    PublicKey key;
    std::uint32_t sign_count = 0;
};
// The key out of what an authenticator answers to "create". Nothing signs it: whether the browser was asked by us is
// for the caller to check, by the challenge. Errors: invalid – malformed, or a key that is no point of its curve.
// unsupported – an algorithm that is not ours. refused – for another relying party, or the user was not verified.
// limit – longer than `authenticator_data_limit`.
[[nodiscard]] Result<NewCredential> read_new_credential(std::string_view authenticator_data,
                                                        std::string_view relying_party_id);

struct Assertion {
    std::string client_data;  // JSON, as it came: its hash is signed
    std::string authenticator_data, signature;
};
// What an authenticator answers to "get", as signed by `key`: its signature count. Errors: refused – another key, text,
// relying party, or the user was not verified. invalid – malformed. limit – something is too long.
[[nodiscard]] Result<std::uint32_t> verify_assertion(const PublicKey& key, std::string_view relying_party_id,
                                                     const Assertion& assertion);

// Whether a key that has counted to `stored` may come with `received` (§7.2, step 22): authenticators that count go
// up; those that do not stay at zero. False: there may be two of the same key.
[[nodiscard]] constexpr bool is_next_count(std::uint32_t stored, std::uint32_t received) {
    return (stored == 0 && received == 0) || received > stored;
}

}  // namespace relevo::webauthn
