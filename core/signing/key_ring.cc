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
    const auto identities = row.domain ? identities_for(row.domain) : service();
    const auto found = std::ranges::find_if(identities, [&](const mailauth::DkimIdentity& identity) {
        return identity.domain == row.name && identity.selector == row.selector;
    });
    return found == identities.end() ? nullptr : &found->key;
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
        auto& identities = is_service ? ring->service_ : ring->own_[row.domain];
        identities.push_back({.domain = row.name, .selector = row.selector, .key = *std::move(key)});
    }
    // A message of the service's own domain is signed for it once.
    for (auto& [domain, identities] : ring->own_)
        if (identities.front().domain != service_domain)
            identities.insert(identities.end(), ring->service_.begin(), ring->service_.end());
    return ring;
}

std::span<const mailauth::DkimIdentity> KeyRing::identities_for(DomainId domain) const {
    const auto found = own_.find(domain);
    return found == own_.end() ? service() : found->second;
}

}  // namespace relevo
