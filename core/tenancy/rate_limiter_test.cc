#include "core/tenancy/rate_limiter.h"

#include <gtest/gtest.h>

namespace relevo {
namespace {

using namespace std::chrono_literals;

constexpr SenderKey sender{SenderKind::credential, 1};
const WallClock::time_point noon{std::chrono::sys_days(std::chrono::year(2026) / 11 / 23) + 12h};

int take_all(RateLimiter& limiter, RateLimits limits, WallClock::time_point now, int tries) {
    int taken = 0;
    for (int i = 0; i < tries; ++i) taken += limiter.take(sender, limits, now) ? 0 : 1;
    return taken;
}

TEST(RateLimiter, RefusesOneMoreThanTheHourAllowsAndSaysWhenItFreesUp) {
    RateLimiter limiter;
    const RateLimits limits{.messages_per_hour = 10, .messages_per_day = 0};
    EXPECT_EQ(take_all(limiter, limits, noon + 2min, 10), 10);
    const auto refused = limiter.take(sender, limits, noon + 30min);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->window, RateLimiter::Window::hour);
    EXPECT_EQ(refused->limit, 10U);
    EXPECT_EQ(refused->room_at, noon + 65min);  // the slot of 12:00 to 12:05 has left the hour entirely
    EXPECT_TRUE(limiter.check(sender, limits, refused->room_at - 1s));
    EXPECT_FALSE(limiter.check(sender, limits, refused->room_at));
}

TEST(RateLimiter, NeverLetsMoreThanTheLimitThroughInAnyHour) {
    RateLimiter limiter;
    const RateLimits limits{.messages_per_hour = 60, .messages_per_day = 0};
    std::vector<WallClock::time_point> sent;
    for (auto now = noon; now < noon + 6h; now += 17s)
        if (!limiter.take(sender, limits, now)) sent.push_back(now);
    for (std::size_t i = 60; i < sent.size(); ++i) EXPECT_GE(sent[i] - sent[i - 60], 1h);
    EXPECT_GE(sent.size(), 300U);  // 360 would be perfect; slots cost at most one in thirteen
}

TEST(RateLimiter, CountsTheDayBesidesTheHour) {
    RateLimiter limiter;
    const RateLimits limits{.messages_per_hour = 10, .messages_per_day = 25};
    int taken = 0;
    for (int hour = 0; hour < 5; ++hour) taken += take_all(limiter, limits, noon + hour * 2h, 20);
    EXPECT_EQ(taken, 25);
    const auto refused = limiter.check(sender, limits, noon + 10h);
    ASSERT_TRUE(refused);
    EXPECT_EQ(refused->window, RateLimiter::Window::day);
    EXPECT_EQ(refused->room_at, noon + 25h);
}

TEST(RateLimiter, GivesBackWhatWasNotAccepted) {
    RateLimiter limiter;
    const RateLimits limits{.messages_per_hour = 1, .messages_per_day = 1};
    EXPECT_FALSE(limiter.take(sender, limits, noon));
    EXPECT_TRUE(limiter.take(sender, limits, noon));
    limiter.give_back(sender, noon);
    EXPECT_FALSE(limiter.take(sender, limits, noon));
    limiter.give_back(sender, noon);
    limiter.give_back(sender, noon);  // never below zero
    EXPECT_EQ(take_all(limiter, limits, noon, 3), 1);
}

TEST(RateLimiter, KeepsSendersApartAndKnowsNoLimitByDefault) {
    RateLimiter limiter;
    const RateLimits limits{.messages_per_hour = 1, .messages_per_day = 0};
    EXPECT_FALSE(limiter.take(sender, limits, noon));
    EXPECT_FALSE(limiter.take({SenderKind::credential, 2}, limits, noon));
    EXPECT_FALSE(limiter.take({SenderKind::network_grant, 1}, limits, noon));
    EXPECT_EQ(take_all(limiter, {}, noon, 10'000), 10'000);
}

TEST(RateLimiter, StaysStrictAfterARestart) {
    RateLimiter limiter;
    const RateLimits limits{.messages_per_hour = 10, .messages_per_day = 30};
    limiter.restore({{sender, hour_of(noon), 4}, {sender, hour_of(noon) - 1, 3}, {sender, hour_of(noon) - 20, 10}},
                    noon + 10min);
    EXPECT_EQ(take_all(limiter, limits, noon + 10min, 20), 3);   // 4 + 3 used in what may be the last hour
    EXPECT_EQ(take_all(limiter, limits, noon + 80min, 20), 10);  // 20 of the day used, 10 left
    EXPECT_EQ(take_all(limiter, limits, noon + 300min, 20), 10);
}

TEST(RateLimiter, ForgetsIdleSendersAndSurvivesAClockThatGoesBack) {
    RateLimiter limiter;
    const RateLimits limits{.messages_per_hour = 5, .messages_per_day = 5};
    EXPECT_FALSE(limiter.take(sender, limits, noon));
    EXPECT_EQ(take_all(limiter, limits, noon - 2h, 10), 4);
    EXPECT_EQ(take_all(limiter, limits, noon - 100h, 10), 0);
    limiter.forget_idle(noon + 23h);
    EXPECT_EQ(limiter.senders(), 1U);
    limiter.forget_idle(noon + 26h);
    EXPECT_EQ(limiter.senders(), 0U);
}

}  // namespace
}  // namespace relevo
