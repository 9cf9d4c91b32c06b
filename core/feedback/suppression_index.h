// Which addresses are suppressed, in memory: sessions ask for every recipient.
#pragma once

#include "core/feedback/suppression.h"
#include "core/tenancy/secret.h"
#include "lib/mail/address.h"

#include <array>
#include <optional>
#include <shared_mutex>
#include <string_view>
#include <unordered_map>

namespace relevo {

// Keeps a keyed hash of tenant and address, about 50 octets for each: a million takes 50 MB. The key is made anew at
// each start, so nobody can look for two addresses that share a hash. Threads: any.
class SuppressionIndex {
 public:
    explicit SuppressionIndex(const RandomSource& random);

    // In place of what was known.
    Result<void> load(Reader& reader, WallClock::time_point now);
    void put(const Suppression& suppression);
    void erase(TenantId tenant, std::string_view comparable_address);
    void forget_expired(WallClock::time_point now);

    // Why mail of the tenant must not go there. `address` in any spelling; an address literal is never suppressed.
    [[nodiscard]] std::optional<SuppressionReason> find(TenantId tenant, const mail::Address& address,
                                                        WallClock::time_point now) const;
    [[nodiscard]] std::size_t size() const;

 private:
    struct Entry {
        WallClock::time_point expires_at;
        SuppressionReason reason;
    };
    using Key = std::uint64_t;
    struct Identity {
        std::size_t operator()(Key key) const noexcept { return key; }
    };
    using Entries = std::unordered_map<Key, Entry, Identity>;
    [[nodiscard]] Key key_of(TenantId tenant, std::string_view comparable_address) const;

    std::array<unsigned char, 16> hash_key_{};
    mutable std::shared_mutex mutex_;  // guards the entries
    Entries entries_;
};

}  // namespace relevo
