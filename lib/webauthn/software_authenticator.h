// An authenticator and its browser for tests: keys of OpenSSL, and every octet that they send to be altered.
#pragma once

#include "lib/base/base64url.h"
#include "lib/webauthn/credential.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace relevo::webauthn::test {

inline std::string sha256(std::string_view text) {
    std::string hash(32, '\0');
    EVP_Digest(text.data(), text.size(), reinterpret_cast<unsigned char*>(hash.data()), nullptr, EVP_sha256(), nullptr);
    return hash;
}

// As Chromium writes it.
inline std::string client_data(std::string_view type, std::string_view challenge, std::string_view origin) {
    return fmt::format(R"({{"type":"{}","challenge":"{}","origin":"{}","crossOrigin":false}})", type, challenge,
                       origin);
}

class SoftwareAuthenticator {
 public:
    // User present, user verified; with a new key, that too (§6.1).
    static constexpr char usual_flags = 0x05, flag_of_key = 0x40;

    explicit SoftwareAuthenticator(Algorithm algorithm = Algorithm::es256, std::string id = "key-1",
                                   std::string relying_party = "mail.example.com", unsigned rsa_bits = 2048)
        : id(std::move(id)),
          relying_party(std::move(relying_party)),
          algorithm_(algorithm),
          key_(algorithm == Algorithm::rs256   ? EVP_RSA_gen(rsa_bits)
               : algorithm == Algorithm::es256 ? EVP_EC_gen("P-256")
                                               : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"),
               &EVP_PKEY_free) {}

    std::string id, relying_party;
    std::uint32_t sign_count = 0;
    char flags = usual_flags;

    [[nodiscard]] std::string head(char more_flags = 0) const {
        std::string octets = sha256(relying_party) + static_cast<char>(flags | more_flags);
        for (int shift = 24; shift >= 0; shift -= 8) octets += static_cast<char>(sign_count >> shift & 0xFF);
        return octets;
    }
    // Authenticator data of "create".
    [[nodiscard]] std::string new_key() const { return new_key(cose_key()); }
    [[nodiscard]] std::string new_key(std::string_view cose_key) const {
        const auto size = static_cast<std::uint16_t>(id.size());
        return head(flag_of_key) + std::string(16, '\0') + static_cast<char>(size >> 8) +
               static_cast<char>(size & 0xFF) + id + std::string(cose_key);
    }
    [[nodiscard]] Assertion assertion(std::string client_data) const {
        std::string data = head();
        std::string signature = sign(data + sha256(client_data));
        return {.client_data = std::move(client_data),
                .authenticator_data = std::move(data),
                .signature = std::move(signature)};
    }

    // RFC 9052 §7, in the canonical form of CTAP2.
    [[nodiscard]] std::string cose_key() const {
        if (algorithm_ == Algorithm::es256)
            return std::string("\xA5\x01\x02\x03\x26\x20\x01\x21\x58\x20", 10) + number(OSSL_PKEY_PARAM_EC_PUB_X, 32) +
                   "\x22\x58\x20" + number(OSSL_PKEY_PARAM_EC_PUB_Y, 32);
        if (algorithm_ == Algorithm::rs256) {
            const std::string modulus = number(OSSL_PKEY_PARAM_RSA_N);
            return std::string("\xA4\x01\x03\x03\x39\x01\x00\x20\x59", 9) + static_cast<char>(modulus.size() >> 8) +
                   static_cast<char>(modulus.size() & 0xFF) + modulus + "\x21\x43" + number(OSSL_PKEY_PARAM_RSA_E, 3);
        }
        std::string raw(32, '\0');
        std::size_t length = raw.size();
        EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()), &length);
        return std::string("\xA4\x01\x01\x03\x27\x20\x06\x21\x58\x20", 10) + raw;
    }
    [[nodiscard]] std::string sign(std::string_view text) const {
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
        EVP_DigestSignInit(context.get(), nullptr, algorithm_ == Algorithm::eddsa ? nullptr : EVP_sha256(), nullptr,
                           key_.get());
        const auto* octets = reinterpret_cast<const unsigned char*>(text.data());
        std::size_t length = 0;
        EVP_DigestSign(context.get(), nullptr, &length, octets, text.size());
        std::string signature(length, '\0');
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, octets, text.size());
        signature.resize(length);
        return signature;
    }

 private:
    [[nodiscard]] std::string number(const char* name, int length = 0) const {
        BIGNUM* value = nullptr;
        EVP_PKEY_get_bn_param(key_.get(), name, &value);
        std::string octets(static_cast<std::size_t>(length > 0 ? length : BN_num_bytes(value)), '\0');
        BN_bn2binpad(value, reinterpret_cast<unsigned char*>(octets.data()), static_cast<int>(octets.size()));
        BN_free(value);
        return octets;
    }

    Algorithm algorithm_;
    std::shared_ptr<EVP_PKEY> key_;
};

}  // namespace relevo::webauthn::test
