// Statistics over a simulated disk, as the app puts them together.
#pragma once

#include "adapters/committer/no_contents.h"
#include "adapters/memory/telemetry.h"
#include "core/spool/spool_fixture.h"
#include "core/statistics/schema.h"
#include "core/statistics/statistics.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relevo::test {

constexpr TenantId acme{1};

inline Event event_of(MessageId message, EventKind kind, std::int64_t ordinal, std::string detail,
                      WallClock::time_point at) {
    return {.id = {},
            .at = at,
            .kind = kind,
            .message = message,
            .ordinal = ordinal,
            .tenant = acme,
            .detail = std::move(detail)};
}

inline std::string outcome(const std::string& recipient, const std::string& more) {
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
    Statistics::Taken take(Counters counters = Counters::when_due) {
        const auto taken = run(statistics->take_batch(counters));
        EXPECT_TRUE(taken.has_value()) << taken.error().detail;
        return taken.value_or(Statistics::Taken());
    }
    void take_all(Counters counters = Counters::when_due) {
        while (take(counters).has_more) {
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

}  // namespace relevo::test
