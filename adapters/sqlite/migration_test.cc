#include "core/ports/migration.h"

#include "adapters/simulation/simulated_disk.h"
#include "adapters/sqlite/sqlite_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo {
namespace {

using testing::HasSubstr;

constexpr Migration first{"spool", 1, "CREATE TABLE a (id INTEGER PRIMARY KEY);"};
constexpr Migration second{"spool", 2, "ALTER TABLE a ADD COLUMN name TEXT; CREATE TABLE b (id INTEGER PRIMARY KEY);"};
constexpr Migration other{"events", 1, "CREATE TABLE c (id INTEGER PRIMARY KEY);"};
constexpr Migration broken{"spool", 2, "CREATE TABLE d (id INTEGER PRIMARY KEY); CREATE NONSENSE;"};

class Migrations : public testing::Test {
 protected:
    bool has_table(std::string_view name) {
        bool found = false;
        EXPECT_TRUE(database_
                        ->read([&](Reader& reader) {
                            return reader.query("SELECT 1 FROM sqlite_schema WHERE name = $1", {name},
                                                [&](const Row&) -> Result<void> {
                                                    found = true;
                                                    return {};
                                                });
                        })
                        .has_value());
        return found;
    }
    simulation::SimulatedDisk disk_;
    std::unique_ptr<Database> database_ = open_sqlite(disk_).value();
};

TEST_F(Migrations, ApplyWhatIsMissingOnce) {
    ASSERT_TRUE(migrate(*database_, std::array{first, other}).has_value());
    ASSERT_TRUE(migrate(*database_, std::array{first, second, other}).has_value());
    ASSERT_TRUE(migrate(*database_, std::array{first, second, other}).has_value());
    EXPECT_TRUE(has_table("a") && has_table("b") && has_table("c"));
}

TEST_F(Migrations, RefuseAStoreOfANewerRelease) {  // security row R15
    ASSERT_TRUE(migrate(*database_, std::array{first, second}).has_value());
    const auto refused = migrate(*database_, std::array{first, other});
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, ErrorKind::unsupported);
    EXPECT_THAT(refused.error().detail, HasSubstr("change 2 of spool"));
    EXPECT_FALSE(has_table("c")) << "nothing was changed";
}

TEST_F(Migrations, LeaveNothingOfAChangeThatFails) {
    const auto failed = migrate(*database_, std::array{first, broken, other});
    ASSERT_FALSE(failed.has_value());
    EXPECT_THAT(failed.error().detail, HasSubstr("change 2 of spool"));
    EXPECT_TRUE(has_table("a"));
    EXPECT_FALSE(has_table("d"));
    ASSERT_TRUE(migrate(*database_, std::array{first, second, other}).has_value()) << "the next release mends it";
    EXPECT_TRUE(has_table("b") && has_table("c"));
}

}  // namespace
}  // namespace relevo
