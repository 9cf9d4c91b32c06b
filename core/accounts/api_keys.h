// Changes to API keys, as statements inside a transaction of the caller. After a change the owner loads a new KeyTable
// and swaps it. Threads: the committer's (Transaction) or the reader's (Reader).
#pragma once

#include "core/accounts/model.h"
#include "core/ports/database.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct NewApiKey {
    std::string name;
    std::optional<TenantId> tenant;  // absent: the operator's
    ScopeSet scopes;
    std::vector<std::string> networks;   // empty: from anywhere
    UserId made_by;                      // none: at the command line
    WallClock::time_point expires_at{};  // the epoch: never
};

// `key` comes from generate_api_key(); the caller shows it once and forgets it.
// Errors: invalid – the name (1 to 100 octets), a network, no scope at all, an expiry in the past, more than 50
// networks. refused – scopes of the whole server for a tenant's key. not_found – no such tenant. limit – over 10,000
// keys in force.
[[nodiscard]] Result<ApiKeyId> create_api_key(Transaction& transaction, const NewApiKey& key, std::string_view secret,
                                              WallClock::time_point now);
// Its row stays, so that the audit log keeps its name. Errors: not_found. conflict – revoked before.
[[nodiscard]] Result<void> revoke_api_key(Transaction& transaction, ApiKeyId key, WallClock::time_point now);
// Those that `user` made. Returns how many were in force.
[[nodiscard]] Result<std::int64_t> revoke_api_keys_of(Transaction& transaction, UserId user, WallClock::time_point now);

// By id, the newest last, revoked ones too.
[[nodiscard]] Result<std::vector<ApiKey>> list_api_keys(Reader& reader);
// By id ("key_…") or visible prefix. Errors: not_found.
[[nodiscard]] Result<ApiKey> find_api_key(Reader& reader, std::string_view text);

// A use that was noted by KeyUses.
struct KeyUse {
    ApiKeyId key;
    WallClock::time_point at;
    std::string from;
};
[[nodiscard]] Result<void> save_key_uses(Transaction& transaction, const std::vector<KeyUse>& uses);
// Removes at most `limit` keys that were revoked or ran out before `before`.
[[nodiscard]] Result<std::int64_t> forget_api_keys(Transaction& transaction, WallClock::time_point before,
                                                   std::int64_t limit = 100);

}  // namespace relevo
