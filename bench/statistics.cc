// What statistics and the search for messages cost: events of a week of mail go through the server's own consumer into
// a store on disk, then pages of statistics and of searches are read from it.
//     bench_statistics FOLDER [EVENTS [HOURS]]     FOLDER is made, and left behind; 10,000,000 events of a week unless
//                                                  said otherwise
#include "core/statistics/statistics.h"

#include "adapters/committer/group_committer.h"
#include "adapters/committer/no_contents.h"
#include "adapters/disk/posix_disk.h"
#include "adapters/sqlite/sqlite_database.h"
#include "core/ports/migration.h"
#include "core/spool/message.h"
#include "core/spool/spool.h"
#include "core/statistics/schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <sys/resource.h>
#include <vector>

namespace {

using namespace relevo;
using BenchClock = std::chrono::steady_clock;

constexpr int tenants = 20;
constexpr int domains = 3'000;  // besides three great ones, which have 60 % of all recipients
constexpr int questions = 300;  // of each kind
constexpr std::size_t page = 50;

template <class T>
T require(Result<T> result) {
    if (!result.has_value()) {
        fmt::print(stderr, "{}\n", result.error().detail);
        std::exit(1);
    }
    if constexpr (!std::is_void_v<T>) return std::move(*result);
}

double cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

class SilentLog final : public Log {
 public:
    [[nodiscard]] bool enabled(Level) const override { return false; }
    void write(Level, std::string_view, std::initializer_list<Field>) override {}
};

// Numbers that nobody reads.
class LooseMetrics final : public Metrics {
 public:
    Counter& counter(std::string_view, std::string_view, const Labels&) override { return counter_; }
    Gauge& gauge(std::string_view, std::string_view, const Labels&) override { return gauge_; }
    Histogram& histogram(std::string_view, std::string_view, std::span<const double>, const Labels&) override {
        std::abort();  // statistics have none
    }

 private:
    Counter counter_;
    Gauge gauge_;
};

// Mail of some hours: a recipient a message, accepted and then delivered, or bounced (2 in 100), or deferred before
// (3).
class Mail {
 public:
    Mail(std::size_t messages, std::chrono::hours time) : messages_(messages), time_(time) {}
    [[nodiscard]] std::size_t messages() const { return messages_; }
    [[nodiscard]] MessageId id(std::size_t number) const {
        const auto at = first_ + std::chrono::milliseconds(static_cast<std::int64_t>(
                                     static_cast<double>(std::chrono::milliseconds(time_).count()) *
                                     static_cast<double>(number) / static_cast<double>(messages_)));
        return MessageId{(milliseconds_of(at) << id_time_shift) + static_cast<std::int64_t>(number % 1000) * 4};
    }
    [[nodiscard]] WallClock::time_point end() const { return first_ + time_; }
    static TenantId tenant(std::size_t number) { return TenantId{1 + static_cast<std::int64_t>(number % tenants)}; }
    static std::string sender(std::size_t number) {
        return fmt::format("news{}@tenant{}.example", number / tenants % 5, number % tenants);
    }
    static std::string domain(std::size_t number) {
        const std::size_t mixed = number * 2'654'435'761U % 1'000'003;
        if (mixed % 10 < 6) return fmt::format("great{}.example", mixed % 3);
        return fmt::format("domain{}.example", mixed % domains);
    }
    static std::string subject(std::size_t number) {
        return fmt::format("Your order {} of word{} and word{} is on its way", number, number * 31 % 2'000,
                           number * 131 % 5'000);
    }
    [[nodiscard]] std::string recipient(std::size_t number) const {
        return fmt::format("person{}@{}", number * 7'919 % (messages_ / 3 + 1), domain(number));
    }

 private:
    std::size_t messages_;
    std::chrono::hours time_;
    WallClock::time_point first_ = std::chrono::floor<std::chrono::days>(WallClock::now()) - time_;
};

std::string attempt(const Mail& all, std::size_t number, std::string_view end) {
    const std::string domain = Mail::domain(number);
    return fmt::format(
        R"({{"recipient":"{}","attempt":1,"destination":"{}","site":"mx.{}","route":"mx","host":"mx1.{}",)"
        R"("address":"192.0.2.{}","port":25,"source":"198.51.100.{}","tls":"TLSv1.3","stage":"data","status":"2.0.0",)"
        R"({}"duration_ms":120}})",
        all.recipient(number), domain, domain, domain, number % 250, number % 4, end);
}

struct Parts {
    explicit Parts(const std::string& folder) {
        std::filesystem::create_directories(folder);
        disk = require(open_disk(folder));
        events = require(open_sqlite(*disk, "relevo.db", Synchronous::normal));
        book = require(open_sqlite(*disk, "statistics.db", Synchronous::normal));
        std::vector<Migration> migrations(history_migrations().begin(), history_migrations().end());
        const std::size_t shared = migrations.size();
        migrations.insert(migrations.end(), spool_migrations().begin(), spool_migrations().end());
        require(migrate(*events, migrations));
        migrations.resize(shared);
        migrations.insert(migrations.end(), statistics_migrations().begin(), statistics_migrations().end());
        require(migrate(*book, migrations));
        committer = std::make_unique<GroupCommitter>(*book, contents);
        statistics = std::make_unique<Statistics>(
            Statistics::Ports{.shard = shard, .events = *events, .book = *committer, .log = log, .metrics = metrics});
        require(events->read([&](Reader& reader) { return writer.recover(reader); }));
    }

    // One batch of the consumer, on this thread.
    Statistics::Taken take(Statistics::Counters counters) {
        std::optional<Result<Statistics::Taken>> taken;
        const auto start = [](Statistics& of, Statistics::Counters when,
                              std::optional<Result<Statistics::Taken>>& done) -> Task<> {
            done = co_await of.take_batch(when);
        };
        shard.spawn(start(*statistics, counters, taken));
        while (!taken) {
            shard.context().restart();
            if (shard.context().poll() == 0) committer->run_once();
        }
        return require(std::move(*taken));
    }

    // What accepts and delivers mail writes of it.
    Result<void> write(Transaction& transaction, const Mail& all, std::size_t number) {
        const MessageId id = all.id(number);
        const auto at = time_of(id);
        const std::int64_t day = day_of(at);
        const std::string sender = Mail::sender(number);
        RELEVO_CHECK(messages.insert(transaction, day, [&]() -> Result<void> {
            RELEVO_CHECK(transaction.execute(
                insert.of(day), {id.value, Mail::tenant(number).value, static_cast<std::int64_t>(number % 50 + 1),
                                 std::string_view(sender), std::int64_t{0}, std::int64_t{1}}));
            return {};
        }));
        const auto append = [&](EventKind kind, std::int64_t ordinal, std::chrono::milliseconds later,
                                std::string detail) {
            return writer.append(transaction, {.id = {},
                                               .at = at + later,
                                               .kind = kind,
                                               .message = id,
                                               .ordinal = ordinal,
                                               .tenant = Mail::tenant(number),
                                               .detail = std::move(detail)});
        };
        RELEVO_CHECK(append(EventKind::accepted, whole_message, {},
                            fmt::format(R"({{"client":"192.0.2.7","name":"app.example","login":"acme-7k2m",)"
                                        R"("tls":"TLSv1.3","subject":"{}","tags":["kind{}"],"sender":"{}"}})",
                                        Mail::subject(number), number % 12, sender)));
        const std::chrono::milliseconds later(50 + number % 4'000);
        if (number % 100 < 3)
            RELEVO_CHECK(append(
                EventKind::deferred, 0, later,
                attempt(all, number, R"("class":"greylisted","nature":"soft","reply":"451 4.7.1 Try again later",)")));
        if (number % 100 >= 98)
            return append(EventKind::failed, 0, later,
                          attempt(all, number,
                                  R"("class":"unknown_user","nature":"hard","reply":"550 5.1.1 No such user here",)"));
        return append(EventKind::delivered, 0, later,
                      attempt(all, number, R"("reply":"250 2.0.0 Ok: queued as 4F2",)"));
    }

    std::unique_ptr<Disk> disk;
    std::unique_ptr<Database> events, book;
    NoContents contents;
    std::unique_ptr<GroupCommitter> committer;
    Shard shard{0};
    SilentLog log;
    LooseMetrics metrics;
    std::unique_ptr<Statistics> statistics;
    EventWriter writer;
    // The columns of the spool's own that statistics read.
    DayTables messages{"message",
                       "CREATE TABLE message_{0} (id INTEGER PRIMARY KEY, tenant_id INTEGER NOT NULL,"
                       " credential_id INTEGER NOT NULL, sender TEXT NOT NULL, options INTEGER NOT NULL,"
                       " recipients INTEGER NOT NULL);"};
    DayStatement insert{
        "INSERT INTO message_{} (id, tenant_id, credential_id, sender, options, recipients)"
        " VALUES ($1, $2, $3, $4, $5, $6)"};
};

std::size_t fill(Parts& parts, const Mail& all, const std::string& folder) {
    constexpr std::size_t at_once = 2'000;
    double cpu = 0, wall = 0, longest = 0;
    std::size_t events = 0;
    const auto take = [&](Statistics::Counters counters) {
        const double cpu_before = cpu_seconds();
        const auto began = BenchClock::now();
        const Statistics::Taken taken = parts.take(counters);
        const double took = std::chrono::duration<double>(BenchClock::now() - began).count();
        cpu += cpu_seconds() - cpu_before;
        wall += took;
        longest = std::max(longest, took);
        events += taken.events;
        return taken;
    };
    for (std::size_t number = 0; number < all.messages();) {
        require(parts.events->begin());
        const std::int64_t day = day_of(time_of(all.id(number)));
        for (const std::size_t end = std::min(number + at_once, all.messages()); number < end; ++number)
            require(parts.write(parts.events->transaction(), all, number));
        // All of it does not fit on a small disk: what is counted goes.
        if (number % (50 * at_once) == 0)
            require(drop_history_before(parts.events->transaction(), day - 1,
                                        [](std::int64_t) -> Result<bool> { return false; }));
        require(parts.events->commit());
        if (parts.events->log_size() > 64 * mebibyte) require(parts.events->checkpoint());
        while (take(Statistics::Counters::when_due).has_more) {
        }
    }
    take(Statistics::Counters::now);
    parts.committer->tidy();
    const auto octets = std::filesystem::file_size(folder + "/statistics.db");
    fmt::print(
        "{} events of {} messages: {:.1f} us of CPU and {:.1f} us an event, the longest batch {:.0f} ms;"
        " {} octets a message\n",
        events, all.messages(), cpu * 1e6 / static_cast<double>(events), wall * 1e6 / static_cast<double>(events),
        longest * 1e3, octets / all.messages());
    return events;
}

void measure(std::string_view name, const std::function<void(std::mt19937_64&)>& ask) {
    std::mt19937_64 random(7);
    std::vector<double> times;
    for (int i = 0; i < questions; ++i) {
        const auto began = BenchClock::now();
        ask(random);
        times.push_back(std::chrono::duration<double, std::milli>(BenchClock::now() - began).count());
    }
    std::ranges::sort(times);
    const auto at = [&](std::size_t percent) { return times.at(times.size() * percent / 100); };
    fmt::print("{:<44} median {:>8.2f} ms  p95 {:>8.2f} ms  worst {:>8.2f} ms\n", name, at(50), at(95), times.back());
}

void search_all(Parts& parts, const Mail& all) {
    RecipientSearch search;
    std::size_t found = 0;
    const auto ask = [&](std::string_view name, const std::function<std::string(std::size_t)>& query,
                         std::optional<TenantId> tenant) {
        found = 0;
        measure(name, [&](std::mt19937_64& random) {
            const std::size_t number = random() % all.messages();
            const auto of = tenant ? std::optional(Mail::tenant(number)) : std::nullopt;
            require(parts.book->read([&](Reader& reader) -> Result<void> {
                RELEVO_TRY(const auto parsed, mailsearch::parse_query(query(number)));
                RELEVO_TRY(const RecipientPage one, search.find(reader, parsed, of, 0, page));
                found += one.rows.size();
                return {};
            }));
        });
        fmt::print("{:<44} {:.1f} rows a page\n", "", static_cast<double>(found) / questions);
    };
    for (const bool of_tenant : {false, true}) {
        const auto tenant = of_tenant ? std::optional(TenantId{1}) : std::nullopt;
        const std::string who = of_tenant ? ", of a tenant" : "";
        ask("newest" + who, [](std::size_t) { return std::string(); }, tenant);
        ask("recipient" + who, [&](std::size_t n) { return "to:" + all.recipient(n); }, tenant);
        ask(
            "local part" + who,
            [&](std::size_t n) {
                const std::string recipient = all.recipient(n);
                return "to:" + recipient.substr(0, recipient.find('@') + 1);
            },
            tenant);
        ask("domain" + who, [](std::size_t n) { return "domain:" + Mail::domain(n); }, tenant);
        ask("sender" + who, [](std::size_t n) { return "from:" + Mail::sender(n); }, tenant);
        ask(
            "words of the subject" + who,
            [](std::size_t n) { return fmt::format("subject:word{} subject:order", n * 31 % 2'000); }, tenant);
        ask("a number in the subject" + who, [](std::size_t n) { return fmt::format("subject:{}", n); }, tenant);
        ask(
            "tag, word and domain" + who,
            [](std::size_t n) {
                return fmt::format("tag:kind{} subject:word{} domain:{}", n % 12, n * 131 % 5'000, Mail::domain(n));
            },
            tenant);
        ask("status:bounced" + who, [](std::size_t) { return std::string("status:bounced"); }, tenant);
        ask(
            "bounced of a domain" + who, [](std::size_t n) { return "status:bounced domain:" + Mail::domain(n); },
            tenant);
        ask("status:complained (none)" + who, [](std::size_t) { return std::string("status:complained"); }, tenant);
        ask("status:opened (none)" + who, [](std::size_t) { return std::string("status:opened"); }, tenant);
        ask("beginning, not there" + who, [](std::size_t) { return std::string("to:nobodyhas"); }, tenant);
    }
}

void show_statistics(Parts& parts, const Mail& all) {
    const auto day = std::chrono::days(1);
    const auto ask = [&](std::string_view name, CounterFilter filter, std::chrono::seconds time, Resolution resolution,
                         bool by_names) {
        measure(name, [&](std::mt19937_64& random) {
            filter.tenant = TenantId{static_cast<std::int64_t>(random() % (tenants + 1))};
            require(parts.book->read([&](Reader& reader) -> Result<void> {
                RELEVO_TRY(const CounterSums unwritten, parts.statistics->unwritten(reader, filter));
                if (by_names) {
                    RELEVO_TRY(const Breakdown rows,
                               breakdown(reader, unwritten, filter, all.end() - time, all.end(), resolution, 20));
                } else {
                    RELEVO_TRY(const auto points,
                               series(reader, unwritten, filter, all.end() - time, all.end(), resolution));
                }
                return {};
            }));
        });
    };
    ask("a day by minute", {}, day, Resolution::minute, false);
    ask("a week by hour", {}, 7 * day, Resolution::hour, false);
    ask("a week by day", {}, 7 * day, Resolution::day, false);
    ask("sites of a day, by hour", {.dimension = Dimension::site}, day, Resolution::hour, true);
    ask("sites of a week, by day", {.dimension = Dimension::site}, 7 * day, Resolution::day, true);
    ask("sites of a week, by hour", {.dimension = Dimension::site}, 7 * day, Resolution::hour, true);
    ask("tags of a week, by day", {.dimension = Dimension::tag}, 7 * day, Resolution::day, true);
    ask("replies of a week", {.dimension = Dimension::reply}, 7 * day, Resolution::day, true);
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 2) {
        fmt::print(stderr, "bench_statistics FOLDER [EVENTS [HOURS]]\n");
        return 2;
    }
    const std::string folder = arguments[1];
    const std::size_t events = count > 2 ? std::strtoull(arguments[2], nullptr, 10) : 10'000'000;
    Parts parts(folder);
    const std::chrono::hours time(count > 3 ? std::strtol(arguments[3], nullptr, 10) : 7 * 24);
    const Mail all(std::max<std::size_t>(events * 100 / 203, 1'000), time);
    fill(parts, all, folder);
    search_all(parts, all);
    show_statistics(parts, all);
    parts.committer->stop();
}
