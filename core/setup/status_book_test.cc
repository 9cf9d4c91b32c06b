#include "core/setup/status_book.h"

#include "adapters/simulation/simulated_disk.h"
#include "adapters/sqlite/sqlite_database.h"
#include "core/events/event_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::setup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

const WallClock::time_point noon{std::chrono::seconds(1'800'000'000)};

CheckItem item(std::string id, CheckStatus status) {
    CheckItem made;
    made.id = std::move(id);
    made.status = status;
    made.found.english = "as it is";
    return made;
}

TEST(CheckStatuses, TellChangesAloneAndTakeNoSkippedCheckForNews) {
    const auto first = compare({}, {item("spf", CheckStatus::fail), item("mx", CheckStatus::ok)});
    EXPECT_THAT(first.changes, SizeIs(1));
    const auto second = compare(first.now, {item("spf", CheckStatus::fail), item("mx", CheckStatus::skipped)});
    EXPECT_THAT(second.changes, IsEmpty());
    EXPECT_EQ(second.now.at("mx"), CheckStatus::ok);
    const auto third = compare(second.now, {item("spf", CheckStatus::ok), item("mx", CheckStatus::ok)});
    ASSERT_THAT(third.changes, SizeIs(1));
    EXPECT_EQ(third.changes[0].before, CheckStatus::fail);
}

class StatusBookTest : public testing::Test {
 protected:
    StatusBookTest() {
        std::vector<Migration> migrations;
        for (const auto& of_module : {history_migrations(), setup_migrations()})
            migrations.insert(migrations.end(), of_module.begin(), of_module.end());
        EXPECT_TRUE(migrate(*database, migrations).has_value());
        run("CREATE TABLE domain (id BIGINT PRIMARY KEY)");  // of core/tenancy, as far as it matters
        run("INSERT INTO domain (id) VALUES (3)");
        facts.id = DomainId{3};
        facts.tenant = TenantId{5};
        facts.domain = "a.example";
    }
    void run(std::string_view sql) {
        const auto done = write([&](Transaction& rows) { return rows.define(sql); });
        EXPECT_TRUE(done.has_value()) << done.error().detail;
    }
    Result<void> write(const std::function<Result<void>(Transaction&)>& work) {
        RELEVO_CHECK(database->begin());
        RELEVO_CHECK(work(database->transaction()));
        return database->commit();
    }
    void look(std::vector<CheckItem> items) {
        ASSERT_TRUE(write([&](Transaction& rows) -> Result<void> {
                        RELEVO_CHECK(note_look(rows, writer, facts, items, noon));
                        return {};
                    }).has_value());
    }
    std::vector<std::string> told() {
        std::vector<std::string> details;
        EventList list;
        EXPECT_TRUE(database
                        ->read([&](Reader& rows) -> Result<void> {
                            RELEVO_TRY(const auto page,
                                       list.page(rows, {.subject = "domain:" + facts.id.text()}, std::nullopt, 100));
                            for (const Event& event : page.events) {
                                EXPECT_EQ(event.tenant, facts.tenant);
                                details.push_back(event.detail);
                            }
                            return {};
                        })
                        .has_value());
        return details;
    }
    std::int64_t count(CheckStatus status) {
        std::map<CheckStatus, std::int64_t> counts;
        EXPECT_TRUE(database
                        ->read([&](Reader& rows) -> Result<void> {
                            RELEVO_TRY(counts, count_statuses(rows));
                            return {};
                        })
                        .has_value());
        return counts[status];
    }

    simulation::SimulatedDisk disk;
    std::unique_ptr<Database> database = open_sqlite(disk).value();
    EventWriter writer;
    DomainFacts facts;
};

TEST_F(StatusBookTest, AnEventTellsWhichRecordAndHowItWas) {
    look({item("spf.record", CheckStatus::ok), item("dkim.record", CheckStatus::warn)});
    EXPECT_THAT(told(), IsEmpty()) << "the first look changes nothing";
    look({item("spf.record", CheckStatus::fail), item("dkim.record", CheckStatus::warn)});
    look({item("spf.record", CheckStatus::fail), item("dkim.record", CheckStatus::warn)});
    ASSERT_THAT(told(), SizeIs(1));
    EXPECT_THAT(told()[0], HasSubstr(R"("before":"warn","status":"fail","changes":[{"check":"spf.record")"));
    EXPECT_THAT(told()[0], HasSubstr(R"("title":"SPF record","title_es":"Registro SPF")"));
    EXPECT_THAT(told()[0], HasSubstr(R"("before":"ok","status":"fail","found":"as it is","found_es":)"));
    EXPECT_EQ(count(CheckStatus::fail), 1);
    look({item("spf.record", CheckStatus::ok), item("dkim.record", CheckStatus::ok)});
    ASSERT_THAT(told(), SizeIs(2));
    EXPECT_THAT(told()[0], HasSubstr(R"("before":"fail","status":"ok")"));
    EXPECT_EQ(count(CheckStatus::ok), 2);
}

TEST_F(StatusBookTest, ADomainThatIsGoneLeavesNothing) {
    look({item("spf.record", CheckStatus::ok)});
    run("DELETE FROM domain");
    ASSERT_TRUE(write(forget_lost_domains).has_value());
    EXPECT_EQ(count(CheckStatus::ok), 0);
    look({item("spf.record", CheckStatus::fail)});
    EXPECT_THAT(told(), IsEmpty());
    EXPECT_EQ(count(CheckStatus::fail), 0);
}

}  // namespace
}  // namespace relevo::setup
