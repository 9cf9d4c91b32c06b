#include "core/accounts/key_table.h"

#include <algorithm>

namespace relevo {

Result<std::shared_ptr<const KeyTable>> KeyTable::load(Reader& reader) {
    RELEVO_TRY(const std::vector<ApiKey> keys, list_api_keys(reader));
    std::unordered_map<std::int64_t, const ApiKey*> by_id;
    for (const ApiKey& key : keys) by_id.emplace(key.id.value, &key);
    std::unordered_map<std::int64_t, mail::Language> languages;
    auto table = std::make_shared<KeyTable>();
    RELEVO_CHECK(reader.query("SELECT id, secret_hash FROM api_key", {}, [&](const Row& row) -> Result<void> {
        auto hash = parse_token_hash(row.text(1));
        const auto key = by_id.find(row.integer(0));
        if (!hash.has_value() || key == by_id.end())
            return failure(ErrorKind::invalid, "the row of API key " + ApiKeyId{row.integer(0)}.text() + " is damaged");
        table->keys_.emplace(*hash, *key->second);
        return {};
    }));
    return table;
}

Result<Principal> KeyTable::authenticate(std::string_view bearer, const dns::IpAddress& peer,
                                         WallClock::time_point now) const {
    // Another length cannot be a key: a long one is not worth its hash.
    const auto unknown = [] { return failure(ErrorKind::not_found, "there is no such API key"); };
    if (bearer.size() != api_key_octets || !bearer.starts_with(api_key_marker)) return unknown();
    const auto found = keys_.find(token_hash(bearer));
    if (found == keys_.end()) return unknown();
    const ApiKey& key = found->second;
    const std::string whose = "the API key " + key.visible_prefix + "… ";
    if (key.revoked_at != WallClock::time_point{}) return failure(ErrorKind::closed, whose + "was revoked");
    if (key.expires_at != WallClock::time_point{} && now >= key.expires_at)
        return failure(ErrorKind::timeout, whose + "has expired");
    const auto holds = [&](const dns::Network& network) { return network.contains(peer); };
    if (!key.networks.empty() && std::ranges::none_of(key.networks, holds))
        return failure(ErrorKind::refused, whose + "may not be used from " + peer.text());
    return Principal{
        .kind = PrincipalKind::key, .id = key.id.value, .name = key.name, .tenant = key.tenant, .scopes = key.scopes};
}

void KeyUses::note(ApiKeyId key, const dns::IpAddress& from, WallClock::time_point at) {
    const std::lock_guard lock(mutex_);
    KeyUse& use = uses_[key];
    if (use.key && at < use.at) return;
    use = {.key = key, .at = at, .from = from.text()};
}

std::vector<KeyUse> KeyUses::take() {
    std::unordered_map<ApiKeyId, KeyUse> taken;
    {
        const std::lock_guard lock(mutex_);
        taken.swap(uses_);
    }
    std::vector<KeyUse> uses;
    uses.reserve(taken.size());
    for (auto& [key, use] : taken) uses.push_back(std::move(use));
    return uses;
}

}  // namespace relevo
