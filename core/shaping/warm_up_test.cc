#include "core/shaping/throttle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::shaping {
namespace {

using bounces::BounceClass;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::seconds;

class WarmUpTest : public testing::Test {
 protected:
    // As many of the day's as there are, at most `most`; of a hundred so many get `kind`.
    std::uint32_t day_with(std::uint32_t of_hundred = 0, BounceClass kind = BounceClass::unknown_user,
                           std::uint32_t most = 1'000'000) {
        std::uint32_t sent = 0;
        while (sent < most && throttle.may_send(now).granted()) {
            throttle.sent(now, 1);
            throttle.heard(now, now, sent % 100 < of_hundred ? kind : BounceClass::delivered);
            ++sent;
        }
        now += days(1);
        return sent;
    }
    Time now{seconds(1'800'000'000)};
    Throttle throttle{std::make_shared<const Limits>(Limits{.adaptive = false,
                                                            .warm_up_start = 100,
                                                            .warm_up_full = 1000,
                                                            .warm_up_factor = 1.5,
                                                            .warm_up_deferred = 0.1,
                                                            .warm_up_bounced = 0.05,
                                                            .warm_up_complained = 0.01})};
};

TEST_F(WarmUpTest, GrowsFromOneGoodDayToTheNextUntilItIsWarm) {
    for (const std::uint32_t target : {100U, 150U, 225U, 337U, 505U, 757U}) EXPECT_EQ(day_with(), target);
    EXPECT_EQ(day_with(0, BounceClass::unknown_user, 5000), 5000U) << "the full number ends it";
    EXPECT_TRUE(throttle.state().warm_up.ended);
    EXPECT_FALSE(throttle.status(now).warming_up);
}

TEST_F(WarmUpTest, IsClosedUntilTomorrowWhenTheDaysAreUsed) {
    for (int i = 0; i < 100; ++i) throttle.sent(now, 1);
    const Permission closed = throttle.may_send(now);
    EXPECT_EQ(closed.hindrance, Hindrance::warm_up);
    EXPECT_EQ(closed.amount, 100);
    EXPECT_EQ(closed.until, std::chrono::ceil<days>(now));
    EXPECT_EQ(throttle.next_change(now), closed.until);
    EXPECT_TRUE(throttle.may_send(closed.until).granted());
    EXPECT_TRUE(throttle.may_connect(now).granted()) << "the sites of others may need the connection";
}

TEST_F(WarmUpTest, ATransactionTakesNoMoreThanIsLeft) {
    throttle.sent(now, 95);
    EXPECT_EQ(throttle.may_send(now).recipients, 5U);
}

TEST_F(WarmUpTest, HoldsAfterABadDayAndShrinksAfterAVeryBadOne) {
    day_with();
    EXPECT_EQ(day_with(7), 150U);
    EXPECT_EQ(day_with(11), 150U) << "7 % of bounces hold it";
    EXPECT_EQ(day_with(), 100U) << "11 % halve it, but not below the start";
    EXPECT_EQ(day_with(15, BounceClass::rate_limited), 150U);
    EXPECT_EQ(day_with(), 150U) << "15 % of deferrals hold it";
    EXPECT_EQ(day_with(), 225U);
}

TEST_F(WarmUpTest, GreylistingIsNoBadSign) {
    EXPECT_EQ(day_with(50, BounceClass::greylisted), 100U);
    EXPECT_EQ(day_with(), 150U);
}

TEST_F(WarmUpTest, ComplaintsCount) {
    EXPECT_EQ(day_with(), 100U);
    now -= days(1);
    throttle.complained();
    throttle.complained();
    now += days(1);
    EXPECT_EQ(day_with(), 100U) << "2 % where 1 % is allowed";
}

TEST_F(WarmUpTest, ADayThatWasHardlyUsedProvesNothing) {
    EXPECT_EQ(day_with(0, BounceClass::unknown_user, 40), 40U);
    EXPECT_EQ(day_with(), 100U);
    EXPECT_EQ(day_with(), 150U);
}

TEST_F(WarmUpTest, AfterAMonthWithoutMailASourceIsNewAgain) {
    day_with();
    day_with();
    now += days(10);
    EXPECT_EQ(throttle.status(now).warm_up.target, 225U);
    now += days(40);
    EXPECT_EQ(throttle.status(now).warm_up.target, 100U);
    EXPECT_EQ(day_with(), 100U);
}

TEST_F(WarmUpTest, TellsEachStep) {
    day_with();
    day_with(7);
    day_with(12);
    day_with();
    std::vector<Change> changes;
    for (const ChangeEntry& entry : throttle.status(now).changes) changes.push_back(entry.change);
    EXPECT_THAT(changes, testing::ElementsAre(Change::warm_up_grew, Change::warm_up_held, Change::warm_up_shrank));
}

}  // namespace
}  // namespace relevo::shaping
