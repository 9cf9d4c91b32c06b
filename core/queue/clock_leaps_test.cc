// security row R13
#include "core/queue/clock_leaps.h"

#include <gtest/gtest.h>

namespace relevo {
namespace {

using namespace std::chrono_literals;

class ClockLeapsTest : public testing::Test {
 protected:
    ClockLeapsTest() { look(0s, 0s); }
    // The steady clock says `steady`, the wall clock noon and `steady` and `offset`.
    std::chrono::milliseconds look(std::chrono::seconds steady, std::chrono::seconds offset) {
        return leaps.look(noon + steady + offset, Clock::time_point(steady + 1000s));
    }
    [[nodiscard]] std::optional<std::chrono::milliseconds> age(std::chrono::seconds since_noon) const {
        return leaps.age(noon + since_noon);
    }
    static constexpr std::chrono::seconds decade = 24h * 3650;
    const WallClock::time_point noon{24h * 20000 + 12h};
    ClockLeaps leaps;
};

TEST_F(ClockLeapsTest, CountsAsTheWallClockDoesWhileItOnlyDrifts) {
    for (int minute = 1; minute < 60; ++minute) EXPECT_EQ(look(minute * 60s, minute * 500ms / 1000ms * 1s), 0ms);
    EXPECT_EQ(age(-96h), 96h + 59min);
    EXPECT_EQ(age(59min), 0ms);
    EXPECT_EQ(age(59min + 30s), 0ms) << "another thread was quicker";
}

TEST_F(ClockLeapsTest, TakesLeapsAheadOutOfWhatWasBefore) {
    EXPECT_EQ(look(600s, decade), decade);
    EXPECT_EQ(look(900s, decade), 0ms);
    EXPECT_EQ(age(-1h), 1h + 900s);
    EXPECT_EQ(age(decade + 700s), 200s) << "after the leap";
    EXPECT_EQ(age(decade + 300s), 600s) << "between two looks nobody knows when it leapt";
    EXPECT_EQ(age(decade - 1s), std::nullopt) << "the clock was never there";
}

TEST_F(ClockLeapsTest, GoesThereAndBackAgain) {
    EXPECT_EQ(look(600s, decade), decade);
    EXPECT_EQ(look(1200s, 0s), -decade);
    EXPECT_EQ(look(1800s, 0s), 0ms);
    EXPECT_EQ(age(300s), 1500s) << "before both";
    EXPECT_EQ(age(decade + 900s), 900s) << "in between";
    EXPECT_EQ(age(1500s), 300s) << "after both";
    EXPECT_EQ(leaps.known_for(), 1800s);
}

TEST_F(ClockLeapsTest, TakesTheLatestMomentWhereTheClockWasTwice) {
    EXPECT_EQ(look(7200s, -3600s), -3600s);
    EXPECT_EQ(look(9000s, -3600s), 0ms);
    EXPECT_EQ(age(4000s), 9000s - 7600s);
}

TEST_F(ClockLeapsTest, StaysBoundedAndKeepsTheOldestAndTheNewest) {
    for (int turn = 1; turn <= 1000; ++turn) look(turn * 60s, turn % 2 == 1 ? decade : 0s);
    EXPECT_EQ(age(-1h), 1h + 60000s);
    EXPECT_EQ(age(60000s), 0ms);
}

}  // namespace
}  // namespace relevo
