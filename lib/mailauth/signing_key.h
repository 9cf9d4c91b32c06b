// Private keys that sign mail, and the records that publish their other half (RFC 6376 §3.6.1, RFC 8301, RFC 8463).
#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace relevo::mailauth {

enum class SigningAlgorithm : std::uint8_t { rsa_sha256, ed25519_sha256 };
[[nodiscard]] std::string_view name_of(SigningAlgorithm algorithm);  // "rsa-sha256": the value of a=

// Cheap to copy; copies share the key. Threads: any, many at once.
class SigningKey {
 public:
    // RSA of 2048 bits, or Ed25519, from OpenSSL's generator. RSA takes tens to hundreds of milliseconds.
    // Errors: internal – OpenSSL has no randomness.
    [[nodiscard]] static Result<SigningKey> generate(SigningAlgorithm algorithm);
    // PKCS #8, DER (RFC 5958). Errors: invalid – not a key, of another kind, or RSA below 1024 or above 4096 bits (RFC
    // 8301 §3.2); detail says which.
    [[nodiscard]] static Result<SigningKey> from_der(std::string_view der);
    // "-----BEGIN PRIVATE KEY-----" or "BEGIN RSA PRIVATE KEY", not encrypted. Errors: as from_der.
    [[nodiscard]] static Result<SigningKey> from_pem(std::string_view pem);

    [[nodiscard]] SigningAlgorithm algorithm() const { return algorithm_; }
    [[nodiscard]] unsigned bits() const { return bits_; }  // 256 for Ed25519
    // A secret: keep it only sealed by the KeyVault.
    [[nodiscard]] std::string to_der() const;
    // The value of p=: base 64 of the SubjectPublicKeyInfo for RSA, of the 32 octets for Ed25519 (RFC 8463 §4.2).
    [[nodiscard]] const std::string& public_key() const { return public_key_; }
    // The whole key record, "v=DKIM1; k=rsa; p=…".
    [[nodiscard]] std::string record() const;

    // Signs the SHA-256 digest (32 octets) of the header hash input: RSASSA-PKCS1-v1_5, or PureEdDSA over the digest
    // (RFC 8463 §3). Raw octets. Errors: internal – OpenSSL failed.
    [[nodiscard]] Result<std::string> sign_digest(std::string_view sha256_digest) const;

 private:
    struct Prepared;  // a context that is ready to sign; each signature is made with a copy of it

    SigningKey(std::shared_ptr<evp_pkey_st> key, std::shared_ptr<const Prepared> prepared);
    [[nodiscard]] static Result<SigningKey> adopt(evp_pkey_st* key);
    std::shared_ptr<evp_pkey_st> key_;  // shared: OpenSSL's key is immutable once made
    std::shared_ptr<const Prepared> prepared_;
    SigningAlgorithm algorithm_ = SigningAlgorithm::rsa_sha256;
    unsigned bits_ = 0;
    std::string public_key_;
};

}  // namespace relevo::mailauth
