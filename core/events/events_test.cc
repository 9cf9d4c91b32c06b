#include "adapters/simulation/simulated_disk.h"
#include "adapters/sqlite/sqlite_database.h"
#include "core/events/event_list.h"
#include "core/ports/migration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace relevo {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

using Time = std::chrono::system_clock::time_point;
const Time noon{days(20'000) + hours(12)};

class EventsTest : public testing::Test {
 protected:
    EventsTest() { EXPECT_TRUE(migrate(*database, history_migrations()).has_value()); }

    Result<void> write(const std::function<Result<void>(Transaction&)>& work) {
        RELEVO_CHECK(database->begin());
        const auto result = work(database->transaction());
        if (result.has_value()) return database->commit();
        database->rollback();
        return result;
    }
    Result<void> append(Time at, std::int64_t message = 7, EventKind kind = EventKind::deferred) {
        return write([&](Transaction& transaction) {
            return writer.append(transaction, {.id = {},
                                               .at = at,
                                               .kind = kind,
                                               .message = MessageId{message},
                                               .ordinal = 3,
                                               .tenant = TenantId{5},
                                               .detail = R"({"a":"é"})"});
        });
    }
    std::vector<Event> read(std::int64_t message, std::int64_t first_day, std::size_t limit = 10'000) {
        std::vector<Event> events;
        EXPECT_TRUE(database
                        ->read([&](Reader& rows) -> Result<void> {
                            RELEVO_TRY(events, reader.of_message(rows, MessageId{message}, first_day, limit));
                            return {};
                        })
                        .has_value());
        return events;
    }
    std::vector<std::int64_t> ids(std::int64_t message) {
        std::vector<std::int64_t> found;
        for (const Event& event : read(message, 0)) found.push_back(event.id.value);
        return found;
    }
    std::vector<std::int64_t> days_kept() {
        std::vector<std::int64_t> kept;
        EXPECT_TRUE(database
                        ->read([&](Reader& rows) -> Result<void> {
                            RELEVO_TRY(kept, history_days(rows, "event", 0));
                            return {};
                        })
                        .has_value());
        return kept;
    }
    // Another process takes the store over.
    void restart() {
        writer = EventWriter();
        EXPECT_TRUE(database->read([&](Reader& rows) { return writer.recover(rows); }).has_value());
    }
    static Result<bool> nothing_is_needed(std::int64_t) { return false; }

    simulation::SimulatedDisk disk;
    std::unique_ptr<Database> database = open_sqlite(disk).value();
    EventWriter writer;
    EventReader reader;
};

TEST_F(EventsTest, KeepsEveryMember) {
    ASSERT_TRUE(append(noon + milliseconds(5), 7, EventKind::expired).has_value());
    const auto events = read(7, day_of(noon));
    ASSERT_EQ(events.size(), 1U);
    EXPECT_EQ(events[0].id, EventId{1});
    EXPECT_EQ(events[0].at, noon + milliseconds(5));
    EXPECT_EQ(events[0].kind, EventKind::expired);
    EXPECT_EQ(events[0].message, MessageId{7});
    EXPECT_EQ(events[0].ordinal, 3);
    EXPECT_EQ(events[0].tenant, TenantId{5});
    EXPECT_EQ(events[0].detail, R"({"a":"é"})");
}

TEST_F(EventsTest, FindsTheLatestOfAKind) {
    ASSERT_TRUE(append(noon, 7, EventKind::accepted).has_value());
    ASSERT_TRUE(append(noon + hours(1), 7, EventKind::delivered).has_value());
    ASSERT_TRUE(append(noon + days(1), 7, EventKind::delivered).has_value());
    ASSERT_TRUE(append(noon + days(2), 8, EventKind::delivered).has_value());
    const auto latest = [&](EventKind kind, std::int64_t first_day) {
        std::optional<Event> found;
        EXPECT_TRUE(database
                        ->read([&](Reader& rows) -> Result<void> {
                            RELEVO_TRY(found, reader.latest(rows, MessageId{7}, kind, first_day));
                            return {};
                        })
                        .has_value());
        return found ? found->at : Time{};
    };
    EXPECT_EQ(latest(EventKind::delivered, day_of(noon)), noon + days(1));
    EXPECT_EQ(latest(EventKind::accepted, day_of(noon)), noon);
    EXPECT_EQ(latest(EventKind::accepted, day_of(noon) + 1), Time{}) << "not looked for before that day";
    EXPECT_EQ(latest(EventKind::opened, 0), Time{});
}

TEST_F(EventsTest, IdsGrowInTheOrderOfCommits) {
    for (const Time at : {noon, noon - hours(1), noon + hours(1)}) ASSERT_TRUE(append(at).has_value());
    EXPECT_THAT(ids(7), ElementsAre(1, 2, 3));
    restart();
    ASSERT_TRUE(append(noon).has_value());
    EXPECT_THAT(ids(7), ElementsAre(1, 2, 3, 4));
}

// The clock of an event is when it happened, its id when it was committed: near midnight they disagree.
TEST_F(EventsTest, IdsGoOnWhenTheNewestEventIsOfYesterday) {
    const Time midnight = noon + hours(12);
    ASSERT_TRUE(append(midnight + milliseconds(1)).has_value());
    ASSERT_TRUE(append(midnight - milliseconds(1)).has_value());
    restart();
    ASSERT_TRUE(append(midnight + milliseconds(2)).has_value());
    std::set<std::int64_t> distinct;
    for (const std::int64_t id : ids(7)) distinct.insert(id);
    EXPECT_THAT(distinct, ElementsAre(1, 2, 3)) << "an id is given once";
}

TEST_F(EventsTest, IdsGoOnWhenTheNewestDayIsEmpty) {
    ASSERT_TRUE(append(noon).has_value());
    ASSERT_TRUE(append(noon).has_value());
    ASSERT_TRUE(append(noon + days(1)).has_value());
    ASSERT_TRUE(
        write([](Transaction& transaction) { return transaction.define("DELETE FROM event_20001"); }).has_value());
    restart();
    ASSERT_TRUE(append(noon + days(1), 8).has_value());
    EXPECT_THAT(ids(8), ElementsAre(3));
}

TEST_F(EventsTest, EachDayHasATableOfItsOwn) {
    ASSERT_TRUE(append(noon - days(1)).has_value());
    ASSERT_TRUE(append(noon).has_value());
    ASSERT_TRUE(append(noon - days(1)).has_value());
    EXPECT_THAT(days_kept(), ElementsAre(19'999, 20'000));
    EXPECT_EQ(read(7, 0).size(), 3U);
    EXPECT_EQ(read(7, 20'000).size(), 1U) << "from this day on";
    EXPECT_THAT(read(8, 0), IsEmpty());
    EXPECT_EQ(read(7, 0, 2).size(), 2U) << "no more than asked for";
}

TEST_F(EventsTest, ATableOfARolledBackTransactionIsMadeAgain) {
    EXPECT_FALSE(write([&](Transaction& transaction) -> Result<void> {
                     RELEVO_CHECK(writer.append(transaction, {.at = noon, .message = MessageId{7}, .detail = "{}"}));
                     return failure(ErrorKind::conflict, "something else went wrong");
                 }).has_value());
    EXPECT_THAT(days_kept(), IsEmpty());
    ASSERT_TRUE(append(noon).has_value());
    EXPECT_EQ(read(7, 0).size(), 1U);
}

TEST_F(EventsTest, DropsOldDaysWholeButThoseThatAreNeeded) {
    for (const int back : {3, 2, 1, 0}) ASSERT_TRUE(append(noon - days(back)).has_value());
    int dropped = 0;
    ASSERT_TRUE(write([&](Transaction& transaction) -> Result<void> {
                    RELEVO_TRY(dropped, drop_history_before(transaction, 19'999, [](std::int64_t day) -> Result<bool> {
                                   return day == 19'997;
                               }));
                    return {};
                }).has_value());
    EXPECT_EQ(dropped, 1);
    EXPECT_THAT(days_kept(), ElementsAre(19'997, 19'999, 20'000));
    EXPECT_EQ(read(7, 0).size(), 3U);
    ASSERT_TRUE(write([&](Transaction& transaction) -> Result<void> {
                    RELEVO_TRY(dropped, drop_history_before(transaction, 20'001, nothing_is_needed));
                    return {};
                }).has_value());
    EXPECT_EQ(dropped, 3);
    EXPECT_THAT(days_kept(), IsEmpty());
    ASSERT_TRUE(append(noon).has_value());
    EXPECT_EQ(read(7, 0).size(), 1U) << "the writer notices that today's table went";
}

TEST_F(EventsTest, TablesKeptApartOutliveTheMessagesOfTheirDay) {
    DayTables apart("apart", "CREATE TABLE apart_{0} (id INTEGER PRIMARY KEY);", HistoryKeeping::apart);
    DayStatement insert("INSERT INTO apart_{} (id) VALUES (1)");
    for (const std::int64_t day : {19'998, 19'999, 20'000})
        ASSERT_TRUE(write([&](Transaction& transaction) {
                        return apart.insert(transaction, day, [&]() -> Result<void> {
                            RELEVO_CHECK(transaction.execute(insert.of(day), {}));
                            return {};
                        });
                    }).has_value());
    ASSERT_TRUE(append(noon - days(1)).has_value());
    int dropped = 0;
    const auto drop = [&](auto how) {
        EXPECT_TRUE(write([&](Transaction& transaction) -> Result<void> {
                        RELEVO_TRY(dropped, how(transaction));
                        return {};
                    }).has_value());
        return dropped;
    };
    EXPECT_EQ(
        drop([](Transaction& transaction) { return drop_history_before(transaction, 20'001, nothing_is_needed); }), 1);
    EXPECT_EQ(drop([](Transaction& transaction) { return drop_days_of(transaction, "apart", 20'000, 1); }), 1);
    EXPECT_EQ(drop([](Transaction& transaction) { return drop_days_of(transaction, "apart", 20'000, 10); }), 1);
    EXPECT_EQ(drop([](Transaction& transaction) { return drop_days_of(transaction, "apart", 20'000, 10); }), 0);
}

TEST(Days, BeginAtMidnightUtc) {
    EXPECT_EQ(day_of(Time{}), 0);
    EXPECT_EQ(day_of(Time{hours(24) - milliseconds(1)}), 0);
    EXPECT_EQ(day_of(Time{hours(24)}), 1);
    EXPECT_EQ(day_of(Time{-milliseconds(1)}), -1);
    EXPECT_EQ(time_of_milliseconds(milliseconds_of(noon)), noon);
}

TEST(EventKinds, HaveDistinctNames) {
    std::set<std::string_view> names;
    for (const EventKind kind : all_event_kinds()) {
        EXPECT_TRUE(names.insert(name_of(kind)).second) << name_of(kind);
        EXPECT_EQ(event_kind_named(name_of(kind)), kind);
        const std::string topic = std::string(name_of(topic_of(kind))) + ".";
        EXPECT_EQ(name_of(kind).starts_with(topic), topic_of(kind) != EventTopic::message) << name_of(kind);
    }
    EXPECT_FALSE(names.contains("unknown"));
    EXPECT_FALSE(event_kind_named("unknown"));
}

class EventListTest : public EventsTest {
 protected:
    void happens(EventKind kind, std::string_view name, TenantId tenant = {}, Time at = noon) {
        ASSERT_TRUE(write([&](Transaction& transaction) {
                        return writer.append(transaction, occasion(kind, name, tenant, at, JsonWriter()));
                    }).has_value());
    }
    // Ids, page after page.
    std::vector<std::int64_t> found(const EventQuery& query, std::size_t limit = 2) {
        std::vector<std::int64_t> ids;
        std::optional<EventPlace> place;
        do {
            EXPECT_TRUE(database
                            ->read([&](Reader& rows) -> Result<void> {
                                RELEVO_TRY(const EventList::Page page, list.page(rows, query, place, limit));
                                EXPECT_LE(page.events.size(), limit);
                                for (const Event& event : page.events) ids.push_back(event.id.value);
                                place = page.next ? std::optional(EventPlace::parse(page.next->text()).value())
                                                  : std::nullopt;
                                return {};
                            })
                            .has_value());
        } while (place && ids.size() < 100);
        return ids;
    }
    EventList list;
};

TEST_F(EventListTest, PagesFromTheNewestOnOverDays) {
    for (int day = 3; day >= 1; --day)
        for (int i = 0; i < 3; ++i) ASSERT_TRUE(append(noon - days(day), i).has_value());
    EXPECT_THAT(found({}), ElementsAre(9, 8, 7, 6, 5, 4, 3, 2, 1));
    EXPECT_THAT(found({.message = MessageId{1}}), ElementsAre(8, 5, 2));
    EXPECT_THAT(found({.kind = EventKind::delivered}), IsEmpty());
}

TEST_F(EventListTest, FindsWhatIsAboutAThingAlone) {
    ASSERT_TRUE(append(noon).has_value());
    happens(EventKind::domain_status_changed, "dom_1", TenantId{5}, noon - days(1));
    happens(EventKind::source_drained, "mx1");
    happens(EventKind::domain_status_changed, "dom_2", TenantId{6});
    happens(EventKind::source_resumed, "mx1");
    EXPECT_THAT(found({.subject = "source:mx1"}), ElementsAre(5, 3));
    EXPECT_THAT(found({.subject = "domain:dom_1"}), ElementsAre(2));
    EXPECT_THAT(found({.topic = EventTopic::domain}), ElementsAre(4, 2));
    EXPECT_THAT(found({.topic = EventTopic::message}), ElementsAre(1));
    EXPECT_THAT(found({.subject = "source:"}), IsEmpty());
}

// security row E9: what is the operator's is no tenant's, not even with a tenant's id in its row.
TEST_F(EventListTest, TellsATenantItsOwnAndNothingOfTheOperator) {
    happens(EventKind::tenant_held, "ten_5", TenantId{5});
    happens(EventKind::tenant_held, "ten_6", TenantId{6});
    happens(EventKind::source_drained, "mx1", TenantId{5});
    happens(EventKind::certificate_failed, "mail.example", TenantId{5});
    happens(EventKind::source_drained, "mx2");
    EXPECT_THAT(found({.tenant = TenantId{5}}), ElementsAre(1));
    EXPECT_THAT(found({.tenant = TenantId{5}, .subject = "source:mx1"}), IsEmpty());
    EXPECT_THAT(found({.tenant = TenantId{5}, .subject = "tenant:ten_6"}), IsEmpty());
    EXPECT_THAT(found({}), ElementsAre(5, 4, 3, 2, 1));
}

TEST_F(EventListTest, APageLooksAtABoundedNumberAndGoesOnBehindThem) {
    ASSERT_TRUE(write([&](Transaction& transaction) -> Result<void> {
                    for (std::int64_t i = 0; i <= EventList::looked_at_limit; ++i)
                        RELEVO_CHECK(writer.append(transaction, {.id = {},
                                                                 .at = noon,
                                                                 .kind = i == 0 ? EventKind::held : EventKind::accepted,
                                                                 .message = MessageId{i + 1},
                                                                 .ordinal = 0,
                                                                 .tenant = TenantId{5},
                                                                 .detail = "{}"}));
                    return {};
                }).has_value());
    ASSERT_TRUE(database
                    ->read([&](Reader& rows) -> Result<void> {
                        RELEVO_TRY(const EventList::Page page,
                                   list.page(rows, {.kind = EventKind::held}, std::nullopt, 10));
                        EXPECT_THAT(page.events, IsEmpty());
                        EXPECT_TRUE(page.next);
                        return {};
                    })
                    .has_value());
    EXPECT_THAT(found({.kind = EventKind::held}, 10), ElementsAre(1));
}

TEST(EventPlace, IsWhatAPageSaid) {
    EXPECT_EQ(EventPlace::parse(EventPlace{.day = 20'000, .id = 7}.text())->id, 7);
    for (const char* wrong : {"", ".", "1", "1.", ".1", "1.0", "1.-1", "1.2.3", "a.b", "1.99999999999999999999"})
        EXPECT_FALSE(EventPlace::parse(wrong).has_value()) << wrong;
}

}  // namespace
}  // namespace relevo
