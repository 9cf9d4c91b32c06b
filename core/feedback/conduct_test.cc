#include "core/feedback/conduct.h"

#include "adapters/memory/telemetry.h"
#include "core/feedback/schema.h"
#include "core/spool/spool_fixture.h"

#include <gmock/gmock.h>

namespace relevo::test {
namespace {

using testing::HasSubstr;

const WallClock::time_point noon{std::chrono::seconds(1'800'014'400)};
constexpr TenantId acme{1}, other{2};

class ConductTest : public testing::Test {
 protected:
    ConductTest() {
        ledger.set_changed([this] { ++changes; });
    }
    void count(ConductFact fact, int times, WallClock::time_point at = noon, TenantId tenant = acme) {
        for (int i = 0; i < times; ++i) ledger.count(tenant, fact, at);
    }
    ConductLevel level(WallClock::time_point at = noon, TenantId tenant = acme) { return ledger.of(tenant, at).level; }
    void save(WallClock::time_point at) {
        const auto saved = store.write([&](Transaction& rows) { return ledger.save(rows, store.spool->events(), at); });
        ASSERT_TRUE(saved.has_value()) << saved.error().detail;
        ledger.saved();
    }
    Conduct after_restart(WallClock::time_point at) {
        ConductLedger fresh(log, metrics, options());
        const auto loaded = store.run(read_rows(*store.committer, [&](Reader& rows) { return fresh.load(rows, at); }));
        EXPECT_TRUE(loaded.has_value()) << loaded.error().detail;
        return fresh.of(acme, at);
    }
    static std::shared_ptr<const ConductOptions> options() {
        return std::make_shared<const ConductOptions>(
            ConductOptions{.window = hours(24),
                           .minimum_recipients = 100,
                           .bounces = {.warn = 0.05, .slow = 0.1, .hold = 0.2},
                           .complaints = {.warn = 0.01, .slow = 0.04, .hold = 0.08},
                           .slow_rate = 30});
    }

    SpoolStore store{CommitterThreads::none, feedback_migrations()};
    MemoryLog log;
    MemoryMetrics metrics;
    ConductLedger ledger{log, metrics, options()};
    int changes = 0;
};

TEST_F(ConductTest, RisesWithTheShareOfBounces) {
    count(ConductFact::delivered, 190);
    count(ConductFact::refused, 9);
    EXPECT_EQ(level(), ConductLevel::good);
    count(ConductFact::refused, 1);
    EXPECT_EQ(level(), ConductLevel::warned) << "10 of 200";
    EXPECT_EQ(changes, 0) << "a warning changes no pace";
    count(ConductFact::refused, 12);
    EXPECT_EQ(level(), ConductLevel::slowed) << "22 of 212";
    EXPECT_EQ(ledger.slow_rate_of(acme), 30U);
    EXPECT_EQ(changes, 1);
    EXPECT_FALSE(ledger.held(acme, noon));
    count(ConductFact::came_back, 21);
    const auto held = ledger.held(acme, noon);
    ASSERT_TRUE(held) << "43 of 212";
    EXPECT_EQ(reason_of(*held), "20.28 % of its recipients in 24 hours bounced (limit 20 %)");
    EXPECT_EQ(ledger.slow_rate_of(other), 0U);
    EXPECT_EQ(log.count("tenant.conduct"), 3U);
}

TEST_F(ConductTest, RisesWithTheShareOfComplaints) {
    count(ConductFact::delivered, 100);
    count(ConductFact::complained, 2);
    EXPECT_EQ(level(), ConductLevel::good) << "one or two are accidents, whatever their share";
    count(ConductFact::complained, 1);
    EXPECT_EQ(level(), ConductLevel::warned);
    count(ConductFact::complained, 5);
    EXPECT_EQ(level(), ConductLevel::held);
    EXPECT_THAT(reason_of(ledger.of(acme, noon)), HasSubstr("complained (limit 8 %)"));
}

TEST_F(ConductTest, JudgesNobodyByALittleMail) {
    count(ConductFact::refused, 99);
    EXPECT_EQ(level(), ConductLevel::good);
    count(ConductFact::delivered, 1);
    EXPECT_EQ(level(), ConductLevel::held) << "the hundredth, whatever became of it, makes it enough";
}

TEST_F(ConductTest, SlowedEndsByItselfBelowThreeQuartersOfItsThreshold) {
    count(ConductFact::refused, 10);
    count(ConductFact::delivered, 90);
    ASSERT_EQ(level(), ConductLevel::slowed);
    count(ConductFact::delivered, 30, noon + hours(1));
    save(noon + hours(1));
    EXPECT_EQ(level(), ConductLevel::slowed) << "10 of 130 are more than 7.5 per cent";
    count(ConductFact::delivered, 10, noon + hours(2));
    save(noon + hours(2));
    EXPECT_EQ(level(), ConductLevel::warned) << "10 of 140";
    EXPECT_EQ(ledger.slow_rate_of(acme), 0U);
    count(ConductFact::delivered, 100, noon + hours(3));
    save(noon + hours(25));
    EXPECT_EQ(level(noon + hours(25)), ConductLevel::good) << "the bad hour has left the window";
    EXPECT_EQ(changes, 2);
    EXPECT_EQ(store.told_about("tenant:" + acme.text()), "tenant.slowed tenant.warned tenant.released");
}

TEST_F(ConductTest, HeldEndsByAPersonAloneAndBeginsANewWindow) {
    count(ConductFact::refused, 30);
    count(ConductFact::delivered, 70);
    save(noon + hours(48));
    ASSERT_EQ(level(noon + hours(48)), ConductLevel::held);
    EXPECT_EQ(after_restart(noon + hours(49)).level, ConductLevel::held);
    ledger.release(acme, noon + hours(50));
    EXPECT_EQ(level(noon + hours(50)), ConductLevel::good);
    count(ConductFact::refused, 5, noon + hours(50));
    EXPECT_EQ(level(noon + hours(50)), ConductLevel::good) << "what came before counts no more";
    save(noon + hours(50));
    const Conduct conduct = after_restart(noon + hours(50));
    EXPECT_EQ(conduct.level, ConductLevel::good);
    EXPECT_EQ(conduct.counts.sent, 5U);
    EXPECT_EQ(store.told_about("tenant:" + acme.text()), "tenant.held tenant.released");
}

TEST_F(ConductTest, OutlivesTheProcess) {
    count(ConductFact::delivered, 60);
    count(ConductFact::refused, 40, noon + hours(1));
    save(noon + hours(1));
    count(ConductFact::delivered, 10, noon + hours(1));
    save(noon + hours(1));
    const Conduct conduct = after_restart(noon + hours(1));
    EXPECT_EQ(conduct.level, ConductLevel::held);
    EXPECT_EQ(conduct.counts.sent, 110U);
    EXPECT_EQ(conduct.counts.bounced, 40U);
    EXPECT_EQ(reason_of(conduct), reason_of(ledger.of(acme, noon + hours(1))));
    EXPECT_EQ(after_restart(noon + hours(24)).counts.sent, 50U) << "the first hour has left the window";
}

TEST_F(ConductTest, WritesAgainWhatWasNotCommitted) {
    count(ConductFact::delivered, 60);
    ASSERT_TRUE(store
                    .write([&](Transaction& rows) -> Result<void> {
                        RELEVO_CHECK(ledger.save(rows, store.spool->events(), noon));
                        RELEVO_CHECK(rows.execute("DELETE FROM conduct_hour", {}));  // as a failed commit leaves it
                        return {};
                    })
                    .has_value());
    save(noon);
    EXPECT_EQ(after_restart(noon).counts.sent, 60U);
}

TEST_F(ConductTest, ALevelIsToldOnceHoweverOftenItIsWritten) {
    count(ConductFact::delivered, 60);
    count(ConductFact::refused, 40);
    const auto refused = store.write([&](Transaction& rows) -> Result<void> {
        RELEVO_CHECK(ledger.save(rows, store.spool->events(), noon));
        return failure(ErrorKind::full, "no room");
    });
    EXPECT_FALSE(refused.has_value());
    EXPECT_EQ(store.told_about("tenant:" + acme.text()), "") << "it goes with the rows";
    for (int times = 0; times < 3; ++times) save(noon);
    EXPECT_EQ(store.told_about("tenant:" + acme.text()), "tenant.held");
    ledger.release(acme, noon + hours(1));
    count(ConductFact::refused, 100, noon + hours(1));
    save(noon + hours(1));
    EXPECT_EQ(store.told_about("tenant:" + acme.text()), "tenant.held tenant.held") << "held anew since then";
}

}  // namespace
}  // namespace relevo::test
