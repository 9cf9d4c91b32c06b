#include "core/feedback/suppression.h"

#include "adapters/memory/telemetry.h"
#include "core/feedback/schema.h"
#include "core/feedback/suppression_keeper.h"
#include "core/spool/spool_fixture.h"
#include "lib/base/json_writer.h"

#include <gmock/gmock.h>

namespace relevo::test {
namespace {

using std::chrono::days;
using testing::ElementsAre;
using testing::HasSubstr;

class SuppressionTest : public testing::Test {
 protected:
    SuppressionTest() {
        store.spool->set_rules(
            {.ended = [this](Transaction& transaction, const Message& message,
                             const DeliveryOutcome& outcome) { return keeper.ended(transaction, message, outcome); },
             .withhold = [this](Reader& reader, TenantId tenant,
                                const mail::Address& to) { return keeper.withhold(reader, tenant, to); },
             .may_withhold = [this](TenantId tenant,
                                    const mail::Address& to) { return index.find(tenant, to, now).has_value(); }});
    }
    ~SuppressionTest() override { store.committer->stop(); }

    SuppressionChange add(std::string text, SuppressionReason reason, WallClock::time_point expires_at = {},
                          TenantId tenant = acme) {
        SuppressionChange change{};
        const auto written = store.write([&](Transaction& transaction) -> Result<void> {
            RELEVO_TRY(change, keeper.add(transaction,
                                          {.tenant = tenant,
                                           .address = text,
                                           .reason = reason,
                                           .text = {},
                                           .message = {},
                                           .created_at = {},
                                           .expires_at = expires_at},
                                          now));
            return {};
        });
        EXPECT_TRUE(written.has_value()) << written.error().detail;
        return change;
    }
    // A delivery of a message of its own ended so.
    void ends(std::string_view recipient, std::string_view nature, std::string_view kind = "mailbox_full",
              Outcome outcome = Outcome::failed, std::string_view sender = "a@sender.example") {
        const auto message = store.accept(std::string(sender), {std::string(recipient)});
        DeliveryOutcome ended;
        ended.outcome = outcome;
        ended.detail = JsonWriter()
                           .field("recipient", recipient)
                           .field("class", kind)
                           .field("nature", nature)
                           .field("reply", "552 no")
                           .finish();
        ASSERT_TRUE(store.run(store.spool->record(message, {ended}, {})).has_value());
    }
    std::optional<SuppressionReason> reason_of(std::string_view text, TenantId tenant = acme) {
        return index.find(tenant, address(text), now);
    }
    std::vector<std::string> listed(SuppressionFilter filter = {}) {
        std::vector<std::string> addresses;
        const auto read = store.run(read_rows(*store.committer, [&](Reader& reader) -> Result<void> {
            RELEVO_TRY(const auto rows, list_suppressions(reader, filter, {}, 100, now));
            for (const Suppression& row : rows) addresses.push_back(row.address);
            return {};
        }));
        EXPECT_TRUE(read.has_value());
        return addresses;
    }

    static constexpr TenantId acme{1}, rival{2};
    const WallClock::time_point now = WallClock::now();
    SpoolStore store{CommitterThreads::none, feedback_migrations()};
    MemoryLog log;
    MemoryMetrics metrics;
    SuppressionIndex index{system_random()};
    SuppressionKeeper keeper{
        index, *store.committer, store.spool->events(),
        log,   metrics,          std::make_shared<const SuppressionOptions>(SuppressionOptions{.soft_bounces = 3})};
};

TEST_F(SuppressionTest, IsOfOneTenantAndHeedsNoSpelling) {
    add("bob@example.net", SuppressionReason::manual);
    EXPECT_TRUE(reason_of("Bob@Example.NET"));
    EXPECT_TRUE(reason_of("\"bob\"@example.net"));
    EXPECT_FALSE(reason_of("bob@example.net", rival));
    EXPECT_FALSE(reason_of("bob+x@example.net"));
    EXPECT_FALSE(reason_of("bob@[192.0.2.1]"));
}

TEST_F(SuppressionTest, KeepsTheWeightierReasonAndTheLongerTime) {
    EXPECT_EQ(add("bob@example.net", SuppressionReason::hard_bounce, now + days(2)), SuppressionChange::added);
    EXPECT_EQ(add("bob@example.net", SuppressionReason::hard_bounce, now + days(1)), SuppressionChange::kept);
    EXPECT_EQ(add("bob@example.net", SuppressionReason::hard_bounce), SuppressionChange::replaced);
    EXPECT_EQ(add("bob@example.net", SuppressionReason::complaint), SuppressionChange::replaced);
    EXPECT_EQ(add("bob@example.net", SuppressionReason::soft_bounces), SuppressionChange::kept);
    EXPECT_EQ(reason_of("bob@example.net"), SuppressionReason::complaint);
}

TEST_F(SuppressionTest, EndsWhenItsTimeIsOver) {
    add("bob@example.net", SuppressionReason::hard_bounce, now - days(1));
    EXPECT_FALSE(reason_of("bob@example.net"));
    EXPECT_THAT(listed(), ElementsAre());
    ASSERT_TRUE(store.write([&](Transaction& t) { return keeper.forget_old(t, now); }).has_value());
    EXPECT_EQ(index.size(), 0U);
    EXPECT_EQ(store.number("SELECT count(*) FROM suppression"), 0);
}

TEST_F(SuppressionTest, IsKnownAgainAfterAStart) {
    add("bob@example.net", SuppressionReason::manual);
    add("eva@example.net", SuppressionReason::manual, {}, rival);
    SuppressionIndex fresh{system_random()};
    ASSERT_TRUE(
        store.run(read_rows(*store.committer, [&](Reader& reader) { return fresh.load(reader, now); })).has_value());
    EXPECT_EQ(fresh.size(), 2U);
    EXPECT_TRUE(fresh.find(acme, address("bob@example.net"), now));
    EXPECT_FALSE(fresh.find(acme, address("eva@example.net"), now));
}

TEST_F(SuppressionTest, FollowsTheNatureOfABounce) {
    ends("hard@example.net", "hard", "unknown_user");
    ends("block@example.net", "block", "address_blocked");
    ends("later@example.net", "hard", "unknown_user", Outcome::delivered);
    ends("report@example.net", "hard", "unknown_user", Outcome::failed, "");  // ours, with a null sender
    EXPECT_THAT(listed(), ElementsAre("hard@example.net"));
    EXPECT_EQ(reason_of("hard@example.net"), SuppressionReason::hard_bounce);
}

TEST_F(SuppressionTest, CountsSoftBouncesOfDifferentMessages) {
    ends("bob@example.net", "soft");
    ends("bob@example.net", "soft", "mailbox_full", Outcome::expired);
    EXPECT_FALSE(reason_of("bob@example.net"));
    ends("BOB@example.net", "soft");
    EXPECT_EQ(reason_of("bob@example.net"), SuppressionReason::soft_bounces);
    ASSERT_TRUE(
        store.write([&](Transaction& t) { return remove_suppression(t, acme, "bob@example.net"); }).has_value());
    EXPECT_EQ(store.number("SELECT count(*) FROM soft_bounce"), 0);
}

TEST_F(SuppressionTest, EveryRowThatComesOrGoesIsAnEvent) {
    const std::string subject = "suppression:bob@example.net";
    add("bob@example.net", SuppressionReason::hard_bounce);
    add("Bob@example.net", SuppressionReason::hard_bounce);
    EXPECT_EQ(store.told_about(subject), "suppression.created") << "nothing has changed by the second";
    ASSERT_TRUE(
        store.write([&](Transaction& t) { return keeper.remove(t, acme, "bob@example.net", now); }).has_value());
    EXPECT_FALSE(
        store.write([&](Transaction& t) { return keeper.remove(t, acme, "bob@example.net", now); }).has_value());
    Suppression ending{.tenant = acme, .address = "bob@example.net", .expires_at = now + hours(1)};
    ASSERT_TRUE(store
                    .write([&](Transaction& t) -> Result<void> {
                        RELEVO_CHECK(keeper.add(t, ending, now));
                        return keeper.forget_old(t, now + hours(2));
                    })
                    .has_value());
    EXPECT_EQ(store.told_about(subject),
              "suppression.created suppression.deleted suppression.created suppression.deleted");
}

TEST_F(SuppressionTest, TheSameMessageCountsOnce) {
    const auto count = [&](std::int64_t message) {
        std::int64_t counted = 0;
        EXPECT_TRUE(store
                        .write([&](Transaction& t) -> Result<void> {
                            RELEVO_TRY(counted, count_soft_bounce(t, acme, "bob@example.net", MessageId{message}, now,
                                                                  now - days(1)));
                            return {};
                        })
                        .has_value());
        return counted;
    };
    EXPECT_EQ(count(7), 1);
    EXPECT_EQ(count(7), 1);
    EXPECT_EQ(count(8), 2);
}

TEST_F(SuppressionTest, AWithheldRecipientIsNoDeliveryAndItsContentNotKept) {
    Submission made = store.submission(envelope("a@sender.example", {"b@example.net", "c@example.net"}));
    made.withheld = {{.ordinal = 0, .detail = R"({"recipient":"b@example.net"})"}};
    const auto partly = store.accept(std::move(made));
    EXPECT_THAT(partly->ordinals, ElementsAre(1U));
    EXPECT_EQ(partly->envelope.recipients.front().address.text(), "c@example.net");
    EXPECT_EQ(store.kinds(partly->id), "accepted suppressed");

    Submission none = store.submission(envelope("a@sender.example", {"b@example.net"}));
    none.withheld = {{.ordinal = 0, .detail = R"({"recipient":"b@example.net"})"}};
    const auto nobody = store.accept(std::move(none));
    EXPECT_TRUE(nobody->ordinals.empty());
    EXPECT_FALSE(store.run(store.spool->content_of(nobody->id)).has_value());
    store.restart();
    EXPECT_EQ(store.recovery.messages, 1);
    EXPECT_THAT(store.recovery.damage, ElementsAre());
}

TEST_F(SuppressionTest, ALaterAttemptFindsOnlyWhoIsNotSuppressed) {
    const auto message = store.accept("a@sender.example", {"b@example.net", "c@example.net"});
    add("b@example.net", SuppressionReason::unsubscribe);
    const auto loaded = store.run(store.spool->load(message->id, {0, 1}));
    ASSERT_TRUE(loaded.has_value()) << loaded.error().detail;
    EXPECT_THAT((*loaded)->ordinals, ElementsAre(1U));
    EXPECT_EQ(store.kinds(message->id), "accepted suppressed");
    EXPECT_THAT(store.events(message->id).back().detail, HasSubstr("unsubscribe"));
    add("c@example.net", SuppressionReason::unsubscribe);
    const auto gone = store.run(store.spool->load(message->id, {0, 1}));
    EXPECT_EQ(gone.error().kind, ErrorKind::not_found);
    EXPECT_TRUE(store.rows().empty());
    EXPECT_EQ(store.contents->usage().live, 0U);
}

}  // namespace
}  // namespace relevo::test
