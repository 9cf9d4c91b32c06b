// API keys in memory: what a request costs to authenticate is one SHA-256 and one look-up.
#pragma once

#include "core/accounts/api_keys.h"
#include "core/accounts/token.h"

#include <cstddef>
#include <cstring>
#include <memory>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace relevo {

// An immutable snapshot, swapped whole after each change, like Directory. Threads: any.
class KeyTable {
 public:
    KeyTable() = default;  // no key works
    KeyTable(const KeyTable&) = delete;
    KeyTable& operator=(const KeyTable&) = delete;

    // Errors: invalid – a row is damaged; io.
    [[nodiscard]] static Result<std::shared_ptr<const KeyTable>> load(Reader& reader);

    // `bearer`: what follows "Bearer " in the request. Errors (none holds any of the key):
    //   not_found – no such key.    closed  – revoked.
    //   timeout   – expired.        refused – not from this address.
    // To the outside all four are 401 or 403; the audit log and the operator may see which.
    [[nodiscard]] Result<Principal> authenticate(std::string_view bearer, const dns::IpAddress& peer,
                                                 WallClock::time_point now) const;

    [[nodiscard]] std::size_t size() const { return keys_.size(); }

 private:
    struct HashOfHash {
        std::size_t operator()(const TokenHash& hash) const {
            std::size_t value = 0;  // it is random already
            std::memcpy(&value, hash.data(), sizeof value);
            return value;
        }
    };
    std::unordered_map<TokenHash, ApiKey, HashOfHash> keys_;
};

// Last uses, gathered so that a request writes nothing. Bounded by the number of keys. Threads: any.
class KeyUses {
 public:
    void note(ApiKeyId key, const dns::IpAddress& from, WallClock::time_point at);
    // What came since the last call; save it with save_key_uses() every minute or so and at the end.
    [[nodiscard]] std::vector<KeyUse> take();

 private:
    std::mutex mutex_;
    std::unordered_map<ApiKeyId, KeyUse> uses_;
};

}  // namespace relevo
