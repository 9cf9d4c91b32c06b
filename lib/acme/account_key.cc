#include "lib/acme/account_key.h"

#include "lib/acme/openssl.h"
#include "lib/base/base64url.h"
#include "lib/base/json_writer.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace relevo::acme {
namespace {

constexpr int coordinate_octets = 32;  // RFC 7518 §6.2.1.2

const unsigned char* octets_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }
unsigned char* octets_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

std::string coordinate(const EVP_PKEY* key, const char* name) {
    BIGNUM* number = nullptr;
    std::string octets(coordinate_octets, '\0');
    if (EVP_PKEY_get_bn_param(key, name, &number) == 1) BN_bn2binpad(number, octets_of(octets), coordinate_octets);
    BN_free(number);
    return encode_base64url(octets);
}

std::string sha256(std::string_view octets) {
    std::string digest(32, '\0');
    EVP_Digest(octets.data(), octets.size(), octets_of(digest), nullptr, EVP_sha256(), nullptr);
    return digest;
}

// RFC 7518 §3.4: R and S, 32 octets each, in place of their DER form.
Result<std::string> es256(EVP_PKEY* key, std::string_view input) {
    const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    std::array<unsigned char, 128> der{};
    std::size_t length = der.size();
    if (!context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), der.data(), &length, octets_of(input), input.size()) != 1)
        return openssl_failure("sign a request to the authority");
    const unsigned char* start = der.data();
    const Owned<ECDSA_SIG, ECDSA_SIG_free> signature(d2i_ECDSA_SIG(nullptr, &start, static_cast<long>(length)));
    std::string octets(2 * coordinate_octets, '\0');
    if (!signature || BN_bn2binpad(ECDSA_SIG_get0_r(signature.get()), octets_of(octets), coordinate_octets) < 0 ||
        BN_bn2binpad(ECDSA_SIG_get0_s(signature.get()), octets_of(octets) + coordinate_octets, coordinate_octets) < 0)
        return openssl_failure("sign a request to the authority");
    return octets;
}

std::string quoted(std::string_view text) {
    std::string json;
    append_json_string(json, text);
    return json;
}

std::string flattened(std::string_view header, std::string_view payload, std::string_view signature) {
    return fmt::format(R"({{"protected":"{}","payload":"{}","signature":"{}"}})", header, payload,
                       encode_base64url(signature));
}

}  // namespace

Result<AccountKey> AccountKey::generate() {
    EVP_PKEY* key = EVP_EC_gen("P-256");
    if (key == nullptr) return openssl_failure("make a key for the account");
    return AccountKey(std::shared_ptr<EVP_PKEY>(key, EVP_PKEY_free));
}

Result<AccountKey> AccountKey::parse(std::string_view pem) {
    RELEVO_TRY(OwnedKey key, parse_key(pem));
    std::array<char, 64> group{};
    if (EVP_PKEY_get_group_name(key.get(), group.data(), group.size(), nullptr) != 1 ||
        std::string_view(group.data()) != "prime256v1")
        return failure(ErrorKind::invalid, "this is no EC key of P-256");
    return AccountKey(std::shared_ptr<EVP_PKEY>(key.release(), EVP_PKEY_free));
}

std::string AccountKey::pem() const { return pem_of(*key_); }

std::string AccountKey::jwk() const {
    return fmt::format(R"({{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}})",
                       coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X),
                       coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y));
}

std::string AccountKey::thumbprint() const { return encode_base64url(sha256(jwk())); }

std::string AccountKey::authorize(std::string_view token) const { return fmt::format("{}.{}", token, thumbprint()); }

Result<std::string> AccountKey::sign(std::string_view url, std::string_view nonce, std::string_view account,
                                     std::string_view payload) const {
    const std::string who = account.empty() ? R"("jwk":)" + jwk() : R"("kid":)" + quoted(account);
    const std::string header =
        encode_base64url(fmt::format(R"({{"alg":"ES256",{},"nonce":{},"url":{}}})", who, quoted(nonce), quoted(url)));
    const std::string body = encode_base64url(payload);
    RELEVO_TRY(const std::string signature, es256(key_.get(), header + "." + body));
    return flattened(header, body, signature);
}

Result<std::string> AccountKey::bind(const ExternalAccount& external, std::string_view new_account_url) const {
    const auto key = decode_base64url(external.key);
    if (!key.has_value() || key->empty() || key->size() > 1024)
        return failure(ErrorKind::invalid, "the key of the external account is not base64url");
    const std::string header = encode_base64url(
        fmt::format(R"({{"alg":"HS256","kid":{},"url":{}}})", quoted(external.key_id), quoted(new_account_url)));
    const std::string body = encode_base64url(jwk());
    const std::string input = header + "." + body;
    std::string code(32, '\0');
    if (HMAC(EVP_sha256(), key->data(), static_cast<int>(key->size()), octets_of(input), input.size(), octets_of(code),
             nullptr) == nullptr)
        return openssl_failure("bind the external account");
    return flattened(header, body, code);
}

}  // namespace relevo::acme
