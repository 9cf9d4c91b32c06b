// Security row R14.
#include "adapters/sqlite/log_check.h"

#include "adapters/simulation/simulated_disk.h"
#include "adapters/sqlite/sqlite_database.h"

#include <gmock/gmock.h>

namespace relevo {
namespace {

using simulation::DiskImage;
using simulation::SimulatedDisk;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::size_t frame_octets = 24 + 4096;

// As a process leaves it that was killed after some commits.
DiskImage killed_store() {
    SimulatedDisk disk;
    const auto database = open_sqlite(disk, "rows.db").value();
    for (int i = 0; i < 6; ++i) {
        EXPECT_TRUE(database->begin().has_value());
        EXPECT_TRUE(database->transaction()
                        .define(i == 0 ? "CREATE TABLE t (id INTEGER PRIMARY KEY, x TEXT);"
                                       : "INSERT INTO t (x) VALUES (hex(randomblob(3000)));")
                        .has_value());
        EXPECT_TRUE(database->commit().has_value());
    }
    return disk.image();
}

std::vector<std::string> problems_with(DiskImage image, std::string log) {
    image["rows.db-wal"] = std::move(log);
    SimulatedDisk disk(std::move(image));
    return problems_of_log(disk, "rows.db").value();
}

TEST(ProblemsOfLog, FindsNothingInAWholeLogOrNone) {
    const DiskImage image = killed_store();
    const std::string log = image.at("rows.db-wal");
    ASSERT_GT(log.size(), 6 * frame_octets);
    EXPECT_THAT(problems_with(image, log), IsEmpty());
    EXPECT_THAT(problems_with(image, log + std::string(mebibyte - log.size(), '\0')), IsEmpty())
        << "room made for more";
    EXPECT_THAT(problems_with(image, ""), IsEmpty());
    EXPECT_THAT(problems_with(image, log.substr(0, 32 + 4 * frame_octets)), IsEmpty()) << "the end of a shorter log";
}

TEST(ProblemsOfLog, FindsAnyChangedOctetBeforeTheLastFrame) {
    const DiskImage image = killed_store();
    const std::string log = image.at("rows.db-wal");
    const std::size_t last = 32 + ((log.size() - 32) / frame_octets - 1) * frame_octets;
    for (std::size_t place = 0; place < last; place += 371) {
        std::string changed = log;
        changed[place] = static_cast<char>(changed[place] ^ 0x10);
        EXPECT_FALSE(problems_with(image, changed).empty()) << place;
    }
}

TEST(ProblemsOfLog, TellsWhereItBreaksAndHowMuchIsLost) {
    const DiskImage image = killed_store();
    std::string log = image.at("rows.db-wal");
    const std::size_t frames = (log.size() - 32) / frame_octets;
    log[32 + 2 * frame_octets + 100] = static_cast<char>(log[32 + 2 * frame_octets + 100] ^ 1);
    EXPECT_THAT(problems_with(image, log),
                ElementsAre(HasSubstr("damaged at octet " + std::to_string(32 + 2 * frame_octets) + ": " +
                                      std::to_string(frames - 2) + " changed pages")));
}

TEST(ProblemsOfLog, FindsACutAndAnotherFileInItsPlace) {
    const DiskImage image = killed_store();
    const std::string log = image.at("rows.db-wal");
    EXPECT_THAT(problems_with(image, log.substr(0, 32 + 2 * frame_octets + 77)), ElementsAre(HasSubstr("cut to")));
    EXPECT_THAT(problems_with(image, image.at("rows.db") + "x"), ElementsAre(HasSubstr("is no log")));
    EXPECT_THAT(problems_with(image, "-----BEGIN"), ElementsAre(HasSubstr("is no log")));
}

}  // namespace
}  // namespace relevo
