// Quotas: exact, of the calendar, and the same after a restart.
#include "core/tenancy/quota.h"

#include "core/tenancy/store_fixture.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::test {
namespace {

using namespace std::chrono_literals;
using Answer = QuotaLedger::Answer;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

// 2026-01-31 10:30:00 UTC.
const WallClock::time_point now = std::chrono::sys_days{std::chrono::year{2026} / 1 / 31} + 10h + 30min;

Quota quota(QuotaPeriod period, std::uint32_t recipients, BeyondQuota beyond, std::int64_t id = 1) {
    return {.id = QuotaId{id},
            .scope = QuotaScope::tenant,
            .subject = 1,
            .period = period,
            .recipients = recipients,
            .beyond = beyond};
}

QuotaLedger::Verdict take(QuotaLedger& ledger, const Quota& of, std::uint32_t recipients,
                          WallClock::time_point at = now) {
    return ledger.take(std::span(&of, 1), recipients, at);
}

TEST(Quota, PeriodsAreThoseOfTheCalendar) {
    for (const auto period : {QuotaPeriod::minute, QuotaPeriod::hour, QuotaPeriod::day, QuotaPeriod::month}) {
        const auto number = period_number(period, now + 17s);
        EXPECT_LE(period_start(period, number), now + 17s);
        EXPECT_GT(period_start(period, number + 1), now + 17s);
        EXPECT_EQ(period_number(period, period_start(period, number)), number);
        EXPECT_EQ(period_number(period, period_start(period, number) - 1s), number - 1);
    }
    EXPECT_EQ(period_start(QuotaPeriod::month, period_number(QuotaPeriod::month, now) + 1),
              std::chrono::sys_days{std::chrono::year{2026} / 2 / 1});
    const auto december = std::chrono::sys_days{std::chrono::year{2026} / 12 / 31};
    EXPECT_EQ(period_start(QuotaPeriod::month, period_number(QuotaPeriod::month, december) + 1),
              std::chrono::sys_days{std::chrono::year{2027} / 1 / 1});
}

TEST(Quota, OneThatRefusesLetsInNoMoreThanItSaysAndTellsWhenThereIsRoom) {
    QuotaLedger ledger;
    const Quota hourly = quota(QuotaPeriod::hour, 10, BeyondQuota::refuse);
    EXPECT_EQ(take(ledger, hourly, 7).answer, Answer::taken);
    const auto refused = take(ledger, hourly, 4);
    EXPECT_EQ(refused.answer, Answer::refused);
    EXPECT_EQ(refused.until, now + 30min);
    EXPECT_EQ(refused.by, hourly);
    EXPECT_EQ(take(ledger, hourly, 3).answer, Answer::taken) << "what was refused does not count";
    EXPECT_EQ(take(ledger, hourly, 1).answer, Answer::refused);
    EXPECT_EQ(take(ledger, hourly, 11).answer, Answer::too_small) << "waiting would never help";
    EXPECT_EQ(take(ledger, hourly, 10, now + 30min).answer, Answer::taken);
}

TEST(Quota, WhatIsGivenBackIsFree) {
    QuotaLedger ledger;
    const Quota hourly = quota(QuotaPeriod::hour, 10, BeyondQuota::refuse);
    ASSERT_EQ(take(ledger, hourly, 10).answer, Answer::taken);
    ledger.give_back(std::span(&hourly, 1), 4, now);
    EXPECT_EQ(take(ledger, hourly, 4).answer, Answer::taken);
    ledger.give_back(std::span(&hourly, 1), 4, now - 2h);
    EXPECT_EQ(take(ledger, hourly, 1).answer, Answer::refused) << "that was in another period";
}

TEST(Quota, OneThatMakesWaitSpreadsWhatIsBeyondItOverThePeriodsToCome) {
    QuotaLedger ledger;
    const Quota hourly = quota(QuotaPeriod::hour, 4, BeyondQuota::wait);
    std::vector<WallClock::duration> after_eleven;
    for (int i = 0; i < 10; ++i) {
        const auto verdict = take(ledger, hourly, 1);
        ASSERT_EQ(verdict.answer, Answer::taken);
        if (verdict.by) after_eleven.push_back(verdict.until - (now + 30min));
    }
    EXPECT_THAT(after_eleven, ElementsAre(0min, 15min, 30min, 45min, 60min, 75min));
    // Two of them were for the hour after the next one.
    EXPECT_EQ(advanced(hourly, {period_number(QuotaPeriod::hour, now), 10}, now + 2h).used, 2U);
}

TEST(Quota, OneThatHoldsLetsGoAtTheBeginningOfThePeriod) {
    QuotaLedger ledger;
    const Quota monthly = quota(QuotaPeriod::month, 2, BeyondQuota::hold);
    const auto early = now - std::chrono::days(20);
    EXPECT_FALSE(take(ledger, monthly, 3, early).by.has_value()) << "the message that crosses the limit goes whole";
    EXPECT_EQ(take(ledger, monthly, 1, early).until,
              WallClock::time_point(std::chrono::sys_days{std::chrono::year{2026} / 2 / 1}));
    EXPECT_EQ(take(ledger, monthly, 1, early).answer, Answer::refused) << "March is further off than mail waits";
}

TEST(Quota, AMessageCountsInAllOfThemOrInNone) {
    QuotaLedger ledger;
    const std::vector<Quota> both{quota(QuotaPeriod::hour, 10, BeyondQuota::refuse, 1),
                                  quota(QuotaPeriod::day, 5, BeyondQuota::refuse, 2)};
    ASSERT_EQ(ledger.take(both, 5, now).answer, Answer::taken);
    const auto refused = ledger.take(both, 1, now);
    EXPECT_EQ(refused.by, both[1]);
    EXPECT_EQ(take(ledger, both[0], 5).answer, Answer::taken) << "the refused one was not counted here";
}

TEST(Quota, TellsOnceAPeriodThatItIsNearlyOrWhollyUsed) {
    QuotaLedger ledger;
    const Quota hourly = quota(QuotaPeriod::hour, 10, BeyondQuota::wait);
    std::vector<unsigned> told;
    for (int i = 0; i < 14; ++i)
        for (const auto& crossing : take(ledger, hourly, 1).crossings) told.push_back(crossing.percent);
    EXPECT_THAT(told, ElementsAre(80U, 100U));
    EXPECT_THAT(take(ledger, hourly, 9, now + 2h).crossings, SizeIs(1));
}

TEST(Quota, AnotherLimitCountsAtOnce) {
    QuotaLedger ledger;
    Quota hourly = quota(QuotaPeriod::hour, 10, BeyondQuota::refuse);
    ASSERT_EQ(take(ledger, hourly, 10).answer, Answer::taken);
    hourly.recipients = 15;
    EXPECT_EQ(take(ledger, hourly, 5).answer, Answer::taken);
    hourly.recipients = 3;
    EXPECT_EQ(take(ledger, hourly, 1).answer, Answer::refused);
}

TEST(Quota, ForgetsThoseThatAreGone) {
    QuotaLedger ledger;
    const Quota hourly = quota(QuotaPeriod::hour, 1, BeyondQuota::refuse);
    ASSERT_EQ(take(ledger, hourly, 1).answer, Answer::taken);
    ledger.keep_only({});
    EXPECT_EQ(take(ledger, hourly, 1).answer, Answer::taken);
}

TEST(QuotaRows, SurviveARestartToTheLastRecipient) {
    Store store;
    const auto made = store.write(
        [](Transaction& rows) { return set_quota(rows, quota(QuotaPeriod::month, 100, BeyondQuota::refuse)); });
    ASSERT_TRUE(made.has_value());
    std::vector<unsigned> told;
    for (const auto at : {now, now + 1h}) {
        const auto crossings =
            store.write([&](Transaction& rows) { return record_quota_usage(rows, std::span(&*made, 1), 40, at); });
        ASSERT_TRUE(crossings.has_value());
        for (const QuotaLedger::Crossing& crossing : *crossings) told.push_back(crossing.percent);
    }
    EXPECT_EQ(told, std::vector<unsigned>{80}) << "by the message that crosses it";
    QuotaLedger ledger;
    ledger.restore(store.read([](Reader& reader) { return load_quota_usage(reader); }).value());
    EXPECT_EQ(take(ledger, *made, 21, now + 2h).answer, Answer::refused);
    EXPECT_EQ(take(ledger, *made, 20, now + 2h).answer, Answer::taken);
}

TEST(QuotaRows, OneForEachSubjectAndPeriod) {
    Store store;
    const auto set = [&](std::uint32_t recipients) {
        return store.write(
            [&](Transaction& rows) { return set_quota(rows, quota(QuotaPeriod::day, recipients, BeyondQuota::hold)); });
    };
    const auto first = set(100), second = set(50);
    ASSERT_TRUE(first.has_value() && second.has_value());
    EXPECT_EQ(first->id, second->id);
    EXPECT_FALSE(set(0).has_value());
    EXPECT_FALSE(set(largest_quota + 1).has_value());
    const auto list = [&] { return store.read([](Reader& reader) { return list_quotas(reader); }).value(); };
    EXPECT_THAT(list(), ElementsAre(*second));
    const auto remove = [&] {
        return store.write(
            [](Transaction& rows) { return remove_quota(rows, QuotaScope::tenant, 1, QuotaPeriod::day); });
    };
    EXPECT_TRUE(remove().has_value());
    EXPECT_EQ(remove().error().kind, ErrorKind::not_found);
    EXPECT_THAT(list(), IsEmpty());
    EXPECT_GT(set(1)->id.value, first->id.value) << "ids are never given twice";
}

}  // namespace
}  // namespace relevo::test
