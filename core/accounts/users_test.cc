#include "core/accounts/users.h"

#include "adapters/memory/key_vault.h"
#include "core/accounts/api_keys.h"
#include "core/accounts/one_time_tokens.h"
#include "core/accounts/second_factor.h"
#include "core/accounts/sessions.h"
#include "core/accounts/store_fixture.h"
#include "core/accounts/token.h"
#include "core/accounts/totp.h"

namespace relevo {
namespace {

using test::AccountStore;
using test::office;
using namespace std::chrono_literals;

class Users : public testing::Test {
 protected:
    UserId add(std::string login, Role role = Role::admin, std::optional<TenantId> tenant = {}) {
        const auto made = store.write([&](Transaction& transaction) {
            return create_user(
                transaction,
                {.login = std::move(login), .role = role, .tenant = tenant, .password_hash = "$argon2id$x"},
                store.start);
        });
        EXPECT_TRUE(made.has_value()) << made.error().detail;
        return made.value_or(UserId{});
    }
    std::string open(UserId user) {
        std::string token = generate_session_token(random);
        EXPECT_TRUE(store
                        .write([&](Transaction& transaction) {
                            return open_session(transaction, user, token, office, "Firefox", store.start);
                        })
                        .has_value());
        return token;
    }
    SessionId id_of(const std::string& token) {
        return store.read([&](Reader& reader) { return find_session(reader, token, store.start); }).value().session.id;
    }
    bool lives(const std::string& token) {
        return store.read([&](Reader& reader) { return find_session(reader, token, store.start); }).has_value();
    }
    ApiKeyId add_key(UserId made_by) {
        return store
            .write([&](Transaction& transaction) {
                return create_api_key(transaction, {.name = "k", .scopes = {Scope::messages_send}, .made_by = made_by},
                                      generate_api_key(random), store.start);
            })
            .value();
    }
    bool is_revoked(ApiKeyId key) {
        return store.read([&](Reader& reader) { return find_api_key(reader, key.text()); }).value().revoked_at !=
               WallClock::time_point{};
    }
    template <class Work>
    std::string outcome(Work work) {
        const Result<void> done = store.write(work);
        return done.has_value() ? "done" : std::string(name_of(done.error().kind));
    }

    AccountStore store;
    RandomSource random = test::counting_random();
};

TEST_F(Users, AreFoundByLoginInAnyCaseAndById) {
    const UserId anna = add("Anna@Example.com", Role::mail_operator, store.acme);
    for (const std::string& text : {std::string("ANNA@example.com"), anna.text()}) {
        const auto user = store.read([&](Reader& reader) { return find_user(reader, text); });
        ASSERT_TRUE(user.has_value()) << text;
        EXPECT_EQ(user->login, "anna@example.com");
        EXPECT_EQ(user->role, Role::mail_operator);
        EXPECT_EQ(user->tenant, store.acme);
        EXPECT_EQ(user->second_factor, SecondFactor::none);
    }
    EXPECT_EQ(store.read([](Reader& reader) { return find_user(reader, "bob"); }).error().kind, ErrorKind::not_found);
    EXPECT_EQ(store.read([](Reader& reader) { return find_user(reader, ""); }).error().kind, ErrorKind::not_found);
}

TEST_F(Users, LoginIsTakenOnceInWhateverCase) {
    add("anna");
    const auto again =
        store.write([&](Transaction& transaction) { return create_user(transaction, {.login = "ANNA"}, store.start); });
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().kind, ErrorKind::conflict);
}

TEST(UserPasswords, HaveBoundsAndAreNotTheLogin) {
    const auto takes = [](std::string_view password) {
        return check_user_password(password, "anna@example.com").has_value();
    };
    EXPECT_TRUE(takes("correct horse battery"));
    EXPECT_TRUE(takes("contraseña segura"));
    EXPECT_FALSE(takes("short"));
    EXPECT_FALSE(takes(std::string(129, 'a') + "b"));
    EXPECT_FALSE(takes("ANNA@example.com"));
    EXPECT_FALSE(takes("aaaaaaaaaaaaaaaa"));
    EXPECT_FALSE(takes("correct horse\nbattery"));
    EXPECT_FALSE(takes("correct horse \xff"));
}

// security row E3
TEST_F(Users, PasswordChangeEndsAllOtherSessionsAndKeys) {
    const UserId anna = add("anna"), bob = add("bob");
    const std::string here = open(anna), elsewhere = open(anna), of_bob = open(bob);
    const ApiKeyId key = add_key(anna), key_of_bob = add_key(bob);
    EXPECT_EQ(outcome([&](Transaction& transaction) {
                  return set_user_password(transaction, anna, "$argon2id$y", {.kept_session = id_of(here)},
                                           store.start);
              }),
              "done");
    EXPECT_TRUE(lives(here));
    EXPECT_FALSE(lives(elsewhere));
    EXPECT_TRUE(lives(of_bob));
    EXPECT_TRUE(is_revoked(key));
    EXPECT_FALSE(is_revoked(key_of_bob));
}

// security row E3
TEST_F(Users, RoleChangeAndDisablingEndEverySession) {
    const UserId anna = add("anna");
    add("bob");
    std::string token = open(anna);
    EXPECT_EQ(
        outcome([&](Transaction& transaction) { return set_user_role(transaction, anna, Role::analyst, store.start); }),
        "done");
    EXPECT_FALSE(lives(token));
    token = open(anna);
    const ApiKeyId key = add_key(anna);
    EXPECT_EQ(
        outcome([&](Transaction& transaction) { return set_user_enabled(transaction, anna, false, store.start); }),
        "done");
    EXPECT_FALSE(lives(token));
    EXPECT_TRUE(is_revoked(key));
    EXPECT_EQ(outcome([&](Transaction& transaction) { return set_user_enabled(transaction, anna, true, store.start); }),
              "done");
    EXPECT_FALSE(lives(token));
}

TEST_F(Users, RemovalTakesEverythingOfTheUserAlong) {
    const UserId anna = add("anna");
    add("bob");
    const std::string token = open(anna);
    const ApiKeyId key = add_key(anna);
    const std::string link = generate_one_time_token(random);
    EXPECT_EQ(outcome([&](Transaction& transaction) {
                  return create_one_time_token(transaction, OneTimePurpose::password_reset, anna, link, store.start);
              }),
              "done");
    EXPECT_EQ(outcome([&](Transaction& transaction) { return remove_user(transaction, anna, store.start); }), "done");
    EXPECT_FALSE(lives(token));
    EXPECT_TRUE(is_revoked(key));
    EXPECT_EQ(outcome([&](Transaction& transaction) { return remove_user(transaction, anna, store.start); }),
              "not_found");
    const auto peeked = store.read(
        [&](Reader& reader) { return peek_one_time_token(reader, OneTimePurpose::password_reset, link, store.start); });
    EXPECT_EQ(peeked.error().kind, ErrorKind::not_found);
}

TEST_F(Users, LastAdminOfTheServerStays) {
    const UserId anna = add("anna");
    add("of-acme", Role::admin, store.acme);
    add("bob", Role::mail_operator);
    EXPECT_EQ(outcome([&](Transaction& transaction) { return remove_user(transaction, anna, store.start); }),
              "conflict");
    EXPECT_EQ(
        outcome([&](Transaction& transaction) { return set_user_enabled(transaction, anna, false, store.start); }),
        "conflict");
    EXPECT_EQ(
        outcome([&](Transaction& transaction) { return set_user_role(transaction, anna, Role::sender, store.start); }),
        "conflict");
    const UserId other = add("carol");
    EXPECT_EQ(outcome([&](Transaction& transaction) { return remove_user(transaction, anna, store.start); }), "done");
    EXPECT_EQ(outcome([&](Transaction& transaction) { return remove_user(transaction, other, store.start); }),
              "conflict");
}

TEST_F(Users, TenantWithUsersOrKeysCannotBeRemoved) {
    const auto check = [&] {
        return store.read([&](Reader& reader) -> Result<void> { return require_no_access_of(reader, store.acme); });
    };
    EXPECT_TRUE(check().has_value());
    const UserId anna = add("anna", Role::sender, store.acme);
    EXPECT_EQ(check().error().kind, ErrorKind::conflict);
    EXPECT_EQ(outcome([&](Transaction& transaction) { return remove_user(transaction, anna, store.start); }), "done");
    EXPECT_TRUE(check().has_value());
}

// --- sessions

TEST_F(Users, SessionGivesThePrincipalOfItsUser) {
    const UserId anna = add("anna", Role::sender, store.acme);
    const std::string token = open(anna);
    const auto live = store.read([&](Reader& reader) { return find_session(reader, token, store.start); });
    ASSERT_TRUE(live.has_value());
    const Principal principal = live->principal();
    EXPECT_EQ(principal.kind, PrincipalKind::session);
    EXPECT_EQ(principal.id_text(), anna.text());
    EXPECT_EQ(principal.tenant, store.acme);
    EXPECT_EQ(principal.scopes, scopes_of(Role::sender, store.acme));
    EXPECT_EQ(principal.role, Role::sender);
    EXPECT_EQ(principal.session, live->session.id);
    EXPECT_FALSE(live->touch_is_due);
}

TEST_F(Users, SessionEndsWhenIdleAndAtTheLatestAfterItsLifetime) {
    const std::string token = open(add("anna"));
    const auto outcome_at = [&](auto after) {
        const auto live = store.read([&](Reader& reader) { return find_session(reader, token, store.start + after); });
        return live.has_value() ? "lives" : name_of(live.error().kind);
    };
    EXPECT_EQ(outcome_at(119min), "lives");
    EXPECT_EQ(outcome_at(120min), "timeout");
    const SessionId id = id_of(token);
    for (auto after = 100min; after < 24h; after += 100min) {
        ASSERT_EQ(outcome_at(after), "lives") << after.count();
        ASSERT_EQ(
            outcome([&](Transaction& transaction) { return touch_session(transaction, id, store.start + after); }),
            "done");
    }
    EXPECT_EQ(outcome_at(24h - 1s), "lives");
    EXPECT_EQ(outcome_at(24h), "timeout");
}

// security row R13
TEST_F(Users, ClockThatJumpsLeavesNoSessionForYears) {
    const UserId anna = add("anna");
    const std::string token = open(anna);
    const auto lives_at = [&](const std::string& one, auto after) {
        return store.read([&](Reader& reader) { return find_session(reader, one, store.start + after); }).has_value();
    };
    EXPECT_TRUE(lives_at(token, -1h));
    EXPECT_TRUE(lives_at(token, 1h));
    const std::string of_the_future = generate_session_token(random);
    EXPECT_EQ(outcome([&](Transaction& transaction) -> Result<void> {
                  RELEVO_CHECK(open_session(transaction, anna, of_the_future, office, "", store.start + 24h * 3650));
                  return {};
              }),
              "done");
    EXPECT_TRUE(lives_at(of_the_future, 24h * 3650));
    EXPECT_FALSE(lives_at(of_the_future, 1min));
    EXPECT_TRUE(lives_at(token, 1min));
}

TEST_F(Users, SessionsAreListedRevokedAndBounded) {
    const UserId anna = add("anna");
    std::vector<std::string> tokens;
    for (int i = 0; i < 25; ++i) tokens.push_back(open(anna));
    const auto list = [&] {
        return store.read([&](Reader& reader) { return list_sessions(reader, anna, store.start); }).value();
    };
    EXPECT_EQ(list().size(), 20U);
    EXPECT_FALSE(lives(tokens.front()));
    EXPECT_TRUE(lives(tokens.back()));
    EXPECT_EQ(list().front().id, id_of(tokens.back()));
    EXPECT_EQ(list().front().peer, "192.0.2.7");
    EXPECT_EQ(outcome([&](Transaction& transaction) { return revoke_session(transaction, id_of(tokens.back())); }),
              "done");
    EXPECT_FALSE(lives(tokens.back()));
    EXPECT_EQ(outcome([&](Transaction& transaction) { return close_session(transaction, tokens[20]); }), "done");
    EXPECT_EQ(list().size(), 18U);
}

TEST_F(Users, SessionsThatAreOverForADayAreForgotten) {
    open(add("anna"));
    const auto forget = [&](auto after) {
        return store.write([&](Transaction& transaction) { return forget_sessions(transaction, store.start + after); })
            .value();
    };
    EXPECT_EQ(forget(25h), 0);
    EXPECT_EQ(forget(27h), 1);
}

// security row E3
TEST_F(Users, CsrfTokenBelongsToOneSession) {
    const std::string a = generate_session_token(random), b = generate_session_token(random);
    EXPECT_TRUE(equal_secrets(csrf_token(a), csrf_token(a)));
    EXPECT_FALSE(equal_secrets(csrf_token(a), csrf_token(b)));
    EXPECT_FALSE(equal_secrets(csrf_token(a), ""));
    EXPECT_EQ(csrf_token(a).find(a), std::string::npos);
}

// --- links that work once

TEST_F(Users, LinkWorksOnceForItsPurposeUntilItExpires) {
    const UserId anna = add("anna");
    const std::string link = generate_one_time_token(random);
    const auto redeem = [&](OneTimePurpose purpose, std::string_view token, auto after) {
        const auto user = store.write([&](Transaction& transaction) {
            return redeem_one_time_token(transaction, purpose, token, store.start + after);
        });
        return user.has_value() ? user->text() : std::string(name_of(user.error().kind));
    };
    const auto create = [&](auto after) {
        return outcome([&](Transaction& transaction) {
            return create_one_time_token(transaction, OneTimePurpose::password_reset, anna, link, store.start + after);
        });
    };
    EXPECT_EQ(create(0h), "done");
    EXPECT_EQ(redeem(OneTimePurpose::invitation, link, 0h), "not_found");
    EXPECT_EQ(redeem(OneTimePurpose::password_reset, link + "x", 0h), "not_found");
    EXPECT_EQ(redeem(OneTimePurpose::password_reset, link, 1h), "timeout");
    EXPECT_EQ(redeem(OneTimePurpose::password_reset, link, 59min), anna.text());
    EXPECT_EQ(redeem(OneTimePurpose::password_reset, link, 59min), "not_found");
    EXPECT_EQ(create(24h * 3650), "done");  // security row R13
    EXPECT_EQ(redeem(OneTimePurpose::password_reset, link, 0h), "timeout");
}

TEST_F(Users, LinkIsStillThereIfItsEffectFails) {
    const UserId anna = add("anna");
    const std::string link = generate_one_time_token(random);
    const auto failing = [&](Transaction& transaction) -> Result<void> {
        RELEVO_CHECK(redeem_one_time_token(transaction, OneTimePurpose::invitation, link, store.start));
        return failure(ErrorKind::full, "the disk");
    };
    EXPECT_EQ(outcome([&](Transaction& transaction) {
                  return create_one_time_token(transaction, OneTimePurpose::invitation, anna, link, store.start);
              }),
              "done");
    EXPECT_EQ(outcome(failing), "full");
    EXPECT_TRUE(store
                    .read([&](Reader& reader) {
                        return peek_one_time_token(reader, OneTimePurpose::invitation, link, store.start);
                    })
                    .has_value());
}

TEST_F(Users, OpenLinkIsSeenUntilItIsUsedOrOver) {
    const UserId ana = add("ana");
    const auto open = [&](WallClock::time_point at) {
        return store.read([&](Reader& reader) { return open_link_of(reader, ana, at); }).value();
    };
    EXPECT_FALSE(open(store.start));
    EXPECT_EQ(outcome([&](Transaction& transaction) {
                  return create_one_time_token(transaction, OneTimePurpose::invitation, ana,
                                               generate_one_time_token(random), store.start, MessageId{77});
              }),
              "done");
    const auto link = open(store.start + 1h);
    ASSERT_TRUE(link);
    EXPECT_EQ(link->message, MessageId{77});
    EXPECT_EQ(link->expires_at, store.start + 168h);
    EXPECT_FALSE(open(store.start + 168h));
}

TEST_F(Users, SetUpLinkWorksOnlyWhileThereIsNobody) {
    const std::string link = generate_one_time_token(random);
    const auto create = [&] {
        return outcome([&](Transaction& transaction) {
            return create_one_time_token(transaction, OneTimePurpose::set_up, {}, link, store.start);
        });
    };
    EXPECT_TRUE(store.read([](Reader& reader) { return has_no_users(reader); }).value());
    EXPECT_EQ(create(), "done");
    add("anna");
    EXPECT_EQ(create(), "conflict");
    const auto redeemed = store.write([&](Transaction& transaction) {
        return redeem_one_time_token(transaction, OneTimePurpose::set_up, link, store.start);
    });
    EXPECT_EQ(redeemed.error().kind, ErrorKind::closed);
}

TEST_F(Users, NewPasswordMakesLinksSentBeforeUseless) {
    const UserId anna = add("anna");
    const std::string link = generate_one_time_token(random);
    EXPECT_EQ(
        outcome([&](Transaction& transaction) -> Result<void> {
            RELEVO_CHECK(create_one_time_token(transaction, OneTimePurpose::password_reset, anna, link, store.start));
            return set_user_password(transaction, anna, "$argon2id$z", {}, store.start);
        }),
        "done");
    EXPECT_FALSE(store
                     .read([&](Reader& reader) {
                         return peek_one_time_token(reader, OneTimePurpose::password_reset, link, store.start);
                     })
                     .has_value());
}

// security row E12
TEST_F(Users, StoreHoldsNoTokenOrTotpSecret) {
    const UserId anna = add("anna");
    MemoryKeyVault vault;
    const std::string token = open(anna), link = generate_one_time_token(random), secret = generate_totp_secret(random);
    const std::vector<std::string> codes = generate_recovery_codes(random);
    EXPECT_EQ(
        outcome([&](Transaction& transaction) -> Result<void> {
            RELEVO_CHECK(create_one_time_token(transaction, OneTimePurpose::password_reset, anna, link, store.start));
            RELEVO_CHECK(begin_totp(transaction, vault, anna, secret));
            return confirm_totp(transaction, vault, anna, totp_code(secret, totp_step(store.start)), codes,
                                id_of(token), store.start);
        }),
        "done");
    const std::string octets = store.all_octets();
    for (const std::string& planted : {token, link, secret, base32_text(secret), codes.front(), csrf_token(token)})
        EXPECT_EQ(octets.find(planted), std::string::npos) << planted;
    EXPECT_TRUE(lives(token));
}

}  // namespace
}  // namespace relevo
