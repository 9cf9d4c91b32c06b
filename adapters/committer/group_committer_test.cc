#include "adapters/committer/group_committer.h"

#include "adapters/disk/posix_disk.h"
#include "adapters/segments/segment_store.h"
#include "adapters/sqlite/sqlite_database.h"
#include "core/ports/migration.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <mutex>
#include <thread>

namespace relevo {
namespace {

using testing::HasSubstr;

constexpr std::array migrations{
    Migration{"mail", 1,
              "CREATE TABLE message (id INTEGER PRIMARY KEY, segment INTEGER NOT NULL, segment_offset INTEGER NOT NULL,"
              " size INTEGER NOT NULL);"
              "CREATE TABLE delivery (id INTEGER PRIMARY KEY, message_id INTEGER NOT NULL);"}};

// A folder of its own per test, removed afterwards.
class Folder {
 public:
    Folder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "relevo-committer-XXXXXX").string();
        path_ = ::mkdtemp(pattern.data());
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    ~Folder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] const std::string& path() const { return path_; }

 private:
    std::string path_;
};

class Store {
 public:
    explicit Store(const std::string& path, CommitterOptions options = {}) {
        disk = open_disk(path).value();
        database = open_sqlite(*disk).value();
        EXPECT_TRUE(migrate(*database, migrations).has_value());
        contents = open_segments(*disk, {.segment_octets = 64 * kibibyte, .reserve_octets = 0}).value();
        EXPECT_TRUE(database
                        ->read([&](Reader& reader) {
                            return reader.query("SELECT segment, segment_offset, size FROM message", {},
                                                [&](const Row& row) -> Result<void> {
                                                    contents->mark_live({static_cast<std::uint32_t>(row.integer(0)),
                                                                         static_cast<Octets>(row.integer(1)),
                                                                         static_cast<Octets>(row.integer(2))});
                                                    return {};
                                                });
                        })
                        .has_value());
        EXPECT_TRUE(contents->finish_recovery().has_value());
        committer = std::make_unique<GroupCommitter>(*database, *contents, std::move(options));
    }
    ~Store() { committer.reset(); }

    std::unique_ptr<Disk> disk;
    std::unique_ptr<Database> database;
    std::unique_ptr<ContentStore> contents;
    std::unique_ptr<GroupCommitter> committer;
};

CommitRequest message(std::int64_t id, std::string content) {
    CommitRequest request;
    request.contents.push_back({MessageId{id}, std::make_shared<const std::string>(std::move(content)), {}});
    request.rows = [id](Transaction& transaction, const std::vector<ContentToStore>& contents) -> Result<void> {
        const ContentLocation& location = contents.front().location;
        RELEVO_CHECK(transaction.execute(
            "INSERT INTO message VALUES ($1, $2, $3, $4)",
            {id, static_cast<std::int64_t>(location.segment), static_cast<std::int64_t>(location.offset),
             static_cast<std::int64_t>(location.length)}));
        RELEVO_CHECK(transaction.execute("INSERT INTO delivery VALUES ($1, $1)", {id}));
        return {};
    };
    return request;
}

Task<Result<std::string>> content_of(Committer& committer, std::int64_t id) {
    ContentLocation location;
    bool found = false;
    RELEVO_CO_CHECK(co_await read_rows(committer, [&](Reader& reader) {
        return reader.query("SELECT segment, segment_offset, size FROM message WHERE id = $1", {id},
                            [&](const Row& row) -> Result<void> {
                                location = {static_cast<std::uint32_t>(row.integer(0)),
                                            static_cast<Octets>(row.integer(1)), static_cast<Octets>(row.integer(2))};
                                found = true;
                                return {};
                            });
    }));
    if (!found) co_return failure(ErrorKind::not_found, "no row");
    co_return co_await read_content(committer, MessageId{id}, location);
}

// Runs a coroutine on a shard of its own, to its end.
template <class T>
T run(Shard& shard, Task<T> task) {
    std::optional<T> answer;
    shard.spawn([](Task<T> inner, std::optional<T>& into, Shard& on) -> Task<> {
        into = co_await std::move(inner);
        on.stop();
    }(std::move(task), answer, shard));
    shard.run();
    shard.context().restart();
    return std::move(*answer);
}

TEST(GroupCommitter, StoresAMessageAndReadsItAgainAfterARestart) {
    const Folder folder;
    Shard shard(0);
    {
        Store store(folder.path());
        store.committer->start();
        ASSERT_TRUE(run(shard, commit(*store.committer, message(7, "Subject: hello\r\n\r\nworld\r\n"))).has_value());
        EXPECT_EQ(run(shard, content_of(*store.committer, 7)).value(), "Subject: hello\r\n\r\nworld\r\n");
    }
    Store again(folder.path());
    again.committer->start();
    EXPECT_EQ(run(shard, content_of(*again.committer, 7)).value(), "Subject: hello\r\n\r\nworld\r\n");
    EXPECT_EQ(run(shard, content_of(*again.committer, 8)).error().kind, ErrorKind::not_found);
}

// Queues requests for run_once() and keeps what they were answered.
struct Inline {
    explicit Inline(Committer& committer_used) : committer(committer_used) {}
    std::size_t add(CommitRequest request) {
        const std::size_t place = answers.size();
        answers.emplace_back();
        committer.commit(std::move(request),
                         {context.get_executor(), [this, place](Result<void> result) { answers[place] = result; }});
        return place;
    }
    // Runs what was posted; the number of handlers.
    std::size_t deliver() {
        context.restart();
        return context.poll();
    }
    // Waits until each is answered.
    void deliver_all() {
        const auto guard = boost::asio::make_work_guard(context);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        const auto is_answered = [](const auto& answer) { return answer.has_value(); };
        context.restart();
        while (!std::ranges::all_of(answers, is_answered) && std::chrono::steady_clock::now() < deadline)
            context.run_one_for(std::chrono::milliseconds(10));
        for (const auto& answer : answers) EXPECT_TRUE(answer && answer->has_value());
    }
    Committer& committer;
    boost::asio::io_context context;
    std::vector<std::optional<Result<void>>> answers;
};

TEST(GroupCommitter, AnswersAGroupWithOneHandlerPerShard) {
    const Folder folder;
    Store store(folder.path());
    Inline requests(*store.committer);
    for (std::int64_t id = 1; id <= 20; ++id) requests.add(message(id, "x"));
    EXPECT_TRUE(store.committer->run_once());
    EXPECT_FALSE(store.committer->run_once());
    EXPECT_EQ(requests.deliver(), 1U);
    for (const auto& answer : requests.answers) EXPECT_TRUE(answer && answer->has_value());
    EXPECT_EQ(store.committer->metrics().groups, 1U);
    EXPECT_EQ(store.committer->metrics().last_group, 20U);
}

TEST(GroupCommitter, FailsOnlyTheRequestWhoseRowsFail) {
    const Folder folder;
    Store store(folder.path());
    Inline requests(*store.committer);
    requests.add(message(1, "one"));
    requests.add(message(1, "the same id"));
    requests.add(message(2, "two"));
    store.committer->run_once();
    requests.deliver();
    EXPECT_TRUE(requests.answers[0]->has_value());
    ASSERT_FALSE(requests.answers[1]->has_value());
    EXPECT_EQ(requests.answers[1]->error().kind, ErrorKind::conflict);
    EXPECT_TRUE(requests.answers[2]->has_value());
}

TEST(GroupCommitter, RefusesContentsBeyondTheLimitButTakesOutcomes) {
    const Folder folder;
    Store store(folder.path(), {.waiting_octets = 100});
    Inline requests(*store.committer);
    requests.add(message(1, std::string(90, 'x')));
    requests.add(message(2, std::string(90, 'x')));
    CommitRequest outcome;
    outcome.rows = [](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_CHECK(transaction.execute("DELETE FROM delivery WHERE id = $1", {std::int64_t{99}}));
        return {};
    };
    requests.add(std::move(outcome));
    store.committer->run_once();
    requests.deliver();
    EXPECT_TRUE(requests.answers[0]->has_value());
    EXPECT_EQ(requests.answers[1]->error().kind, ErrorKind::limit);
    EXPECT_TRUE(requests.answers[2]->has_value());
}

TEST(GroupCommitter, FinishesWhatWaitsWhenStopped) {
    const Folder folder;
    Store store(folder.path());
    Inline requests(*store.committer);
    for (std::int64_t id = 1; id <= 1500; ++id) requests.add(message(id, "x"));
    store.committer->stop();
    requests.add(message(9999, "late"));
    requests.deliver();
    for (std::size_t place = 0; place < 1500; ++place) EXPECT_TRUE(requests.answers[place]->has_value());
    EXPECT_EQ(requests.answers[1500]->error().kind, ErrorKind::closed);
}

CommitRequest without_contents() {
    CommitRequest request;
    request.rows = [](Transaction&, const std::vector<ContentToStore>&) -> Result<void> { return {}; };
    return request;
}

TEST(GroupCommitter, LetsOutcomesRideWithNewMail) {
    const Folder folder;
    CommitterOptions options;
    options.patience = std::chrono::hours(1);
    Store store(folder.path(), options);
    store.committer->start();
    Inline requests(*store.committer);
    for (int outcome = 0; outcome < 3; ++outcome) requests.add(without_contents());
    requests.add(message(1, "x"));
    requests.deliver_all();
    EXPECT_EQ(store.committer->metrics().groups, 1U);
    EXPECT_EQ(store.committer->metrics().requests, 4U);
}

TEST(GroupCommitter, WritesOutcomesWithoutNewMailSoonEnough) {
    const Folder folder;
    Store store(folder.path());
    store.committer->start();
    Inline requests(*store.committer);
    requests.add(without_contents());
    requests.deliver_all();
    EXPECT_EQ(store.committer->metrics().requests, 1U);
}

// A database whose second step of a commit waits to be let through, and fails on demand.
class GatedDatabase final : public Database {
 public:
    explicit GatedDatabase(Database& inner) : inner_(inner) {}
    Result<void> begin() override { return inner_.begin(); }
    Transaction& transaction() override { return inner_.transaction(); }
    Result<void> commit() override { return inner_.commit(); }
    void rollback() override { inner_.rollback(); }
    Result<void> read(const std::function<Result<void>(Reader&)>& work) override { return inner_.read(work); }
    Result<void> read_apart(const std::function<Result<void>(Reader&)>& work) override {
        return inner_.read_apart(work);
    }
    Result<void> checkpoint() override { return inner_.checkpoint(); }
    Result<void> commit_unsynced() override { return inner_.commit_unsynced(); }
    Result<void> sync() override {
        std::unique_lock lock(mutex_);
        ++waiting_;
        changed_.notify_all();
        changed_.wait(lock, [this] { return open_; });
        --waiting_;
        // The rows are there, and would stay: what a failed sync leaves behind is the inner database's own test.
        if (std::exchange(fails_, false)) return failure(ErrorKind::io, "Input/output error");
        return inner_.sync();
    }

    void close() { set(false, false); }
    void open() { set(true, false); }
    void open_and_fail() { set(true, true); }
    void await_sync() {
        std::unique_lock lock(mutex_);
        ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(20), [this] { return waiting_ > 0; }));
    }

 private:
    void set(bool open, bool fails) {
        {
            const std::lock_guard guard(mutex_);
            open_ = open;
            fails_ = fails;
        }
        changed_.notify_all();
    }
    Database& inner_;
    std::mutex mutex_;
    std::condition_variable changed_;
    int waiting_ = 0;
    bool open_ = true, fails_ = false;
};

struct GatedStore : Store {
    explicit GatedStore(const std::string& path) : Store(path), gated(*database) {
        committer = std::make_unique<GroupCommitter>(gated, *contents);
    }
    ~GatedStore() {
        gated.open();
        committer.reset();
    }
    GatedDatabase gated;
};

// Counts how often its rows are written.
CommitRequest repeatable(std::int64_t id, std::atomic<int>& runs) {
    CommitRequest request;
    request.rows = [id, &runs](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        ++runs;
        runs.notify_all();
        RELEVO_CHECK(transaction.execute("INSERT OR REPLACE INTO delivery VALUES ($1, $1)", {id}));
        return {};
    };
    return request;
}

TEST(GroupCommitter, PreparesTheNextGroupWhileTheLastIsOnItsWayToTheDisk) {  // security row R1
    const Folder folder;
    GatedStore store(folder.path());
    Inline requests(*store.committer);
    std::atomic<int> next = 0;
    store.gated.close();
    for (std::int64_t id = 1; id <= 3; ++id) requests.add(message(id, "x"));
    store.committer->start();
    store.gated.await_sync();
    for (std::int64_t id = 4; id <= 6; ++id) requests.add(repeatable(id, next));
    for (int seen = next; seen < 2; seen = next) next.wait(seen);
    requests.deliver();
    for (const auto& answer : requests.answers) EXPECT_FALSE(answer) << "no answer before the rows are safe";
    store.gated.open();
    requests.deliver_all();
}

TEST(GroupCommitter, ShowsNobodyRowsThatAreNotSafe) {  // security row R1
    const Folder folder;
    GatedStore store(folder.path());
    Inline requests(*store.committer);
    store.gated.close();
    std::atomic<int> written = 0;
    for (std::int64_t id = 1; id <= 3; ++id) requests.add(repeatable(id, written));
    store.committer->start();
    store.gated.await_sync();
    std::atomic<int> seen = 0;
    std::optional<Result<void>> answer;
    store.committer->read(
        [&](Reader& reader) {
            return reader.query("SELECT 1 FROM delivery", {}, [&](const Row&) -> Result<void> {
                ++seen;
                seen.notify_all();
                return {};
            });
        },
        {requests.context.get_executor(), [&](Result<void> result) { answer = std::move(result); }});
    for (int now = seen; now < 3; now = seen) seen.wait(now);
    requests.deliver();
    EXPECT_FALSE(answer);
    store.gated.open_and_fail();
    requests.deliver_all();
    while (!answer) requests.context.run_one_for(std::chrono::milliseconds(10));
    ASSERT_FALSE(answer->has_value()) << "they were taken back";
    EXPECT_EQ(answer->error().kind, ErrorKind::io);
}

TEST(GroupCommitter, WritesAGroupAnewWhoseFlushFailed) {  // security row R4
    const Folder folder;
    GatedStore store(folder.path());
    Inline requests(*store.committer);
    store.gated.close();
    std::atomic<int> first = 0, second = 0;
    for (std::int64_t id = 1; id <= 3; ++id) requests.add(repeatable(id, first));
    store.committer->start();
    store.gated.await_sync();
    for (std::int64_t id = 4; id <= 6; ++id) requests.add(repeatable(id, second));
    for (int seen = second; seen < 2; seen = second) second.wait(seen);
    store.gated.open_and_fail();
    requests.deliver_all();
    EXPECT_EQ(first, 6) << "together, then each alone";
    EXPECT_GE(second, 5) << "the transaction that was open went with it";
    int rows = 0;
    ASSERT_TRUE(store.database
                    ->read([&](Reader& reader) {
                        return reader.query("SELECT count(*) FROM delivery", {}, [&](const Row& row) -> Result<void> {
                            rows = static_cast<int>(row.integer(0));
                            return {};
                        });
                    })
                    .has_value());
    EXPECT_EQ(rows, 6);
}

TEST(GroupCommitter, CompactsAndStillFindsWhatMoved) {
    const Folder folder;
    CommitterOptions options;
    options.is_live = [](Reader& reader, MessageId id) -> Result<bool> {
        bool live = false;
        RELEVO_CHECK(reader.query("SELECT 1 FROM delivery WHERE message_id = $1 LIMIT 1", {id.value},
                                  [&](const Row&) -> Result<void> {
                                      live = true;
                                      return {};
                                  }));
        return live;
    };
    options.record_move = [](Transaction& transaction, const ContentStore::Move& move) -> Result<void> {
        RELEVO_CHECK(transaction.execute(
            "UPDATE message SET segment = $1, segment_offset = $2 WHERE id = $3",
            {static_cast<std::int64_t>(move.to.segment), static_cast<std::int64_t>(move.to.offset), move.id.value}));
        return {};
    };
    Shard shard(0);
    Store store(folder.path(), options);
    store.contents =
        open_segments(*store.disk, {.segment_octets = 16 * kibibyte, .reserve_octets = 0, .slack_octets = 0}).value();
    store.committer = std::make_unique<GroupCommitter>(*store.database, *store.contents, options);
    store.committer->start();
    std::vector<ContentLocation> locations(61);
    for (std::int64_t id = 1; id <= 60; ++id) {
        CommitRequest request = message(id, std::string(1000, static_cast<char>('a' + id % 26)));
        auto rows = std::move(request.rows);
        request.rows = [&, id, rows = std::move(rows)](Transaction& transaction,
                                                       const std::vector<ContentToStore>& contents) mutable {
            locations[static_cast<std::size_t>(id)] = contents.front().location;
            return rows(transaction, contents);
        };
        ASSERT_TRUE(run(shard, commit(*store.committer, std::move(request))).has_value());
    }
    const auto before = store.contents->usage();
    for (std::int64_t id = 1; id <= 60; ++id) {
        if (id % 5 == 0) continue;
        CommitRequest outcome;
        outcome.rows = [id](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
            RELEVO_CHECK(transaction.execute("DELETE FROM delivery WHERE id = $1", {id}));
            return {};
        };
        ASSERT_TRUE(run(shard, commit(*store.committer, std::move(outcome))).has_value());
        store.committer->drop_content(locations[static_cast<std::size_t>(id)]);
    }
    store.committer->stop();
    while (store.contents->usage().on_disk > 2 * store.contents->usage().live + 16 * kibibyte) {
        const auto compactions = store.committer->metrics().compactions;
        store.committer->tidy();
        ASSERT_GT(store.committer->metrics().compactions, compactions);
    }
    EXPECT_LT(store.contents->usage().on_disk, before.on_disk);
    for (std::int64_t id = 5; id <= 60; id += 5) {
        const auto old = store.contents->read(MessageId{id}, locations[static_cast<std::size_t>(id)]);
        EXPECT_EQ(old.value(), std::string(1000, static_cast<char>('a' + id % 26))) << "by the old location";
    }
    EXPECT_GT(store.committer->metrics().compactions, 0U);
}

// --- holds

class Holding : public testing::Test {
 protected:
    Result<void> hold(
        std::chrono::milliseconds lease, std::function<Result<void>()> work = [] { return Result<void>(); }) {
        return run(shard_, completion_of<Result<void>>([&](Completer<Result<void>> done) {
                       store_.committer->hold(lease, work, std::move(done));
                   }));
    }
    void take(std::int64_t id) {
        ASSERT_TRUE(run(shard_, commit(*store_.committer, message(id, std::string(3000, 'x')))).has_value());
    }
    std::string database() const {
        std::ifstream file(folder_.path() + "/relevo.db", std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    Folder folder_;
    Store store_{folder_.path(), {.idle_after = std::chrono::milliseconds(1)}};
    Shard shard_{0};
};

// security row R16
TEST_F(Holding, KeepsTheDatabaseAsItIsWhileCommitsGoOn) {
    store_.committer->start();
    take(1);
    std::string at_that_moment;
    ASSERT_TRUE(hold(std::chrono::minutes(1), [&]() -> Result<void> {
                    at_that_moment = database();
                    return {};
                }).has_value());
    for (std::int64_t id = 2; id <= 40; ++id) take(id);
    store_.committer->stop();  // ends the threads; what they moved meanwhile would show
    EXPECT_NE(database(), at_that_moment) << "the end moves the log";

    const std::string copied = folder_.path() + "/copy";
    std::filesystem::create_directory(copied);
    std::ofstream(copied + "/relevo.db", std::ios::binary) << at_that_moment;
    const auto disk = open_disk(copied).value();
    std::int64_t count = 0;
    ASSERT_TRUE(open_sqlite(*disk)
                    .value()
                    ->read([&](Reader& reader) {
                        return reader.query("SELECT count(*) FROM message", {}, [&](const Row& row) -> Result<void> {
                            count = row.integer(0);
                            return {};
                        });
                    })
                    .has_value());
    EXPECT_EQ(count, 1) << "whole without its log";
}

TEST_F(Holding, IsLetGoInSteps) {
    EXPECT_FALSE(store_.committer->renew_hold(std::chrono::minutes(1), GroupCommitter::HeldFiles::all));
    store_.committer->start();
    take(1);
    ASSERT_TRUE(hold(std::chrono::minutes(1)).has_value());
    take(2);
    const std::string held = database();
    const auto checkpoints = store_.committer->metrics().checkpoints;
    EXPECT_TRUE(store_.committer->renew_hold(std::chrono::minutes(1), GroupCommitter::HeldFiles::all));
    EXPECT_EQ(hold(std::chrono::minutes(1)).error().kind, ErrorKind::conflict) << "one at a time";
    EXPECT_EQ(database(), held);
    EXPECT_TRUE(store_.committer->renew_hold(std::chrono::minutes(1), GroupCommitter::HeldFiles::contents));
    take(3);
    const auto until = Clock::now() + std::chrono::seconds(10);
    while (store_.committer->metrics().checkpoints == checkpoints && Clock::now() < until) std::this_thread::yield();
    EXPECT_NE(database(), held) << "the database was let go";
    store_.committer->end_hold();
    EXPECT_FALSE(store_.committer->renew_hold(std::chrono::minutes(1), GroupCommitter::HeldFiles::contents));
    EXPECT_TRUE(hold(std::chrono::minutes(1)).has_value());
}

TEST_F(Holding, EndsByItself) {
    store_.committer->start();
    ASSERT_TRUE(hold(std::chrono::milliseconds(0)).has_value());
    const auto until = Clock::now() + std::chrono::seconds(10);
    while (!hold(std::chrono::milliseconds(0)).has_value() && Clock::now() < until) std::this_thread::yield();
    EXPECT_LT(Clock::now(), until);
}

TEST_F(Holding, EndsWhenTheLogHasBecomeTooLarge) {
    store_.committer = std::make_unique<GroupCommitter>(*store_.database, *store_.contents,
                                                        CommitterOptions{.log_octets = 0, .held_log_octets = 20'000});
    store_.committer->start();
    ASSERT_TRUE(hold(std::chrono::minutes(1)).has_value());
    for (std::int64_t id = 1; id <= 20; ++id) take(id);
    EXPECT_FALSE(store_.committer->renew_hold(std::chrono::minutes(1), GroupCommitter::HeldFiles::all));
}

TEST_F(Holding, IsNotBegunWhenTheMomentFails) {
    store_.committer->start();
    EXPECT_EQ(
        hold(std::chrono::minutes(1), [] { return Result<void>(failure(ErrorKind::io, "no list")); }).error().kind,
        ErrorKind::io);
    EXPECT_TRUE(hold(std::chrono::minutes(1)).has_value());
}

}  // namespace
}  // namespace relevo
