#include "core/events/live_events.h"

#include "adapters/simulation/simulated_disk.h"
#include "adapters/sqlite/sqlite_database.h"
#include "core/ports/migration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::IsEmpty;

// Works at once, on the caller's thread.
class PromptCommitter final : public Committer {
 public:
    explicit PromptCommitter(Database& database) : database_(database) {}
    void commit(CommitRequest request, Completer<Result<void>> done) override {
        EXPECT_TRUE(database_.begin().has_value());
        EXPECT_TRUE(request.rows(database_.transaction(), {}).has_value());
        done(database_.commit());
    }
    int reads = 0;
    void read(std::move_only_function<Result<void>(Reader&)> work, Completer<Result<void>> done) override {
        ++reads;
        done(database_.read([&](Reader& reader) { return work(reader); }));
    }
    void read_content(MessageId, ContentLocation, Completer<Result<std::string>> done) override {
        done(failure(ErrorKind::not_found, "no contents here"));
    }
    void drop_content(ContentLocation) override {}

 private:
    Database& database_;
};

class LiveEventsTest : public testing::Test {
 protected:
    LiveEventsTest() { EXPECT_TRUE(migrate(*database, history_migrations()).has_value()); }

    void append(std::int64_t message, std::int64_t tenant, int count = 1) {
        EXPECT_TRUE(database->begin().has_value());
        for (int i = 0; i < count; ++i)
            EXPECT_TRUE(writer
                            .append(database->transaction(), {.id = {},
                                                              .at = std::chrono::system_clock::now(),
                                                              .kind = EventKind::deferred,
                                                              .message = MessageId{message},
                                                              .ordinal = 0,
                                                              .tenant = TenantId{tenant},
                                                              .detail = "{}"})
                            .has_value());
        EXPECT_TRUE(database->commit().has_value());
        live.committed();
    }
    template <class T>
    T run(Task<T> task) {
        std::optional<T> result;
        shard.spawn(keep(std::move(task), result, shard));
        shard.context().restart();
        shard.run();
        return *std::move(result);
    }
    template <class T>
    static Task<> keep(Task<T> task, std::optional<T>& result, Shard& shard) {
        result = co_await std::move(task);
        shard.stop();
    }
    std::vector<std::int64_t> messages(EventFeed& feed, milliseconds limit = seconds(0)) {
        batch = run(feed.next(Clock::now() + limit)).value();
        std::vector<std::int64_t> found;
        for (const Event& event : batch.events) found.push_back(event.message.value);
        return found;
    }

    simulation::SimulatedDisk disk;
    std::unique_ptr<Database> database = open_sqlite(disk).value();
    EventWriter writer;
    PromptCommitter committer{*database};
    Shard shard{0};
    LiveEvents live{committer};
    EventFeed::Batch batch;
};

TEST_F(LiveEventsTest, BeginsNowAndTellsOnlyWhatFits) {
    append(1, 5);
    EventFeed all(live, shard, {}), of_tenant(live, shard, {.tenant = TenantId{5}}),
        of_message(live, shard, {.tenant = TenantId{5}, .message = MessageId{3}});
    for (EventFeed* feed : {&all, &of_tenant, &of_message}) EXPECT_EQ(run(feed->begin_now()).value(), EventId{1});
    EXPECT_THAT(messages(all), IsEmpty());
    append(2, 6);
    append(3, 5);
    append(4, 5);
    EXPECT_THAT(messages(all, seconds(10)), ElementsAre(2, 3, 4));
    EXPECT_THAT(messages(of_tenant, seconds(10)), ElementsAre(3, 4));
    EXPECT_THAT(messages(of_message, seconds(10)), ElementsAre(3));
    EXPECT_EQ(batch.cursor, EventId{4}) << "what was passed over need not be looked at again";
    EXPECT_THAT(messages(all), IsEmpty());
}

TEST_F(LiveEventsTest, WakesForWhatIsCommittedAndGoesOnAfterABreak) {
    EventFeed feed(live, shard, {});
    ASSERT_TRUE(run(feed.begin_now()).has_value());
    shard.post([&] { append(7, 5); });
    EXPECT_THAT(messages(feed, seconds(10)), ElementsAre(7));
    append(8, 5);
    EventFeed again(live, shard, {});
    again.begin_at(batch.cursor);
    EXPECT_THAT(messages(again, seconds(10)), ElementsAre(8));
}

TEST_F(LiveEventsTest, LooksOnlyWhenSomethingWasCommittedAndNotTooOften) {
    EventFeed feed(live, shard, {});
    ASSERT_TRUE(run(feed.begin_now()).has_value());
    const int before = committer.reads;
    EXPECT_THAT(messages(feed, milliseconds(300)), IsEmpty());
    EXPECT_EQ(committer.reads, before) << "nothing has happened";
    append(7, 5);
    EXPECT_THAT(messages(feed, seconds(10)), ElementsAre(7));
    const auto first = Clock::now();
    append(8, 5);
    EXPECT_THAT(messages(feed, seconds(10)), ElementsAre(8));
    EXPECT_GE(Clock::now() - first, milliseconds(200));
    EXPECT_EQ(committer.reads, before + 2);
}

// security row A16: who falls far behind is told so, and costs no more.
TEST_F(LiveEventsTest, FarBehindBeginsAnewAtTheEnd) {
    EventFeed feed(live, shard, {.tenant = TenantId{9}});
    append(1, 5, 6000);
    append(2, 9);
    EXPECT_THAT(messages(feed, seconds(10)), IsEmpty());
    EXPECT_TRUE(batch.is_gap);
    EXPECT_EQ(batch.cursor, EventId{6001});
    append(3, 9);
    EXPECT_THAT(messages(feed, seconds(10)), ElementsAre(3));
    EXPECT_FALSE(batch.is_gap);
}

}  // namespace
}  // namespace relevo
