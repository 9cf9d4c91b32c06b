#include "adapters/memory/telemetry.h"
#include "core/spool/spool_fixture.h"
#include "core/statistics/event_consumer.h"
#include "core/statistics/schema.h"

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

class StatisticsTest : public testing::Test {
 protected:
    ~StatisticsTest() override { store.committer->stop(); }

    void make_consumer() {
        if (consumer) ended.push_back(std::move(consumer));  // coroutines of its time may still hold it
        consumer = std::make_unique<EventConsumer>(
            EventConsumer::Ports{.shard = store.shard, .committer = *store.committer, .log = log, .metrics = numbers});
    }
    void restart() {
        store.restart();
        make_consumer();
    }
    void happens(std::vector<Event> events) {
        ASSERT_TRUE(store.run(store.spool->note(std::move(events), {}, {})).has_value());
    }
    std::size_t take() {
        const auto taken = store.run(consumer->take_batch());
        EXPECT_TRUE(taken.has_value()) << taken.error().detail;
        return taken.value_or(0);
    }
    void take_all() {
        while (take() == EventConsumer::batch_limit) {
        }
    }
    template <class T>
    T read(std::function<Result<T>(Reader&)> work) {
        std::optional<T> found;
        const auto done = store.run(read_rows(*store.committer, [&](Reader& reader) -> Result<void> {
            RELEVO_TRY(found, work(reader));
            return {};
        }));
        EXPECT_TRUE(done.has_value()) << done.error().detail;
        return found.value_or(T());
    }
    Counts counts(const CounterFilter& filter, Resolution resolution = Resolution::hour) {
        return read<Counts>([&](Reader& reader) {
            return totals(reader, filter, now - hours(2), now + hours(1), resolution);
        });
    }
    std::vector<std::string> names(Dimension dimension, TenantId tenant = acme) {
        const auto found = read<Breakdown>([&](Reader& reader) {
            return breakdown(reader, {.tenant = tenant, .dimension = dimension}, now - hours(48), now + hours(1),
                             Resolution::day, 100);
        });
        std::vector<std::string> texts;
        for (const BreakdownRow& row : found.rows) texts.push_back(row.name);
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
    std::vector<std::unique_ptr<EventConsumer>> ended;
    RecipientSearch search;
    SpoolStore store{CommitterThreads::none, statistics_migrations()};
    MemoryLog log;
    MemoryMetrics numbers;
    std::unique_ptr<EventConsumer> consumer = std::make_unique<EventConsumer>(
        EventConsumer::Ports{.shard = store.shard, .committer = *store.committer, .log = log, .metrics = numbers});
};

TEST_F(StatisticsTest, CountsWhatBecameOfMailByTenantLoginDomainSiteAndClass) {
    const auto message = store.accept("shop@acme.example", {"A@example.net", "b@example.net", "c@example.net"});
    happens({event_of(message->id, EventKind::delivered, 0, outcome("A@example.net", R"("status":"2.0.0")"),
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
            EXPECT_EQ(sum.text().substr(0, 32), "0=1 1=3 2=1 3=1 4=1 11=1 12=1 42") << name_of(filter.dimension);
        }
    const Counts site = counts({.tenant = acme, .dimension = Dimension::site, .name = "mx.example.net"});
    EXPECT_EQ(site.of(Counted::delivered), 1);
    EXPECT_EQ(site.of(Counted::accepted), 0);  // not known yet
    EXPECT_EQ(site.bounced(), 1);
    EXPECT_THAT(names(Dimension::bounce_class), ElementsAre("greylisted", "unknown_user"));
    EXPECT_THAT(names(Dimension::reply), ElementsAre("451 4.7.1 wait", "550 5.1.1 … unknown"));
    EXPECT_THAT(names(Dimension::source), ElementsAre("192.0.2.1"));
    EXPECT_EQ(counts({.tenant = TenantId{2}}), Counts());
}

// The cursor and what follows from the events are one transaction.
TEST_F(StatisticsTest, NeitherLosesNorDoublesCountsWhereverACrashComes) {
    const auto message = store.accept("shop@acme.example", {"a@example.net"});
    const auto take_round = [&](std::size_t events) {
        std::vector<Event> round;
        for (std::size_t i = 0; i < events; ++i)
            round.push_back(event_of(message->id, EventKind::deferred, 0, outcome("a@example.net", R"("reply":"4")"), now));
        happens(std::move(round));
    };
    take_round(EventConsumer::batch_limit + 200);
    ASSERT_EQ(take(), EventConsumer::batch_limit);
    restart();  // between two batches
    EXPECT_EQ(counts({.tenant = acme}).of(Counted::deferred), 999);
    take_all();
    restart();  // with nothing left to take
    take_all();
    EXPECT_EQ(counts({.tenant = acme}).of(Counted::deferred), 1'200);

    // The disk dies at each of the calls that a batch makes.
    std::int64_t expected = 1'200;
    bool was_spared = false;
    for (int call = 0; !was_spared && call < 200; ++call) {
        take_round(10);
        expected += 10;
        int left = call;
        bool is_dead = false;
        store.disk.set_fault([&](const simulation::Call&) -> std::optional<Error> {
            is_dead = is_dead || left-- <= 0;
            return is_dead ? std::optional(Error{ErrorKind::io, "the disk died"}) : std::nullopt;
        });
        const auto taken = store.run(consumer->take_batch());
        was_spared = !is_dead;
        EXPECT_EQ(taken.has_value(), !is_dead) << call;
        store.disk.set_fault({});
        restart();
        take_all();
        ASSERT_EQ(counts({.tenant = acme}).of(Counted::deferred), expected) << call;
    }
    EXPECT_TRUE(was_spared);
    EXPECT_EQ(found("to:a@example.net").size(), 1U);
}

TEST_F(StatisticsTest, TakesNothingTwiceWhenTwoReadTheSameEvents) {
    store.accept("shop@acme.example", {"a@example.net"});
    EventConsumer other({.shard = store.shard, .committer = *store.committer, .log = log, .metrics = numbers});
    std::optional<Result<std::size_t>> first, second;
    const auto start = [](EventConsumer& of, std::optional<Result<std::size_t>>& done) -> Task<> {
        done = co_await of.take_batch();
    };
    store.shard.spawn(start(*consumer, first));
    store.shard.spawn(start(other, second));
    ASSERT_TRUE(store.run_until([&] { return first && second; }));
    EXPECT_EQ(first->value_or(0) + second->value_or(0), 1U);
    EXPECT_EQ(counts({.tenant = acme}).of(Counted::accepted), 1);
}

TEST_F(StatisticsTest, ReportsOfNobodyAreFoundButNotCounted) {
    store.accept("", {"a@example.net"});
    take_all();
    EXPECT_TRUE(counts({.tenant = acme}).is_empty());
    EXPECT_THAT(found("to:a@"), ElementsAre("a@example.net"));
}

TEST_F(StatisticsTest, TellsHowLongDeliveriesTake) {
    const auto message = store.accept("shop@acme.example", {"a@example.net"});
    std::vector<Event> events;
    for (int i = 0; i < 100; ++i)
        events.push_back(event_of(message->id, EventKind::delivered, 0, outcome("a@example.net", R"("status":"2.0.0")"),
                                  time_of(message->id) + (i < 94 ? seconds(2) : minutes(10))));
    happens(std::move(events));
    take_all();
    const Counts sum = read<Counts>([&](Reader& reader) {
        return totals(reader, {.tenant = acme}, now - hours(1), now + hours(1), Resolution::hour);
    });
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
                                  R"({"recipient":"a@example.net","site":"mx)" + std::to_string(i) + R"(.example"})", now));
    happens(std::move(events));
    take_all();
    const auto all = read<Breakdown>([&](Reader& reader) {
        return breakdown(reader, {.tenant = acme, .dimension = Dimension::site}, now - hours(1), now + hours(1),
                         Resolution::day, 1'000);
    });
    EXPECT_EQ(all.rows.size(), CounterBook::names_limit + 1);
    EXPECT_EQ(all.rows.front().name, CounterBook::other_name);
    EXPECT_EQ(all.rows.front().counts.of(Counted::deferred), 100);
}

TEST_F(StatisticsTest, ForgetsMinutesBeforeHoursAndHoursBeforeDays) {
    store.accept("shop@acme.example", {"a@example.net"});
    take_all();
    const auto keep_house = [&](WallClock::time_point time) {
        ASSERT_TRUE(store.write([&](Transaction& transaction) {
                             return CounterBook::keep_house(transaction, {}, time);
                         }).has_value());
    };
    keep_house(now + hours(24));
    EXPECT_EQ(counts({.tenant = acme}, Resolution::minute).of(Counted::accepted), 1);
    keep_house(now + hours(24 * 3));
    EXPECT_EQ(counts({.tenant = acme}, Resolution::minute).of(Counted::accepted), 0);
    EXPECT_EQ(counts({.tenant = acme}, Resolution::hour).of(Counted::accepted), 1);
    keep_house(now + hours(24 * 91));
    EXPECT_EQ(counts({.tenant = acme}, Resolution::hour).of(Counted::accepted), 0);
    EXPECT_EQ(counts({.tenant = acme}, Resolution::day).of(Counted::accepted), 1);
}

TEST_F(StatisticsTest, RefusesMorePointsThanAChartShows) {
    const auto asked = store.run(read_rows(*store.committer, [&](Reader& reader) -> Result<void> {
        const auto points = series(reader, {}, now - hours(24 * 30), now, Resolution::minute);
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
