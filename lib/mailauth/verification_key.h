// The public half of a key that signs mail, as its owner publishes it (RFC 6376 §3.6.1, RFC 8301, RFC 8463).
#pragma once

#include "lib/base/result.h"
#include "lib/mailauth/signing_key.h"

#include <memory>
#include <string_view>

struct evp_pkey_st;

namespace relevo::mailauth {

// Cheap to copy; copies share the key. Threads: any, many at once.
class VerificationKey {
 public:
    // `octets`: p= after base 64. RSA as SubjectPublicKeyInfo, or as the bare RSAPublicKey that RFC 6376 §3.6.1 names;
    // 32 octets for Ed25519. Any length of RSA: it is for the caller to compare bits() with what RFC 8301 allows before
    // asking verifies(). Errors: invalid – no such key, or an RSA exponent of more than 64 bits, which would make
    // checking as slow as signing (security row B7).
    [[nodiscard]] static Result<VerificationKey> from_octets(SigningAlgorithm algorithm, std::string_view octets);

    [[nodiscard]] unsigned bits() const { return bits_; }
    // True if `signature` (raw octets) is the key owner's over the SHA-256 digest of 32 octets; see
    // SigningKey::sign_digest.
    [[nodiscard]] bool verifies(std::string_view sha256_digest, std::string_view signature) const;

 private:
    VerificationKey(std::shared_ptr<evp_pkey_st> key, SigningAlgorithm algorithm);
    std::shared_ptr<evp_pkey_st> key_;  // shared: OpenSSL's key is immutable once made
    SigningAlgorithm algorithm_;
    unsigned bits_;
};

}  // namespace relevo::mailauth
