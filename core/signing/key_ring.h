// The keys that sign now, opened and ready, in memory.
#pragma once

#include "core/ports/database.h"
#include "core/ports/key_vault.h"
#include "core/signing/model.h"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace relevo {

// An immutable snapshot, swapped whole after each change, as Directory is: sessions on several shards hold it while the
// next one takes its place. About 4 KB for each domain. Threads: any.
class KeyRing {
 public:
    struct Key {
        std::string selector;
        mailauth::SigningKey key;
    };
    // All active keys of one domain.
    struct Signer {
        std::string domain;  // d=
        std::vector<Key> keys;
    };

    KeyRing() = default;  // nothing signs
    KeyRing(const KeyRing&) = delete;
    KeyRing& operator=(const KeyRing&) = delete;

    // Keys that `previous` has are taken from there: opening an RSA key costs some hundred microseconds. A key that
    // does not open is left out and its problem told in `problems`, so that the rest signs on. Errors: io; refused –
    // sealed with another master key, so that none of them can be opened.
    [[nodiscard]] static Result<std::shared_ptr<const KeyRing>> load(Reader& reader, KeyVault& vault,
                                                                     std::string_view service_domain,
                                                                     const KeyRing* previous,
                                                                     std::vector<std::string>& problems);

    // nullptr: no key signs for it. Pointers live as long as the ring.
    [[nodiscard]] const Signer* signer_for(DomainId domain) const;
    [[nodiscard]] const Signer* service() const { return service_ ? &*service_ : nullptr; }

 private:
    [[nodiscard]] const mailauth::SigningKey* find(const KeyRow& row) const;
    std::unordered_map<DomainId, Signer> signers_;
    std::optional<Signer> service_;
};

}  // namespace relevo
