#include "lib/webauthn/credential.h"

#include "lib/base/owned.h"
#include "lib/webauthn/cbor_bounds.h"
#include "lib/webauthn/client_data.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>

namespace relevo::webauthn {
namespace {

// libfido2's functions that free take the address of the pointer.
template <class T, void (*release)(T**)>
void release_by_address(T* object) {
    release(&object);
}
using OwnedCredential = Owned<fido_cred_t, release_by_address<fido_cred_t, fido_cred_free>>;
using OwnedAssertion = Owned<fido_assert_t, release_by_address<fido_assert_t, fido_assert_free>>;
using OwnedEs256 = Owned<es256_pk_t, release_by_address<es256_pk_t, es256_pk_free>>;
using OwnedEddsa = Owned<eddsa_pk_t, release_by_address<eddsa_pk_t, eddsa_pk_free>>;
using OwnedRs256 = Owned<rs256_pk_t, release_by_address<rs256_pk_t, rs256_pk_free>>;
using OwnedKey = Owned<EVP_PKEY, EVP_PKEY_free>;

// Authenticator data (§6.1): hash of the relying party's id, flags, signature count, then what the flags announce.
constexpr std::size_t hash_octets = 32, least_octets = hash_octets + 1 + 4;
constexpr std::uint8_t user_present = 0x01, user_verified = 0x04, backup_eligible = 0x08, backed_up = 0x10,
                       has_credential = 0x40, has_extensions = 0x80;
constexpr std::size_t model_octets = 16, id_size_octets = 2;  // of the new key, before its id

using Hash = std::array<unsigned char, hash_octets>;

const unsigned char* octets_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

std::string text_of(const unsigned char* octets, std::size_t size) {
    return octets == nullptr ? std::string() : std::string(reinterpret_cast<const char*>(octets), size);
}

Result<Hash> sha256(std::string_view text) {
    Hash hash{};
    if (EVP_Digest(text.data(), text.size(), hash.data(), nullptr, EVP_sha256(), nullptr) != 1)
        return failure(ErrorKind::internal, "no memory for SHA-256");
    return hash;
}

// libfido2 looks at the same when it checks a signature; a new key comes without one.
Result<void> check_head(std::string_view data, std::string_view relying_party_id) {
    if (data.size() > authenticator_data_limit)
        return failure(ErrorKind::limit,
                       fmt::format("the authenticator data has {} octets: more than the {} that are taken", data.size(),
                                   authenticator_data_limit));
    if (data.size() < least_octets) return failure(ErrorKind::invalid, "the authenticator data is cut short");
    RELEVO_TRY(const Hash expected, sha256(relying_party_id));
    if (!std::ranges::equal(std::span(octets_of(data), hash_octets), expected))
        return failure(ErrorKind::refused, "the passkey is another site's");
    const auto flags = static_cast<std::uint8_t>(data[hash_octets]);
    if ((flags & user_present) == 0 || (flags & user_verified) == 0)
        return failure(ErrorKind::refused, "the authenticator did not make sure who holds it");
    if ((flags & backed_up) != 0 && (flags & backup_eligible) == 0)
        return failure(ErrorKind::invalid, "the authenticator data says it was copied and cannot be");
    return {};
}

// What libfido2 may be given: the id of the new key, the key, what extensions say if there are any, and no more.
bool has_whole_key(std::string_view data) {
    const bool extended = (static_cast<std::uint8_t>(data[hash_octets]) & has_extensions) != 0;
    std::string_view rest = data.substr(least_octets);
    if (rest.size() < model_octets + id_size_octets) return false;
    const std::size_t id_size = static_cast<std::size_t>(static_cast<std::uint8_t>(rest[model_octets])) << 8U |
                                static_cast<std::uint8_t>(rest[model_octets + 1]);
    rest.remove_prefix(model_octets + id_size_octets);
    if (rest.size() < id_size) return false;
    rest.remove_prefix(id_size);
    for (int items = extended ? 2 : 1; items > 0; --items) {
        const auto size = cbor_item_size(rest);
        if (!size) return false;
        rest.remove_prefix(*size);
    }
    return rest.empty();
}

// Nothing: malformed, or of another algorithm.
OwnedCredential parse_as(Algorithm algorithm, std::string_view data) {
    OwnedCredential credential(fido_cred_new());
    if (!credential || fido_cred_set_type(credential.get(), static_cast<int>(algorithm)) != FIDO_OK ||
        fido_cred_set_authdata_raw(credential.get(), octets_of(data), data.size()) != FIDO_OK)
        return {};
    return credential;
}

// A key in the form that verification takes; nothing if it is none.
OwnedEs256 es256_of(std::string_view octets) {
    OwnedEs256 key(es256_pk_new());
    if (!key || es256_pk_from_ptr(key.get(), octets.data(), octets.size()) != FIDO_OK) return {};
    return key;
}
OwnedEddsa eddsa_of(std::string_view octets) {
    OwnedEddsa key(eddsa_pk_new());
    if (!key || eddsa_pk_from_ptr(key.get(), octets.data(), octets.size()) != FIDO_OK) return {};
    return key;
}
OwnedRs256 rs256_of(std::string_view octets) {
    OwnedRs256 key(rs256_pk_new());
    if (!key || rs256_pk_from_ptr(key.get(), octets.data(), octets.size()) != FIDO_OK) return {};
    return key;
}

bool is_usable(EVP_PKEY* key) {
    const Owned<EVP_PKEY_CTX, EVP_PKEY_CTX_free> checking(key == nullptr ? nullptr : EVP_PKEY_CTX_new(key, nullptr));
    return checking && EVP_PKEY_public_check_quick(checking.get()) == 1;
}

bool is_usable(const PublicKey& key) {
    switch (key.algorithm) {
        case Algorithm::es256: {
            const OwnedEs256 parsed = es256_of(key.octets);
            return parsed && is_usable(OwnedKey(es256_pk_to_EVP_PKEY(parsed.get())).get());
        }
        case Algorithm::eddsa: {
            const OwnedEddsa parsed = eddsa_of(key.octets);
            return parsed && is_usable(OwnedKey(eddsa_pk_to_EVP_PKEY(parsed.get())).get());
        }
        case Algorithm::rs256: {
            const OwnedRs256 parsed = rs256_of(key.octets);
            return parsed && is_usable(OwnedKey(rs256_pk_to_EVP_PKEY(parsed.get())).get());
        }
    }
    return false;
}

int verify_by(const PublicKey& key, const fido_assert_t& assertion) {
    const int algorithm = static_cast<int>(key.algorithm);
    switch (key.algorithm) {
        case Algorithm::es256: return fido_assert_verify(&assertion, 0, algorithm, es256_of(key.octets).get());
        case Algorithm::eddsa: return fido_assert_verify(&assertion, 0, algorithm, eddsa_of(key.octets).get());
        case Algorithm::rs256: return fido_assert_verify(&assertion, 0, algorithm, rs256_of(key.octets).get());
    }
    return FIDO_ERR_UNSUPPORTED_ALGORITHM;
}

}  // namespace

std::optional<Algorithm> algorithm_of(std::int64_t number) {
    const auto* found =
        std::ranges::find(algorithms, number, [](Algorithm one) { return static_cast<std::int64_t>(one); });
    return found == algorithms.end() ? std::nullopt : std::optional(*found);
}

Result<NewCredential> read_new_credential(std::string_view authenticator_data, std::string_view relying_party_id) {
    RELEVO_CHECK(check_head(authenticator_data, relying_party_id));
    if ((static_cast<std::uint8_t>(authenticator_data[hash_octets]) & has_credential) == 0)
        return failure(ErrorKind::invalid, "the authenticator data has no new key");
    if (!has_whole_key(authenticator_data))
        return failure(ErrorKind::invalid, "the new key is malformed, or something follows it");
    for (const Algorithm algorithm : algorithms) {
        const OwnedCredential parsed = parse_as(algorithm, authenticator_data);
        if (!parsed) continue;
        NewCredential made{
            .id = text_of(fido_cred_id_ptr(parsed.get()), fido_cred_id_len(parsed.get())),
            .key = {.algorithm = algorithm,
                    .octets = text_of(fido_cred_pubkey_ptr(parsed.get()), fido_cred_pubkey_len(parsed.get()))},
            .sign_count = fido_cred_sigcount(parsed.get())};
        if (made.id.empty() || made.id.size() > credential_id_limit)
            return failure(ErrorKind::invalid, fmt::format("the id of the new key has {} octets", made.id.size()));
        if (!is_usable(made.key)) return failure(ErrorKind::invalid, "the new key is none of its algorithm");
        return made;
    }
    return failure(ErrorKind::unsupported, "the new key is malformed, or neither of ES256, EdDSA nor RS256");
}

Result<std::uint32_t> verify_assertion(const PublicKey& key, std::string_view relying_party_id,
                                       const Assertion& assertion) {
    if (assertion.client_data.size() > client_data_limit || assertion.signature.size() > signature_limit)
        return failure(ErrorKind::limit, "the client data or the signature is too long");
    RELEVO_CHECK(check_head(assertion.authenticator_data, relying_party_id));
    // No extensions were asked for, and a new key does not come with a signature (§6.1).
    constexpr unsigned more = has_credential | has_extensions;
    if (assertion.authenticator_data.size() != least_octets ||
        (static_cast<std::uint8_t>(assertion.authenticator_data[hash_octets]) & more) != 0)
        return failure(ErrorKind::invalid, "the authenticator data has more than was asked for");
    RELEVO_TRY(const Hash hash, sha256(assertion.client_data));
    const OwnedAssertion checked(fido_assert_new());
    const std::string id(relying_party_id);
    if (!checked || fido_assert_set_rp(checked.get(), id.c_str()) != FIDO_OK ||
        fido_assert_set_count(checked.get(), 1) != FIDO_OK ||
        fido_assert_set_up(checked.get(), FIDO_OPT_TRUE) != FIDO_OK ||
        fido_assert_set_uv(checked.get(), FIDO_OPT_TRUE) != FIDO_OK ||
        fido_assert_set_clientdata_hash(checked.get(), hash.data(), hash.size()) != FIDO_OK)
        return failure(ErrorKind::internal, "libfido2 has no memory");
    if (fido_assert_set_authdata_raw(checked.get(), 0, octets_of(assertion.authenticator_data),
                                     assertion.authenticator_data.size()) != FIDO_OK ||
        fido_assert_set_sig(checked.get(), 0, octets_of(assertion.signature), assertion.signature.size()) != FIDO_OK)
        return failure(ErrorKind::invalid, "the authenticator data or the signature is malformed");
    if (const int outcome = verify_by(key, *checked); outcome != FIDO_OK)
        return failure(ErrorKind::refused, fmt::format("the signature does not hold: {}", fido_strerr(outcome)));
    return fido_assert_sigcount(checked.get(), 0);
}

}  // namespace relevo::webauthn
