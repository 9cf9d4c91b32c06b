#include "core/queue/delivery_queue.h"

#include <gtest/gtest.h>

namespace relevo {
namespace {

using std::chrono::minutes;
const WallClock::time_point noon{std::chrono::hours(12)};

class DeliveryQueueTest : public testing::Test {
 protected:
    Destination& destination(std::string_view key) { return queue.destination(key, route); }
    void add(Destination& to, std::int64_t message, std::uint32_t ordinal, WallClock::time_point due,
             std::uint16_t attempts = 0) {
        const std::uint32_t flow = queue.flow({.tenant = TenantId{1}});
        queue.add(to, QueueEntry{.message = MessageId{message}, .ordinal = ordinal, .attempts = attempts, .flow = flow},
                  due, noon);
    }
    std::vector<QueueEntry> finish(Destination& of, std::int64_t message, std::vector<std::uint32_t> ordinals) {
        return queue.finish(of, MessageId{message}, ordinals);
    }
    std::vector<std::string> woken_at(WallClock::time_point now) {
        std::vector<std::string> keys;
        queue.wake(now, [&](Destination& woken) { keys.push_back(woken.key()); });
        return keys;
    }
    // By way of the one lane of the site that everything leads to.
    std::optional<Lease> lease(Destination& of, std::size_t recipients) {
        Site& site = queue.site("mx.example");
        queue.lead(of, site);
        queue.place(of, [&](const QueueEntry&) { return &site.lane(source); });
        return queue.lease(site.lane(source), [&](const ReadyEntry&) { return recipients; });
    }
    std::shared_ptr<const Route> route = std::make_shared<Route>();
    std::shared_ptr<const EgressSource> source = std::make_shared<EgressSource>(EgressSource{.name = "default"});
    DeliveryQueue queue;
};

TEST_F(DeliveryQueueTest, HandsOutRecipientsOfOneMessageTogether) {
    Destination& a = destination("a.example");
    for (std::uint32_t ordinal : {0U, 1U, 2U}) add(a, 1, ordinal, noon);
    add(a, 9, 0, noon);
    EXPECT_EQ(lease(a, 2)->ordinals, (std::vector<std::uint32_t>{0, 1}));
    EXPECT_EQ(lease(a, 2)->ordinals, (std::vector<std::uint32_t>{2}));
    EXPECT_EQ(lease(a, 2)->message, MessageId{9});
    EXPECT_FALSE(lease(a, 2).has_value());
    EXPECT_TRUE(finish(a, 1, {0, 1, 2}).empty());
    EXPECT_TRUE(finish(a, 9, {0}).empty());
    EXPECT_EQ(queue.size(), 0U);
    EXPECT_TRUE(a.is_empty());
}

// security row R13
TEST_F(DeliveryQueueTest, ShiftsRetriesWithTheClockAndLeavesScheduledMail) {
    Destination& a = destination("a.example");
    Destination& b = destination("b.example");
    add(a, 1, 0, noon + minutes(5), 1);
    add(a, 2, 0, noon + minutes(9));
    add(b, 3, 0, noon + minutes(3), 2);
    for (const auto leap : {minutes(600), minutes(-10000), minutes(10000)}) queue.shift_retries(leap);
    EXPECT_EQ(queue.next_due(), noon + minutes(9));
    EXPECT_EQ(woken_at(noon + minutes(602)), std::vector<std::string>{"a.example"});
    EXPECT_EQ(lease(a, 10)->message, MessageId{2});
    EXPECT_EQ(woken_at(noon + minutes(603)), std::vector<std::string>{"b.example"});
    EXPECT_EQ(woken_at(noon + minutes(605)), std::vector<std::string>{"a.example"});
    EXPECT_EQ(queue.next_due(), std::nullopt);
}

TEST_F(DeliveryQueueTest, WakesNothingBeforeItIsDue) {
    Destination& a = destination("a.example");
    add(a, 1, 0, noon + minutes(5));
    EXPECT_EQ(queue.next_due(), noon + minutes(5));
    EXPECT_TRUE(woken_at(noon + minutes(4)).empty());
    EXPECT_FALSE(lease(a, 10).has_value());
    EXPECT_EQ(woken_at(noon + minutes(5)), std::vector<std::string>{"a.example"});
    EXPECT_EQ(lease(a, 10)->message, MessageId{1});
}

TEST_F(DeliveryQueueTest, AnEarlierRecipientMovesTheAlarmForward) {
    Destination& a = destination("a.example");
    add(a, 1, 0, noon + minutes(30));
    add(a, 2, 0, noon + minutes(1));
    EXPECT_EQ(queue.next_due(), noon + minutes(1));
    EXPECT_EQ(woken_at(noon + minutes(1)).size(), 1U);
    EXPECT_EQ(a.waiting_count(), 1U);
    EXPECT_EQ(woken_at(noon + minutes(30)).size(), 1U) << "the later one must not be forgotten";
}

TEST_F(DeliveryQueueTest, DeferredTogetherStayTogether) {
    Destination& a = destination("a.example");
    add(a, 7, 2, noon + minutes(1));
    add(a, 8, 0, noon + minutes(1));
    add(a, 7, 1, noon + minutes(1));
    woken_at(noon + minutes(1));
    EXPECT_EQ(lease(a, 10)->ordinals, (std::vector<std::uint32_t>{1, 2}));
}

TEST_F(DeliveryQueueTest, RemovesWaitingAndReadyButNotLeased) {
    Destination& a = destination("a.example");
    add(a, 1, 0, noon);
    const auto first = lease(a, 1);
    ASSERT_TRUE(first.has_value());
    add(a, 1, 1, noon);
    add(a, 1, 2, noon + minutes(1));
    add(a, 2, 0, noon + minutes(1));
    EXPECT_EQ(queue.remove_if(a, [](const QueueEntry& entry) { return entry.message == MessageId{1}; }), 2U);
    EXPECT_EQ(queue.size(), 2U);
    EXPECT_EQ(a.leased_count(), 1U);
}

TEST_F(DeliveryQueueTest, NeverHandsOutARecipientTwiceAtATime) {
    Destination& a = destination("a.example");
    Destination& b = destination("b.example");
    add(a, 1, 0, noon);
    add(b, 1, 0, noon);  // left there by a route that changed
    ASSERT_TRUE(lease(a, 1).has_value());
    add(a, 1, 0, noon);
    EXPECT_FALSE(lease(a, 1).has_value());
    EXPECT_FALSE(lease(b, 1).has_value());
    EXPECT_EQ(queue.size(), 3U);
    EXPECT_EQ(finish(a, 1, {0}).size(), 1U) << "its holder decides what becomes of it";
    EXPECT_EQ(queue.size(), 0U);
    EXPECT_TRUE(a.is_empty() && b.is_empty());
    add(a, 1, 0, noon);
    EXPECT_TRUE(lease(a, 1).has_value());
    EXPECT_TRUE(finish(a, 1, {0}).empty());
}

TEST_F(DeliveryQueueTest, RetryNowMakesTheChosenReady) {
    Destination& a = destination("a.example");
    add(a, 1, 0, noon + minutes(30));
    add(a, 2, 0, noon + minutes(40));
    EXPECT_EQ(queue.retry_if(a, [](const QueueEntry& entry) { return entry.message == MessageId{2}; }), 1U);
    EXPECT_EQ(lease(a, 10)->message, MessageId{2});
    EXPECT_EQ(woken_at(noon + minutes(30)).size(), 1U);
}

TEST_F(DeliveryQueueTest, ForgetsADestinationOnlyWhenNothingIsLeft) {
    Destination& a = destination("a.example");
    add(a, 1, 0, noon);
    queue.forget_if_idle(a);
    EXPECT_EQ(queue.destination_count(), 1U);
    EXPECT_TRUE(lease(a, 1).has_value());
    EXPECT_TRUE(finish(a, 1, {0}).empty());
    queue.forget_if_idle(a);
    EXPECT_EQ(queue.destination_count(), 0U);
}

TEST_F(DeliveryQueueTest, AnOutdatedAlarmNeverOutlivesItsDestination) {
    Destination& a = destination("a.example");
    add(a, 1, 0, noon + minutes(30));
    add(a, 2, 0, noon + minutes(1));
    queue.remove_if(a, [](const QueueEntry& entry) { return entry.message == MessageId{1}; });
    woken_at(noon + minutes(1));
    EXPECT_TRUE(lease(a, 1).has_value());
    EXPECT_TRUE(finish(a, 2, {0}).empty());
    queue.forget_if_idle(a);
    EXPECT_EQ(queue.destination_count(), 1U) << "the alarm for the removed recipient still points at it";
    woken_at(noon + minutes(30));
    queue.forget_if_idle(a);
    EXPECT_EQ(queue.destination_count(), 0U);
}

// Destinations with the same mail servers share their connections: one lane hands out the mail of both.
TEST_F(DeliveryQueueTest, ALaneHandsOutTheMailOfAllItsDestinations) {
    Destination& a = destination("a.example");
    Destination& b = destination("b.example");
    Site& site = queue.site("mx.example");
    for (Destination* each : {&a, &b}) {
        add(*each, each == &a ? 1 : 2, 0, noon);
        queue.lead(*each, site);
        queue.place(*each, [&](const QueueEntry&) { return &site.lane(source); });
    }
    const auto anything = [](const ReadyEntry&) -> std::size_t { return 9; };
    EXPECT_EQ(queue.lease(site.lane(source), anything)->destination, &a);
    EXPECT_EQ(queue.lease(site.lane(source), anything)->destination, &b);
    EXPECT_EQ(site.destinations(), 2U);
}

TEST_F(DeliveryQueueTest, WhatWasReadyAtTheFormerSiteIsDueAgain) {
    Destination& a = destination("a.example");
    add(a, 1, 0, noon);
    Site& former = queue.site("mx1.example");
    queue.lead(a, former);
    queue.place(a, [&](const QueueEntry&) { return &former.lane(source); });
    EXPECT_EQ(a.ready_count(), 1U);
    queue.lead(a, queue.site("mx2.example"));
    EXPECT_EQ(a.ready_count(), 0U);
    EXPECT_EQ(a.due_count(), 1U);
    EXPECT_EQ(former.lane(source).ready_count(), 0U);
    EXPECT_TRUE(queue.forget_if_idle(former));
}

TEST_F(DeliveryQueueTest, EverythingButLeasesGoesWhenADestinationMoves) {
    Destination& a = destination("a.example");
    add(a, 1, 0, noon);
    ASSERT_TRUE(lease(a, 1).has_value());
    add(a, 2, 0, noon);
    add(a, 3, 0, noon + minutes(5));
    const auto taken = queue.take_all(a, noon);
    ASSERT_EQ(taken.size(), 2U);
    EXPECT_EQ(taken[0].due, noon);
    EXPECT_EQ(taken[1].due, noon + minutes(5));
    EXPECT_EQ(queue.size(), 1U);
    EXPECT_TRUE(finish(a, 1, {0}).empty());
    EXPECT_TRUE(a.is_empty());
}

TEST_F(DeliveryQueueTest, AMillionWaitingRecipientsCostAtMostTheirShareOfMemory) {
    // Goal: 300 octets a recipient, with a destination of its own each (the worst case).
    EXPECT_LE(sizeof(QueueEntry) + sizeof(std::int64_t) + sizeof(Destination) + 64, 300U);
}

}  // namespace
}  // namespace relevo
