#include "core/accounts/api_keys.h"

#include "core/accounts/columns.h"
#include "core/accounts/token.h"
#include "core/tenancy/statements.h"

#include <algorithm>

namespace relevo {
namespace {

constexpr std::size_t name_limit_octets = 100;
constexpr std::size_t networks_limit = 50;
constexpr std::int64_t keys_limit = 10'000;

Result<ApiKey> key_of(const Row& row) {
    ApiKey key{.id = ApiKeyId{row.integer(0)},
               .name = std::string(row.text(1)),
               .visible_prefix = std::string(row.text(2)),
               .tenant = columns::tenant(row.integer(3)),
               .scopes = columns::scopes(row.integer(4)),
               .networks = {},
               .made_by = UserId{row.integer(6)},
               .expires_at = columns::time(row.integer(7)),
               .created_at = columns::time(row.integer(8)),
               .revoked_at = columns::time(row.integer(9)),
               .last_used_at = columns::time(row.integer(10)),
               .last_used_from = std::string(row.text(11))};
    RELEVO_TRY(key.networks, columns::networks(row.text(5)));
    return key;
}

Result<std::vector<dns::Network>> networks_of(const std::vector<std::string>& texts) {
    if (texts.size() > networks_limit)
        return failure(ErrorKind::invalid,
                       "a key may name " + std::to_string(networks_limit) + " networks: name wider ones");
    std::vector<dns::Network> networks;
    for (const std::string& text : texts) {
        RELEVO_TRY(const dns::Network network, dns::Network::parse(text));
        if (std::ranges::find(networks, network) == networks.end()) networks.push_back(network);
    }
    return networks;
}

Result<void> check_key(const NewApiKey& key, WallClock::time_point now) {
    if (key.name.empty()) return failure(ErrorKind::invalid, "a key needs a name, such as the program's that uses it");
    RELEVO_CHECK(statements::check_text("the name of the key", key.name, name_limit_octets));
    if (key.scopes.empty()) return failure(ErrorKind::invalid, "a key needs at least one scope, such as messages:send");
    if (const ScopeSet of_server = key.scopes.common(server_scopes); key.tenant && !of_server.empty())
        return failure(ErrorKind::refused,
                       "a tenant's key cannot have what concerns the whole server: " + of_server.text());
    if (key.expires_at != WallClock::time_point{} && key.expires_at <= now)
        return failure(ErrorKind::invalid, "the key would have expired already: give a later time");
    return {};
}

}  // namespace

Result<ApiKeyId> create_api_key(Transaction& transaction, const NewApiKey& key, std::string_view secret,
                                WallClock::time_point now) {
    RELEVO_CHECK(check_key(key, now));
    RELEVO_TRY(const auto networks, networks_of(key.networks));
    if (key.tenant) RELEVO_CHECK(statements::require_tenant(transaction, *key.tenant));
    RELEVO_TRY(const std::int64_t present,
               statements::count(transaction, "SELECT count(*) FROM api_key WHERE revoked_at = 0", {}));
    if (present >= keys_limit)
        return failure(ErrorKind::limit, "there are " + std::to_string(present) + " keys: revoke some first");
    RELEVO_TRY(const std::int64_t id, statements::next_id(transaction, "api_key"));
    const std::string hash = token_hash_text(secret);
    const std::string network_texts = columns::of(networks);
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO api_key (id, name, visible_prefix, secret_hash, tenant_id, scopes, networks, made_by, expires_at,"
        " created_at, revoked_at, last_used_at, last_used_from)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, '')",
        {id, std::string_view(key.name), secret.substr(0, api_key_marker.size() + api_key_prefix_digits),
         std::string_view(hash), columns::of(key.tenant), columns::of(key.scopes), std::string_view(network_texts),
         key.made_by.value, columns::of(key.expires_at), columns::of(now)}));
    return ApiKeyId{id};
}

Result<void> revoke_api_key(Transaction& transaction, ApiKeyId key, WallClock::time_point now) {
    RELEVO_TRY(const std::int64_t changed,
               transaction.execute("UPDATE api_key SET revoked_at = $2 WHERE id = $1 AND revoked_at = 0",
                                   {key.value, columns::of(now)}));
    if (changed == 1) return {};
    RELEVO_TRY(const bool exists, statements::exists(transaction, "SELECT 1 FROM api_key WHERE id = $1", {key.value}));
    if (exists) return failure(ErrorKind::conflict, "the key is revoked already");
    return failure(ErrorKind::not_found, "there is no such key");
}

Result<std::int64_t> revoke_api_keys_of(Transaction& transaction, UserId user, WallClock::time_point now) {
    if (!user) return std::int64_t{0};  // keys made at the command line are nobody's
    return transaction.execute("UPDATE api_key SET revoked_at = $2 WHERE made_by = $1 AND revoked_at = 0",
                               {user.value, columns::of(now)});
}

Result<std::vector<ApiKey>> list_api_keys(Reader& reader) {
    std::vector<ApiKey> keys;
    RELEVO_CHECK(
        reader.query("SELECT id, name, visible_prefix, tenant_id, scopes, networks, made_by, expires_at, created_at,"
                     " revoked_at, last_used_at, last_used_from FROM api_key ORDER BY id",
                     {}, [&](const Row& row) -> Result<void> {
                         RELEVO_TRY(keys.emplace_back(), key_of(row));
                         return {};
                     }));
    return keys;
}

Result<ApiKey> find_api_key(Reader& reader, std::string_view text) {
    RELEVO_TRY(const std::vector<ApiKey> keys, list_api_keys(reader));
    for (const ApiKey& key : keys)
        if (key.id.text() == text || key.visible_prefix == text) return key;
    // Whole keys end up here too: nothing of one may come back.
    if (text.size() > api_key_marker.size() + api_key_prefix_digits && text.starts_with(api_key_marker))
        return failure(ErrorKind::not_found, "there is no such key: name it by its id or its first " +
                                                 std::to_string(api_key_marker.size() + api_key_prefix_digits) +
                                                 " characters");
    return failure(ErrorKind::not_found, "there is no key \"" + printable(text, 40) + "\"");
}

Result<void> save_key_uses(Transaction& transaction, const std::vector<KeyUse>& uses) {
    for (const KeyUse& use : uses)
        RELEVO_CHECK(transaction.execute("UPDATE api_key SET last_used_at = $2, last_used_from = $3 WHERE id = $1",
                                         {use.key.value, columns::of(use.at), std::string_view(use.from)}));
    return {};
}

Result<std::int64_t> forget_api_keys(Transaction& transaction, WallClock::time_point before, std::int64_t limit) {
    return transaction.execute(
        "DELETE FROM api_key WHERE id IN (SELECT id FROM api_key WHERE (revoked_at > 0 AND revoked_at < $1)"
        " OR (expires_at > 0 AND expires_at < $1) ORDER BY id LIMIT $2)",
        {columns::of(before), limit});
}

}  // namespace relevo
