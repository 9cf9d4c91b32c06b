#include "core/shaping/turns.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace relevo::shaping {
namespace {

struct Item {
    int tenant = 0;
    int number = 0;
};
using TestTurns = Turns<int, Item>;
constexpr auto anything = [](Priority, int, const Item&) { return true; };
constexpr auto alike = [](int) { return 1U; };

class TurnsTest : public testing::Test {
 protected:
    void push(Priority priority, int tenant, int count = 1) {
        for (int i = 0; i < count; ++i) turns.push(priority, tenant, {tenant, pushed[{priority, tenant}]++});
    }
    template <class Allowed, class Weight>
    std::map<int, int> shares_of(int turn_count, Allowed allowed, Weight weight) {
        std::map<int, int> shares;
        for (int i = 0; i < turn_count && turns.peek(allowed, weight) != nullptr; ++i) ++shares[turns.pop().tenant];
        return shares;
    }
    std::map<std::pair<Priority, int>, int> pushed;
    TestTurns turns;
};

TEST_F(TurnsTest, AnEmptyOneHasNobodysTurn) {
    EXPECT_EQ(turns.peek(anything), nullptr);
    EXPECT_TRUE(turns.empty());
    EXPECT_EQ(turns.remove_if(anything), 0U);
}

TEST_F(TurnsTest, KeepsTheOrderOfArrivalOfEachTenant) {
    std::mt19937 chance(7);
    std::map<int, int> next;
    for (int i = 0; i < 20'000; ++i) {
        push(Priority::bulk, static_cast<int>(chance() % 5));
        if (chance() % 3 == 0) continue;
        ASSERT_NE(turns.peek(anything), nullptr);
        const Item item = turns.pop();
        EXPECT_EQ(item.number, next[item.tenant]++);
    }
}

TEST_F(TurnsTest, SharesFollowTheWeightsWithinFivePercent) {
    std::mt19937 chance(11);
    for (int round = 0; round < 20; ++round) {
        TestTurns many;
        std::map<int, std::uint32_t> weights;
        std::uint32_t sum = 0;
        const int tenants = 2 + static_cast<int>(chance() % 30);
        for (int tenant = 0; tenant < tenants; ++tenant) {
            sum += weights[tenant] = 1 + static_cast<std::uint32_t>(chance() % 20);
            for (int i = 0; i < 4000; ++i) many.push(Priority::bulk, tenant, {tenant, i});
        }
        std::map<int, int> shares;
        const int turn_count = static_cast<int>(sum) * 50;
        for (int i = 0; i < turn_count; ++i) {
            ASSERT_NE(many.peek(anything, [&](int tenant) { return weights[tenant]; }), nullptr);
            ++shares[many.pop().tenant];
        }
        for (const auto& [tenant, weight] : weights)
            EXPECT_NEAR(shares[tenant], turn_count * static_cast<double>(weight) / sum,
                        turn_count * static_cast<double>(weight) / sum * 0.05);
    }
}

// security row R20: 200,000 recipients of one tenant do not stand in front of another's.
TEST_F(TurnsTest, ANewTenantWaitsForOneRoundAtMostWhateverOthersHave) {
    for (int tenant = 0; tenant < 10; ++tenant) push(Priority::bulk, tenant, 20'000);
    for (int round = 0; round < 100; ++round) {
        push(Priority::bulk, 99);
        int waited = 0;
        while (turns.peek(anything) != nullptr && turns.pop().tenant != 99) ++waited;
        EXPECT_LE(waited, 10);
    }
}

TEST_F(TurnsTest, TransactionalGoesFirstAndBulkGetsOneTurnInTen) {
    push(Priority::transactional, 1, 900);
    push(Priority::bulk, 2, 200);
    int bulk = 0, longest_wait = 0, wait = 0;
    for (int i = 0; i < 1000; ++i) {
        ASSERT_NE(turns.peek(anything), nullptr);
        const bool is_bulk = turns.priority() == Priority::bulk;
        turns.pop();
        wait = is_bulk ? 0 : wait + 1;
        longest_wait = std::max(longest_wait, wait);
        bulk += is_bulk ? 1 : 0;
    }
    EXPECT_EQ(bulk, 100);
    EXPECT_EQ(longest_wait, 9);
    EXPECT_EQ(turns.size(Priority::transactional), 0U);
}

TEST_F(TurnsTest, BulkThatMayNotGoDoesNotHoldTransactionalBack) {
    push(Priority::transactional, 1, 100);
    push(Priority::bulk, 2, 100);
    const auto no_bulk = [](Priority priority, int, const Item&) { return priority == Priority::transactional; };
    EXPECT_EQ(shares_of(1000, no_bulk, alike)[1], 100);
    EXPECT_EQ(turns.peek(no_bulk), nullptr);
    EXPECT_EQ(turns.size(), 100U);
}

TEST_F(TurnsTest, WhoMayNotGoIsPassedOverAndSavesNoTurnsUp) {
    for (int tenant = 0; tenant < 4; ++tenant) push(Priority::bulk, tenant, 1000);
    const auto without_zero = [](Priority, int tenant, const Item&) { return tenant != 0; };
    EXPECT_EQ(shares_of(300, without_zero, [](int) { return 5U; }).count(0), 0U);
    const auto shares = shares_of(400, anything, [](int) { return 5U; });
    for (int tenant = 0; tenant < 4; ++tenant) EXPECT_NEAR(shares.at(tenant), 100, 5);
}

TEST_F(TurnsTest, FindsTheOneThatMayGoAmongThousandsInBoundedSteps) {
    for (int tenant = 0; tenant < 5000; ++tenant) push(Priority::bulk, tenant);
    std::size_t looked_at = 0;
    const auto only_one = [&](Priority, int tenant, const Item&) { return ++looked_at, tenant == 4321; };
    std::size_t calls = 1;
    while (turns.peek(only_one) == nullptr) {
        EXPECT_LE(looked_at, calls * TestTurns::scan_limit);
        ASSERT_LT(++calls, 200U);
    }
    EXPECT_EQ(turns.pop().tenant, 4321);
}

TEST_F(TurnsTest, WhatGoesTogetherIsPaidWithLaterTurns) {
    push(Priority::bulk, 1, 3000);
    push(Priority::bulk, 2, 3000);
    std::map<int, int> taken;
    for (int i = 0; i < 400; ++i) {
        ASSERT_NE(turns.peek(anything), nullptr);
        const int tenant = turns.tenant();
        turns.pop();
        ++taken[tenant];
        // Tenant 1 sends to ten recipients at once.
        for (int more = 0; tenant == 1 && more < 9 && turns.following() != nullptr; ++more, ++taken[1]) {
            EXPECT_EQ(turns.following()->tenant, 1);
            turns.pop_following();
        }
    }
    EXPECT_NEAR(taken[1], taken[2], 11);
}

TEST_F(TurnsTest, DebtsHoldNobodyBackWhenNobodyElseMayGo) {
    push(Priority::bulk, 1, 500);
    push(Priority::bulk, 2, 500);
    ASSERT_NE(turns.peek(anything), nullptr);
    const int first = turns.pop().tenant;
    for (int i = 0; i < 200; ++i) turns.pop_following();
    const auto only_first = [&](Priority, int tenant, const Item&) { return tenant == first; };
    EXPECT_EQ(shares_of(1000, only_first, alike)[first], 299);
}

TEST_F(TurnsTest, TakingTheLastFollowingItemEndsTheTenant) {
    push(Priority::bulk, 1, 2);
    push(Priority::bulk, 2, 1);
    ASSERT_NE(turns.peek([](Priority, int tenant, const Item&) { return tenant == 1; }), nullptr);
    turns.pop();
    ASSERT_NE(turns.following(), nullptr);
    turns.pop_following();
    EXPECT_EQ(turns.following(), nullptr);
    EXPECT_EQ(turns.tenant_count(Priority::bulk), 1U);
    ASSERT_NE(turns.peek(anything), nullptr);
    EXPECT_EQ(turns.pop().tenant, 2);
}

TEST_F(TurnsTest, RemovesAndVisitsWhatIsChosen) {
    for (int tenant = 0; tenant < 10; ++tenant) {
        push(Priority::bulk, tenant, 100);
        push(Priority::transactional, tenant, 10);
    }
    EXPECT_EQ(turns.remove_if([](Priority priority, int tenant, const Item&) {
        return priority == Priority::bulk && tenant % 2 == 0;
    }),
              500U);
    std::size_t seen = 0;
    turns.for_each([&](Priority priority, int tenant, const Item& item) {
        EXPECT_EQ(tenant, item.tenant);
        EXPECT_TRUE(priority == Priority::transactional || tenant % 2 == 1);
        ++seen;
    });
    EXPECT_EQ(seen, 600U);
    EXPECT_EQ(turns.tenant_count(Priority::bulk), 5U);
    EXPECT_EQ(shares_of(10'000, anything, alike).size(), 10U);
    EXPECT_TRUE(turns.empty());
}

// Any sequence of calls: nothing is lost, nothing comes twice, and nobody starves.
TEST_F(TurnsTest, LosesAndDoublesNothingInAnyOrderOfCalls) {
    for (unsigned seed = 1; seed <= 20; ++seed) {
        std::mt19937 chance(seed);
        TestTurns any;
        std::map<std::pair<int, int>, int> inside;  // (tenant, number)
        int number = 0;
        for (int step = 0; step < 5000; ++step) {
            const unsigned what = chance() % 10;
            if (what < 5) {
                const int tenant = static_cast<int>(chance() % 8);
                any.push(priorities[chance() % 2], tenant, {tenant, number});
                ++inside[{tenant, number++}];
            } else if (what < 9) {
                const auto mask = static_cast<unsigned>(chance() | 1U);
                const auto some = [&](Priority, int tenant, const Item&) { return ((mask >> tenant) & 1U) != 0; };
                if (any.peek(some, [](int tenant) { return static_cast<unsigned>(tenant + 1); }) == nullptr) continue;
                const Item item = any.pop();
                EXPECT_EQ((inside.erase({item.tenant, item.number})), 1U);
                while (chance() % 2 == 0 && any.following() != nullptr) {
                    const Item next = any.pop_following();
                    EXPECT_EQ(next.tenant, item.tenant);
                    EXPECT_EQ((inside.erase({next.tenant, next.number})), 1U);
                }
            } else if (chance() % 20 == 0) {
                any.remove_if([&](Priority, int tenant, const Item& item) {
                    return item.number % 3 == 0 && inside.erase({tenant, item.number}) == 1;
                });
            }
            ASSERT_EQ(any.size(), inside.size());
        }
    }
}

TEST(FifoList, ItsMemoryFollowsItsSize) {
    FifoList<int> list;
    for (int i = 0; i < 10'000; ++i) list.push_back(i);
    for (int i = 0; i < 9'990; ++i) EXPECT_EQ(list.pop_front(), i);
    EXPECT_LT(list.capacity(), 1000U);
    for (int i = 9'990; i < 10'000; ++i) EXPECT_EQ(list.pop_front(), i);
    EXPECT_EQ(list.capacity(), 0U);
    // A list that is never empty does not grow either.
    for (int i = 0; i < 100'000; ++i) {
        list.push_back(i);
        if (list.size() > 5) list.pop_front();
    }
    EXPECT_LE(list.capacity(), 128U);
}

}  // namespace
}  // namespace relevo::shaping
