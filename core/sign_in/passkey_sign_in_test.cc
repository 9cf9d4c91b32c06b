// Security row E16.
#include "core/sign_in/passkey_sign_in.h"

#include "adapters/memory/telemetry.h"
#include "core/accounts/account_book.h"
#include "core/accounts/schema.h"
#include "core/accounts/token.h"
#include "core/accounts/users.h"
#include "core/spool/spool_fixture.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/schema.h"
#include "lib/webauthn/software_authenticator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo {
namespace {

using namespace std::chrono_literals;
using webauthn::Algorithm;
using webauthn::test::client_data;
using webauthn::test::SoftwareAuthenticator;

const dns::IpAddress office = dns::IpAddress::parse("192.0.2.7").value();
const webauthn::RelyingParty site{"mail.example.com", "https://mail.example.com"};

std::vector<Migration> migrations() {
    std::vector<Migration> all;
    for (const auto list : {tenancy_migrations(), accounts_migrations()})
        all.insert(all.end(), list.begin(), list.end());
    return all;
}

class PasskeySignInTest : public testing::Test {
 protected:
    PasskeySignInTest() {
        EXPECT_TRUE(
            write([&](Transaction& rows) -> Result<void> {
                RELEVO_TRY(
                    anna,
                    create_user(
                        rows, {.login = "anna@example.com", .role = Role::admin, .password_hash = "$argon2id$x"}, now));
                RELEVO_TRY(
                    bob, create_user(rows, {.login = "bob", .role = Role::admin, .password_hash = "$argon2id$x"}, now));
                return {};
            }).has_value());
        principal = open_session(anna);
    }
    ~PasskeySignInTest() override { store.committer->stop(); }

    Result<void> write(std::function<Result<void>(Transaction&)> work) { return store.write(std::move(work)); }
    Principal open_session(UserId user) {
        Principal who;
        EXPECT_TRUE(write([&](Transaction& rows) -> Result<void> {
                        RELEVO_TRY(const SessionId session,
                                   relevo::open_session(rows, user, generate_session_token(system_random()), office,
                                                        "Firefox", now));
                        RELEVO_TRY(const User present, user_with_id(rows, user));
                        who = principal_of(present, session);
                        return {};
                    }).has_value());
        return who;
    }
    std::vector<Passkey> passkeys(UserId user) {
        std::vector<Passkey> found;
        EXPECT_TRUE(store
                        .run(read_rows(*store.committer,
                                       [&](Reader& reader) -> Result<void> {
                                           RELEVO_TRY(found, list_passkeys(reader, user));
                                           return {};
                                       }))
                        .has_value());
        return found;
    }
    std::size_t sessions(UserId user) {
        std::size_t count = 0;
        EXPECT_TRUE(store
                        .run(read_rows(*store.committer,
                                       [&](Reader& reader) -> Result<void> {
                                           RELEVO_TRY(const auto open, list_sessions(reader, user, now));
                                           count = open.size();
                                           return {};
                                       }))
                        .has_value());
        return count;
    }

    std::string challenge_to_add() { return sign_ins.begin_adding(site, principal, office).value(); }
    std::string challenge_to_enter() { return sign_ins.begin_sign_in(site, office).value(); }
    // The word of the problem, or "done".
    std::string add_by(const SoftwareAuthenticator& authenticator, std::string data, std::string name = "Laptop") {
        const auto added = store.run(sign_ins.add(
            {.name = std::move(name), .client_data = std::move(data), .authenticator_data = authenticator.new_key()},
            principal, office));
        return added.has_value() ? "done" : std::string(name_of(added.error().problem));
    }
    std::string add(const SoftwareAuthenticator& authenticator, std::string name = "Laptop") {
        return add_by(authenticator, client_data("webauthn.create", challenge_to_add(), site.origin), std::move(name));
    }
    PasskeySignIn::Attempt attempt(const SoftwareAuthenticator& authenticator, std::string data) const {
        return {.credential_id = authenticator.id,
                .user_handle = PasskeySignIn::user_handle(anna),
                .assertion = authenticator.assertion(std::move(data)),
                .entrance = {.former_token = {}, .peer = office, .user_agent = "Firefox"}};
    }
    std::string enter(PasskeySignIn::Attempt attempt) {
        const auto opened = store.run(sign_ins.sign_in(std::move(attempt)));
        if (opened.has_value()) last = *opened;
        return opened.has_value() ? "done" : std::string(name_of(opened.error().problem));
    }
    std::string enter(const SoftwareAuthenticator& authenticator) {
        return enter(attempt(authenticator, client_data("webauthn.get", challenge_to_enter(), site.origin)));
    }

    std::vector<Migration> tables = migrations();
    test::SpoolStore store{test::CommitterThreads::none, tables};
    WallClock::time_point now = WallClock::now();
    Deadline steady = Clock::now();
    MemoryLog log;
    MemoryMetrics metrics;
    AccountBook book;
    LoginGuard guard{system_random()};
    UserId anna, bob;
    Principal principal;
    OpenedSession last;
    SoftwareAuthenticator laptop{Algorithm::es256, "laptop"};
    PasskeySignIn sign_ins{{.committer = *store.committer,
                            .guard = guard,
                            .random = system_random(),
                            .audit = book.audit(),
                            .log = log,
                            .metrics = metrics,
                            .now = [this] { return now; },
                            .steady_now = [this] { return steady; }}};
};

TEST_F(PasskeySignInTest, LetsInByAKeyThatWasAdded) {
    ASSERT_EQ(add(laptop), "done");
    EXPECT_EQ(passkeys(anna).at(0).name, "Laptop");
    EXPECT_EQ(passkeys(anna).at(0).last_used_at, WallClock::time_point{});
    ASSERT_EQ(enter(laptop), "done");
    EXPECT_EQ(last.user.id, anna);
    EXPECT_TRUE(last.user.has_passkey);
    EXPECT_NE(passkeys(anna).at(0).last_used_at, WallClock::time_point{});
    EXPECT_EQ(metrics.counted("relevo_passkey_sign_ins_total{outcome=done}"), 1U);
}

TEST_F(PasskeySignInTest, EndsOtherSessionsWhenOneIsAddedOrRemoved) {
    open_session(anna);
    EXPECT_EQ(sessions(anna), 2U);
    ASSERT_EQ(add(laptop), "done");
    EXPECT_EQ(sessions(anna), 1U);
    open_session(anna);
    EXPECT_TRUE(write([&](Transaction& rows) {
                    return remove_passkeys(rows, anna, passkeys(anna).at(0).id, principal.session);
                }).has_value());
    EXPECT_EQ(sessions(anna), 1U);
    EXPECT_EQ(enter(laptop), "wrong_passkey");
}

TEST_F(PasskeySignInTest, TakesEachChallengeOnceAndForFiveMinutes) {
    ASSERT_EQ(add(laptop), "done");
    const auto replayed = attempt(laptop, client_data("webauthn.get", challenge_to_enter(), site.origin));
    EXPECT_EQ(enter(replayed), "done");
    EXPECT_EQ(enter(replayed), "passkey_over");
    const auto late = attempt(laptop, client_data("webauthn.get", challenge_to_enter(), site.origin));
    steady += 5min;
    EXPECT_EQ(enter(late), "passkey_over");
    EXPECT_EQ(enter(attempt(laptop, client_data("webauthn.get", "bm90IG91cnM", site.origin))), "passkey_over");
    // A failure uses it up, too.
    const std::string challenge = challenge_to_enter();
    EXPECT_EQ(enter(attempt(SoftwareAuthenticator(Algorithm::es256, "laptop"),
                            client_data("webauthn.get", challenge, site.origin))),
              "wrong_passkey");
    EXPECT_EQ(enter(attempt(laptop, client_data("webauthn.get", challenge, site.origin))), "passkey_over");
}

TEST_F(PasskeySignInTest, NeitherChallengeServesTheOtherPurpose) {
    EXPECT_EQ(add_by(laptop, client_data("webauthn.create", challenge_to_enter(), site.origin)), "passkey_not_valid");
    EXPECT_EQ(add_by(laptop, client_data("webauthn.get", challenge_to_add(), site.origin)), "passkey_not_valid");
    ASSERT_EQ(add(laptop), "done");
    EXPECT_EQ(enter(attempt(laptop, client_data("webauthn.get", challenge_to_add(), site.origin))), "wrong_passkey");
    EXPECT_EQ(enter(attempt(laptop, client_data("webauthn.create", challenge_to_enter(), site.origin))),
              "wrong_passkey");
}

TEST_F(PasskeySignInTest, IsForOneOrigin) {
    ASSERT_EQ(add(laptop), "done");
    for (const std::string_view origin : {"https://evil.example", "http://mail.example.com",
                                          "https://mail.example.com:8443", "https://mail.example.com.evil.example"}) {
        EXPECT_EQ(add_by(laptop, client_data("webauthn.create", challenge_to_add(), origin)), "passkey_other_origin");
        EXPECT_EQ(enter(attempt(laptop, client_data("webauthn.get", challenge_to_enter(), origin))),
                  "passkey_other_origin");
    }
    std::string framed = client_data("webauthn.get", challenge_to_enter(), site.origin);
    framed.replace(framed.find("false"), 5, "true");
    EXPECT_EQ(enter(attempt(laptop, framed)), "passkey_other_origin");
}

TEST_F(PasskeySignInTest, SaysTheSameToWhoeverHasNoKey) {
    ASSERT_EQ(add(laptop), "done");
    EXPECT_EQ(enter(SoftwareAuthenticator(Algorithm::es256, "laptop")), "wrong_passkey");  // another key
    EXPECT_EQ(enter(SoftwareAuthenticator(Algorithm::es256, "unknown")), "wrong_passkey");
    SoftwareAuthenticator elsewhere = laptop;
    elsewhere.relying_party = "evil.example";
    EXPECT_EQ(enter(elsewhere), "wrong_passkey");
    SoftwareAuthenticator careless = laptop;
    careless.flags = 0x01;  // nobody was verified
    EXPECT_EQ(enter(careless), "wrong_passkey");
    auto of_bob = attempt(laptop, client_data("webauthn.get", challenge_to_enter(), site.origin));
    of_bob.user_handle = PasskeySignIn::user_handle(bob);
    EXPECT_EQ(enter(of_bob), "wrong_passkey");
    auto of_nobody = attempt(laptop, client_data("webauthn.get", challenge_to_enter(), site.origin));
    of_nobody.user_handle.clear();
    EXPECT_EQ(enter(of_nobody), "wrong_passkey");
    EXPECT_EQ(enter(attempt(laptop, "{}")), "wrong_passkey");
    EXPECT_EQ(sessions(anna), 1U);
}

TEST_F(PasskeySignInTest, RefusesAKeyThatCountsBackwards) {
    laptop.sign_count = 5;
    ASSERT_EQ(add(laptop), "done");
    EXPECT_EQ(enter(laptop), "passkey_copied");
    laptop.sign_count = 6;
    EXPECT_EQ(enter(laptop), "done");
    laptop.sign_count = 3;
    EXPECT_EQ(enter(laptop), "passkey_copied");
    laptop.sign_count = 0;
    EXPECT_EQ(enter(laptop), "passkey_copied");
    EXPECT_EQ(passkeys(anna).at(0).credential.sign_count, 6U);
    EXPECT_EQ(log.count("warning passkey.count_went_back"), 3U);
    laptop.sign_count = 7;
    EXPECT_EQ(enter(laptop), "done");
}

TEST_F(PasskeySignInTest, ADisabledUserStaysOut) {
    ASSERT_EQ(add(laptop), "done");
    EXPECT_TRUE(write([&](Transaction& rows) { return set_user_enabled(rows, anna, false, now); }).has_value());
    EXPECT_EQ(enter(laptop), "user_disabled");
    EXPECT_EQ(enter(SoftwareAuthenticator(Algorithm::es256, "laptop")),
              "wrong_passkey");  // who has no key learns nothing
}

TEST_F(PasskeySignInTest, HoldsBackWhoeverFailsOften) {
    ASSERT_EQ(add(laptop), "done");
    const SoftwareAuthenticator stranger(Algorithm::es256, "unknown");
    for (int i = 0; i < 10; ++i) EXPECT_EQ(enter(stranger), "wrong_passkey");
    EXPECT_EQ(enter(stranger), "held_back");
    now += 1min;
    EXPECT_EQ(enter(stranger), "wrong_passkey");
}

TEST_F(PasskeySignInTest, AddsInTheSessionThatAskedAlone) {
    const std::string data = client_data("webauthn.create", challenge_to_add(), site.origin);
    principal = open_session(anna);
    EXPECT_EQ(add_by(laptop, data), "passkey_over");
    const std::string of_anna = client_data("webauthn.create", challenge_to_add(), site.origin);
    principal = open_session(bob);
    EXPECT_EQ(add_by(laptop, of_anna), "passkey_over");
    EXPECT_TRUE(passkeys(anna).empty());
    EXPECT_TRUE(passkeys(bob).empty());
}

TEST_F(PasskeySignInTest, KeepsTenOfAUserEachOnceAndNamed) {
    for (const std::string& name : {std::string(), std::string(61, 'x'), std::string("two\nlines")})
        EXPECT_EQ(add(laptop, name), "passkey_name");
    ASSERT_EQ(add(laptop), "done");
    EXPECT_EQ(add(laptop), "passkey_known");
    const Principal of_anna = principal;
    principal = open_session(bob);
    EXPECT_EQ(add(laptop), "passkey_known");
    principal = of_anna;
    for (int i = 1; i < passkeys_per_user; ++i)
        EXPECT_EQ(add(SoftwareAuthenticator(Algorithm::eddsa, std::to_string(i))), "done");
    EXPECT_EQ(add(SoftwareAuthenticator(Algorithm::eddsa, "one more")), "passkey_full");
    SoftwareAuthenticator elsewhere(Algorithm::eddsa, "elsewhere", "evil.example");
    EXPECT_EQ(add(elsewhere), "passkey_not_valid");
}

TEST_F(PasskeySignInTest, GivesOutABoundedNumberOfChallenges) {
    const std::string first = challenge_to_enter();
    for (std::size_t i = 0; i < 200; ++i) EXPECT_NE(challenge_to_enter(), first);  // the oldest of a network gives way
    ASSERT_EQ(add(laptop), "done");
    EXPECT_EQ(enter(attempt(laptop, client_data("webauthn.get", first, site.origin))), "passkey_over");
    EXPECT_EQ(first.size(), 43U);  // 32 octets
}

TEST_F(PasskeySignInTest, WritesDownWhatHappened) {
    ASSERT_EQ(add(laptop), "done");
    ASSERT_EQ(enter(laptop), "done");
    EXPECT_EQ(enter(SoftwareAuthenticator(Algorithm::es256, "laptop")), "wrong_passkey");
    AuditReader audit;
    std::vector<std::string> told;
    EXPECT_TRUE(store
                    .run(read_rows(*store.committer,
                                   [&](Reader& reader) -> Result<void> {
                                       RELEVO_TRY(const AuditPage page, audit.page(reader, {}, "", 10));
                                       for (const AuditEntry& entry : page.entries)
                                           told.push_back(entry.operation + " " + std::string(name_of(entry.outcome)) +
                                                          " " + entry.principal_name + " " + entry.detail);
                                       return {};
                                   }))
                    .has_value());
    EXPECT_THAT(
        told,
        testing::ElementsAre(
            R"(session.open refused anna@example.com {"result":"wrong_passkey","by":"passkey","passkey":"pky_0000000000001"})",
            R"(session.open done anna@example.com {"result":"done","by":"passkey","passkey":"pky_0000000000001"})",
            R"(session.passkey_add done anna@example.com {"passkey":"pky_0000000000001","name":"Laptop"})"));
    EXPECT_EQ(log.count(last.token), 0U);
}

TEST_F(PasskeySignInTest, GoesWithItsUser) {
    ASSERT_EQ(add(laptop), "done");
    EXPECT_TRUE(write([&](Transaction& rows) { return remove_user(rows, anna, now); }).has_value());
    EXPECT_EQ(enter(laptop), "wrong_passkey");
}

}  // namespace
}  // namespace relevo
