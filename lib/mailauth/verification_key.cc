#include "lib/mailauth/verification_key.h"

#include "lib/mailauth/sha256.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace relevo::mailauth {
namespace {

constexpr std::size_t ed25519_octets = 32;
constexpr int exponent_limit_bits = 64;

const unsigned char* unsigned_octets(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

// `decode` is one of OpenSSL's d2i functions; all of `der` must be the key.
template <class Decode>
EVP_PKEY* decode_whole(std::string_view der, Decode decode) {
    const unsigned char* at = unsigned_octets(der);
    EVP_PKEY* key = decode(&at, static_cast<long>(der.size()));
    if (key != nullptr && at == unsigned_octets(der) + der.size()) return key;
    EVP_PKEY_free(key);
    return nullptr;
}

EVP_PKEY* decode_rsa(std::string_view der) {
    EVP_PKEY* key = decode_whole(der, [](auto** at, long size) { return d2i_PUBKEY(nullptr, at, size); });
    if (key != nullptr) return key;
    return decode_whole(der, [](auto** at, long size) { return d2i_PublicKey(EVP_PKEY_RSA, nullptr, at, size); });
}

bool has_small_exponent(const EVP_PKEY* key) {
    BIGNUM* exponent = nullptr;
    const bool small = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &exponent) == 1 &&
                       BN_num_bits(exponent) <= exponent_limit_bits;
    BN_free(exponent);
    return small;
}

bool verifies_rsa(EVP_PKEY* key, std::string_view digest, std::string_view signature) {
    const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(EVP_PKEY_CTX_new(key, nullptr),
                                                                              &EVP_PKEY_CTX_free);
    return context && EVP_PKEY_verify_init(context.get()) == 1 &&
           EVP_PKEY_CTX_set_rsa_padding(context.get(), RSA_PKCS1_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(context.get(), sha256_algorithm()) == 1 &&
           EVP_PKEY_verify(context.get(), unsigned_octets(signature), signature.size(), unsigned_octets(digest),
                           digest.size()) == 1;
}

bool verifies_ed25519(EVP_PKEY* key, std::string_view digest, std::string_view signature) {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
    return context && EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
           EVP_DigestVerify(context.get(), unsigned_octets(signature), signature.size(), unsigned_octets(digest),
                            digest.size()) == 1;
}

}  // namespace

VerificationKey::VerificationKey(std::shared_ptr<evp_pkey_st> key, SigningAlgorithm algorithm)
    : key_(std::move(key)), algorithm_(algorithm), bits_(static_cast<unsigned>(EVP_PKEY_get_bits(key_.get()))) {}

Result<VerificationKey> VerificationKey::from_octets(SigningAlgorithm algorithm, std::string_view octets) {
    const bool is_rsa = algorithm == SigningAlgorithm::rsa_sha256;
    if (!is_rsa && octets.size() != ed25519_octets)
        return failure(ErrorKind::invalid, "an Ed25519 key has 32 octets (RFC 8463 §4.2)");
    const std::shared_ptr<evp_pkey_st> key(
        is_rsa ? decode_rsa(octets)
               : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, unsigned_octets(octets), octets.size()),
        &EVP_PKEY_free);
    ERR_clear_error();  // of attempts that failed: others must not find it
    if (!key || EVP_PKEY_get_base_id(key.get()) != (is_rsa ? EVP_PKEY_RSA : EVP_PKEY_ED25519))
        return failure(ErrorKind::invalid, is_rsa ? "it is no RSA key" : "it is no Ed25519 key");
    if (is_rsa && !has_small_exponent(key.get()))
        return failure(ErrorKind::invalid, "its exponent has more than 64 bits");
    return VerificationKey(key, algorithm);
}

bool VerificationKey::verifies(std::string_view sha256_digest, std::string_view signature) const {
    const bool verified = algorithm_ == SigningAlgorithm::rsa_sha256
                              ? verifies_rsa(key_.get(), sha256_digest, signature)
                              : verifies_ed25519(key_.get(), sha256_digest, signature);
    if (!verified) ERR_clear_error();
    return verified;
}

}  // namespace relevo::mailauth
