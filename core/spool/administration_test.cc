// What a person asks of the queue.
#include "core/spool/spool_fixture.h"

#include <gmock/gmock.h>

namespace relevo::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class SpoolAdministration : public testing::Test {
 protected:
    std::vector<std::string> recipients(DeliveryFilter filter, std::int64_t after = 0, std::size_t limit = 100) {
        std::vector<std::string> found;
        for (const DeliveryRow& row : store.run(store.spool->list(std::move(filter), after, limit)).value())
            found.push_back(row.recipient);
        return found;
    }
    std::vector<DeliveryRow> change(std::vector<DeliveryRow> rows, Spool::Change what, std::string reason = "") {
        return store.run(store.spool->change(std::move(rows), what, std::move(reason))).value();
    }
    SpoolStore store;
};

TEST_F(SpoolAdministration, ListsWhatTheFilterAsksFor) {
    store.accept("a@example.com", {"b@example.net", "c@Example.ORG"});
    auto other = store.submission(envelope("", {"d@example.net"}));
    other.tenant = TenantId{2};
    const auto of_other = store.accept(std::move(other));
    DeliveryFilter filter;
    EXPECT_THAT(recipients(filter), ElementsAre("b@example.net", "c@example.org", "d@example.net"));
    filter.tenant = TenantId{2};
    EXPECT_THAT(recipients(filter), ElementsAre("d@example.net"));
    filter = {};
    filter.recipient_domain = "EXAMPLE.net";
    EXPECT_THAT(recipients(filter), ElementsAre("b@example.net", "d@example.net"));
    filter = {};
    filter.recipient = "c@example.org";
    EXPECT_THAT(recipients(filter), ElementsAre("c@example.org"));
    filter = {};
    filter.sender = "a@example.com";
    EXPECT_THAT(recipients(filter), ElementsAre("b@example.net", "c@example.org"));
    filter = {};
    filter.message = of_other->id;
    EXPECT_THAT(recipients(filter), ElementsAre("d@example.net"));
    filter = {};
    filter.state = DeliveryState::held;
    EXPECT_THAT(recipients(filter), IsEmpty());
}

TEST_F(SpoolAdministration, PagesThroughEverythingOnce) {
    std::vector<std::string> many;
    for (int i = 0; i < 30; ++i) many.push_back("r" + std::to_string(i) + "@example.net");
    store.accept("a@example.com", many);
    store.accept("a@example.com", {"last@example.net"});
    std::vector<std::string> seen;
    for (std::int64_t after = 0;;) {
        const auto page = store.run(store.spool->list({}, after, 7)).value();
        for (const DeliveryRow& row : page) seen.push_back(row.recipient);
        if (page.size() < 7) break;
        after = key_of(page.back().id);
    }
    many.emplace_back("last@example.net");
    EXPECT_EQ(seen, many);
}

// Between the list and the change, the server itself may have set it aside: a retry must bring it back to the queue.
TEST_F(SpoolAdministration, TellsHowARowStoodWhenItWasChanged) {
    store.accept("a@example.com", {"b@example.net"});
    const auto listed = store.rows();
    change(listed, Spool::Change::hold);
    const auto changed = change(listed, Spool::Change::retry);
    ASSERT_THAT(changed, SizeIs(1));
    EXPECT_EQ(changed[0].state, DeliveryState::held);
}

// A message of more recipients than a page: the next page must go on, not begin again.
TEST_F(SpoolAdministration, PagesThroughTheRecipientsOfOneMessage) {
    const auto message = store.accept("a@example.com", {"a@x.example", "b@x.example", "c@x.example"});
    store.accept("a@example.com", {"other@x.example"});
    DeliveryFilter filter;
    filter.message = message->id;
    EXPECT_THAT(recipients(filter, 0, 2), ElementsAre("a@x.example", "b@x.example"));
    EXPECT_THAT(recipients(filter, message->id.value + 1, 2), ElementsAre("c@x.example"));
    EXPECT_THAT(recipients(filter, message->id.value + 2, 2), IsEmpty());
}

TEST_F(SpoolAdministration, AFilterLooksBeyondOnePageOfRows) {
    std::vector<std::string> many(1500, "same@example.net");
    many.emplace_back("needle@example.org");
    store.accept("a@example.com", many);
    DeliveryFilter filter;
    filter.recipient_domain = "example.org";
    EXPECT_THAT(recipients(filter), ElementsAre("needle@example.org"));
}

TEST_F(SpoolAdministration, HoldsReleasesAndRetries) {
    const auto message = store.accept("a@example.com", {"b@example.net", "c@example.net"});
    auto rows = store.rows();
    rows.resize(1);
    EXPECT_THAT(change(rows, Spool::Change::hold, "looks odd"), SizeIs(1));
    EXPECT_EQ(store.rows()[0].state, DeliveryState::held);
    EXPECT_EQ(store.rows()[1].state, DeliveryState::waiting);
    EXPECT_THAT(store.events(message->id).back().detail, HasSubstr("looks odd"));
    const auto before = WallClock::now();
    change(rows, Spool::Change::release);
    EXPECT_EQ(store.rows()[0].state, DeliveryState::waiting);
    EXPECT_GE(milliseconds_of(store.rows()[0].due_at), milliseconds_of(before)) << "due now";
    change(store.rows(), Spool::Change::retry);
    EXPECT_EQ(store.kinds(message->id), "accepted held released released released");
}

TEST_F(SpoolAdministration, DropRemovesAndTheLastDropTakesTheContent) {
    const auto message = store.accept("a@example.com", {"b@example.net", "c@example.net"});
    auto rows = store.rows();
    EXPECT_THAT(change({rows[0]}, Spool::Change::drop, "spam"), SizeIs(1));
    EXPECT_TRUE(store.run(store.spool->content_of(message->id)).has_value());
    EXPECT_THAT(change({rows[1]}, Spool::Change::drop, "spam"), SizeIs(1));
    EXPECT_THAT(store.rows(), IsEmpty());
    EXPECT_EQ(store.kinds(message->id), "accepted dropped dropped");
    EXPECT_TRUE(store.run_until([&] {
        store.committer->run_once();
        store.committer->tidy();
        return store.contents->usage().live == 0;
    }));
}

TEST_F(SpoolAdministration, TellsTheAgeOfWhatWaitsAndNotOfWhatIsHeld) {
    EXPECT_FALSE(store.run(store.spool->numbers()).value().oldest_waiting);
    const auto first = store.accept("a@example.com", {"b@example.net"});
    const auto second = store.accept("a@example.com", {"b@example.net"});
    EXPECT_EQ(store.run(store.spool->numbers()).value().oldest_waiting, time_of(first->id));
    change({store.rows().front()}, Spool::Change::hold);
    EXPECT_EQ(store.run(store.spool->numbers()).value().oldest_waiting, time_of(second->id));
    store.run(store.spool->set_suspension("example.net", "mended soon")).value();
    EXPECT_EQ(store.run(store.spool->numbers()).value().suspensions, 1U);
}

TEST_F(SpoolAdministration, RemembersTheNewestBackupAlone) {
    EXPECT_FALSE(store.run(store.spool->numbers()).value().last_backup);
    const auto now = std::chrono::floor<std::chrono::milliseconds>(WallClock::now());
    for (const auto moment : {now - std::chrono::hours(2), now, now - std::chrono::hours(1)}) {
        CommitRequest request;
        request.rows = [moment](Transaction& transaction, const std::vector<ContentToStore>&) {
            return record_backup(transaction, moment);
        };
        ASSERT_TRUE(store.run(commit(*store.committer, std::move(request))).has_value());
    }
    EXPECT_EQ(store.run(store.spool->numbers()).value().last_backup, now);
}

TEST_F(SpoolAdministration, LeavesOutWhatEndedMeanwhile) {
    const auto message = store.accept("a@example.com", {"b@example.net"});
    const auto rows = store.rows();
    ASSERT_TRUE(
        store.run(store.spool->record(message, {{.ordinal = 0, .outcome = Outcome::delivered, .detail = "{}"}}, {}))
            .has_value());
    for (const auto what : {Spool::Change::hold, Spool::Change::release, Spool::Change::retry, Spool::Change::drop})
        EXPECT_THAT(change(rows, what), IsEmpty());
    EXPECT_EQ(store.kinds(message->id), "accepted delivered");
}

TEST_F(SpoolAdministration, ShowsAMessageWithItsTimeline) {
    const auto message = store.accept("a@example.com", {"b@example.net", "c@example.net"});
    ASSERT_TRUE(
        store.run(store.spool->record(message, {{.ordinal = 0, .outcome = Outcome::delivered, .detail = "{}"}}, {}))
            .has_value());
    const MessageRow shown = store.run(store.spool->show(message->id)).value();
    EXPECT_EQ(shown.id, message->id);
    EXPECT_EQ(shown.tenant, TenantId{1});
    EXPECT_EQ(shown.credential, CredentialId{2});
    EXPECT_EQ(shown.sender, "a@example.com");
    EXPECT_EQ(shown.recipients, 2U);
    EXPECT_EQ(shown.size, message->content->size());
    ASSERT_THAT(shown.pending, SizeIs(1));
    EXPECT_EQ(shown.pending[0].recipient, "c@example.net");
    ASSERT_THAT(shown.events, SizeIs(2));
    EXPECT_EQ(shown.events[0].ordinal, whole_message);
    EXPECT_EQ(shown.events[0].detail, R"({"client":"192.0.2.7"})");
    EXPECT_LT(shown.events[0].id, shown.events[1].id);
    EXPECT_EQ(store.run(store.spool->show(MessageId{42})).error().kind, ErrorKind::not_found);
    EXPECT_EQ(store.run(store.spool->content_of(MessageId{42})).error().kind, ErrorKind::not_found);
}

TEST_F(SpoolAdministration, RemembersSuspensions) {
    ASSERT_TRUE(store.run(store.spool->set_suspension("example.net", "their request")).has_value());
    ASSERT_TRUE(store.run(store.spool->set_suspension("example.net", "again")).has_value());
    ASSERT_TRUE(store.run(store.spool->set_suspension("example.org", "")).has_value());
    store.restart();
    auto found = store.run(store.spool->suspensions()).value();
    ASSERT_THAT(found, SizeIs(2));
    EXPECT_EQ(found[0].site, "example.net");
    EXPECT_EQ(found[0].reason, "again");
    ASSERT_TRUE(store.run(store.spool->set_suspension("example.net", std::nullopt)).has_value());
    EXPECT_THAT(store.run(store.spool->suspensions()).value(), SizeIs(1));
}

class SpoolHistory : public SpoolAdministration {
 protected:
    std::shared_ptr<const Message> accept_days_ago(int days) {
        auto old = store.submission(envelope("a@example.com", {"b@example.net"}));
        const auto then = WallClock::now() - hours(24 * days);
        MessageIdSource ids(0);
        old.id = ids.next(then, 1);
        old.accepted_at = then;
        return store.accept(std::move(old));
    }
    const std::int64_t today = day_of(WallClock::now());
};

TEST_F(SpoolHistory, DropsOldDaysWhole) {
    const auto old = accept_days_ago(40);
    ASSERT_TRUE(store.run(store.spool->record(old, {{.ordinal = 0, .outcome = Outcome::delivered, .detail = "{}"}}, {}))
                    .has_value());
    const auto recent = accept_days_ago(2);
    EXPECT_EQ(store.run(store.spool->drop_history(today - 30)).value(), 2) << "its messages and its events";
    EXPECT_EQ(store.run(store.spool->show(old->id)).error().kind, ErrorKind::not_found);
    EXPECT_EQ(store.kinds(recent->id), "accepted");
    EXPECT_EQ(store.run(store.spool->drop_history(today - 30)).value(), 0);
    accept_days_ago(40);  // the table is made again
    EXPECT_THAT(store.rows(), SizeIs(2));
}

// A held message may wait for a person longer than history is kept.
TEST_F(SpoolHistory, KeepsTheDaysOfWhatIsStillInTheQueue) {
    const auto held = accept_days_ago(40);
    const auto ended = accept_days_ago(39);
    ASSERT_TRUE(
        store.run(store.spool->record(ended, {{.ordinal = 0, .outcome = Outcome::delivered, .detail = "{}"}}, {}))
            .has_value());
    change(store.rows(), Spool::Change::hold);
    EXPECT_EQ(store.run(store.spool->drop_history(today - 30)).value(), 2) << "those of the other day";
    store.restart();
    EXPECT_THAT(store.recovery.damage, IsEmpty());
    EXPECT_EQ(store.recovery.messages, 1);
    EXPECT_EQ(*store.run(store.spool->content_of(held->id)).value_or("gone").begin(), 'S');
    EXPECT_EQ(store.kinds(held->id), "accepted held");
}

// security row R16
TEST_F(SpoolAdministration, HoldsWhatWaitsInARestoredStoreAndTellsItApart) {
    store.accept("a@example.com", {"waits@example.net", "held@example.net"});
    auto rows = store.rows();
    change({rows[1]}, Spool::Change::hold);
    store.restart();
    ASSERT_TRUE(store.database->begin().has_value());
    EXPECT_EQ(
        store.spool
            ->hold_for_review(store.database->transaction(), "restored from a backup", [](DeliveryId) { return true; })
            .value(),
        1);
    ASSERT_TRUE(store.database->commit().has_value());
    for (const DeliveryRow& row : store.rows()) EXPECT_EQ(row.state, DeliveryState::held);
    DeliveryFilter filter;
    filter.restored = true;
    EXPECT_THAT(recipients(filter), ElementsAre("waits@example.net"));
    const auto restored = store.run(store.spool->list(filter, 0, 10)).value();
    EXPECT_EQ(restored[0].last_reply, "restored from a backup");
    change(restored, Spool::Change::release);
    EXPECT_THAT(recipients(filter), IsEmpty());
    rows = store.rows();
    EXPECT_EQ(rows[0].state, DeliveryState::waiting);
    EXPECT_EQ(rows[1].state, DeliveryState::held) << "a person held it before";
}

}  // namespace
}  // namespace relevo::test
