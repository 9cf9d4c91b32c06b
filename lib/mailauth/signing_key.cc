#include "lib/mailauth/signing_key.h"

#include "lib/base/base64.h"
#include "lib/mailauth/sha256.h"

#include <fmt/format.h>
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

namespace relevo::mailauth {
namespace {

// RFC 8301 §3.2: signers use at least 1024 bits; more than 4096 is more than verifiers must take.
constexpr int least_rsa_bits = 1024;
constexpr int most_rsa_bits = 4096;
constexpr unsigned generated_rsa_bits = 2048;
constexpr std::size_t ed25519_octets = 32;
constexpr std::size_t key_limit_octets = 16 * 1024;

struct FreeContext {
    void operator()(EVP_PKEY_CTX* context) const { EVP_PKEY_CTX_free(context); }
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using RsaContext = std::unique_ptr<EVP_PKEY_CTX, FreeContext>;
using Ed25519Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

const unsigned char* unsigned_octets(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}
unsigned char* unsigned_octets(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

template <class Write>
std::string der_of(const EVP_PKEY* key, Write write) {
    unsigned char* encoded = nullptr;
    const int length = write(key, &encoded);
    std::string der(reinterpret_cast<const char*>(encoded), length > 0 ? static_cast<std::size_t>(length) : 0);
    if (length > 0) OPENSSL_cleanse(encoded, static_cast<std::size_t>(length));
    OPENSSL_free(encoded);
    return der;
}

std::string ed25519_public_octets(const EVP_PKEY* key) {
    std::string octets(ed25519_octets, '\0');
    std::size_t length = octets.size();
    EVP_PKEY_get_raw_public_key(key, unsigned_octets(octets), &length);
    return octets;
}

// PKCS #8 (RFC 5208), which i2d_PrivateKey would not write for RSA.
int write_pkcs8(const EVP_PKEY* key, unsigned char** out) {
    PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(key);
    if (info == nullptr) return -1;
    const int length = i2d_PKCS8_PRIV_KEY_INFO(info, out);
    PKCS8_PRIV_KEY_INFO_free(info);
    return length;
}

std::unexpected<Error> openssl_failure(std::string_view what) {
    return failure(ErrorKind::internal, fmt::format("OpenSSL could not {}", what));
}

}  // namespace

std::string_view name_of(SigningAlgorithm algorithm) {
    return algorithm == SigningAlgorithm::rsa_sha256 ? "rsa-sha256" : "ed25519-sha256";
}

// Looking up OpenSSL's implementation for each signature would cost as much as a tenth of an Ed25519 signature; copying
// what was looked up once costs nearly nothing. Copying reads the original alone, so that threads may share it.
struct SigningKey::Prepared {
    RsaContext rsa;
    Ed25519Context ed25519;

    static std::shared_ptr<const Prepared> make(EVP_PKEY* key) {
        auto prepared = std::make_shared<Prepared>();
        if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) {
            prepared->ed25519.reset(EVP_MD_CTX_new());
            if (!prepared->ed25519 || EVP_DigestSignInit(prepared->ed25519.get(), nullptr, nullptr, nullptr, key) <= 0)
                return nullptr;
            return prepared;
        }
        prepared->rsa.reset(EVP_PKEY_CTX_new(key, nullptr));
        EVP_PKEY_CTX* context = prepared->rsa.get();
        if (context == nullptr || EVP_PKEY_sign_init(context) <= 0 ||
            EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) <= 0 ||
            EVP_PKEY_CTX_set_signature_md(context, sha256_algorithm()) <= 0)
            return nullptr;
        return prepared;
    }
};

SigningKey::SigningKey(std::shared_ptr<evp_pkey_st> key, std::shared_ptr<const Prepared> prepared)
    : key_(std::move(key)),
      prepared_(std::move(prepared)),
      algorithm_(prepared_->ed25519 ? SigningAlgorithm::ed25519_sha256 : SigningAlgorithm::rsa_sha256),
      bits_(prepared_->ed25519 ? 256U : static_cast<unsigned>(EVP_PKEY_get_bits(key_.get()))),
      public_key_(
          encode_base64(prepared_->ed25519 ? ed25519_public_octets(key_.get()) : der_of(key_.get(), i2d_PUBKEY))) {}

Result<SigningKey> SigningKey::adopt(evp_pkey_st* key) {
    std::shared_ptr<evp_pkey_st> owned(key, &EVP_PKEY_free);
    const int kind = EVP_PKEY_get_base_id(key);
    if (kind != EVP_PKEY_RSA && kind != EVP_PKEY_ED25519)
        return failure(ErrorKind::invalid,
                       "the key is neither RSA nor Ed25519: DKIM knows no other (RFC 8301, RFC 8463)");
    const int bits = EVP_PKEY_get_bits(key);
    if (kind == EVP_PKEY_RSA && (bits < least_rsa_bits || bits > most_rsa_bits))
        return failure(ErrorKind::invalid,
                       fmt::format("the RSA key has {} bits; use 2048, at least {} and at most {} (RFC 8301 §3.2)",
                                   bits, least_rsa_bits, most_rsa_bits));
    auto prepared = Prepared::make(key);
    if (!prepared) return openssl_failure("sign with this kind of key");
    return SigningKey(std::move(owned), std::move(prepared));
}

Result<SigningKey> SigningKey::generate(SigningAlgorithm algorithm) {
    EVP_PKEY* key = algorithm == SigningAlgorithm::ed25519_sha256 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                                                                  : EVP_RSA_gen(generated_rsa_bits);
    if (key == nullptr) return openssl_failure("make a key");
    return adopt(key);
}

Result<SigningKey> SigningKey::from_der(std::string_view der) {
    if (der.size() > key_limit_octets) return failure(ErrorKind::invalid, "more than 16 KiB is no private key");
    const unsigned char* at = unsigned_octets(der);
    EVP_PKEY* key = d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size()));
    if (key == nullptr) return failure(ErrorKind::invalid, "not a private key in DER (PKCS #8)");
    return adopt(key);
}

Result<SigningKey> SigningKey::from_pem(std::string_view pem) {
    if (pem.size() > key_limit_octets) return failure(ErrorKind::invalid, "more than 16 KiB is no private key");
    const std::unique_ptr<BIO, decltype(&BIO_free)> source(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())),
                                                           &BIO_free);
    // Without a password callback OpenSSL would ask on the terminal.
    const auto no_password = [](char*, int, int, void*) { return -1; };
    EVP_PKEY* key = source ? PEM_read_bio_PrivateKey(source.get(), nullptr, no_password, nullptr) : nullptr;
    if (key == nullptr) return failure(ErrorKind::invalid, "no unencrypted private key in PEM");
    return adopt(key);
}

std::string SigningKey::to_der() const { return der_of(key_.get(), write_pkcs8); }

std::string SigningKey::record() const {
    return fmt::format("v=DKIM1; k={}; p={}", algorithm_ == SigningAlgorithm::rsa_sha256 ? "rsa" : "ed25519",
                       public_key_);
}

Result<std::string> SigningKey::sign_digest(std::string_view sha256_digest) const {
    std::string signature(static_cast<std::size_t>(EVP_PKEY_get_size(key_.get())), '\0');
    std::size_t length = signature.size();
    int made = 0;
    if (prepared_->ed25519) {
        const Ed25519Context context(EVP_MD_CTX_new());
        if (context && EVP_MD_CTX_copy_ex(context.get(), prepared_->ed25519.get()) > 0)
            made = EVP_DigestSign(context.get(), unsigned_octets(signature), &length, unsigned_octets(sha256_digest),
                                  sha256_digest.size());
    } else {
        const RsaContext context(EVP_PKEY_CTX_dup(prepared_->rsa.get()));
        if (context)
            made = EVP_PKEY_sign(context.get(), unsigned_octets(signature), &length, unsigned_octets(sha256_digest),
                                 sha256_digest.size());
    }
    if (made <= 0) return openssl_failure("sign");
    signature.resize(length);
    return signature;
}

}  // namespace relevo::mailauth
