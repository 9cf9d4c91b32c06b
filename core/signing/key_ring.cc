#include "core/signing/key_ring.h"

#include "core/signing/keys.h"

#include <algorithm>
#include <cstring>

namespace relevo {
namespace {

Result<mailauth::SigningKey> open_key(KeyVault& vault, const KeyRow& row) {
    RELEVO_TRY(std::string der, vault.open(row.sealed, vault_context(row)));
    auto key = mailauth::SigningKey::from_der(der);
    ::explicit_bzero(der.data(), der.size());
    return key;
}

}  // namespace

const mailauth::SigningKey* KeyRing::find(const KeyRow& row) const {
    const Signer* signer = row.domain ? signer_for(row.domain) : service();
    if (signer == nullptr || signer->domain != row.name) return nullptr;
    const auto key = std::ranges::find(signer->keys, row.selector, &Key::selector);
    return key == signer->keys.end() ? nullptr : &key->key;
}

Result<std::shared_ptr<const KeyRing>> KeyRing::load(Reader& reader, KeyVault& vault, std::string_view service_domain,
                                                     const KeyRing* previous, std::vector<std::string>& problems) {
    RELEVO_TRY(const std::vector<KeyRow> rows, list_keys(reader));
    auto ring = std::make_shared<KeyRing>();
    for (const KeyRow& row : rows) {
        const bool is_service = !row.domain;
        if (row.state != KeyState::active || (is_service && row.name != service_domain)) continue;
        const mailauth::SigningKey* known = previous != nullptr ? previous->find(row) : nullptr;
        auto key = known != nullptr ? Result<mailauth::SigningKey>(*known) : open_key(vault, row);
        if (!key.has_value()) {
            if (key.error().kind == ErrorKind::refused) return std::unexpected(std::move(key).error());
            problems.push_back(std::move(key).error().detail);
            continue;
        }
        if (is_service && !ring->service_) ring->service_.emplace();
        Signer& signer = is_service ? *ring->service_ : ring->signers_[row.domain];
        signer.domain = row.name;
        signer.keys.push_back({row.selector, *std::move(key)});
    }
    return ring;
}

const KeyRing::Signer* KeyRing::signer_for(DomainId domain) const {
    const auto found = signers_.find(domain);
    return found == signers_.end() ? nullptr : &found->second;
}

}  // namespace relevo
