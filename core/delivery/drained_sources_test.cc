#include "core/delivery/drained_sources.h"

#include "core/delivery/schema.h"
#include "core/spool/spool_fixture.h"

#include <gmock/gmock.h>

namespace relevo::test {
namespace {

using testing::HasSubstr;

const WallClock::time_point noon{std::chrono::seconds(1'800'000'000)};

TEST(SourceHealth, ThreeDestinationsWithinAnHourAreTooMany) {
    SourceHealth health;
    EXPECT_FALSE(health.blocked("mx1", "provider:google", noon));
    EXPECT_FALSE(health.blocked("mx1", "provider:google", noon + minutes(1))) << "the same one again";
    EXPECT_FALSE(health.blocked("mx1", "site:mx.example.net", noon + minutes(2)));
    EXPECT_FALSE(health.blocked("mx2", "provider:yahoo", noon + minutes(3))) << "another source";
    const auto drain = health.blocked("mx1", "provider:yahoo", noon + minutes(3));
    ASSERT_TRUE(drain);
    EXPECT_EQ(drain->cause, DrainCause::blocked);
    EXPECT_EQ(drain->until, noon + minutes(3) + hours(1));
    EXPECT_THAT(drain->reason, HasSubstr("provider:google, provider:yahoo, site:mx.example.net"));
}

TEST(SourceHealth, ForgetsWhatIsLongerAgoThanAnHour) {
    SourceHealth health;
    EXPECT_FALSE(health.blocked("mx1", "a", noon));
    EXPECT_FALSE(health.blocked("mx1", "b", noon + minutes(30)));
    EXPECT_FALSE(health.blocked("mx1", "c", noon + minutes(61)));
    EXPECT_TRUE(health.blocked("mx1", "d", noon + minutes(62)));
}

TEST(SourceHealth, RestsTwiceAsLongAtEachRelapseAndADayAtMost) {
    SourceHealth health;
    auto now = noon;
    for (const int expected : {1, 2, 4, 8, 16, 24, 24}) {
        EXPECT_FALSE(health.blocked("mx1", "a", now));
        EXPECT_FALSE(health.blocked("mx1", "b", now));
        const auto drain = health.blocked("mx1", "c", now);
        ASSERT_TRUE(drain);
        EXPECT_EQ(drain->until - now, hours(expected));
        now = drain->until;
        health.returned("mx1", *drain, now);
        now += hours(1);
    }
    now += hours(25);
    EXPECT_FALSE(health.blocked("mx1", "a", now));
    EXPECT_FALSE(health.blocked("mx1", "b", now));
    EXPECT_EQ(health.blocked("mx1", "c", now)->until - now, hours(1)) << "it was good for a day";
}

TEST(SourceHealth, RemembersTheRestsOfTheProcessBefore) {
    SourceHealth health;
    health.returned("mx1", {.cause = DrainCause::blocked, .reason = {}, .since = {}, .until = {}, .times = 3}, noon);
    EXPECT_FALSE(health.blocked("mx1", "a", noon));
    EXPECT_FALSE(health.blocked("mx1", "b", noon));
    EXPECT_EQ(health.blocked("mx1", "c", noon)->until - noon, hours(8));
}

TEST(DrainedSources, TheLastSourceOfAPoolCannotBeSpared) {
    const auto source = [](std::string name, bool drained) {
        return std::make_shared<const EgressSource>(EgressSource{.name = std::move(name),
                                                                 .ipv4 = {},
                                                                 .ipv6 = {},
                                                                 .public_addresses = {},
                                                                 .client_name = {},
                                                                 .proxy = {},
                                                                 .drained = drained});
    };
    const auto one = source("one", false), two = source("two", false), three = source("three", true);
    EgressPool both, alone, rest;
    both.name = "both";
    both.members = {{.source = one}, {.source = two}};
    alone.name = "alone";
    alone.members = {{.source = two}};
    const EgressTable table({one, two, three}, {both, alone}, "both");
    EXPECT_TRUE(can_be_spared(table, "one"));
    EXPECT_FALSE(can_be_spared(table, "two"));
    rest.name = "rest";
    rest.members = {{.source = one}, {.source = three}};
    EXPECT_FALSE(can_be_spared(EgressTable({one, two, three}, {rest}, "rest"), "one")) << "the other one is drained";
}

TEST(DrainedSources, SurviveTheStore) {
    SpoolStore store(CommitterThreads::none, delivery_migrations());
    const Drain drain{
        .cause = DrainCause::blocked, .reason = "why", .since = noon, .until = noon + hours(1), .times = 2};
    ASSERT_TRUE(store
                    .write([&](Transaction& transaction) {
                        return save_drain(transaction, store.spool->events(), "mx1", drain);
                    })
                    .has_value());
    Drains drains;
    const auto load = [&] {
        return store.run(read_rows(*store.committer, [&](Reader& reader) -> Result<void> {
            RELEVO_TRY(drains, load_drains(reader));
            return {};
        }));
    };
    ASSERT_TRUE(load().has_value());
    ASSERT_EQ(drains.size(), 1U);
    EXPECT_EQ(drains.at("mx1").cause, DrainCause::blocked);
    EXPECT_EQ(drains.at("mx1").reason, "why");
    EXPECT_EQ(drains.at("mx1").until, noon + hours(1));
    EXPECT_EQ(drains.at("mx1").times, 2U);
    for (int twice = 0; twice < 2; ++twice)
        ASSERT_TRUE(store
                        .write([&](Transaction& transaction) {
                            return remove_drain(transaction, store.spool->events(), "mx1", noon);
                        })
                        .has_value());
    ASSERT_TRUE(load().has_value());
    EXPECT_TRUE(drains.empty());
    EXPECT_EQ(store.told_about("source:mx1"), "source.drained source.resumed");
}

TEST(DrainedSources, ABlocklistIsToldOfOnceAndWhenItIsOver) {
    SpoolStore store(CommitterThreads::none, delivery_migrations());
    for (const std::string_view where : {"", "192.0.2.1: on bl.example", "192.0.2.1: on bl.example", "", ""})
        ASSERT_TRUE(store
                        .write([&](Transaction& transaction) {
                            return note_listing(transaction, store.spool->events(), "mx1", where, noon);
                        })
                        .has_value());
    EXPECT_EQ(store.told_about("source:mx1"), "source.listed source.delisted");
    EXPECT_EQ(store.told_about("source:mx2"), "");
}

}  // namespace
}  // namespace relevo::test
