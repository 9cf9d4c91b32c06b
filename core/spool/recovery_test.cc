#include "core/spool/spool_fixture.h"

#include <gmock/gmock.h>

namespace relevo {
namespace {

using test::SpoolStore;

DeliveryOutcome deferred(std::uint32_t ordinal, WallClock::time_point due_at, std::uint32_t attempts) {
    return {.ordinal = ordinal,
            .outcome = Outcome::deferred,
            .due_at = due_at,
            .attempts = attempts,
            .last_reply = "451 4.7.1 later",
            .detail = "{}"};
}

TEST(SpoolRecovery, KeepsTheContentOfWhatStillWaits) {
    SpoolStore store;
    const auto message = store.accept("a@example.com", {"b@example.net"});
    store.restart();
    EXPECT_EQ(store.recovery.messages, 1);
    EXPECT_EQ(store.run(store.spool->content_of(message->id)).value_or("gone"), *message->content);
    store.restart();  // what the first start swept away would be missed here
    const auto loaded = store.run(store.spool->load(message->id, {0}));
    ASSERT_TRUE(loaded.has_value()) << loaded.error().detail;
    EXPECT_EQ(*(*loaded)->content, *message->content);
    EXPECT_EQ((*loaded)->location, message->location);
}

// What a message asks for, and what it waits for, is the same after a restart.
TEST(SpoolRecovery, KeepsThePoolTheStreamAndTheTimeBeforeWhichNothingGoes) {
    SpoolStore store;
    const WallClock::time_point until =
        std::chrono::floor<std::chrono::milliseconds>(WallClock::now()) + test::hours(5);
    for (const std::string pool : {"news", "fast", "news", ""}) {
        Submission submission = store.submission(test::envelope("a@example.com", {"b@example.net"}));
        submission.pool = pool;
        submission.stream = pool == "news" ? mail::MessageStream::bulk : mail::MessageStream::transactional;
        submission.not_before = until;
        submission.waits_for = "room";
        const auto message = store.accept(std::move(submission));
        EXPECT_EQ(message->pool, pool);
        EXPECT_EQ(message->due_at, until);
    }
    EXPECT_EQ(store.number("SELECT count(*) FROM pool_name"), 2) << "one number for each name";
    store.restart();
    const auto rows = store.rows();
    ASSERT_EQ(rows.size(), 4U);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        EXPECT_EQ(rows[i].pool, (std::array{"news", "fast", "news", ""}[i])) << i;
        EXPECT_EQ(rows[i].stream == mail::MessageStream::bulk, rows[i].pool == "news") << i;
        EXPECT_EQ(rows[i].due_at, until);
        EXPECT_EQ(rows[i].last_reply, "room");
    }
    const auto loaded = store.run(store.spool->load(rows[1].id.message, {0}));
    ASSERT_TRUE(loaded.has_value()) << loaded.error().detail;
    EXPECT_EQ((*loaded)->pool, "fast");
}

TEST(SpoolRecovery, TellsWhatTheRowsSay) {
    SpoolStore store;
    const auto first = store.accept("a@example.com", {"b@example.net", "c@example.net"});
    const auto second = store.accept("", {"d@example.org"});
    const WallClock::time_point due = std::chrono::floor<std::chrono::milliseconds>(WallClock::now()) + test::hours(2);
    DeliveryOutcome outcome = deferred(1, due, 3);
    outcome.delay_reported = true;
    ASSERT_TRUE(store.run(store.spool->record(first, {outcome}, {})).has_value());
    DeliveryFilter of_second;
    of_second.message = second->id;
    ASSERT_EQ(store.run(store.spool->change(store.rows(of_second), Spool::Change::hold, "")).value().size(), 1U);

    store.restart();
    EXPECT_TRUE(store.recovery.damage.empty());
    EXPECT_EQ(store.recovery.messages, 2);
    EXPECT_EQ(store.recovery.deliveries, 3);
    ASSERT_EQ(store.recovered.size(), 3U);
    EXPECT_EQ(store.recovered[0].id, (DeliveryId{first->id, 0}));
    EXPECT_EQ(store.recovered[0].attempts, 0U);
    EXPECT_FALSE(store.recovered[0].delay_reported);
    EXPECT_EQ(store.recovered[1].id, (DeliveryId{first->id, 1}));
    EXPECT_EQ(store.recovered[1].recipient, "c@example.net");
    EXPECT_EQ(store.recovered[1].due_at, due);
    EXPECT_EQ(store.recovered[1].attempts, 3U);
    EXPECT_TRUE(store.recovered[1].delay_reported);
    EXPECT_EQ(store.recovered[2].state, DeliveryState::held);
    EXPECT_EQ(store.recovered[2].tenant, TenantId{1});
}

TEST(SpoolRecovery, TellsTheLastIdSoThatNoneIsGivenTwice) {
    SpoolStore store;
    const auto message = store.accept("a@example.com", {"b@example.net", "c@example.net"});
    store.restart();
    EXPECT_GE(store.recovery.last.value, message->id.value + 2);
    MessageIdSource ids(0);
    ids.continue_after(store.recovery.last);
    // The wall clock was set back by an hour meanwhile.
    EXPECT_GT(ids.next(WallClock::now() - std::chrono::hours(1), 1), store.recovery.last);
}

}  // namespace
}  // namespace relevo
