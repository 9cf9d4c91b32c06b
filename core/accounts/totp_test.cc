#include "core/accounts/totp.h"

#include "adapters/memory/key_vault.h"
#include "core/accounts/second_factor.h"
#include "core/accounts/sessions.h"
#include "core/accounts/store_fixture.h"
#include "core/accounts/token.h"
#include "lib/base/text.h"

#include <array>

namespace relevo {
namespace {

using namespace std::chrono_literals;
using test::AccountStore;
using test::office;

WallClock::time_point at_second(std::int64_t seconds) { return WallClock::time_point(std::chrono::seconds(seconds)); }

// RFC 6238 Appendix B, the rows for SHA-1; six digits are the last six of the eight there.
TEST(Totp, GivesTheCodesOfTheStandard) {
    const std::string secret = "12345678901234567890";
    const std::array<std::pair<std::int64_t, std::string_view>, 6> rows{{{59, "287082"},
                                                                         {1111111109, "081804"},
                                                                         {1111111111, "050471"},
                                                                         {1234567890, "005924"},
                                                                         {2000000000, "279037"},
                                                                         {20000000000, "353130"}}};
    for (const auto& [time, code] : rows) EXPECT_EQ(totp_code(secret, time / 30), code) << time;
    EXPECT_EQ(totp_step(at_second(1111111109)), 0x23523EC);
}

// RFC 4648 §10, without padding
TEST(Totp, WritesBase32) {
    EXPECT_EQ(base32_text(""), "");
    EXPECT_EQ(base32_text("f"), "MY");
    EXPECT_EQ(base32_text("fo"), "MZXQ");
    EXPECT_EQ(base32_text("foo"), "MZXW6");
    EXPECT_EQ(base32_text("foob"), "MZXW6YQ");
    EXPECT_EQ(base32_text("fooba"), "MZXW6YTB");
    EXPECT_EQ(base32_text("foobar"), "MZXW6YTBOI");
}

TEST(Totp, UriEscapesWhatPeopleAreCalled) {
    EXPECT_EQ(totp_uri("foobar", "Relevo mx.example", "anna+x@example.com"),
              "otpauth://totp/Relevo%20mx.example:anna%2Bx%40example.com?secret=MZXW6YTBOI&issuer=Relevo%20mx.example");
}

// RFC 6238 §5.2
TEST(Totp, TakesTheStepsBesideThePresentOneAndNoOther) {
    const std::string secret = "12345678901234567890";
    const auto now = at_second(1'790'000'000);
    const std::int64_t present = totp_step(now);
    for (const std::int64_t off : {-3, -2, -1, 0, 1, 2, 3}) {
        const auto step = matching_totp_step(secret, totp_code(secret, present + off), now, {});
        EXPECT_EQ(step.has_value(), std::abs(off) <= 1) << off;
        if (step) EXPECT_EQ(*step, present + off);
    }
}

TEST(Totp, TakesSixDigitsWithSpacesAndNothingElse) {
    const std::string secret = "12345678901234567890";
    const auto now = at_second(59);
    for (const std::string_view right : {"287082", "287 082", " 287082 "})
        EXPECT_TRUE(matching_totp_step(secret, right, now, {}).has_value()) << right;
    for (const std::string_view wrong : {"", "28708", "2870820", "94287082", "28708x", "287083", "-87082", "287082\n"})
        EXPECT_FALSE(matching_totp_step(secret, wrong, now, {}).has_value()) << wrong;
    EXPECT_FALSE(matching_totp_step(secret, std::string(1 << 20, '2'), now, {}).has_value());
}

class SecondFactorOfUser : public testing::Test {
 protected:
    SecondFactorOfUser() {
        anna = store
                   .write([&](Transaction& transaction) {
                       return create_user(transaction, {.login = "anna", .role = Role::admin}, store.start);
                   })
                   .value();
    }
    std::string code(WallClock::time_point now) const { return totp_code(secret, totp_step(now)); }
    void enrol() {
        const auto done = store.write([&](Transaction& transaction) -> Result<void> {
            RELEVO_CHECK(begin_totp(transaction, vault, anna, secret));
            return confirm_totp(transaction, vault, anna, code(store.start), codes, {}, store.start);
        });
        EXPECT_TRUE(done.has_value()) << done.error().detail;
    }
    std::string use(std::string_view given, WallClock::time_point now) {
        const auto used = store.write(
            [&](Transaction& transaction) { return use_second_factor(transaction, vault, anna, given, now); });
        if (!used.has_value()) return std::string(name_of(used.error().kind));
        return *used == FactorUse::totp ? "totp" : "recovery_code";
    }
    SecondFactor state() {
        return store.read([&](Reader& reader) { return user_with_id(reader, anna); }).value().second_factor;
    }

    AccountStore store;
    MemoryKeyVault vault;
    RandomSource random = test::counting_random();
    std::string secret = generate_totp_secret(random);
    std::vector<std::string> codes = generate_recovery_codes(random);
    UserId anna;
};

TEST_F(SecondFactorOfUser, IsAskedForOnlyOnceACodeOfItCame) {
    EXPECT_EQ(use(code(store.start), store.start), "conflict");
    EXPECT_TRUE(store.write([&](Transaction& transaction) { return begin_totp(transaction, vault, anna, secret); })
                    .has_value());
    EXPECT_EQ(state(), SecondFactor::unconfirmed);
    const auto wrong = store.write([&](Transaction& transaction) {
        return confirm_totp(transaction, vault, anna, code(store.start + 10min), codes, {}, store.start);
    });
    EXPECT_EQ(wrong.error().kind, ErrorKind::refused);
    enrol();
    EXPECT_EQ(state(), SecondFactor::totp);
    const auto again =
        store.write([&](Transaction& transaction) { return begin_totp(transaction, vault, anna, secret); });
    EXPECT_EQ(again.error().kind, ErrorKind::conflict);
}

// RFC 6238 §5.2: "The verifier MUST NOT accept the second attempt of the OTP after the successful validation"
TEST_F(SecondFactorOfUser, CodeWorksOnce) {
    enrol();
    EXPECT_EQ(use(code(store.start), store.start), "refused");  // it confirmed the secret
    const auto later = store.start + 5min;
    EXPECT_EQ(use(code(later), later), "totp");
    EXPECT_EQ(use(code(later), later), "refused");
    EXPECT_EQ(use(code(later), later + 29s), "refused");
    EXPECT_EQ(use(code(later + 30s), later), "totp");  // a phone that is half a minute ahead
    EXPECT_EQ(use(code(later + 30s), later + 30s), "refused");
}

// security row R13
TEST_F(SecondFactorOfUser, ClockThatJumpsLocksNobodyOutAndLetsNoCodeInTwice) {
    enrol();
    const auto far = store.start + 24h * 3650;
    EXPECT_EQ(use(code(far), far), "totp");
    EXPECT_EQ(use(code(store.start), store.start), "refused");
    const auto later = store.start + 5min;
    EXPECT_EQ(use(code(later), later), "totp");
    EXPECT_EQ(use(code(far), far), "refused");
}

TEST_F(SecondFactorOfUser, RecoveryCodeWorksOnceHoweverItIsTyped) {
    enrol();
    std::string typed = to_upper(codes[3]);
    std::erase(typed, '-');
    typed.insert(5, " ");
    EXPECT_EQ(use(typed, store.start), "recovery_code");
    EXPECT_EQ(use(codes[3], store.start), "refused");
    EXPECT_EQ(store.read([&](Reader& reader) { return recovery_codes_left(reader, anna); }).value(), 9);
    EXPECT_EQ(use("0000-0000-0000-0000", store.start), "refused");
    const auto fresh = generate_recovery_codes(random);
    EXPECT_TRUE(store.write([&](Transaction& transaction) { return replace_recovery_codes(transaction, anna, fresh); })
                    .has_value());
    EXPECT_EQ(use(codes[4], store.start), "refused");
    EXPECT_EQ(use(fresh[4], store.start), "recovery_code");
}

TEST_F(SecondFactorOfUser, UsedCodeIsNotUsedUpIfItsTransactionFails) {
    enrol();
    const auto failed = store.write([&](Transaction& transaction) -> Result<void> {
        RELEVO_CHECK(use_second_factor(transaction, vault, anna, codes[0], store.start));
        return failure(ErrorKind::full, "the disk");
    });
    EXPECT_FALSE(failed.has_value());
    EXPECT_EQ(use(codes[0], store.start), "recovery_code");
}

TEST_F(SecondFactorOfUser, SealedSecretOfOneUserIsWorthNothingForAnother) {
    enrol();
    const auto bob = store.write([&](Transaction& transaction) -> Result<UserId> {
        RELEVO_TRY(const UserId made, create_user(transaction, {.login = "bob"}, store.start));
        RELEVO_CHECK(
            transaction.execute("INSERT INTO account_totp (user_id, sealed, confirmed_at, used_steps)"
                                " SELECT $1, sealed, confirmed_at, '' FROM account_totp",
                                {made.value}));
        return made;
    });
    const auto later = store.start + 5min;
    const auto used = store.write([&](Transaction& transaction) {
        return use_second_factor(transaction, vault, bob.value(), code(later), later);
    });
    EXPECT_EQ(used.error().kind, ErrorKind::invalid);
}

// security row E3
TEST_F(SecondFactorOfUser, ChangeEndsAllOtherSessions) {
    const auto open = [&] {
        std::string token = generate_session_token(random);
        EXPECT_TRUE(store
                        .write([&](Transaction& transaction) {
                            return open_session(transaction, anna, token, office, "", store.start);
                        })
                        .has_value());
        return token;
    };
    const auto lives = [&](const std::string& token) {
        return store.read([&](Reader& reader) { return find_session(reader, token, store.start); }).has_value();
    };
    std::string token = open();
    enrol();
    EXPECT_FALSE(lives(token));
    token = open();
    EXPECT_TRUE(store.write([&](Transaction& transaction) { return remove_totp(transaction, anna); }).has_value());
    EXPECT_FALSE(lives(token));
    EXPECT_EQ(state(), SecondFactor::none);
    EXPECT_EQ(use(codes[0], store.start), "conflict");
}

}  // namespace
}  // namespace relevo
