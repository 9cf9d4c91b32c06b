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
#include <filesystem>
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

}  // namespace
}  // namespace relevo
