#include "adapters/sqlite/page_seal.h"

#include "adapters/simulation/simulated_disk.h"
#include "adapters/sqlite/salvage.h"
#include "adapters/sqlite/sqlite_database.h"
#include "adapters/sqlite/vfs.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <string>
#include <vector>

namespace relevo {
namespace {

using simulation::SimulatedDisk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t page_octets = 4096;
constexpr int rows = 500;

TEST(PageSeal, TellsEveryTurnedBitAndAnotherPlace) {
    std::vector<std::byte> page(page_octets, std::byte{7});
    EXPECT_FALSE(sqlite::is_page_whole(page, 3)) << "it was never sealed";
    sqlite::seal_page(page, 3);
    EXPECT_TRUE(sqlite::is_page_whole(page, 3));
    EXPECT_FALSE(sqlite::is_page_whole(page, 4));
    for (std::size_t bit = 0; bit < page_octets * 8; ++bit) {
        const auto turned = static_cast<std::byte>(1U << bit % 8);
        page[bit / 8] ^= turned;
        EXPECT_FALSE(sqlite::is_page_whole(page, 3)) << "bit " << bit;
        page[bit / 8] ^= turned;
    }
    EXPECT_FALSE(sqlite::is_page_whole(std::vector<std::byte>(page_octets), 1)) << "zeros are no page";
}

class SealedDatabase : public testing::Test {
 protected:
    static void fill(Database& database) {
        ASSERT_TRUE(database.begin().has_value());
        ASSERT_TRUE(database.transaction()
                        .define("CREATE TABLE mail (id INTEGER PRIMARY KEY, text TEXT NOT NULL);")
                        .has_value());
        for (std::int64_t row = 0; row < rows; ++row) {
            const std::string text = text_of(row);
            ASSERT_TRUE(database.transaction()
                            .execute("INSERT INTO mail (id, text) VALUES ($1, $2)", {row, std::string_view(text)})
                            .has_value());
        }
        ASSERT_TRUE(database.commit().has_value());
    }
    static std::string text_of(std::int64_t row) { return fmt::format("text {} {}", row, std::string(100, 'x')); }

    static Result<int> count(Database& database) {
        int found = 0;
        RELEVO_CHECK(database.read([&](Reader& reader) {
            return reader.query("SELECT id, text FROM mail", {}, [&](const Row& row) -> Result<void> {
                EXPECT_EQ(row.text(1), text_of(row.integer(0)));
                ++found;
                return {};
            });
        }));
        return found;
    }

    // As an earlier release made it.
    void make_unsealed(const std::string& name) {
        sqlite::Vfs vfs(disk_);
        sqlite3* handle = nullptr;
        ASSERT_EQ(sqlite3_open_v2(name.c_str(), &handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, vfs.name()),
                  SQLITE_OK);
        std::string sql = "PRAGMA journal_mode=WAL; CREATE TABLE mail (id INTEGER PRIMARY KEY, text TEXT NOT NULL);";
        for (int row = 0; row < rows; ++row)
            sql += fmt::format("INSERT INTO mail VALUES ({}, '{}');", row, text_of(row));
        ASSERT_EQ(sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
        sqlite3_close(handle);
    }

    void turn_bit(const std::string& name, std::size_t octet) {
        const auto file = disk_.open(name, OpenMode::existing).value();
        std::byte value{};
        ASSERT_EQ(file->read_at(octet, std::span(&value, 1)).value(), 1U);
        value ^= std::byte{4};
        ASSERT_TRUE(file->write_at(octet, std::span(&value, 1)).has_value());
    }

    SimulatedDisk disk_;
};

TEST_F(SealedDatabase, SealsEachPageThatItWrites) {
    {
        const auto database = open_sqlite(disk_, "a.db").value();
        fill(*database);
        ASSERT_TRUE(database->begin().has_value());
        ASSERT_TRUE(database->transaction().execute("DELETE FROM mail WHERE id > 400", {}).has_value());
        ASSERT_TRUE(database->commit().has_value());
    }
    EXPECT_TRUE(has_page_checksums(disk_, "a.db").value());
    const std::string file = disk_.image().at("a.db");
    ASSERT_GT(file.size(), 10 * page_octets);
    for (std::size_t page = 0; page * page_octets < file.size(); ++page)
        EXPECT_TRUE(sqlite::is_page_whole(as_octets(file).subspan(page * page_octets, page_octets),
                                          static_cast<std::uint32_t>(page + 1)))
            << "page " << page + 1;
    EXPECT_EQ(count(*open_sqlite(disk_, "a.db").value()).value(), 401);
}

TEST_F(SealedDatabase, RefusesAPageInWhichABitWasTurned) {  // security row R14
    fill(*open_sqlite(disk_, "a.db").value());
    const std::size_t place = disk_.image().at("a.db").find("text 250") + 20;
    turn_bit("a.db", place);
    const auto read = count(*open_sqlite(disk_, "a.db").value());
    ASSERT_FALSE(read.has_value());
    EXPECT_EQ(read.error().kind, ErrorKind::damaged);
    const std::string told = fmt::format("page {} has a wrong checksum", place / page_octets + 1);
    EXPECT_EQ(read.error().detail, "the database file a.db is damaged: " + told);
    EXPECT_THAT(problems_of_database(disk_, "a.db").value(), ElementsAre(told));
}

TEST_F(SealedDatabase, TellsOfEachPageThatGoesBadWhileItIsOpenOnce) {  // security row R14
    std::vector<std::uint32_t> told;
    const auto database =
        open_sqlite(disk_, "a.db", Synchronous::full, [&](std::uint32_t page) { told.push_back(page); }).value();
    fill(*database);
    ASSERT_TRUE(database->checkpoint_whole().has_value());
    const std::size_t place = disk_.image().at("a.db").find("text 250") + 20;
    turn_bit("a.db", place);
    // A connection reads again what another one may have changed.
    ASSERT_TRUE(database->begin().has_value());
    ASSERT_TRUE(database->transaction().execute("DELETE FROM mail WHERE id = 0", {}).has_value());
    ASSERT_TRUE(database->commit().has_value());
    for (int time = 0; time < 3; ++time) {
        const auto read = count(*database);
        ASSERT_FALSE(read.has_value());
        EXPECT_EQ(read.error().kind, ErrorKind::damaged);
    }
    EXPECT_THAT(told, ElementsAre(place / page_octets + 1));
}

TEST_F(SealedDatabase, IsNotFooledByAHeaderThatDeniesTheSeals) {
    fill(*open_sqlite(disk_, "a.db").value());
    const auto file = disk_.open("a.db", OpenMode::existing).value();
    const std::byte none{};
    ASSERT_TRUE(file->write_at(20, std::span(&none, 1)).has_value());
    EXPECT_TRUE(has_page_checksums(disk_, "a.db").value());
    EXPECT_THAT(problems_of_database(disk_, "a.db").value(), ElementsAre("page 1 has a wrong checksum"));
}

TEST_F(SealedDatabase, TakesAFileOfAnEarlierReleaseAndSealsItWhenAsked) {
    make_unsealed("old.db");
    EXPECT_FALSE(has_page_checksums(disk_, "old.db").value());
    EXPECT_EQ(count(*open_sqlite(disk_, "old.db").value()).value(), rows);
    EXPECT_FALSE(has_page_checksums(disk_, "old.db").value());
    ASSERT_TRUE(add_page_checksums(disk_, "old.db").has_value());
    EXPECT_TRUE(has_page_checksums(disk_, "old.db").value());
    EXPECT_THAT(problems_of_database(disk_, "old.db").value(), IsEmpty());
    EXPECT_EQ(count(*open_sqlite(disk_, "old.db").value()).value(), rows);
    turn_bit("old.db", disk_.image().at("old.db").find("text 250") + 20);
    EXPECT_THAT(problems_of_database(disk_, "old.db").value(), ElementsAre(HasSubstr("wrong checksum")));
}

}  // namespace
}  // namespace relevo
