#include "core/signing/keys.h"

#include "core/signing/key_fixture.h"

#include <gmock/gmock.h>

namespace relevo {
namespace {

using namespace std::chrono_literals;
using mailauth::SigningAlgorithm;
using testing::HasSubstr;

const WallClock::time_point noon{std::chrono::sys_days(std::chrono::year(2026) / 11 / 25) + 12h};
constexpr DomainId acme{1};

TEST(Keys, NeverUseASelectorTwice) {
    test::KeyStore store;
    const auto choose = [&](SigningAlgorithm algorithm) {
        return store.read([&](Reader& reader) { return choose_selector(reader, "acme.example", algorithm, noon); })
            .value();
    };
    EXPECT_EQ(choose(SigningAlgorithm::rsa_sha256), "r20261125a");
    EXPECT_EQ(choose(SigningAlgorithm::ed25519_sha256), "e20261125a");
    store.add(acme, "acme.example", "e20261125a");
    EXPECT_EQ(choose(SigningAlgorithm::ed25519_sha256), "e20261125b");
    EXPECT_EQ(choose(SigningAlgorithm::rsa_sha256), "r20261125a");
    // The domain goes and another tenant brings it back: its row is another, the old selector is still taken.
    EXPECT_TRUE(store.write([](Transaction& rows) { return withdraw_keys_of(rows, acme, noon); }).has_value());
    EXPECT_EQ(choose(SigningAlgorithm::ed25519_sha256), "e20261125b");
    KeyRow again;
    again.domain = DomainId{2};
    again.name = "acme.example";
    again.selector = "e20261125a";
    EXPECT_EQ(store.write([&](Transaction& rows) { return insert_key(rows, again); }).error().kind,
              ErrorKind::conflict);
}

TEST(Keys, ErasesThePrivateHalfOfAWithdrawnKey) {
    test::KeyStore store;
    const KeyRow key = store.add(acme, "acme.example", "a", KeyState::retiring);
    const auto sealed = [&] { return store.read([](Reader& reader) { return count_sealed_keys(reader); }).value(); };
    EXPECT_EQ(sealed(), 1);
    EXPECT_TRUE(
        store.write([&](Transaction& rows) { return move_key(rows, key, KeyState::withdrawn, noon); }).has_value());
    EXPECT_EQ(sealed(), 0);
    const auto after = store.read([](Reader& reader) { return keys_of(reader, acme); }).value();
    EXPECT_EQ(after.at(0).sealed, "");
    EXPECT_EQ(after.at(0).record, key.record);
}

TEST(Keys, MoveOnlyFromTheStateThatWasSeen) {
    test::KeyStore store;
    const KeyRow key = store.add(acme, "acme.example", "a", KeyState::published);
    const auto move = [&](KeyState to) {
        return store.write([&](Transaction& rows) { return move_key(rows, key, to, noon); });
    };
    EXPECT_TRUE(move(KeyState::active).has_value());
    EXPECT_EQ(move(KeyState::next).error().kind, ErrorKind::conflict);
    EXPECT_EQ(store.read([](Reader& reader) { return keys_of(reader, acme); })->at(0).activated_at, noon);
}

TEST(Keys, TakesOnlySelectorsThatAreNames) {
    for (const char* good : {"a", "2026", "S1", "mail.eu", "a-b"})
        EXPECT_TRUE(checked_selector(good).has_value()) << good;
    EXPECT_EQ(checked_selector("S1").value(), "s1");
    for (const char* bad : {"", ".", "a.", ".a", "a..b", "-a", "a-", "a b", "a_b", "../a", "\u00f1", "a;b"})
        EXPECT_FALSE(checked_selector(bad).has_value()) << bad;
    EXPECT_FALSE(checked_selector(std::string(64, 'a')).has_value());
}

TEST(KeyRing, HoldsActiveKeysOnlyWithTheServicesBehind) {
    test::KeyStore store;
    store.add(acme, "acme.example", "a");
    store.add(acme, "acme.example", "b", KeyState::next);
    store.add(acme, "acme.example", "c", KeyState::retiring);
    store.add(DomainId{}, "relay.example", "s");
    store.add(DomainId{}, "old.example", "o");  // a service domain of before
    const auto ring = store.ring("relay.example");
    const auto identities = ring->identities_for(acme);
    ASSERT_EQ(identities.size(), 2U);
    EXPECT_EQ(identities[0].domain + "/" + identities[0].selector, "acme.example/a");
    EXPECT_EQ(identities[1].domain + "/" + identities[1].selector, "relay.example/s");
    EXPECT_TRUE(ring->signs(acme));
    EXPECT_FALSE(ring->signs(DomainId{2}));
    EXPECT_EQ(ring->identities_for(DomainId{2}).size(), 1U);
    EXPECT_EQ(store.ring()->identities_for(acme).size(), 1U);
}

TEST(KeyRing, LeavesADamagedKeyOutAndKeepsTheRest) {
    test::KeyStore store;
    store.add(acme, "acme.example", "a");
    KeyRow damaged;
    damaged.domain = DomainId{2};
    damaged.name = "other.example";
    damaged.selector = "x";
    damaged.state = KeyState::active;
    damaged.sealed = "nonsense";
    EXPECT_TRUE(store.write([&](Transaction& rows) { return insert_key(rows, damaged); }).has_value());
    const auto ring = store.ring();
    EXPECT_TRUE(ring->signs(acme));
    EXPECT_FALSE(ring->signs(DomainId{2}));
    ASSERT_EQ(store.problems.size(), 1U);
    EXPECT_THAT(store.problems.front(), HasSubstr("x._domainkey.other.example"));
}

// security row A12: a row that was given another domain by hand does not open, so it cannot sign for it.
TEST(KeyRing, OpensNoKeyForAnotherDomainThanItWasSealedFor) {
    test::KeyStore store;
    KeyRow stolen = store.add(acme, "acme.example", "a");
    stolen.name = "rival.example";
    stolen.domain = DomainId{2};
    EXPECT_TRUE(store.write([&](Transaction& rows) { return insert_key(rows, stolen); }).has_value());
    EXPECT_FALSE(store.ring()->signs(DomainId{2}));
}

}  // namespace
}  // namespace relevo
