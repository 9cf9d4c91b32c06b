// A provider's side for tests: keys, the set of them, and tokens signed with them.
#pragma once

#include "lib/base/base64url.h"
#include "lib/oidc/key_set.h"

#include <fmt/format.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>

namespace relevo::oidc::test {

inline std::string octets_of(const BIGNUM* number, int length) {
    std::string octets(static_cast<std::size_t>(length), '\0');
    BN_bn2binpad(number, reinterpret_cast<unsigned char*>(octets.data()), length);
    return octets;
}

class TokenSigner {
 public:
    TokenSigner(Algorithm algorithm, std::string id, unsigned rsa_bits = 2048)
        : algorithm_(algorithm),
          id_(std::move(id)),
          key_(algorithm == Algorithm::rs256   ? EVP_RSA_gen(rsa_bits)
               : algorithm == Algorithm::es256 ? EVP_EC_gen("P-256")
                                               : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"),
               &EVP_PKEY_free) {}

    // `more`: further members, each with a comma in front.
    [[nodiscard]] std::string jwk(std::string_view more = "") const {
        const auto number = [&](const char* name, int length = 0) {
            BIGNUM* value = nullptr;
            EVP_PKEY_get_bn_param(key_.get(), name, &value);
            const std::string octets = octets_of(value, length > 0 ? length : BN_num_bytes(value));
            BN_free(value);
            return encode_base64url(octets);
        };
        if (algorithm_ == Algorithm::rs256)
            return fmt::format(R"({{"kty":"RSA","kid":"{}","n":"{}","e":"{}"{}}})", id_, number(OSSL_PKEY_PARAM_RSA_N),
                               number(OSSL_PKEY_PARAM_RSA_E), more);
        if (algorithm_ == Algorithm::es256)
            return fmt::format(R"({{"kty":"EC","crv":"P-256","kid":"{}","x":"{}","y":"{}"{}}})", id_,
                               number(OSSL_PKEY_PARAM_EC_PUB_X, 32), number(OSSL_PKEY_PARAM_EC_PUB_Y, 32), more);
        std::array<unsigned char, 32> raw{};
        std::size_t length = raw.size();
        EVP_PKEY_get_raw_public_key(key_.get(), raw.data(), &length);
        return fmt::format(R"({{"kty":"OKP","crv":"Ed25519","kid":"{}","x":"{}"{}}})", id_,
                           encode_base64url({reinterpret_cast<const char*>(raw.data()), raw.size()}), more);
    }

    [[nodiscard]] std::string sign_octets(std::string_view text) const {
        const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
        const EVP_MD* digest = algorithm_ == Algorithm::eddsa ? nullptr : EVP_sha256();
        EVP_DigestSignInit(context.get(), nullptr, digest, nullptr, key_.get());
        const auto* octets = reinterpret_cast<const unsigned char*>(text.data());
        std::size_t length = 0;
        EVP_DigestSign(context.get(), nullptr, &length, octets, text.size());
        std::string signature(length, '\0');
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, octets, text.size());
        signature.resize(length);
        if (algorithm_ != Algorithm::es256) return signature;
        const auto* start = reinterpret_cast<const unsigned char*>(signature.data());
        const std::unique_ptr<ECDSA_SIG, decltype(&ECDSA_SIG_free)> both(
            d2i_ECDSA_SIG(nullptr, &start, static_cast<long>(signature.size())), &ECDSA_SIG_free);
        return octets_of(ECDSA_SIG_get0_r(both.get()), 32) + octets_of(ECDSA_SIG_get0_s(both.get()), 32);
    }

    [[nodiscard]] std::string header() const {
        return fmt::format(R"({{"alg":"{}","kid":"{}"}})", name_of(algorithm_), id_);
    }
    [[nodiscard]] std::string token(std::string_view claims) const { return token(header(), claims); }
    [[nodiscard]] std::string token(std::string_view header, std::string_view claims) const {
        const std::string text = encode_base64url(header) + "." + encode_base64url(claims);
        return text + "." + encode_base64url(sign_octets(text));
    }

 private:
    Algorithm algorithm_;
    std::string id_;
    std::shared_ptr<EVP_PKEY> key_;
};

inline std::string key_set_text(std::initializer_list<std::string> keys) {
    std::string text;
    for (const std::string& key : keys) text += (text.empty() ? "" : ",") + key;
    return R"({"keys":[)" + text + "]}";
}

}  // namespace relevo::oidc::test
