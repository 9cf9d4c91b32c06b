// Security row A14.
#include "core/tenancy/login_guard.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace relevo {
namespace {

using namespace std::chrono_literals;

dns::IpAddress address(std::string_view text) { return dns::IpAddress::parse(text).value(); }

class LoginGuardTest : public testing::Test {
 protected:
    bool fail(std::string_view login, const dns::IpAddress& from) {
        if (!guard_.begin(login, from, now_).allowed) return false;
        guard_.failed(login, from, now_);
        return true;
    }
    bool succeed(std::string_view login, const dns::IpAddress& from) {
        if (!guard_.begin(login, from, now_).allowed) return false;
        guard_.succeeded(login, from, now_);
        return true;
    }

    LoginGuard guard_{system_random()};
    WallClock::time_point now_{std::chrono::sys_days(std::chrono::year(2026) / 11 / 23)};
    const dns::IpAddress home_ = address("203.0.113.5");
    const dns::IpAddress attacker_ = address("198.51.100.9");
};

TEST_F(LoginGuardTest, SlowsOneAddressThatGuessesOnOneAccount) {
    ASSERT_TRUE(succeed("owner", home_));
    int checked = 0;
    for (int second = 0; second < 3600; ++second, now_ += 1s) {
        checked += fail("owner", attacker_) ? 1 : 0;
        if (second % 60 == 0) EXPECT_TRUE(succeed("owner", home_)) << second;
    }
    // 10 free ones, then after 1, 2, 4 … 512 s, then every 15 minutes.
    EXPECT_GE(checked, 20);
    EXPECT_LE(checked, 24);
}

TEST_F(LoginGuardTest, RefusesAThousandWrongPasswordsInARowWithoutWork) {
    int checked = 0;
    for (int i = 0; i < 1000; ++i) checked += fail("owner", attacker_) ? 1 : 0;
    EXPECT_EQ(checked, 10);
    const auto verdict = guard_.begin("owner", attacker_, now_);
    EXPECT_FALSE(verdict.allowed);
    EXPECT_EQ(verdict.retry_after, 1s);
}

TEST_F(LoginGuardTest, SlowsAHundredAddressesThatGuessOnOneAccount) {
    ASSERT_TRUE(succeed("owner", home_));
    int checked = 0;
    for (int second = 0; second < 3600; ++second, now_ += 1s) {
        for (int host = 0; host < 100; ++host)
            checked += fail("owner", dns::IpAddress::v4({192, 0, 2, static_cast<std::uint8_t>(host)})) ? 1 : 0;
        if (second % 60 == 0) EXPECT_TRUE(succeed("owner", home_)) << second;
    }
    // At most one a minute once it has grown.
    EXPECT_LE(checked, 10 + 7 + 60);
    EXPECT_GE(checked, 60);
}

TEST_F(LoginGuardTest, SlowsOneAddressThatTriesOnePasswordOnAThousandAccounts) {
    int checked = 0;
    for (int i = 0; i < 1000; ++i) checked += fail("user" + std::to_string(i), attacker_) ? 1 : 0;
    EXPECT_EQ(checked, 10);
    EXPECT_TRUE(succeed("user500", home_));  // the accounts are not held back for others
}

TEST_F(LoginGuardTest, LetsOthersBehindTheSameAddressIn) {
    ASSERT_TRUE(succeed("printer", home_));
    for (int i = 0; i < 100; ++i) (void)fail("scanner", home_);
    EXPECT_FALSE(guard_.begin("scanner", home_, now_).allowed);
    EXPECT_TRUE(succeed("printer", home_));
}

TEST_F(LoginGuardTest, HoldsBackGuessesFromAKnownAddressToo) {
    ASSERT_TRUE(succeed("owner", home_));
    int checked = 0;
    for (int i = 0; i < 1000; ++i) checked += fail("owner", home_) ? 1 : 0;
    EXPECT_EQ(checked, 10);
    now_ += 1s;
    EXPECT_TRUE(succeed("owner", home_));
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(succeed("owner", home_));
}

TEST_F(LoginGuardTest, CountsAttemptsUnderWay) {
    int admitted = 0;
    for (int i = 0; i < 500; ++i) admitted += guard_.begin("owner", attacker_, now_).allowed ? 1 : 0;
    EXPECT_EQ(admitted, 8);
    guard_.abandoned("owner", attacker_);
    EXPECT_TRUE(guard_.begin("owner", attacker_, now_).allowed);
    now_ += 301s;  // their ends were never told
    EXPECT_TRUE(guard_.begin("owner", attacker_, now_).allowed);
}

TEST_F(LoginGuardTest, LetsAKnownHostOpenManyConnectionsAtOnce) {
    ASSERT_TRUE(succeed("smarthost", home_));
    for (int i = 0; i < 64; ++i) EXPECT_TRUE(guard_.begin("smarthost", home_, now_).allowed);
    EXPECT_FALSE(guard_.begin("smarthost", home_, now_).allowed);
    for (int i = 0; i < 64; ++i) guard_.succeeded("smarthost", home_, now_);
    EXPECT_TRUE(succeed("smarthost", home_));
}

TEST_F(LoginGuardTest, OwnSuccessesDoNotWashAwayGuessesAtOthers) {
    for (int i = 0; i < 9; ++i) EXPECT_TRUE(fail("victim", attacker_));
    EXPECT_TRUE(succeed("accomplice", attacker_));
    EXPECT_TRUE(fail("victim", attacker_));
    EXPECT_FALSE(fail("victim", attacker_));
}

TEST_F(LoginGuardTest, CountsAnIpv6NetworkAsOneAddress) {
    int checked = 0;
    for (int i = 0; i < 100; ++i) checked += fail("user", address(fmt::format("2001:db8:1:2::{:x}", i + 1))) ? 1 : 0;
    EXPECT_EQ(checked, 10);
    EXPECT_TRUE(succeed("other", address("2001:db8:1:3::1")));
}

TEST_F(LoginGuardTest, TreatsTheLoginWithoutRegardToCase) {
    for (int i = 0; i < 10; ++i)
        EXPECT_TRUE(fail(i % 2 == 0 ? "Owner" : "OWNER", dns::IpAddress::v4({10, 0, 0, static_cast<std::uint8_t>(i)})));
    EXPECT_FALSE(guard_.begin("owner", attacker_, now_).allowed);
}

TEST_F(LoginGuardTest, ForgetsAfterADayAndUnknowsAfterThirty) {
    ASSERT_TRUE(succeed("owner", home_));
    for (int i = 0; i < 20; ++i) (void)fail("x", attacker_);
    now_ += 25h;
    EXPECT_TRUE(succeed("y", attacker_));
    now_ += 24h * 30;
    for (int i = 0; i < 10; ++i) (void)fail("owner", address("192.0.2." + std::to_string(i)));
    EXPECT_FALSE(guard_.begin("owner", home_, now_).allowed);
}

TEST_F(LoginGuardTest, SurvivesARestart) {
    ASSERT_TRUE(succeed("owner", home_));
    for (int i = 0; i < 12; ++i, now_ += 10s) (void)fail("owner", attacker_);
    const auto rows = guard_.failures(1000, now_);
    EXPECT_EQ(rows.size(), 2U);  // the address and the account
    LoginGuard restarted(system_random());
    restarted.restore(rows);
    restarted.add_known_address("owner", home_, now_);
    EXPECT_EQ(restarted.begin("owner", attacker_, rows[0].last_failed_at).allowed, false);
    EXPECT_EQ(restarted.begin("stranger", attacker_, rows[0].last_failed_at).allowed, false);
    EXPECT_TRUE(restarted.begin("owner", home_, rows[0].last_failed_at).allowed);
    EXPECT_EQ(guard_.failures(1, now_).size(), 1U);
}

TEST_F(LoginGuardTest, SaysWhenALoginIsWorthRecording) {
    ASSERT_TRUE(guard_.begin("owner", home_, now_).allowed);
    EXPECT_TRUE(guard_.succeeded("owner", home_, now_));
    ASSERT_TRUE(guard_.begin("owner", home_, now_).allowed);
    EXPECT_FALSE(guard_.succeeded("owner", home_, now_ + 59min));
    ASSERT_TRUE(guard_.begin("owner", home_, now_).allowed);
    EXPECT_TRUE(guard_.succeeded("owner", home_, now_ + 61min));
}

TEST_F(LoginGuardTest, HoldsAMillionAddressesIn64Mebibytes) {
    EXPECT_LE(guard_.memory_octets(), std::size_t{64} * 1024 * 1024);
    ASSERT_TRUE(succeed("owner", home_));
    for (int i = 0; i < 20; ++i) (void)fail("x" + std::to_string(i), attacker_);
    for (std::uint32_t i = 0; i < 1'000'000; ++i) {
        const auto from = dns::IpAddress::v4({static_cast<std::uint8_t>(20 + (i >> 16)),
                                              static_cast<std::uint8_t>(i >> 8), static_cast<std::uint8_t>(i), 1});
        EXPECT_TRUE(fail("spray" + std::to_string(i), from));
    }
    EXPECT_FALSE(guard_.begin("y", attacker_, now_).allowed);  // many failures outweigh fresh ones
    EXPECT_TRUE(succeed("owner", home_));
}

}  // namespace
}  // namespace relevo
