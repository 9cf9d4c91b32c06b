#include "lib/oidc/key_set.h"

#include "lib/base/base64url.h"
#include "lib/base/owned.h"
#include "lib/json/json.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <array>

namespace relevo::oidc {
namespace {

using boost::json::value;
using json::member;
using json::text_of;

constexpr int least_rsa_bits = 2048, most_rsa_bits = 8192;
constexpr std::size_t most_exponent_octets = 8;
constexpr std::size_t p256_octets = 32, ed25519_octets = 32;
constexpr std::size_t id_limit_octets = 500;
// Of RSA's 8,192 bits.
constexpr std::size_t number_limit_octets = 1024;

struct Names {
    Algorithm algorithm;
    std::string_view name, key_type;
};
constexpr std::array algorithms = {Names{Algorithm::rs256, "RS256", "RSA"}, Names{Algorithm::es256, "ES256", "EC"},
                                   Names{Algorithm::eddsa, "EdDSA", "OKP"}};

using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;
using OwnedNumber = Owned<BIGNUM, BN_free>;

const unsigned char* octets_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

// A member in base64url; "" if there is none, or it is something else.
std::string octets_member(const value& key, std::string_view name) {
    const std::string_view text = text_of(member(key, name));
    if (text.size() > 2 * number_limit_octets) return {};
    return decode_base64url(text).value_or("");
}

OwnedKey key_from(const char* kind, OSSL_PARAM_BLD& parts) {
    const Owned<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(&parts));
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, kind, nullptr));
    EVP_PKEY* key = nullptr;
    if (!parameters || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
        EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1)
        return {};
    OwnedKey made(key);
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> checking(EVP_PKEY_CTX_new(made.get(), nullptr));
    if (!checking || EVP_PKEY_public_check_quick(checking.get()) != 1) return {};
    return made;
}

// RFC 7518 §6.3.
OwnedKey rsa_key(const value& key) {
    const std::string modulus = octets_member(key, "n"), exponent = octets_member(key, "e");
    if (modulus.empty() || modulus.size() > number_limit_octets || exponent.empty() ||
        exponent.size() > most_exponent_octets)
        return {};
    const OwnedNumber n(BN_bin2bn(octets_of(modulus), static_cast<int>(modulus.size()), nullptr));
    const OwnedNumber e(BN_bin2bn(octets_of(exponent), static_cast<int>(exponent.size()), nullptr));
    if (!n || !e || BN_num_bits(n.get()) < least_rsa_bits || BN_num_bits(n.get()) > most_rsa_bits ||
        BN_is_odd(n.get()) == 0 || BN_is_odd(e.get()) == 0 || BN_is_one(e.get()) != 0)
        return {};
    const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> parts(OSSL_PARAM_BLD_new());
    if (!parts || OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
        OSSL_PARAM_BLD_push_BN(parts.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1)
        return {};
    return key_from("RSA", *parts);
}

// RFC 7518 §6.2: "the octet string … the full size of a coordinate".
OwnedKey p256_key(const value& key) {
    const std::string x = octets_member(key, "x"), y = octets_member(key, "y");
    if (text_of(member(key, "crv")) != "P-256" || x.size() != p256_octets || y.size() != p256_octets) return {};
    const std::string point = '\x04' + x + y;
    const Owned<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> parts(OSSL_PARAM_BLD_new());
    if (!parts || OSSL_PARAM_BLD_push_utf8_string(parts.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(parts.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1)
        return {};
    return key_from("EC", *parts);
}

// RFC 8037 §2.
OwnedKey ed25519_key(const value& key) {
    const std::string x = octets_member(key, "x");
    if (text_of(member(key, "crv")) != "Ed25519" || x.size() != ed25519_octets) return {};
    return OwnedKey(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, octets_of(x), x.size()));
}

// RFC 7517 §4.2 to §4.4: what is not said is allowed.
bool may_sign(const value& key, const Names& names) {
    const value *use = member(key, "use"), *operations = member(key, "key_ops"), *algorithm = member(key, "alg");
    if (use != nullptr && text_of(use) != "sig") return false;
    if (algorithm != nullptr && text_of(algorithm) != names.name) return false;
    if (operations == nullptr) return true;
    return operations->is_array() &&
           std::ranges::any_of(operations->get_array(), [](const value& one) { return text_of(&one) == "verify"; });
}

// ES256 signs as r and s side by side (RFC 7518 §3.4), OpenSSL wants ASN.1. "": not of that size.
std::string der_of(std::string_view signature) {
    if (signature.size() != 2 * p256_octets) return {};
    const Owned<ECDSA_SIG, ECDSA_SIG_free> both(ECDSA_SIG_new());
    OwnedNumber r(BN_bin2bn(octets_of(signature), p256_octets, nullptr));
    OwnedNumber s(BN_bin2bn(octets_of(signature.substr(p256_octets)), p256_octets, nullptr));
    if (!both || !r || !s || ECDSA_SIG_set0(both.get(), r.get(), s.get()) != 1) return {};
    static_cast<void>(r.release());  // both's now
    static_cast<void>(s.release());
    unsigned char* start = nullptr;
    const int length = i2d_ECDSA_SIG(both.get(), &start);
    if (length <= 0) return {};
    std::string der(reinterpret_cast<const char*>(start), static_cast<std::size_t>(length));
    OPENSSL_free(start);
    return der;
}

bool verifies(EVP_PKEY* key, Algorithm algorithm, std::string_view text, std::string_view signature) {
    const std::string der = algorithm == Algorithm::es256 ? der_of(signature) : std::string();
    if (algorithm == Algorithm::es256) signature = der;
    if (signature.empty()) return false;
    const Owned<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    // RSA pads as PKCS #1 v1.5 by default, which is RS256's way. Ed25519 hashes by itself.
    const EVP_MD* digest = algorithm == Algorithm::eddsa ? nullptr : EVP_sha256();
    return context && EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
           EVP_DigestVerify(context.get(), octets_of(signature), signature.size(), octets_of(text), text.size()) == 1;
}

}  // namespace

std::string_view name_of(Algorithm algorithm) {
    return std::ranges::find(algorithms, algorithm, &Names::algorithm)->name;
}

std::optional<Algorithm> parse_algorithm(std::string_view text) {
    const auto* found = std::ranges::find(algorithms, text, &Names::name);
    return found == algorithms.end() ? std::nullopt : std::optional(found->algorithm);
}

Result<KeySet> KeySet::parse(std::string_view text) {
    RELEVO_TRY(const value set, json::parse(text, {.octets = text_limit, .depth = 8}));
    const value* keys = member(set, "keys");
    if (keys == nullptr || !keys->is_array()) return failure(ErrorKind::invalid, "it has no list \"keys\"");
    if (keys->get_array().size() > keys_limit)
        return failure(ErrorKind::invalid, "it has more than " + std::to_string(keys_limit) + " keys");
    KeySet result;
    for (const value& key : keys->get_array()) {
        const auto* names = std::ranges::find(algorithms, text_of(member(key, "kty")), &Names::key_type);
        const std::string_view id = text_of(member(key, "kid"));
        if (names == algorithms.end() || id.size() > id_limit_octets || !may_sign(key, *names)) continue;
        OwnedKey made = names->algorithm == Algorithm::rs256   ? rsa_key(key)
                        : names->algorithm == Algorithm::es256 ? p256_key(key)
                                                               : ed25519_key(key);
        ERR_clear_error();  // of keys that are none: others must not find it
        if (made) result.keys_.push_back({std::string(id), names->algorithm, std::move(made)});
    }
    return result;
}

const KeySet::Key* KeySet::find(Algorithm algorithm, std::string_view key_id) const {
    const Key* found = nullptr;
    for (const Key& key : keys_) {
        if (key.algorithm != algorithm || (!key_id.empty() && key.id != key_id)) continue;
        if (found != nullptr && key_id.empty()) return nullptr;  // which one stays open
        if (found == nullptr) found = &key;
    }
    return found;
}

Signature KeySet::check(Algorithm algorithm, std::string_view key_id, std::string_view signed_text,
                        std::string_view signature) const {
    const Key* key = find(algorithm, key_id);
    if (key == nullptr) return Signature::unknown_key;
    const bool is_good = verifies(key->key.get(), algorithm, signed_text, signature);
    ERR_clear_error();
    return is_good ? Signature::good : Signature::bad;
}

}  // namespace relevo::oidc
