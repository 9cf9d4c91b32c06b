// The public keys of a provider (RFC 7517), and signatures held against them (RFC 7515, RFC 7518 §3, RFC 8037).
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <openssl/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::oidc {

// Those of "alg" that are taken. "none" and HMACs, whose key others know, are none of them (RFC 8725 §3.1, §3.2).
enum class Algorithm : std::uint8_t { rs256, es256, eddsa };
[[nodiscard]] std::string_view name_of(Algorithm algorithm);  // "RS256"
[[nodiscard]] std::optional<Algorithm> parse_algorithm(std::string_view text);

enum class Signature : std::uint8_t {
    good,
    bad,
    unknown_key,  // none of the keys is meant: there may be newer ones
};

// Threads: any; never changes.
class KeySet {
 public:
    static constexpr Octets text_limit = 256 * kibibyte;
    static constexpr std::size_t keys_limit = 100;

    // A JWK Set. Keys that sign nothing here are left out: of other kinds, for another use, RSA of fewer than 2,048 or
    // more than 8,192 bits, points that are on no curve. Errors: invalid – it is no JWK Set, or has too many keys.
    [[nodiscard]] static Result<KeySet> parse(std::string_view text);

    [[nodiscard]] std::size_t size() const { return keys_.size(); }
    // `key_id` "": the token names none, which is enough if one key has the algorithm (OpenID Connect Core 1.0 §10.1).
    [[nodiscard]] Signature check(Algorithm algorithm, std::string_view key_id, std::string_view signed_text,
                                  std::string_view signature) const;

 private:
    struct Key {
        std::string id;
        Algorithm algorithm;
        std::shared_ptr<EVP_PKEY> key;  // never changes; copies of the set share it
    };
    [[nodiscard]] const Key* find(Algorithm algorithm, std::string_view key_id) const;
    std::vector<Key> keys_;
};

}  // namespace relevo::oidc
