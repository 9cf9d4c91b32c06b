// The keys that sign now, opened and ready, in memory.
#pragma once

#include "core/ports/database.h"
#include "core/ports/key_vault.h"
#include "core/signing/model.h"
#include "lib/mailauth/dkim_signer.h"

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace relevo {

// An immutable snapshot, swapped whole after each change, as Directory is: sessions on several shards hold it while the
// next one takes its place. About 4 KB for each domain. Threads: any.
class KeyRing {
 public:
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

    // Whether nothing signs at all.
    [[nodiscard]] bool is_empty() const { return own_.empty() && service_.empty(); }
    // Whether the domain has keys of its own that sign.
    [[nodiscard]] bool signs(DomainId domain) const { return own_.contains(domain); }
    // Who signs mail of the domain: its own keys first, then those of the service. They live as long as the ring.
    [[nodiscard]] std::span<const mailauth::DkimIdentity> identities_for(DomainId domain) const;
    [[nodiscard]] std::span<const mailauth::DkimIdentity> service() const { return service_; }

 private:
    [[nodiscard]] const mailauth::SigningKey* find(const KeyRow& row) const;
    std::unordered_map<DomainId, std::vector<mailauth::DkimIdentity>> own_;  // with the service's at the end
    std::vector<mailauth::DkimIdentity> service_;
};

}  // namespace relevo
