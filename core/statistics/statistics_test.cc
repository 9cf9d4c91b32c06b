#include "core/statistics/statistics.h"

#include "adapters/committer/no_contents.h"
#include "adapters/memory/telemetry.h"
#include "core/spool/spool_fixture.h"
#include "core/statistics/schema.h"

#include <fmt/chrono.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <memory>

namespace relevo {
namespace {

using namespace test;
using mailsearch::State;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr TenantId acme{1};

Event event_of(MessageId message, EventKind kind, std::int64_t ordinal, std::string detail, WallClock::time_point at) {
    return {.id = {},
            .at = at,
            .kind = kind,
            .message = message,
            .ordinal = ordinal,
            .tenant = acme,
            .detail = std::move(detail)};
}

std::string outcome(const std::string& recipient, const std::string& more) {
    return R"({"recipient":")" + recipient + R"(","site":"mx.example.net","source":"192.0.2.1",)" + more + "}";
}

// The database of statistics, as the app puts it together; its work is done by the test's own thread.
struct Book {
    explicit Book(Disk& disk) {
        database = open_sqlite(disk, "statistics.db", Synchronous::normal).value();
        const auto history = history_migrations(), own = statistics_migrations();
        std::vector<Migration> migrations(history.begin(), history.end());
        migrations.insert(migrations.end(), own.begin(), own.end());
        EXPECT_TRUE(migrate(*database, migrations).has_value());
        committer = std::make_unique<GroupCommitter>(*database, contents);
    }
    std::unique_ptr<Database> database;
    NoContents contents;
    std::unique_ptr<GroupCommitter> committer;
};

class StatisticsTest : public testing::Test {
 protected:
    using Counters = Statistics::Counters;

    ~StatisticsTest() override {
        book->committer->stop();
        store.committer->stop();
    }
    std::unique_ptr<Statistics> make_statistics() {
        return std::make_unique<Statistics>(Statistics::Ports{
            .shard = store.shard, .events = *store.database, .book = *book->committer, .log = log, .metrics = numbers});
    }
    // As after a crash: what was gathered is gone.
    void restart() {
        ended.push_back(std::move(statistics));  // coroutines of its time may still hold it
        book.reset();
        store.restart();
        book = std::make_unique<Book>(store.disk);
        statistics = make_statistics();
    }
    template <class T>
    T run(Task<T> task) {
        std::optional<T> answer;
        const auto keep = [](Task<T> of, std::optional<T>& into) -> Task<> { into = co_await std::move(of); };
        store.shard.spawn(keep(std::move(task), answer));
        EXPECT_TRUE(store.run_until([&] {
            book->committer->run_once();
            return answer.has_value();
        })) << "the coroutine did not end";
        return std::move(*answer);
    }
    void happens(std::vector<Event> events) {
        ASSERT_TRUE(store.run(store.spool->note(std::move(events), {}, {})).has_value());
    }
    std::size_t take(Counters counters = Counters::when_due) {
        const auto taken = run(statistics->take_batch(counters));
        EXPECT_TRUE(taken.has_value()) << taken.error().detail;
        return taken.value_or(0);
    }
    void take_all(Counters counters = Counters::when_due) {
        while (take(counters) == Statistics::batch_limit) {
        }
    }
    template <class T>
    T read(std::function<Result<T>(Reader&)> work) {
        std::optional<T> found;
        const auto done = run(read_rows(*book->committer, [&](Reader& reader) -> Result<void> {
            RELEVO_TRY(found, work(reader));
            return {};
        }));
        EXPECT_TRUE(done.has_value()) << done.error().detail;
        return found.value_or(T());
    }
    Counts counts(const CounterFilter& filter, Resolution resolution = Resolution::hour) {
        return read<Counts>([&](Reader& reader) -> Result<Counts> {
            RELEVO_TRY(const CounterSums unwritten, statistics->unwritten(reader, filter));
            return totals(reader, unwritten, filter, now - hours(2), now + hours(1), resolution);
        });
    }
    // Of rows alone.
    Counts written(const CounterFilter& filter) {
        return read<Counts>([&](Reader& reader) {
            return totals(reader, {}, filter, now - hours(2), now + hours(1), Resolution::hour);
        });
    }
    std::vector<BreakdownRow> broken_down(Dimension dimension, const std::string& prefix = {}) {
        return read<Breakdown>([&](Reader& reader) -> Result<Breakdown> {
                   const CounterFilter filter{.tenant = acme, .dimension = dimension, .name = prefix};
                   RELEVO_TRY(const CounterSums unwritten, statistics->unwritten(reader, filter));
                   return breakdown(reader, unwritten, filter, now - hours(48), now + hours(1), Resolution::day, 1'000);
               })
            .rows;
    }
    std::vector<std::string> names(Dimension dimension, const std::string& prefix = {}) {
        std::vector<std::string> texts;
        for (const BreakdownRow& row : broken_down(dimension, prefix)) texts.push_back(row.name);
        return texts;
    }
    RecipientPage page(const std::string& text, std::optional<TenantId> tenant = acme, std::int64_t before = 0,
                       std::size_t limit = 100) {
        return read<RecipientPage>([&](Reader& reader) {
            return search.find(reader, mailsearch::parse_query(text).value(), tenant, before, limit);
        });
    }
    std::vector<std::string> found(const std::string& text, std::optional<TenantId> tenant = acme) {
        std::vector<std::string> recipients;
        for (const FoundRecipient& one : page(text, tenant).rows) recipients.push_back(one.recipient);
        return recipients;
    }

    const WallClock::time_point now = WallClock::now();
    std::vector<std::unique_ptr<Statistics>> ended;
    RecipientSearch search;
    SpoolStore store;
    std::unique_ptr<simulation::SimulatedDisk> after_cut;
    std::unique_ptr<Book> book = std::make_unique<Book>(store.disk);
    MemoryLog log;
    MemoryMetrics numbers;
    std::unique_ptr<Statistics> statistics = make_statistics();
};

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
    ASSERT_EQ(take(Counters::now), Statistics::batch_limit);
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

TEST_F(StatisticsTest, TakesNothingTwiceWhenTwoReadTheSameEvents) {
    store.accept("shop@acme.example", {"a@example.net"});
    const auto other = make_statistics();
    std::optional<Result<std::size_t>> first, second;
    const auto start = [](Statistics& of, std::optional<Result<std::size_t>>& done) -> Task<> {
        done = co_await of.take_batch(Counters::now);
    };
    store.shard.spawn(start(*statistics, first));
    store.shard.spawn(start(*other, second));
    ASSERT_TRUE(store.run_until([&] {
        book->committer->run_once();
        return first && second;
    }));
    EXPECT_EQ(first->value_or(0) + second->value_or(0), 1U);
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

TEST_F(StatisticsTest, FindsMailByRecipientSenderDomainStateAndId) {
    const auto one = store.accept("Shop@acme.example", {"Ana@example.org", "b@example.net"});
    const auto two = store.accept("news@acme.example", {"ana@example.net"});
    happens({event_of(one->id, EventKind::failed, 0,
                      outcome("Ana@example.org", R"("class":"unknown_user","nature":"hard")"), now),
             event_of(two->id, EventKind::delivered, 0, outcome("ana@example.net", R"("status":"2.0.0")"), now),
             event_of(two->id, EventKind::opened, 0, R"({"by":"human"})", now),
             event_of(one->id, EventKind::held, whole_message, "{}", now)});
    take_all();
    EXPECT_THAT(found(""), ElementsAre("ana@example.net", "b@example.net", "ana@example.org"));
    EXPECT_THAT(found("to:ana@"), ElementsAre("ana@example.net", "ana@example.org"));
    EXPECT_THAT(found("ana@example.org"), ElementsAre("ana@example.org"));
    EXPECT_THAT(found("domain:example.net"), ElementsAre("ana@example.net", "b@example.net"));
    EXPECT_THAT(found("domain:example.net from:shop@acme.example"), ElementsAre("b@example.net"));
    EXPECT_THAT(found("from:news@acme.example"), ElementsAre("ana@example.net"));
    EXPECT_THAT(found("status:bounced"), ElementsAre("ana@example.org"));
    EXPECT_THAT(found("status:held"), ElementsAre("b@example.net"));
    EXPECT_THAT(found("status:opened"), ElementsAre("ana@example.net"));
    EXPECT_THAT(found(one->id.text()), ElementsAre("b@example.net", "ana@example.org"));
    EXPECT_THAT(found("before:2020-01-01"), IsEmpty());
    EXPECT_THAT(found("after:2020-01-01").size(), 3U);
    EXPECT_EQ(page("status:bounced").rows.front().reason, "unknown_user");
    // security row E9: what is another's is not there
    EXPECT_THAT(found("to:ana@", TenantId{2}), IsEmpty());
    EXPECT_THAT(found("to:ana@", std::nullopt).size(), 2U);
}

TEST_F(StatisticsTest, FindsAndCountsMailByTheWordsOfItsSubjectAndByTags) {
    const auto accept = [&](const std::string& recipient, std::string origin) {
        Submission made = store.submission(envelope("shop@acme.example", {recipient}));
        made.origin = std::move(origin);
        return store.accept(std::move(made));
    };
    const auto one =
        accept("a@example.net", R"({"subject":"Información: su pedido nº 4711","tags":["Welcome","VIP 1"]})");
    accept("b@example.net", R"({"subject":"Your order 4711 – thank you 😀","tags":["welcome"]})");
    accept("c@example.net", R"({"subject":"ΤΙΜΟΛΌΓΙΟ и счёт 請求書"})");
    take_all();
    for (const auto& [query, recipient] :
         {std::pair{"subject:informacion", "a@example.net"}, std::pair{"subject:PEDIDO", "a@example.net"},
          std::pair{"subject:\"order thank you!\"", "b@example.net"}, std::pair{"subject:τιμολόγιο", "c@example.net"},
          std::pair{"subject:Счёт", "c@example.net"}, std::pair{"subject:請求書", "c@example.net"},
          std::pair{"tag:\"vip 1\"", "a@example.net"}, std::pair{"tag:welcome to:b@", "b@example.net"},
          std::pair{"subject:4711 tag:welcome from:shop@ status:waiting subject:su", "a@example.net"}})
        EXPECT_THAT(found(query), ElementsAre(recipient)) << query;
    EXPECT_THAT(found("subject:4711"), ElementsAre("b@example.net", "a@example.net"));
    for (const std::string query :
         {"subject:ped", "tag:vip", "subject:welcome", "tag:4711", "subject:4711 status:bounced"})
        EXPECT_THAT(found(query), IsEmpty()) << query;
    EXPECT_EQ(page("tag:welcome to:a@").rows.at(0).labels.tags, (std::vector<std::string>{"Welcome", "VIP 1"}));
    // What happens later is counted by the same tags, after a restart too.
    take_all(Counters::now);
    restart();
    happens({event_of(one->id, EventKind::delivered, 0, outcome("a@example.net", R"("status":"2.0.0")"), now)});
    take_all();
    EXPECT_THAT(names(Dimension::tag), ElementsAre("welcome", "vip 1"));
    EXPECT_EQ(counts({.tenant = acme, .dimension = Dimension::tag, .name = "vip 1"}).of(Counted::delivered), 1);
    EXPECT_EQ(counts({.tenant = acme, .dimension = Dimension::tag, .name = "welcome"}).of(Counted::accepted), 2);
}

TEST_F(StatisticsTest, FindsMailAsScheduledUntilItsTime) {
    const auto accept = [&](const std::string& recipient, WallClock::time_point send_at) {
        Submission made = store.submission(envelope("shop@acme.example", {recipient}));
        made.origin = fmt::format(R"({{"send_at":"{:%FT%TZ}"}})", std::chrono::floor<std::chrono::seconds>(send_at));
        return store.accept(std::move(made));
    };
    const auto later = accept("later@example.net", now + hours(1));
    accept("dropped@example.net", now + hours(2));
    store.accept("shop@acme.example", {"at-once@example.net"});
    take_all();
    EXPECT_THAT(found("status:scheduled"), ElementsAre("dropped@example.net", "later@example.net"));
    EXPECT_THAT(found("status:waiting"), ElementsAre("at-once@example.net"));
    EXPECT_EQ(page("to:later@").rows.at(0).send_at, std::chrono::floor<std::chrono::seconds>(now + hours(1)));
    EXPECT_EQ(page("to:at-once@").rows.at(0).send_at, std::nullopt);

    // What happens to it comes first; what its time changes lasts over a restart.
    happens({event_of(later->id, EventKind::held, whole_message, "{}", now)});
    take_all();
    EXPECT_THAT(found("status:held"), ElementsAre("later@example.net"));
    accept("due@example.net", now - hours(1));  // it came while nothing was counted
    take_all(Counters::now);
    restart();
    take_all();
    EXPECT_THAT(found("status:waiting"), ElementsAre("due@example.net", "at-once@example.net"));
    EXPECT_EQ(page("to:due@").rows.at(0).changed_at, std::chrono::floor<std::chrono::seconds>(now - hours(1)));
    EXPECT_THAT(found("status:scheduled"), ElementsAre("dropped@example.net"));
    EXPECT_THAT(found("status:held"), ElementsAre("later@example.net")) << "a person holds it";
}

TEST_F(StatisticsTest, PagesThroughAllThatIsFoundOnce) {
    std::vector<std::string> recipients;
    for (int i = 0; i < 25; ++i) recipients.push_back("r" + std::to_string(i) + "@example.net");
    for (int i = 0; i < 4; ++i) store.accept("shop@acme.example", recipients);
    take_all();
    for (const std::string query : {"", "domain:example.net", "status:waiting", "to:r", "from:shop@acme.example"}) {
        std::vector<std::int64_t> keys;
        std::int64_t before = 0;
        do {
            const RecipientPage one = page(query, acme, before, 7);
            for (const FoundRecipient& row : one.rows) keys.push_back(key_of(row.id));
            before = one.next;
        } while (before != 0);
        EXPECT_EQ(keys.size(), 100U) << query;
        EXPECT_TRUE(std::ranges::is_sorted(keys, std::ranges::greater())) << query;
    }
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
        EXPECT_EQ(Counts::parse(text).error().kind, ErrorKind::io) << text;
}

}  // namespace
}  // namespace relevo
