#include "core/shaping/throttle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace relevo::shaping {
namespace {

using bounces::BounceClass;
using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::HasSubstr;

constexpr Time noon{seconds(1'800'014'400)};  // 12:00:00 UTC

class ThrottleTest : public testing::Test {
 protected:
    Throttle& with(Limits limits) {
        throttle = std::make_unique<Throttle>(std::make_shared<const Limits>(limits));
        return *throttle;
    }
    void open(int count = 1) {
        for (int i = 0; i < count; ++i) {
            EXPECT_TRUE(throttle->may_connect(now).granted());
            throttle->connecting(now);
            throttle->connected(now);
        }
    }
    // One message with that answer, 100 ms later.
    void send(BounceClass kind) {
        const Time began = now;
        throttle->sent(now, 1);
        now += milliseconds(100);
        throttle->heard(now, began, kind);
    }
    // How many may go in that time if there is always one more.
    int sent_in(std::chrono::milliseconds time, BounceClass kind = BounceClass::delivered) {
        int count = 0;
        const Time end = now + time;
        while (now < end) {
            const Permission permission = throttle->may_send(now);
            if (permission.granted()) {
                throttle->sent(now, 1);
                throttle->heard(now, now, kind);
                ++count;
                now += milliseconds(1);
            } else {
                EXPECT_GT(permission.until, now);
                now = std::min(permission.until, end);
            }
        }
        return count;
    }
    [[nodiscard]] bool was_told(Change change) const {
        const auto changes = throttle->status(now).changes;
        return std::ranges::any_of(changes, [&](const ChangeEntry& entry) { return entry.change == change; });
    }
    Time now = noon;
    std::unique_ptr<Throttle> throttle = std::make_unique<Throttle>(std::make_shared<const Limits>());
};

TEST_F(ThrottleTest, WithoutLimitsNothingStandsInTheWay) {
    open(1000);
    EXPECT_EQ(sent_in(seconds(1)), 1000) << "one each millisecond, as fast as this test asks";
    EXPECT_EQ(throttle->next_change(now), never);
}

TEST_F(ThrottleTest, CountsConnectionsThatOpenAndThatAreOpen) {
    with({.connections = 3});
    open(2);
    throttle->connecting(now);
    const Permission refused = throttle->may_connect(now);
    EXPECT_EQ(refused.hindrance, Hindrance::connections);
    EXPECT_EQ(refused.until, never);
    throttle->connection_failed(now);
    EXPECT_TRUE(throttle->may_connect(now).granted()) << "others work: one that failed is no reason to wait";
    throttle->closed(now);
    throttle->closed(now);
    EXPECT_EQ(throttle->status(now).connections, 0U);
    throttle->closed(now);
    EXPECT_EQ(throttle->status(now).connections, 0U);
}

TEST_F(ThrottleTest, SpreadsMessagesEvenly) {
    with({.message_rate = Rates{.per_second = 10}});
    EXPECT_EQ(sent_in(milliseconds(99)), 1);
    EXPECT_EQ(sent_in(seconds(10)), 100);
    with({.message_rate = Rates{.per_minute = 60}});
    // A tenth of the minute's may go at once.
    EXPECT_EQ(sent_in(milliseconds(900)), 6);
    EXPECT_EQ(sent_in(minutes(10)), 600);
}

TEST_F(ThrottleTest, SeveralUnitsCountAtOnce) {
    with({.message_rate = Rates{.per_second = 100, .per_minute = 600, .per_hour = 3000, .per_day = 5000}});
    EXPECT_NEAR(sent_in(minutes(1)), 660, 2);
    EXPECT_NEAR(sent_in(minutes(4)), 2340, 2) << "the hour's are used up";
    const Permission of_hour = throttle->may_send(now);
    EXPECT_EQ(of_hour.hindrance, Hindrance::message_rate);
    EXPECT_EQ(of_hour.unit, RateUnit::hour);
    EXPECT_LE(sent_in(hours(22)), 2001);
    EXPECT_EQ(throttle->may_send(now).unit, RateUnit::day);
}

// No window of an hour holds more than its limit allows, wherever it begins.
TEST_F(ThrottleTest, NoHourHoldsMuchMoreThanItsLimit) {
    std::mt19937 chance(5);
    with({.message_rate = Rates{.per_hour = 100}});
    std::vector<Time> sent;
    for (int i = 0; i < 5000; ++i) {
        if (throttle->may_send(now).granted()) {
            throttle->sent(now, 1);
            sent.push_back(now);
        }
        now += seconds(chance() % 60);
    }
    for (std::size_t first = 0, last = 0; last < sent.size(); ++last) {
        while (sent[last] - sent[first] >= hours(1)) ++first;
        // The count of the last hour is an estimate.
        EXPECT_LE(last - first + 1, 125U);
    }
    EXPECT_GE(sent.size(), static_cast<std::size_t>((now - noon) / hours(1)) * 95);
}

TEST_F(ThrottleTest, SaysWhenToAskAgainAndKeepsThatPromise) {
    std::mt19937 chance(3);
    for (int round = 0; round < 200; ++round) {
        Rates rates{.per_second = static_cast<std::uint32_t>(chance() % 20)};
        rates.per_minute = static_cast<std::uint32_t>(chance() % 300);
        rates.per_hour = static_cast<std::uint32_t>(chance() % 500);
        rates.per_day = static_cast<std::uint32_t>(chance() % 2000);
        with({.message_rate = rates});
        now += seconds(chance() % 100'000);
        for (int i = 0; i < 300; ++i) {
            const Permission permission = throttle->may_send(now);
            if (permission.granted()) {
                throttle->sent(now, 1);
                now += milliseconds(chance() % 50);
                continue;
            }
            ASSERT_GT(permission.until, now);
            ASSERT_EQ(throttle->next_change(now), permission.until);
            now = permission.until;
            if (permission.unit >= RateUnit::hour) {
                ASSERT_TRUE(throttle->may_send(now).granted() || throttle->may_send(now).unit != permission.unit)
                    << rates.text();
            }
        }
    }
}

TEST_F(ThrottleTest, ARecipientIsAMessageAndATransactionMayCarryWhatIsLeft) {
    with({.recipients_per_transaction = 50, .message_rate = Rates{.per_second = 10, .per_hour = 60}});
    EXPECT_EQ(throttle->may_send(now).recipients, 50U);
    throttle->sent(now, 50);
    EXPECT_GE(throttle->may_send(now).until, now + seconds(4)) << "50 recipients are five seconds' worth";
    now += seconds(6);
    EXPECT_LE(throttle->may_send(now).recipients, 11U);
}

TEST_F(ThrottleTest, ConnectionsHaveARateOfTheirOwn) {
    with({.connection_rate = Rates{.per_minute = 60}});
    open(6);
    const Permission refused = throttle->may_connect(now);
    EXPECT_EQ(refused.hindrance, Hindrance::connection_rate);
    EXPECT_EQ(refused.until, now + seconds(1));
    EXPECT_TRUE(throttle->may_send(now).granted());
}

TEST_F(ThrottleTest, BacksOffTwiceAsLongAfterEachFailure) {
    with({.first_back_off = seconds(10), .longest_back_off = minutes(2)});
    for (const int length : {10, 20, 40, 80, 120, 120}) {
        ASSERT_TRUE(throttle->may_connect(now).granted());
        throttle->connecting(now);
        throttle->connection_failed(now);
        EXPECT_EQ(throttle->may_connect(now).until, now + seconds(length));
        now += seconds(length);
    }
    open();
    throttle->closed(now);
    throttle->connecting(now);
    throttle->connection_failed(now);
    EXPECT_EQ(throttle->may_connect(now).until, now + seconds(10)) << "a success begins anew";
}

TEST_F(ThrottleTest, LearnsHowManyConnectionsAreTaken) {
    open(5);
    throttle->connecting(now);
    throttle->connection_refused(now, BounceClass::too_many_connections);
    EXPECT_EQ(throttle->may_connect(now).hindrance, Hindrance::learned_connections);
    EXPECT_EQ(throttle->state().learned_connections, 5);
    // One more is tried when they were short for a minute.
    EXPECT_EQ(throttle->next_change(now), now + minutes(1));
    now += minutes(1);
    EXPECT_TRUE(throttle->may_connect(now).granted());
    throttle->connecting(now);
    throttle->connection_refused(now += seconds(5), BounceClass::too_many_connections);
    EXPECT_EQ(throttle->state().learned_connections, 5);
    EXPECT_FALSE(throttle->may_connect(now + minutes(1)).granted()) << "next time it waits longer";
    EXPECT_TRUE(throttle->may_connect(now + minutes(2)).granted());
}

TEST_F(ThrottleTest, SlowsDownAtTheFirstRefusalToAFractionOfWhatWasAccepted) {
    // 20 a second for ten seconds.
    for (int i = 0; i < 200; ++i) {
        throttle->sent(now, 1);
        throttle->heard(now, now, BounceClass::delivered);
        now += milliseconds(50);
    }
    EXPECT_NEAR(throttle->status(now).accepted_rate, 20, 2);
    send(BounceClass::rate_limited);
    EXPECT_NEAR(throttle->state().pace.rate, 17, 2);
    EXPECT_NEAR(sent_in(seconds(5)), 5 * 17, 10);
    EXPECT_THAT(throttle->status(now).changes.front().text(mail::Language::english), HasSubstr("slowed to "));
}

TEST_F(ThrottleTest, RefusalsOfWhatWasOnItsWayCountOnce) {
    for (int i = 0; i < 100; ++i) {
        throttle->sent(now, 1);
        throttle->heard(now, now, BounceClass::delivered);
        now += milliseconds(50);
    }
    const Time began = now;
    for (int i = 0; i < 20; ++i) throttle->sent(now, 1);
    for (int i = 0; i < 20; ++i) throttle->heard(now += milliseconds(100), began, BounceClass::rate_limited);
    EXPECT_GT(throttle->state().pace.rate, 14);
    EXPECT_EQ(throttle->state().pace.phase, AdaptivePace::Phase::open);
}

TEST_F(ThrottleTest, PausesWhenNothingIsAcceptedAndTriesWithOneMessage) {
    for (int i = 0; i < 4; ++i) send(BounceClass::rate_limited);
    const Permission paused = throttle->may_send(now);
    ASSERT_EQ(paused.hindrance, Hindrance::pause);
    EXPECT_EQ(throttle->may_connect(now).hindrance, Hindrance::pause);
    now = paused.until;
    EXPECT_EQ(throttle->may_send(now).recipients, 1U);
    throttle->sent(now, 1);
    EXPECT_EQ(throttle->may_send(now).hindrance, Hindrance::probe);
    throttle->heard(now, now, BounceClass::delivered);
    EXPECT_TRUE(throttle->may_send(now + seconds(1)).granted());
}

// A customer of a provider for many who refuses us must not close it for all by one message to ten of its people.
TEST_F(ThrottleTest, RecipientsOfOneTransactionAreOneRefusal) {
    for (const BounceClass kind :
         {BounceClass::address_blocked, BounceClass::rate_limited, BounceClass::system_failure}) {
        for (int transaction = 0; transaction < 2; ++transaction) {
            const Time began = now;
            throttle->sent(now, 10);
            now += seconds(1);
            for (int i = 0; i < 10; ++i) throttle->heard(now, began, kind);
        }
        EXPECT_EQ(throttle->state().pace.phase, AdaptivePace::Phase::open) << bounces::name_of(kind);
    }
}

// Exponential probes: 5, 15, 30, 60, 60 minutes, by one message each.
TEST_F(ThrottleTest, ABlockClosesWithProbesThatBecomeRarer) {
    for (int i = 0; i < 3; ++i) send(BounceClass::address_blocked);
    for (const int length : {5, 15, 30, 60, 60}) {
        const Permission closed = throttle->may_send(now);
        ASSERT_EQ(closed.hindrance, Hindrance::block);
        EXPECT_EQ(closed.cause, BounceClass::address_blocked);
        EXPECT_EQ(throttle->may_connect(now).hindrance, Hindrance::block);
        EXPECT_EQ(std::chrono::round<minutes>(closed.until - now), minutes(length));
        now = closed.until;
        ASSERT_TRUE(throttle->may_connect(now).granted());
        EXPECT_EQ(throttle->may_send(now).recipients, 1U);
        send(BounceClass::address_blocked);
    }
    now = throttle->may_send(now).until;
    send(BounceClass::greylisted);
    EXPECT_TRUE(throttle->may_send(now + seconds(2)).granted()) << "whoever greylists does not block";
    EXPECT_TRUE(was_told(Change::reopened));
}

TEST_F(ThrottleTest, AProbeWithoutAnAnswerIsFollowedByAnother) {
    for (int i = 0; i < 3; ++i) send(BounceClass::address_blocked);
    now = throttle->may_send(now).until;
    throttle->sent(now, 1);
    EXPECT_EQ(throttle->may_send(now).until, now + minutes(15)) << "nobody may ever tell what became of it";
    throttle->heard(now + seconds(1), now, BounceClass::network_failure);
    EXPECT_EQ(throttle->may_send(now + seconds(1)).hindrance, Hindrance::block);
    now += minutes(6);
    EXPECT_TRUE(throttle->may_send(now).granted());
    ASSERT_TRUE(throttle->may_connect(now).granted());
    throttle->connecting(now);
    EXPECT_EQ(throttle->may_connect(now).hindrance, Hindrance::probe) << "one connection is enough for one message";
    throttle->connection_failed(now);
    EXPECT_FALSE(throttle->may_connect(now).granted());
}

TEST_F(ThrottleTest, AnswersFromBeforeABlockDoNotReopenIt) {
    const Time before = now;
    for (int i = 0; i < 3; ++i) send(BounceClass::address_blocked);
    throttle->heard(now, before, BounceClass::delivered);
    EXPECT_EQ(throttle->may_send(now).hindrance, Hindrance::block);
    now = throttle->may_send(now).until;
    throttle->sent(now, 1);
    throttle->heard(now, before, BounceClass::delivered);
    EXPECT_EQ(throttle->may_send(now).hindrance, Hindrance::probe);
}

TEST_F(ThrottleTest, ReasonsOfRecipientsAndGreylistingChangeNothing) {
    for (const BounceClass kind :
         {BounceClass::greylisted, BounceClass::unknown_user, BounceClass::mailbox_full, BounceClass::content_rejected,
          BounceClass::message_too_large, BounceClass::relay_denied})
        for (int i = 0; i < 500; ++i) send(kind);
    EXPECT_TRUE(throttle->status(now).changes.empty());
    EXPECT_TRUE(throttle->may_send(now).granted());
}

TEST_F(ThrottleTest, WithoutAdaptationRepliesTeachNothing) {
    with({.adaptive = false});
    for (int i = 0; i < 100; ++i) {
        send(BounceClass::rate_limited);
        send(BounceClass::address_blocked);
        send(BounceClass::too_many_connections);
    }
    EXPECT_TRUE(throttle->may_send(now).granted());
    EXPECT_TRUE(throttle->may_connect(now).granted());
}

TEST_F(ThrottleTest, WhatIsLearnedAndCountedSurvivesARestart) {
    const Limits limits{.message_rate = Rates{.per_day = 1000}, .warm_up_start = 500, .warm_up_full = 10'000};
    with(limits);
    for (int i = 0; i < 300; ++i) send(BounceClass::delivered);
    for (int i = 0; i < 8; ++i) send(BounceClass::address_blocked);
    const ThrottleState state = throttle->state();
    Throttle again(std::make_shared<const Limits>(limits));
    again.restore(state);
    EXPECT_EQ(again.state(), state);
    EXPECT_EQ(again.may_send(now).hindrance, Hindrance::block);
    EXPECT_EQ(again.may_send(now).until, throttle->may_send(now).until);
    EXPECT_EQ(again.status(now).warm_up.sent, 308U);
    EXPECT_NEAR(again.status(now).messages_of_day, 308, 0.5);
}

TEST_F(ThrottleTest, AClockThatIsSetBackHoldsNothingUp) {
    with({.message_rate = Rates{.per_second = 1}, .first_back_off = seconds(30)});
    throttle->sent(now, 1);
    throttle->connecting(now);
    throttle->connection_failed(now);
    now -= hours(24);
    EXPECT_LE(throttle->may_send(now).until, now + seconds(1));
    EXPECT_LE(throttle->may_connect(now).until, now + seconds(30));
    EXPECT_GE(throttle->may_connect(now).until, now + seconds(29));
}

TEST_F(ThrottleTest, APersonCanHaveItForgetWhatItLearned) {
    for (int i = 0; i < 3; ++i) send(BounceClass::address_blocked);
    throttle->connecting(now);
    throttle->connection_failed(now);
    EXPECT_FALSE(throttle->may_connect(now).granted());
    throttle->forget(now);
    EXPECT_TRUE(throttle->may_connect(now).granted());
    EXPECT_TRUE(throttle->may_send(now).granted());
}

TEST_F(ThrottleTest, IsIdleOnlyWhenForgettingItLosesNothing) {
    send(BounceClass::delivered);
    EXPECT_TRUE(throttle->is_idle(now)) << "no limit asks for the day's count";
    with({.message_rate = Rates{.per_day = 10}});
    EXPECT_TRUE(throttle->is_idle(now));
    open();
    EXPECT_FALSE(throttle->is_idle(now));
    throttle->closed(now);
    EXPECT_TRUE(throttle->is_idle(now));
    send(BounceClass::delivered);
    EXPECT_FALSE(throttle->is_idle(now)) << "the day's count";
    EXPECT_TRUE(throttle->is_idle(now + days(3)));
    with({.warm_up_start = 5});
    send(BounceClass::delivered);
    EXPECT_FALSE(throttle->is_idle(now + days(3))) << "its warm-up";
    EXPECT_TRUE(throttle->is_idle(now + days(31))) << "it is new again";
}

TEST_F(ThrottleTest, TellsPeopleWhyInBothLanguages) {
    with({.message_rate = Rates{.per_second = 10}});
    throttle->sent(now, 1);
    const PathNames names{.destination = "google", .source = "mx1"};
    EXPECT_EQ(explain(throttle->may_send(now), names, now, mail::Language::english),
              "10 messages a second to google from mx1 are reached: the next may go at 12:00:01 UTC");
    EXPECT_EQ(explain(throttle->may_send(now), names, now, mail::Language::spanish),
              "se han alcanzado 10 mensajes por segundo a google desde mx1: el próximo puede salir a las 12:00:01 UTC");
    EXPECT_EQ(explain({}, names, now, mail::Language::english), "");
    for (int kind = 1; kind <= static_cast<int>(Hindrance::warm_up); ++kind) {
        const Permission permission{.hindrance = static_cast<Hindrance>(kind), .amount = 3, .until = noon + days(2)};
        const std::string english = explain(permission, names, now, mail::Language::english);
        EXPECT_THAT(english, HasSubstr("to google from mx1"));
        EXPECT_THAT(explain(permission, names, now, mail::Language::spanish), HasSubstr("a google desde mx1"));
        EXPECT_FALSE(name_of(permission.hindrance).empty());
    }
    EXPECT_EQ(clock_time(noon + days(2), noon), "12:00:00 UTC (2027-01-17)");
}

TEST_F(ThrottleTest, TheLogKeepsTheLastChangesWithWordsForEach) {
    ChangeLog log;
    for (int change = 0; change <= static_cast<int>(Change::warm_up_ended); ++change)
        log.add(noon + seconds(change), static_cast<Change>(change), BounceClass::rate_limited, 10, 5);
    for (const ChangeEntry& entry : log.entries()) {
        EXPECT_THAT(entry.text(mail::Language::english), HasSubstr("(rate_limited)"));
        EXPECT_NE(entry.text(mail::Language::english), entry.text(mail::Language::spanish));
        EXPECT_FALSE(name_of(entry.change).empty());
    }
    for (int i = 0; i < 100; ++i) log.add(noon + hours(i), Change::paused, BounceClass::rate_limited, 0, i);
    ASSERT_EQ(log.entries().size(), ChangeLog::capacity);
    EXPECT_EQ(log.entries().back().to, 99);
    EXPECT_EQ(log.entries().front().to, 100 - static_cast<int>(ChangeLog::capacity));
    for (int i = 0; i < 100; ++i) log.add(noon + hours(i), Change::rate_raised, BounceClass::delivered, i, i + 1);
    EXPECT_EQ(log.entries().back().from, 0) << "raises in a row are one";
    EXPECT_EQ(log.entries().back().to, 100);
}

// Any order of calls: no count runs below zero, every hindrance ends or is ended by a call, nothing is granted beyond
// the connections.
TEST_F(ThrottleTest, HoldsInAnyOrderOfCalls) {
    for (unsigned seed = 1; seed <= 50; ++seed) {
        std::mt19937 chance(seed);
        with({.connections = 5,
              .recipients_per_transaction = 10,
              .message_rate = Rates{.per_second = 50, .per_hour = 5000},
              .connection_rate = Rates{.per_second = 5},
              .warm_up_start = chance() % 2 == 0 ? 1000U : 0U});
        const auto classes = bounces::all_bounce_classes();
        std::uint32_t opening = 0, connected = 0;
        for (int step = 0; step < 3000; ++step) {
            const auto kind = classes[chance() % classes.size()];
            switch (chance() % 8) {
                case 0:
                    if (throttle->may_connect(now).granted()) {
                        throttle->connecting(now);
                        ++opening;
                    }
                    break;
                case 1:
                    if (opening > 0) throttle->connected(now), --opening, ++connected;
                    break;
                case 2:
                    if (opening > 0) throttle->connection_refused(now, kind), --opening;
                    break;
                case 3:
                    if (opening > 0) throttle->connection_failed(now), --opening;
                    break;
                case 4:
                    if (connected > 0) throttle->closed(now), --connected;
                    break;
                case 5:
                    if (const Permission permission = throttle->may_send(now); permission.granted()) {
                        ASSERT_GE(permission.recipients, 1U);
                        ASSERT_LE(permission.recipients, 10U);
                        throttle->sent(now, permission.recipients);
                    } else {
                        ASSERT_FALSE(explain(permission, {"a", "b"}, now, mail::Language::english).empty());
                    }
                    break;
                case 6: throttle->heard(now, now - milliseconds(chance() % 2000), kind); break;
                default: now += milliseconds(chance() % 5000);
            }
            ASSERT_EQ(throttle->status(now).connections, opening + connected);
            ASSERT_LE(opening + connected, 5U);
            ASSERT_GT(throttle->next_change(now), now);
            ASSERT_TRUE(std::isfinite(throttle->state().pace.rate));
        }
        // Whatever happened: after a day, mail goes again.
        while (connected-- > 0) throttle->closed(now);
        while (opening-- > 0) throttle->connection_failed(now);
        now += hours(48);
        EXPECT_TRUE(throttle->may_send(now).granted());
        EXPECT_TRUE(throttle->may_connect(now).granted());
    }
}

}  // namespace
}  // namespace relevo::shaping
