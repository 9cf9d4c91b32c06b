#include "adapters/sqlite/salvage.h"

#include "adapters/simulation/simulated_disk.h"
#include "adapters/sqlite/sqlite_database.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace relevo {
namespace {

using simulation::SimulatedDisk;
using testing::AllOf;
using testing::Contains;
using testing::Gt;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr std::int64_t rows = 4000;
constexpr std::string_view schema =
    "CREATE TABLE mail (id INTEGER PRIMARY KEY, text TEXT NOT NULL); CREATE TABLE tenant (name TEXT PRIMARY KEY);";

class Salvage : public testing::Test {
 protected:
    Salvage() {
        const auto database = open_sqlite(disk_, "a.db").value();
        EXPECT_TRUE(database->begin().has_value());
        Transaction& transaction = database->transaction();
        EXPECT_TRUE(
            transaction.define(std::string(schema) + "CREATE TABLE day_1 (id INTEGER PRIMARY KEY);").has_value());
        // Ids far apart, as messages have them.
        for (std::int64_t row = 0; row < rows; ++row)
            EXPECT_TRUE(transaction.execute("INSERT INTO mail (id, text) VALUES ($1, $2)", {row << 20, text_of(row)})
                            .has_value());
        EXPECT_TRUE(
            transaction.execute("INSERT INTO tenant (name) VALUES ($1)", {std::string_view("acme")}).has_value());
        EXPECT_TRUE(transaction.execute("INSERT INTO day_1 (id) VALUES ($1)", {std::int64_t{7}}).has_value());
        EXPECT_TRUE(database->commit().has_value());
        const auto fresh = open_sqlite(disk_, "b.db").value();
        EXPECT_TRUE(fresh->begin().has_value());
        EXPECT_TRUE(fresh->transaction().define(schema).has_value());
        EXPECT_TRUE(fresh->commit().has_value());
    }
    static std::string_view text_of(std::int64_t row) {
        static thread_local std::string text;
        text = "text of " + std::to_string(row) + std::string(100, 'x');
        return text;
    }
    void overwrite(std::size_t page, char with) {
        const auto file = disk_.open("a.db", OpenMode::existing).value();
        const std::string octets(4096, with);
        ASSERT_TRUE(file->write_at(page * 4096, as_octets(octets)).has_value());
    }
    std::size_t pages() { return disk_.open("a.db", OpenMode::existing).value()->size().value() / 4096; }
    // Rows of the copy; each must be as it was.
    std::int64_t copied() {
        std::int64_t count = 0;
        const auto database = open_sqlite(disk_, "b.db").value();
        EXPECT_TRUE(database
                        ->read([&](Reader& reader) {
                            return reader.query("SELECT id, text FROM mail", {}, [&](const Row& row) -> Result<void> {
                                ++count;
                                EXPECT_EQ(row.text(1), text_of(row.integer(0) >> 20));
                                return {};
                            });
                        })
                        .has_value());
        return count;
    }
    SimulatedDisk disk_;
};

TEST_F(Salvage, CopiesAllOfAWholeDatabase) {
    EXPECT_THAT(problems_of_database(disk_, "a.db").value(), IsEmpty());
    const auto tables = salvage(disk_, "a.db", "b.db").value();
    ASSERT_THAT(tables, SizeIs(3));
    for (const SalvagedTable& table : tables) EXPECT_EQ(table.problem, "") << table.name;
    EXPECT_EQ(copied(), rows);
}

TEST_F(Salvage, LosesOnlyTheRowsOfADamagedPage) {  // security row R14
    const std::string before = disk_.image().at("a.db");
    std::size_t noticed = 0;
    for (std::size_t page = 3; page < pages(); page += 7) {
        overwrite(page, page % 2 == 0 ? '\0' : '\xa5');
        if (!problems_of_database(disk_, "a.db").value().empty()) ++noticed;
        ASSERT_TRUE(disk_.remove("b.db").has_value());
        {
            const auto fresh = open_sqlite(disk_, "b.db").value();
            ASSERT_TRUE(fresh->begin().has_value());
            ASSERT_TRUE(fresh->transaction().define(schema).has_value());
            ASSERT_TRUE(fresh->commit().has_value());
        }
        const auto tables = salvage(disk_, "a.db", "b.db");
        ASSERT_TRUE(tables.has_value()) << tables.error().detail;
        EXPECT_THAT(copied(), Gt(rows - 64)) << "page " << page;
        const auto file = disk_.open("a.db", OpenMode::existing).value();
        ASSERT_TRUE(file->write_at(page * 4096, as_octets(before.substr(page * 4096, 4096))).has_value());
    }
    EXPECT_THAT(noticed, Gt(10U));
}

TEST_F(Salvage, NamesTheRowsOfAPageInWhichABitWasTurned) {  // security row R14
    const std::string before = disk_.image().at("a.db");
    const std::size_t place = before.find("text of 2000") + 50;  // where a letter shows nothing to SQLite
    {
        const auto file = disk_.open("a.db", OpenMode::existing).value();
        ASSERT_TRUE(file->write_at(place, as_octets("y")).has_value());
    }
    const auto tables = salvage(disk_, "a.db", "b.db").value();
    const auto mail = std::ranges::find(tables, "mail", &SalvagedTable::name);
    ASSERT_NE(mail, tables.end());
    EXPECT_EQ(mail->rows, rows);
    EXPECT_THAT(mail->doubtful, AllOf(Contains(std::int64_t{2000} << 20), SizeIs(testing::Lt(64U))));
    EXPECT_THAT(mail->problem, AllOf(HasSubstr(fmt::format("page {} has a wrong checksum", place / 4096 + 1)),
                                     HasSubstr("copied from damaged pages and may be wrong")));
    for (const SalvagedTable& table : tables)
        if (table.name != "mail") EXPECT_THAT(table.doubtful, IsEmpty()) << table.name;
}

TEST_F(Salvage, TellsThatTheListOfTablesMayBeWrong) {  // security row R14
    const std::size_t place = disk_.image().at("a.db").find("CREATE TABLE day_1 (id");
    ASSERT_LT(place, 4096U);
    {
        const auto file = disk_.open("a.db", OpenMode::existing).value();
        ASSERT_TRUE(file->write_at(place + 13, as_octets("e")).has_value());  // eay_1
    }
    const auto tables = salvage(disk_, "a.db", "b.db").value();
    const auto list = std::ranges::find(tables, table_list_name, &SalvagedTable::name);
    ASSERT_NE(list, tables.end());
    EXPECT_THAT(list->problem, HasSubstr("page 1 has a wrong checksum: tables may be named wrongly"));
    EXPECT_EQ(copied(), rows);
}

TEST_F(Salvage, ReadsTheBeginningOfAFileThatWasCut) {
    ASSERT_TRUE(disk_.open("a.db", OpenMode::existing).value()->truncate(pages() / 2 * 4096).has_value());
    const auto tables = salvage(disk_, "a.db", "b.db");
    ASSERT_TRUE(tables.has_value()) << tables.error().detail;
    EXPECT_THAT(copied(), Gt(rows / 3));
    EXPECT_THAT((*tables)[1].problem, Not(IsEmpty())) << (*tables)[1].name;
}

// The list of tables of a store fills several pages, the first and some far behind.
TEST_F(Salvage, ReadsTheTablesBeforeTheFirstThatTheListHasLost) {  // security row R14
    const auto define_many = [](Transaction& transaction, std::string_view prefix) {
        for (int table = 0; table < 40; ++table)
            EXPECT_TRUE(transaction
                            .define(fmt::format("CREATE TABLE {}_{} (id INTEGER PRIMARY KEY /* {} */);", prefix, table,
                                                std::string(500, 'x')))
                            .has_value());
    };
    std::size_t pages_before = 0;
    {
        const auto database = open_sqlite(disk_, "c.db").value();
        ASSERT_TRUE(database->begin().has_value());
        Transaction& transaction = database->transaction();
        ASSERT_TRUE(transaction.define(schema).has_value());
        define_many(transaction, "early");
        for (std::int64_t row = 0; row < rows; ++row)
            ASSERT_TRUE(transaction.execute("INSERT INTO mail (id, text) VALUES ($1, $2)", {row << 20, text_of(row)})
                            .has_value());
        ASSERT_TRUE(database->commit().has_value());
    }
    pages_before = disk_.open("c.db", OpenMode::existing).value()->size().value() / 4096;
    {
        const auto database = open_sqlite(disk_, "c.db").value();
        ASSERT_TRUE(database->begin().has_value());
        define_many(database->transaction(), "late");
        ASSERT_TRUE(database->commit().has_value());
        const auto fresh = open_sqlite(disk_, "b.db").value();
        ASSERT_TRUE(fresh->begin().has_value());
        ASSERT_TRUE(fresh->transaction().define("CREATE TABLE late_39 (id INTEGER PRIMARY KEY);").has_value());
        ASSERT_TRUE(fresh->commit().has_value());
    }
    ASSERT_TRUE(disk_.open("c.db", OpenMode::existing).value()->truncate(pages_before * 4096).has_value());
    const auto tables = salvage(disk_, "c.db", "b.db");
    ASSERT_TRUE(tables.has_value()) << tables.error().detail;
    EXPECT_EQ(copied(), rows);
    const auto problem_of = [&](std::string_view name) {
        const auto found = std::ranges::find(*tables, name, &SalvagedTable::name);
        return found == tables->end() ? std::string("not told") : found->problem;
    };
    EXPECT_EQ(problem_of("mail"), "");
    EXPECT_EQ(problem_of("early_39"), "");
    EXPECT_THAT(problem_of(table_list_name), HasSubstr("tables that were made later are lost"));
    EXPECT_THAT(problem_of("late_39"), HasSubstr("its entry in the list of tables cannot be read"));
}

TEST_F(Salvage, SaysWhenNothingCanBeRead) {
    overwrite(0, 'x');
    const auto tables = salvage(disk_, "a.db", "b.db");
    ASSERT_FALSE(tables.has_value());
    EXPECT_THAT(tables.error().detail, HasSubstr("a.db"));
    EXPECT_FALSE(problems_of_database(disk_, "a.db").has_value());
}

}  // namespace
}  // namespace relevo
