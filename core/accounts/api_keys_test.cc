#include "core/accounts/api_keys.h"

#include "core/accounts/key_table.h"
#include "core/accounts/store_fixture.h"

namespace relevo {
namespace {

using test::AccountStore;
using test::office;
using namespace std::chrono_literals;

class ApiKeys : public testing::Test {
 protected:
    std::string make(NewApiKey key) {
        std::string secret = generate_api_key(random);
        const auto made = store.write(
            [&](Transaction& transaction) { return create_api_key(transaction, key, secret, store.start); });
        EXPECT_TRUE(made.has_value()) << made.error().detail;
        id = made.value_or(ApiKeyId{});
        return secret;
    }
    Result<ApiKeyId> try_to_make(const NewApiKey& key) {
        return store.write([&](Transaction& transaction) {
            return create_api_key(transaction, key, generate_api_key(random), store.start);
        });
    }
    Result<Principal> authenticate(std::string_view bearer, const dns::IpAddress& peer, WallClock::time_point now) {
        return store.read([](Reader& reader) { return KeyTable::load(reader); })
            .value()
            ->authenticate(bearer, peer, now);
    }
    ErrorKind refusal(std::string_view bearer, const dns::IpAddress& peer, WallClock::time_point now) {
        const auto principal = authenticate(bearer, peer, now);
        EXPECT_FALSE(principal.has_value());
        return principal.has_value() ? ErrorKind::internal : principal.error().kind;
    }

    AccountStore store;
    RandomSource random = test::counting_random();
    ApiKeyId id;
};

TEST_F(ApiKeys, KeyHasVisiblePrefixAndAtLeast160SecretBits) {
    const std::string key = generate_api_key(random);
    EXPECT_TRUE(key.starts_with("rlv_"));
    EXPECT_EQ(key.size(), api_key_octets);
    EXPECT_GE((key.size() - 4 - api_key_prefix_digits) * 5, 160U);
    EXPECT_NE(key, generate_api_key(random));
}

TEST_F(ApiKeys, KeyBecomesPrincipalOfItsOwnerWithItsScopes) {
    const std::string key = make({.name = "shop", .tenant = store.acme, .scopes = {Scope::messages_send}});
    const auto principal = authenticate(key, office, store.start);
    ASSERT_TRUE(principal.has_value()) << principal.error().detail;
    EXPECT_EQ(principal->kind, PrincipalKind::key);
    EXPECT_EQ(principal->id, id.value);
    EXPECT_EQ(principal->id_text(), id.text());
    EXPECT_EQ(principal->name, "shop");
    EXPECT_EQ(principal->tenant, store.acme);
    EXPECT_TRUE(principal->may(Scope::messages_send));
    EXPECT_FALSE(principal->may(Scope::messages_read));
    EXPECT_TRUE(principal->covers(store.acme));
    EXPECT_FALSE(principal->covers(TenantId{store.acme.value + 1}));
    EXPECT_FALSE(principal->covers(std::nullopt));
}

TEST_F(ApiKeys, AnyChangedCharacterIsUnknown) {
    const std::string key = make({.name = "shop", .scopes = {Scope::messages_send}});
    const auto table = store.read([](Reader& reader) { return KeyTable::load(reader); }).value();
    for (std::size_t at = 0; at < key.size(); ++at) {
        std::string changed = key;
        changed[at] = changed[at] == 'x' ? 'y' : 'x';
        const auto principal = table->authenticate(changed, office, store.start);
        ASSERT_FALSE(principal.has_value()) << at;
        EXPECT_EQ(principal.error().kind, ErrorKind::not_found);
    }
    for (const std::string& other : {std::string(), key + "x", key.substr(1), std::string(1 << 20, 'x')})
        EXPECT_EQ(table->authenticate(other, office, store.start).error().kind, ErrorKind::not_found);
}

TEST_F(ApiKeys, TellsExpiredRevokedAndForeignNetworkApart) {
    const std::string key = make({.name = "shop",
                                  .scopes = {Scope::messages_send},
                                  .networks = {"192.0.2.0/24", "2001:db8::/32"},
                                  .expires_at = store.start + 24h});
    EXPECT_TRUE(authenticate(key, office, store.start).has_value());
    EXPECT_TRUE(authenticate(key, dns::IpAddress::parse("2001:db8::1").value(), store.start).has_value());
    EXPECT_EQ(refusal(key, dns::IpAddress::parse("198.51.100.1").value(), store.start), ErrorKind::refused);
    EXPECT_EQ(refusal(key, office, store.start + 24h), ErrorKind::timeout);
    EXPECT_TRUE(store.write([&](Transaction& transaction) { return revoke_api_key(transaction, id, store.start); })
                    .has_value());
    EXPECT_EQ(refusal(key, office, store.start), ErrorKind::closed);
}

// security row R13
TEST_F(ApiKeys, ClockThatJumpsAheadAndBackEndsNoKey) {
    const std::string key = make({.name = "shop", .scopes = {Scope::messages_send}, .expires_at = store.start + 24h});
    EXPECT_EQ(refusal(key, office, store.start + 24h * 3650), ErrorKind::timeout);
    EXPECT_TRUE(authenticate(key, office, store.start + 1h).has_value());
    EXPECT_TRUE(authenticate(key, office, store.start - 24h).has_value());
}

TEST_F(ApiKeys, SnapshotKeepsItsStateUntilSwapped) {
    const std::string key = make({.name = "shop", .scopes = {Scope::messages_send}});
    const auto before = store.read([](Reader& reader) { return KeyTable::load(reader); }).value();
    EXPECT_TRUE(store.write([&](Transaction& transaction) { return revoke_api_key(transaction, id, store.start); })
                    .has_value());
    EXPECT_TRUE(before->authenticate(key, office, store.start).has_value());
    EXPECT_EQ(refusal(key, office, store.start), ErrorKind::closed);
}

// security row E12
TEST_F(ApiKeys, StoreAndErrorsHoldNothingOfTheSecret) {
    const std::string key = make({.name = "shop", .scopes = {Scope::messages_send}, .expires_at = store.start + 1h});
    const std::string secret = key.substr(4 + api_key_prefix_digits);
    EXPECT_EQ(store.all_octets().find(secret), std::string::npos);
    EXPECT_NE(store.all_octets().find(key.substr(0, 12)), std::string::npos);  // what people recognise it by
    const auto expired = authenticate(key, office, store.start + 2h);
    ASSERT_FALSE(expired.has_value());
    EXPECT_EQ(expired.error().detail.find(secret), std::string::npos);
    const auto found = store.read([&](Reader& reader) { return find_api_key(reader, key); });
    ASSERT_FALSE(found.has_value());
    EXPECT_EQ(found.error().detail.find(secret.substr(0, 8)), std::string::npos);
}

TEST_F(ApiKeys, RefusesKeysThatCannotBeMeant) {
    const NewApiKey good{.name = "shop", .tenant = store.acme, .scopes = {Scope::messages_send}};
    const auto with = [&](auto change) {
        NewApiKey key = good;
        change(key);
        const auto made = try_to_make(key);
        return made.has_value() ? std::string("made") : std::string(name_of(made.error().kind));
    };
    EXPECT_EQ(with([](NewApiKey&) {}), "made");
    EXPECT_EQ(with([](NewApiKey& key) { key.name = ""; }), "invalid");
    EXPECT_EQ(with([](NewApiKey& key) { key.name = "a\nb"; }), "invalid");
    EXPECT_EQ(with([](NewApiKey& key) { key.name = std::string(101, 'a'); }), "invalid");
    EXPECT_EQ(with([](NewApiKey& key) { key.scopes = {}; }), "invalid");
    EXPECT_EQ(with([](NewApiKey& key) { key.networks = {"192.0.2.1/24"}; }), "invalid");
    EXPECT_EQ(with([](NewApiKey& key) { key.networks.assign(51, "192.0.2.0/24"); }), "invalid");
    EXPECT_EQ(with([&](NewApiKey& key) { key.expires_at = store.start; }), "invalid");
    EXPECT_EQ(with([](NewApiKey& key) { key.tenant = TenantId{999}; }), "not_found");
    EXPECT_EQ(with([](NewApiKey& key) { key.scopes.insert(Scope::settings_write); }), "refused");
}

TEST_F(ApiKeys, RevokedKeyCannotBeRevokedTwice) {
    make({.name = "shop", .scopes = {Scope::messages_send}});
    const auto revoke = [&](ApiKeyId key) {
        return store.write([&](Transaction& transaction) { return revoke_api_key(transaction, key, store.start); });
    };
    EXPECT_TRUE(revoke(id).has_value());
    EXPECT_EQ(revoke(id).error().kind, ErrorKind::conflict);
    EXPECT_EQ(revoke(ApiKeyId{77}).error().kind, ErrorKind::not_found);
}

TEST_F(ApiKeys, LastUseIsRolledUp) {
    make({.name = "shop", .scopes = {Scope::messages_send}});
    KeyUses uses;
    uses.note(id, office, store.start + 5min);
    uses.note(id, dns::IpAddress::parse("192.0.2.9").value(), store.start + 6min);
    const auto taken = uses.take();
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_TRUE(uses.take().empty());
    EXPECT_TRUE(store.write([&](Transaction& transaction) { return save_key_uses(transaction, taken); }).has_value());
    const auto key = store.read([&](Reader& reader) { return find_api_key(reader, id.text()); }).value();
    EXPECT_EQ(key.last_used_at, store.start + 6min);
    EXPECT_EQ(key.last_used_from, "192.0.2.9");
}

TEST_F(ApiKeys, ForgetsOnlyKeysThatEndedLongAgo) {
    make({.name = "old", .scopes = {Scope::messages_send}, .expires_at = store.start + 1h});
    make({.name = "new", .scopes = {Scope::messages_send}});
    const auto forget = [&](WallClock::time_point before) {
        return store.write([&](Transaction& transaction) { return forget_api_keys(transaction, before); }).value();
    };
    EXPECT_EQ(forget(store.start + 1h), 0);
    EXPECT_EQ(forget(store.start + 2h), 1);
    EXPECT_EQ(store.read([](Reader& reader) { return list_api_keys(reader); }).value().at(0).name, "new");
}

TEST(Scopes, EveryNameComesBackAsItself) {
    for (const Scope scope : all_scopes()) EXPECT_EQ(parse_scope(name_of(scope)).value(), scope);
    EXPECT_EQ(all_scopes().size(), scope_count);
    EXPECT_EQ(ScopeSet::parse(ScopeSet::all().names()).value(), ScopeSet::all());
    EXPECT_NE(parse_scope("message:send").error().detail.find("messages:send"), std::string::npos);
}

TEST(Roles, EachHasWhatTheOneBelowHas) {
    for (const auto& tenant : {std::optional<TenantId>(), std::optional(TenantId{1})}) {
        const ScopeSet admin = scopes_of(Role::admin, tenant);
        const ScopeSet mail_operator = scopes_of(Role::mail_operator, tenant);
        EXPECT_TRUE(admin.contains(mail_operator));
        EXPECT_TRUE(mail_operator.contains(scopes_of(Role::analyst, tenant)));
        EXPECT_TRUE(mail_operator.contains(scopes_of(Role::sender, tenant)));
        EXPECT_FALSE(mail_operator.contains(Scope::users_write));
        EXPECT_FALSE(mail_operator.contains(Scope::keys_write));
    }
    for (const std::string& name : scopes_of(Role::analyst, {}).names()) EXPECT_TRUE(name.ends_with(":read")) << name;
}

// security row E9
TEST(Roles, AdminOfATenantHasNothingOfTheWholeServer) {
    const ScopeSet admin = scopes_of(Role::admin, TenantId{1});
    EXPECT_TRUE(admin.common(server_scopes).empty());
    const Principal giver{.kind = PrincipalKind::session, .id = 1, .tenant = TenantId{1}, .scopes = admin};
    EXPECT_TRUE(check_grant(giver, TenantId{1}, {Scope::messages_send}).has_value());
    EXPECT_EQ(check_grant(giver, TenantId{2}, {Scope::messages_send}).error().kind, ErrorKind::refused);
    EXPECT_EQ(check_grant(giver, std::nullopt, {Scope::messages_send}).error().kind, ErrorKind::refused);
    EXPECT_EQ(check_grant(giver, TenantId{1}, {Scope::sources_write}).error().kind, ErrorKind::refused);
    EXPECT_TRUE(check_grant(control_principal(), std::nullopt, ScopeSet::all()).has_value());
}

}  // namespace
}  // namespace relevo
