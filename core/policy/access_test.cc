#include "core/policy/access.h"

#include "core/policy/policy_fixture.h"

#include <gtest/gtest.h>

#include <set>

namespace relevo {
namespace {

using test::now;

dns::IpAddress address(std::string_view text) { return dns::IpAddress::parse(text).value(); }
const dns::IpAddress home = address("192.0.2.7");

TEST(Connection, IsTakenOnlyFromAllowedNetworks) {
    const auto directory = test::directory();
    const ListenerAccess listener{{dns::Network::parse("10.0.0.0/8").value()}, NetworkGrants::ignored};
    EXPECT_FALSE(judge_connection(listener, *directory, address("10.9.8.7")).refusal);
    const auto refused = judge_connection(listener, *directory, home);
    ASSERT_TRUE(refused.refusal);
    EXPECT_EQ(refused.refusal->reply.code, 554);  // RFC 5321 §3.1
    EXPECT_TRUE(refused.refusal->reply.text.contains("192.0.2.7"));
    EXPECT_FALSE(judge_connection({}, *directory, home).refusal);
}

TEST(Connection, BelongsToTheTenantOfTheNetworkWhereTheListenerHonoursIt) {
    const auto directory = test::directory();
    const ListenerAccess honouring{{}, NetworkGrants::honoured};
    EXPECT_EQ(judge_connection(honouring, *directory, address("198.51.100.4")).identity, test::by_network);
    EXPECT_EQ(judge_connection(honouring, *directory, address("::ffff:198.51.100.4")).identity, test::by_network);
    EXPECT_EQ(judge_connection(honouring, *directory, address("192.0.2.1")).identity, test::nobody);
    EXPECT_EQ(judge_connection(honouring, *directory, address("203.0.113.1")).identity, test::nobody);  // suspended
    EXPECT_EQ(judge_connection({}, *directory, address("198.51.100.4")).identity, test::nobody);
}

TEST(Login, IsAnsweredWithWhatMustChange) {
    const auto directory = test::directory();
    struct Row {
        std::string_view login;
        Proof proof;
        std::string_view from;
        std::string_view reply;
    };
    for (const auto& row : std::initializer_list<Row>{
             {"crm", Proof::right, "192.0.2.7", "235 2.7.0 Authentication succeeded"},
             {"CRM", Proof::right, "192.0.2.7", "235 2.7.0 Authentication succeeded"},
             {"crm", Proof::wrong, "192.0.2.7", "535 5.7.8 Authentication failed: check user name and password"},
             {"nobody", Proof::wrong, "192.0.2.7", "535 5.7.8 Authentication failed: check user name and password"},
             {"nobody", Proof::right, "192.0.2.7", "535 5.7.8 Authentication failed: check user name and password"},
             {"off", Proof::right, "192.0.2.7",
              "525 5.7.13 The password is right, but SMTP is not activated for the account off: activate it in the "
              "account's settings"},
             {"old", Proof::right, "192.0.2.7",
              "525 5.7.13 The password is right, but the account old expired at 2026-11-22 14:05 UTC: ask for a new "
              "expiry date or a new credential"},
             {"suspended", Proof::right, "192.0.2.7",
              "525 5.7.13 Sending is suspended for this customer: ask the administrator"},
             {"office", Proof::right, "192.0.2.200", "235 2.7.0 Authentication succeeded"},
             {"office", Proof::right, "198.51.100.1",
              "550 5.7.1 The password is right, but the account office may not log in from 198.51.100.1: add this "
              "address to the credential's networks"},
             {"crm", Proof::not_checked, "192.0.2.7",
              "454 4.7.0 Too many logins at this moment; try again in a minute"}}) {
        const auto login = judge_login(*directory, row.login, row.proof, address(row.from), now);
        EXPECT_EQ(login.decision.reply.one_line(), row.reply);
        EXPECT_EQ(login.identity.is_known(), login.decision.is_accepted()) << row.login;
    }
}

// Security row A13: whatever an account is like, who lacks its password hears the same.
TEST(Login, SaysTheSameToAWrongPasswordWhateverTheAccount) {
    const auto directory = test::directory();
    std::set<std::string> replies;
    for (const std::string_view login : {"crm", "off", "old", "office", "suspended", "nobody", "", "a\r\nb", "ü"})
        replies.insert(judge_login(*directory, login, Proof::wrong, home, now).decision.reply.one_line());
    EXPECT_EQ(replies.size(), 1U);
}

TEST(Login, HeldBackSaysForHowLong) {
    const auto held = login_held_back({.allowed = false, .retry_after = std::chrono::seconds(42)});
    EXPECT_EQ(held.reply.one_line(), "454 4.7.0 Too many failed logins; try again in 42 s");
    EXPECT_TRUE(held.is_deferred());
}

TEST(Identity, EndsInTheMiddleOfASessionWhenItIsTakenAway) {
    const auto directory = test::directory();
    EXPECT_FALSE(judge_identity(*directory, test::crm, now));
    EXPECT_FALSE(judge_identity(*directory, test::by_network, now));
    const Directory empty;
    EXPECT_EQ(judge_identity(empty, test::crm, now)->key, ReplyKey::access_withdrawn);
    EXPECT_EQ(judge_identity(empty, test::by_network, now)->key, ReplyKey::access_withdrawn);
    const Identity expiring{.tenant = test::acme, .credential = CredentialId{5}, .grant = {}};
    EXPECT_FALSE(judge_identity(*directory, expiring, now - std::chrono::hours(25)));
    EXPECT_EQ(judge_identity(*directory, expiring, now)->key, ReplyKey::credential_expired);
}

}  // namespace
}  // namespace relevo
