#include "core/statistics/statistics_fixture.h"

#include <fmt/chrono.h>
#include <gmock/gmock.h>

namespace relevo {
namespace {

using namespace test;
using mailsearch::State;
using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(StatisticsTest, CountsWhatBecameOfMailByTenantLoginDomainSiteAndClass) {
    const auto message = store.accept("shop@acme.example", {"A@example.net", "b@example.net", "c@example.net"});
    happens(
        {event_of(message->id, EventKind::delivered, 0, outcome("A@example.net", R"("status":"2.0.0","tls":"TLSv1.3")"),
                  time_of(message->id) + seconds(3)),
         event_of(message->id, EventKind::deferred, 1,
                  outcome("b@example.net", R"("class":"greylisted","nature":"soft","reply":"451 4.7.1 Wait")"), now),
         event_of(message->id, EventKind::failed, 2,
                  outcome("c@example.net",
                          R"("class":"unknown_user","nature":"hard","reply":"550 5.1.1 <c@example.net> unknown")"),
                  now),
         event_of(message->id, EventKind::opened, 0, R"({"by":"machine"})", now),
         event_of(message->id, EventKind::opened, 0, R"({"by":"human"})", now)});
    take_all();
    for (const CounterFilter& filter : std::vector<CounterFilter>{
             {.tenant = acme},
             {},  // the whole server
             {.tenant = acme, .dimension = Dimension::stream, .name = "transactional"},
             {.tenant = acme, .dimension = Dimension::credential, .name = CredentialId{2}.text()},
             {.tenant = acme, .dimension = Dimension::sender_domain, .name = "acme.example"},
             {.dimension = Dimension::tenant, .name = acme.text()}})
        for (const Resolution resolution : {Resolution::minute, Resolution::hour, Resolution::day}) {
            const Counts sum = counts(filter, resolution);
            EXPECT_EQ(sum.text().substr(0, 37), "0=1 1=3 2=1 3=1 4=1 11=1 12=1 16=1 42") << name_of(filter.dimension);
        }
    const Counts site = counts({.tenant = acme, .dimension = Dimension::site, .name = "mx.example.net"});
    EXPECT_EQ(site.of(Counted::delivered), 1);
    EXPECT_EQ(site.of(Counted::accepted), 0);  // not known yet
    EXPECT_EQ(site.bounced(), 1);
    EXPECT_THAT(names(Dimension::bounce_class), ElementsAre("greylisted", "unknown_user"));
    EXPECT_THAT(names(Dimension::reply), ElementsAre("451 4.7.1 wait", "550 5.1.1 … unknown"));
    EXPECT_THAT(names(Dimension::site_reply, "mx.example.net "), ElementsAre("451 4.7.1 wait", "550 5.1.1 … unknown"));
    EXPECT_THAT(names(Dimension::site_reply, "mx.example.org "), IsEmpty());
    EXPECT_THAT(names(Dimension::source), ElementsAre("192.0.2.1"));
    EXPECT_EQ(counts({.tenant = TenantId{2}}), Counts());
}

// The cursor and what follows from the events are one transaction.
TEST_F(StatisticsTest, NeitherLosesNorDoublesCountsWhereverACrashComes) {
    const auto message = store.accept("shop@acme.example", {"a@example.net"});
    const auto happens_often = [&](std::size_t events) {
        std::vector<Event> round;
        for (std::size_t i = 0; i < events; ++i)
            round.push_back(
                event_of(message->id, EventKind::deferred, 0, outcome("a@example.net", R"("reply":"4")"), now));
        happens(std::move(round));
    };
    happens_often(Statistics::batch_limit + 200);
    ASSERT_EQ(take(Counters::now).events, Statistics::batch_limit);
    const auto first = static_cast<std::int64_t>(Statistics::batch_limit) - 1;  // one was the acceptance
    restart();                                                                  // between two batches
    EXPECT_EQ(counts({.tenant = acme}).of(Counted::deferred), first);
    take_all();
    EXPECT_EQ(counts({.tenant = acme}).of(Counted::deferred), first + 201);
    EXPECT_EQ(written({.tenant = acme}).of(Counted::deferred), first);
    restart();  // with counts in memory alone
    take_all(Counters::now);
    EXPECT_EQ(written({.tenant = acme}).of(Counted::deferred), first + 201);
    restart();  // with nothing left to take
    take_all(Counters::now);
    EXPECT_EQ(counts({.tenant = acme}).of(Counted::deferred), first + 201);

    // The disk dies at each of the calls that a batch makes.
    std::int64_t expected = first + 201;
    bool was_spared = false;
    for (int call = 0; !was_spared && call < 300; ++call) {
        happens_often(10);
        expected += 10;
        int left = call;
        bool is_dead = false;
        store.disk.set_fault([&](const simulation::Call&) -> std::optional<Error> {
            is_dead = is_dead || left-- <= 0;
            return is_dead ? std::optional(Error{ErrorKind::io, "the disk died"}) : std::nullopt;
        });
        const auto taken = run(statistics->take_batch(Counters::now));
        was_spared = !is_dead;
        if (was_spared) EXPECT_TRUE(taken.has_value());
        store.disk.set_fault({});
        restart();
        take_all(Counters::now);
        ASSERT_EQ(counts({.tenant = acme}).of(Counted::deferred), expected) << call;
    }
    EXPECT_TRUE(was_spared);
    EXPECT_EQ(found("to:a@example.net").size(), 1U);
}

// What a commit wrote may be gone again after a power cut, as it waits for no disk: then it is counted again.
TEST_F(StatisticsTest, CountsAgainWhatAPowerCutTookBack) {
    store.accept("shop@acme.example", {"a@example.net"});
    take_all(Counters::now);
    simulation::DiskImage image = store.disk.image();
    ASSERT_FALSE(image["statistics.db-wal"].empty());
    image["statistics.db-wal"].clear();
    ended.push_back(std::move(statistics));
    after_cut = std::make_unique<simulation::SimulatedDisk>(image);
    book = std::make_unique<Book>(*after_cut);
    statistics = make_statistics();
    EXPECT_THAT(found(""), IsEmpty());
    take_all(Counters::now);
    EXPECT_EQ(written({.tenant = acme}).of(Counted::accepted), 1);
    EXPECT_THAT(found("to:a@example.net"), ElementsAre("a@example.net"));
}

// relevo.db was put back from an older copy: the events that follow have ids that the cursor has passed.
TEST_F(StatisticsTest, GoesOnWithALogThatIsOlderThanItself) {
    store.accept("shop@acme.example", {"a@example.net"});
    const simulation::DiskImage older = store.disk.image();
    for (int i = 0; i < 5; ++i) store.accept("shop@acme.example", {"b@example.net"});
    take_all(Counters::now);
    simulation::DiskImage image = store.disk.image();
    for (const auto& [name, octets] : older)
        if (!name.starts_with("statistics.db")) image[name] = octets;
    after_cut = std::make_unique<simulation::SimulatedDisk>(image);
    const auto events = open_sqlite(*after_cut).value();
    ended.push_back(std::move(statistics));
    book = std::make_unique<Book>(*after_cut);
    statistics = std::make_unique<Statistics>(Statistics::Ports{
        .shard = store.shard, .events = *events, .book = *book->committer, .log = log, .metrics = numbers});
    take_all(Counters::now);
    EXPECT_EQ(counts({.tenant = acme}).of(Counted::accepted), 6);
    EventWriter writer;
    ASSERT_TRUE(events->read([&](Reader& reader) { return writer.recover(reader); }).has_value());
    ASSERT_TRUE(events->begin().has_value());
    const MessageId id = store.ids.next(now, 1);
    ASSERT_TRUE(
        writer.append(events->transaction(), event_of(id, EventKind::accepted, whole_message, "{}", now)).has_value());
    ASSERT_TRUE(events->commit().has_value());
    take_all();
    EXPECT_EQ(counts({.tenant = acme}).of(Counted::accepted), 7);
    EXPECT_EQ(log.count("statistics.log_is_older"), 1U);
    ended.push_back(std::move(statistics));
    statistics = make_statistics();  // what refers to `events` is over
}

TEST_F(StatisticsTest, TellsOfWhatIsGatheredAndWritesItWhenItIsDue) {
    store.accept("shop@acme.example", {"a@example.net"});
    take_all();
    EXPECT_EQ(counts({.tenant = acme}).of(Counted::accepted), 1);
    EXPECT_TRUE(written({.tenant = acme}).is_empty());
    EXPECT_THAT(names(Dimension::sender_domain), ElementsAre("acme.example"));
    store.accept("shop@acme.example", {"a@example.net"});
    take_all(Counters::now);
    EXPECT_EQ(counts({.tenant = acme}).of(Counted::accepted), 2);
    EXPECT_EQ(written({.tenant = acme}).of(Counted::accepted), 2);
    // More names than may be gathered are written at once.
    const auto message = store.accept("shop@acme.example", {"a@example.net"});
    std::vector<Event> events;
    for (std::size_t i = 0; i < Statistics::batch_limit + 10; ++i) {
        const std::string number = std::to_string(i);
        events.push_back(event_of(message->id, EventKind::deferred, 0,
                                  R"({"site":"mx)" + number + R"(.example","source":"s)" + number + R"(","class":"c)" +
                                      number + R"(","reply":"451 w)" + number + R"("})",
                                  now));
    }
    happens(std::move(events));
    take_all();
    EXPECT_EQ(written({.tenant = acme}).of(Counted::accepted), 3);
}

TEST_F(StatisticsTest, KeepsHowManyRecipientsWaitedOnAverageAlsoWhenNothingHappens) {
    Gauge queue;
    const auto look = [&](std::int64_t depth) {
        queue.set(depth);
        ended.push_back(std::move(statistics));
        statistics = std::make_unique<Statistics>(Statistics::Ports{.shard = store.shard,
                                                                    .events = *store.database,
                                                                    .book = *book->committer,
                                                                    .log = log,
                                                                    .metrics = numbers,
                                                                    .queue = &queue});
        take();
    };
    EXPECT_EQ(counts({}).queue_mean(), std::nullopt);
    look(10);
    queue.set(1'000);
    take();  // within the minute nobody looks again
    EXPECT_EQ(counts({}).queue_mean(), 10.0);
    EXPECT_EQ(counts({.tenant = acme}).queue_mean(), std::nullopt);
    take(Counters::now);
    EXPECT_EQ(written({}).queue_mean(), 10.0);
    look(25);
    take(Counters::now);
    EXPECT_EQ(counts({}).queue_mean(), 17.5);
    EXPECT_EQ(written({}).of(Counted::queue_looks), 2);
    statistics = make_statistics();  // what refers to `queue` is over
    ended.clear();
}

// What a batch holds in memory is bounded, however many recipients its messages have.
TEST_F(StatisticsTest, EndsABatchEarlyWhenItsMessagesHaveManyRecipients) {
    std::vector<std::string> many;
    for (std::size_t i = 0; i < Statistics::changes_limit / 2; ++i)
        many.push_back("person" + std::to_string(i) + "@example.net");
    for (int message = 0; message < 3; ++message) store.accept("shop@acme.example", many);
    const Statistics::Taken first = take(Counters::now);
    EXPECT_EQ(first.events, 2U);
    EXPECT_TRUE(first.has_more);
    EXPECT_EQ(written({.tenant = acme}).of(Counted::accepted), 2);
    const Statistics::Taken rest = take(Counters::now);
    EXPECT_EQ(rest.events, 1U);
    EXPECT_FALSE(rest.has_more);
    EXPECT_EQ(written({.tenant = acme}).of(Counted::recipients), static_cast<std::int64_t>(3 * many.size()));
    EXPECT_EQ(found("to:person7@example.net").size(), 3U);
}

TEST_F(StatisticsTest, TakesNothingTwiceWhenTwoReadTheSameEvents) {
    store.accept("shop@acme.example", {"a@example.net"});
    const auto other = make_statistics();
    std::optional<Result<Statistics::Taken>> first, second;
    const auto start = [](Statistics& of, std::optional<Result<Statistics::Taken>>& done) -> Task<> {
        done = co_await of.take_batch(Counters::now);
    };
    store.shard.spawn(start(*statistics, first));
    store.shard.spawn(start(*other, second));
    ASSERT_TRUE(store.run_until([&] {
        book->committer->run_once();
        return first && second;
    }));
    EXPECT_EQ(first->value_or(Statistics::Taken()).events + second->value_or(Statistics::Taken()).events, 1U);
    EXPECT_EQ(written({.tenant = acme}).of(Counted::accepted), 1);
}

TEST_F(StatisticsTest, ReportsOfNobodyAreFoundButNotCounted) {
    store.accept("", {"a@example.net"});
    take_all();
    EXPECT_TRUE(counts({.tenant = acme}).is_empty());
    EXPECT_THAT(found("to:a@"), ElementsAre("a@example.net"));
}

// The figure "bounced" leads to a search for it: both know what others reported later, neither knows our own reports.
TEST_F(StatisticsTest, BouncedIsTheSameAsAFigureAndAsASearch) {
    const auto refused = store.accept("shop@acme.example", {"refused@example.net"});
    const auto reported = store.accept("shop@acme.example", {"reported@example.net"});
    const auto own = store.accept("", {"shop@acme.example"});
    const auto at = time_of(own->id);
    const std::string detail = R"("class":"unknown_user","nature":"hard")";
    happens(
        {event_of(refused->id, EventKind::failed, 0, outcome("refused@example.net", detail), at),
         event_of(reported->id, EventKind::delivered, 0, outcome("reported@example.net", R"("status":"2.0.0")"), at),
         event_of(reported->id, EventKind::bounced, 0, outcome("reported@example.net", detail), at),
         event_of(own->id, EventKind::failed, 0, outcome("shop@acme.example", detail), at)});
    take_all();
    EXPECT_EQ(counts({.tenant = acme}).bounced(), 2);
    EXPECT_THAT(found("status:bounced"), testing::UnorderedElementsAre("refused@example.net", "reported@example.net"));
    EXPECT_THAT(found("to:shop@"), ElementsAre("shop@acme.example")) << "it can be looked up still";
}

TEST_F(StatisticsTest, TellsHowLongDeliveriesTake) {
    const auto message = store.accept("shop@acme.example", {"a@example.net"});
    std::vector<Event> events;
    for (int i = 0; i < 100; ++i)
        events.push_back(event_of(message->id, EventKind::delivered, 0, outcome("a@example.net", R"("status":"2.0.0")"),
                                  time_of(message->id) + (i < 94 ? seconds(2) : minutes(10))));
    happens(std::move(events));
    take_all();
    const Counts sum = counts({.tenant = acme});
    const auto median = sum.delay_quantile(0.5).value(), slow = sum.delay_quantile(0.95).value();
    EXPECT_GE(median, seconds(2));
    EXPECT_LE(median, milliseconds(2'829));
    EXPECT_GE(slow, minutes(10));
    EXPECT_LE(slow, milliseconds(848'529));
    EXPECT_EQ(Counts().delay_quantile(0.5), std::nullopt);
}

TEST_F(StatisticsTest, KeepsOnlySoManyNamesOfADay) {
    const auto message = store.accept("shop@acme.example", {"a@example.net"});
    std::vector<Event> events;
    for (std::size_t i = 0; i < CounterBook::names_limit + 100; ++i)
        events.push_back(event_of(message->id, EventKind::deferred, 0,
                                  R"({"recipient":"a@example.net","site":"mx)" + std::to_string(i) + R"(.example"})",
                                  now));
    happens(std::move(events));
    take_all(Counters::now);
    const std::vector<BreakdownRow> all = broken_down(Dimension::site);
    EXPECT_EQ(all.size(), CounterBook::names_limit + 1);
    EXPECT_EQ(all.front().name, CounterBook::other_name);
    EXPECT_EQ(all.front().counts.of(Counted::deferred), 100);
}

TEST_F(StatisticsTest, ForgetsMinutesBeforeHoursAndHoursBeforeDays) {
    store.accept("shop@acme.example", {"a@example.net"});
    take_all(Counters::now);
    const auto keep_house = [&](WallClock::time_point time) {
        ASSERT_TRUE(run(statistics->keep_house({}, day_of(time - hours(24 * 30)), time)).has_value());
    };
    keep_house(now + hours(24));
    EXPECT_EQ(counts({.tenant = acme}, Resolution::minute).of(Counted::accepted), 1);
    EXPECT_EQ(found("").size(), 1U);
    keep_house(now + hours(24 * 3));
    EXPECT_EQ(counts({.tenant = acme}, Resolution::minute).of(Counted::accepted), 0);
    EXPECT_EQ(counts({.tenant = acme}, Resolution::hour).of(Counted::accepted), 1);
    keep_house(now + hours(24 * 91));
    EXPECT_EQ(counts({.tenant = acme}, Resolution::hour).of(Counted::accepted), 0);
    EXPECT_EQ(counts({.tenant = acme}, Resolution::day).of(Counted::accepted), 1);
    EXPECT_THAT(found(""), IsEmpty());
}

TEST_F(StatisticsTest, KeepsWhatTheFirstLayoutOfItsTablesHad) {
    const std::unique_ptr<Database> old = open_sqlite(store.disk, "old.db", Synchronous::normal).value();
    const auto known = statistics_migrations();
    ASSERT_TRUE(migrate(*old, known.first(1)).has_value());
    ASSERT_TRUE(old->begin().has_value());
    const std::int64_t hour = std::chrono::floor<hours>(now.time_since_epoch()).count();
    for (const std::string_view insert :
         {"INSERT INTO statistic_minute (tenant_id, dimension, bucket, name, counts) VALUES ($1, $2, $3 * 60, $4, $5)",
          "INSERT INTO statistic_hour (tenant_id, dimension, bucket, name, counts) VALUES ($1, $2, $3, $4, $5)",
          "INSERT INTO statistic_day (tenant_id, dimension, bucket, name, counts) VALUES ($1, $2, $3 / 24, $4, $5)"})
        for (const std::string_view name : {"mx.example", "mx2.example"})
            ASSERT_TRUE(old->transaction()
                            .execute(insert, {acme.value, static_cast<std::int64_t>(Dimension::site), hour, name,
                                              std::string_view("0=12 2=11 32=3")})
                            .has_value());
    ASSERT_TRUE(old->commit().has_value());
    ASSERT_TRUE(migrate(*old, known).has_value());
    for (const Resolution resolution : {Resolution::minute, Resolution::hour, Resolution::day}) {
        const auto read = old->read([&](Reader& reader) -> Result<void> {
            const CounterFilter site{.tenant = acme, .dimension = Dimension::site, .name = "mx"};
            RELEVO_TRY(const Breakdown all,
                       breakdown(reader, {}, site, now - hours(2), now + hours(1), resolution, 100));
            EXPECT_EQ(all.rows.size(), 2U);
            for (const BreakdownRow& row : all.rows) EXPECT_EQ(row.counts.of(Counted::accepted), 12);
            return {};
        });
        EXPECT_TRUE(read.has_value());
    }
}

TEST_F(StatisticsTest, RefusesMorePointsThanAChartShows) {
    const auto asked = run(read_rows(*book->committer, [&](Reader& reader) -> Result<void> {
        const auto points = series(reader, {}, {}, now - hours(24 * 30), now, Resolution::minute);
        return points.has_value() ? Result<void>() : std::unexpected(points.error());
    }));
    ASSERT_FALSE(asked.has_value());
    EXPECT_EQ(asked.error().kind, ErrorKind::invalid);
    EXPECT_THAT(asked.error().detail, testing::HasSubstr("by hour"));
}

TEST(Counts, AreReadAsTheyWereWrittenAndPassOverWhatIsNewer) {
    Counts counts;
    counts.add(Counted::accepted, 12);
    counts.add(Counted::unsubscribed, 3);
    counts.add_delay(seconds(1));
    counts.add_delay(hours(1'000));
    EXPECT_EQ(Counts::parse(counts.text()).value(), counts);
    EXPECT_EQ(Counts::parse("").value(), Counts());
    EXPECT_EQ(Counts::parse("0=1 25=7 99=3").value().text(), "0=1");
    for (const std::string_view text : {"x", "1", "1=", "1=-2", "1=2 "})
        EXPECT_EQ(Counts::parse(text).error().kind, ErrorKind::damaged) << text;
}

}  // namespace
}  // namespace relevo
