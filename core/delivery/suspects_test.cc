#include "core/delivery/suspects.h"

#include "core/delivery/delivery_fixture.h"
#include "core/delivery/schema.h"

#include <gmock/gmock.h>

namespace relevo::test {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr std::string_view boot = "0c7a3b1e-boot";

class AttemptTraceTest : public testing::Test {
 protected:
    std::vector<std::byte> octets = std::vector<std::byte>(attempts_header_octets + 2 * 4 * attempts_slot_octets);
    std::vector<MessageId> attempted() const {
        const auto run = cut_off_run(octets, boot);
        return run ? run->attempted : std::vector<MessageId>{};
    }
};

TEST_F(AttemptTraceTest, TellsWhatWasUnderWayOnAllShards) {
    begin_run(octets, 5, boot);
    AttemptTrace first(slots_of(octets, 0, 4)), second(slots_of(octets, 1, 4));
    const auto one = first.begin({10}), two = second.begin({7}), again = second.begin({10});
    {
        const auto ended = first.begin({99});
        EXPECT_THAT(attempted(), ElementsAre(MessageId{7}, MessageId{10}, MessageId{99}));
    }
    EXPECT_THAT(attempted(), ElementsAre(MessageId{7}, MessageId{10}));
    EXPECT_EQ(cut_off_run(octets, boot)->run, 5);
}

TEST_F(AttemptTraceTest, BlamesNobodyForAnOrderlyEndOrAPowerCut) {
    EXPECT_FALSE(cut_off_run(octets, boot)) << "a new file";
    begin_run(octets, 5, boot);
    AttemptTrace trace(slots_of(octets, 0, 4));
    const auto mark = trace.begin({10});
    EXPECT_FALSE(cut_off_run(octets, "another boot"));
    end_run(octets);
    EXPECT_FALSE(cut_off_run(octets, boot));
}

TEST_F(AttemptTraceTest, GoesOnWithoutATraceWhenAllSlotsAreTaken) {
    begin_run(octets, 5, boot);
    AttemptTrace trace(slots_of(octets, 0, 4));
    std::vector<AttemptTrace::Mark> marks;
    for (std::int64_t id = 1; id <= 6; ++id) marks.push_back(trace.begin({id}));
    EXPECT_EQ(attempted().size(), 4U);
    marks.clear();
    const auto mark = trace.begin({9});
    EXPECT_THAT(attempted(), ElementsAre(MessageId{9})) << "the slots are free again";
}

TEST_F(AttemptTraceTest, ReadsAnyOctets) {
    std::uint32_t chance = 1;
    for (int round = 0; round < 1000; ++round) {
        begin_run(octets, 1, boot);
        for (std::byte& octet : octets)
            if ((chance = chance * 1'664'525 + 1'013'904'223) % 8 == 0) octet = std::byte(chance >> 24);
        for (std::size_t size = 0; size < octets.size(); size += 9)
            static_cast<void>(cut_off_run(std::span(octets).first(size), boot));
    }
}

class SuspectRows : public testing::Test {
 protected:
    SpoolStore store{CommitterThreads::none, delivery_migrations()};
    SuspectCounts count(std::int64_t run, const std::vector<MessageId>& attempted) {
        SuspectCounts counts;
        const auto written = store.write([&](Transaction& transaction) -> Result<void> {
            RELEVO_TRY(counts, count_cut_off(transaction, {.run = run, .attempted = attempted}));
            return {};
        });
        EXPECT_TRUE(written.has_value()) << written.error().detail;
        return counts;
    }
};

TEST_F(SuspectRows, CountsEachRunOnceAndForgetsWhatWaitsNoMore) {
    const MessageId one = store.accept(store.submission(envelope("a@b.example", {"c@d.example"})))->id;
    const MessageId two = store.accept(store.submission(envelope("a@b.example", {"c@d.example"})))->id;
    EXPECT_THAT(count(1, {one, two, MessageId{12345}}), ElementsAre(Pair(one, 1U), Pair(two, 1U)));
    EXPECT_THAT(count(1, {one, two}), ElementsAre(Pair(one, 1U), Pair(two, 1U))) << "the same run";
    EXPECT_THAT(count(2, {two}), ElementsAre(Pair(one, 1U), Pair(two, 2U)));
    EXPECT_THAT(count(3, {two}), ElementsAre(Pair(one, 1U), Pair(two, 3U)));
    ASSERT_TRUE(store.write([&](Transaction& transaction) { return forget_suspect(transaction, two); }).has_value());
    EXPECT_THAT(count(4, {}), ElementsAre(Pair(one, 1U)));
}

TEST(Suspects, LetsThoseOfTwoRunsGoOneAtATime) {
    Suspects suspects;
    std::vector<MessageId> acquitted;
    suspects.set({{{1}, 1}, {{2}, 2}, {{3}, 2}}, [&](MessageId message) { acquitted.push_back(message); });
    int asked_again = 0;
    const auto again = [&] { ++asked_again; };
    auto first = suspects.begin({2}, again);
    ASSERT_TRUE(first);
    EXPECT_TRUE(suspects.begin({2}, again)) << "at another destination";
    EXPECT_TRUE(suspects.begin({1}, again)) << "of one run";
    EXPECT_TRUE(suspects.begin({77}, again)) << "no suspect";
    EXPECT_FALSE(suspects.begin({3}, again));
    suspects.acquit({2});
    EXPECT_EQ(asked_again, 0);
    first.reset();
    EXPECT_EQ(asked_again, 1);
    EXPECT_TRUE(suspects.begin({3}, again));
    EXPECT_THAT(acquitted, ElementsAre(MessageId{2}));
    suspects.acquit({2});
    EXPECT_EQ(acquitted.size(), 1U) << "once";
}

class SuspectDelivery : public DeliveryTest {
 protected:
    SuspectDelivery() { begin_run(octets, 1, boot); }
};

// Two suspects and one other message over many connections: the suspects never at once, and all of them arrive.
TEST_F(SuspectDelivery, AttemptsSuspectsOneAfterTheOther) {  // security row R18
    const auto one = store.accept(store.submission(envelope("a@sender.example", {"one@example.net"})));
    const auto two = store.accept(store.submission(envelope("a@sender.example", {"two@example.net"})));
    const auto other = store.accept(store.submission(envelope("a@sender.example", {"three@example.net"})));
    std::vector<MessageId> acquitted;
    suspects.set({{one->id, 2}, {two->id, 2}}, [&](MessageId message) { acquitted.push_back(message); });
    std::size_t most_at_once = 0;
    before_attempt = [&](const Message&) {
        std::size_t at_once = 0;
        for (const MessageId message : cut_off_run(octets, boot)->attempted)
            if (message == one->id || message == two->id) ++at_once;
        most_at_once = std::max(most_at_once, at_once);
    };
    start();
    for (const auto& message : {one, two, other}) dispatcher.enqueue(message);
    EXPECT_TRUE(happens("delivery.delivered", 3));
    EXPECT_EQ(most_at_once, 1U);
    EXPECT_TRUE(store.run_until([&] { return acquitted.size() == 2; }));
    EXPECT_TRUE(store.run_until([&] { return cut_off_run(octets, boot)->attempted.empty(); }));
}

}  // namespace
}  // namespace relevo::test
