// One suite for every Disk.
#include "adapters/disk/posix_disk.h"
#include "adapters/simulation/simulated_disk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <sys/stat.h>

namespace relevo {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class DiskContract : public testing::TestWithParam<std::string_view> {
 protected:
    void SetUp() override {
        if (GetParam() == "simulated") {
            disk_ = std::make_unique<simulation::SimulatedDisk>();
            return;
        }
        std::string pattern = (std::filesystem::temp_directory_path() / "relevo-disk-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
        disk_ = open_disk(folder_ + "/store").value();
    }
    void TearDown() override {
        disk_.reset();
        if (!folder_.empty()) std::filesystem::remove_all(folder_);
    }
    static std::string read(DiskFile& file, Octets offset, std::size_t size) {
        std::string octets(size, '?');
        octets.resize(file.read_at(offset, std::as_writable_bytes(std::span(octets.data(), size))).value());
        return octets;
    }

    std::string folder_;
    std::unique_ptr<Disk> disk_;
};

TEST_P(DiskContract, ReadsWhatWasWrittenAndFewerOctetsOnlyAtTheEnd) {
    const auto file = disk_->open("a", OpenMode::create_new).value();
    ASSERT_TRUE(file->write_at(3, as_octets("hello")).has_value());
    EXPECT_EQ(file->size().value(), 8U);
    EXPECT_EQ(read(*file, 0, 100), std::string("\0\0\0hello", 8));
    EXPECT_EQ(read(*file, 8, 10), "");
    EXPECT_TRUE(file->sync().has_value());
    ASSERT_TRUE(file->truncate(4).has_value());
    EXPECT_EQ(read(*file, 3, 10), "h");
    ASSERT_TRUE(file->truncate(6).has_value());
    EXPECT_EQ(read(*file, 3, 10), std::string("h\0\0", 3));
}

TEST_P(DiskContract, AllocatedRoomKeepsContent) {
    const auto file = disk_->open("a", OpenMode::create).value();
    ASSERT_TRUE(file->write_at(0, as_octets("hello")).has_value());
    EXPECT_TRUE(file->allocate(100'000).has_value());
    EXPECT_EQ(read(*file, 0, 5), "hello");
    EXPECT_GE(file->size().value(), 5U);
}

TEST_P(DiskContract, OpensByMode) {
    EXPECT_EQ(disk_->open("a", OpenMode::existing).error().kind, ErrorKind::not_found);
    EXPECT_TRUE(disk_->open("a", OpenMode::create).has_value());
    EXPECT_TRUE(disk_->open("a", OpenMode::existing).has_value());
    EXPECT_EQ(disk_->open("a", OpenMode::create_new).error().kind, ErrorKind::conflict);
}

TEST_P(DiskContract, RemovesRenamesAndLists) {
    ASSERT_TRUE(disk_->open("b", OpenMode::create).value()->write_at(0, as_octets("of b")).has_value());
    ASSERT_TRUE(disk_->open("a", OpenMode::create).has_value());
    EXPECT_THAT(disk_->list().value(), ElementsAre("a", "b"));
    ASSERT_TRUE(disk_->rename("b", "a").has_value());
    EXPECT_TRUE(disk_->sync_folder().has_value());
    EXPECT_THAT(disk_->list().value(), ElementsAre("a"));
    EXPECT_EQ(read(*disk_->open("a", OpenMode::existing).value(), 0, 10), "of b");
    EXPECT_TRUE(disk_->exists("a").value());
    ASSERT_TRUE(disk_->remove("a").has_value());
    EXPECT_FALSE(disk_->exists("a").value());
    EXPECT_EQ(disk_->remove("a").error().kind, ErrorKind::not_found);
}

TEST_P(DiskContract, AnOpenFileOutlivesItsName) {
    const auto file = disk_->open("a", OpenMode::create).value();
    ASSERT_TRUE(disk_->remove("a").has_value());
    ASSERT_TRUE(file->write_at(0, as_octets("x")).has_value());
    EXPECT_EQ(read(*file, 0, 1), "x");
}

TEST_P(DiskContract, KnowsItsSpace) {
    EXPECT_GT(disk_->free_space().value(), 0U);
    EXPECT_GE(disk_->total_space().value(), disk_->free_space().value());
}

INSTANTIATE_TEST_SUITE_P(Every, DiskContract, testing::Values("posix", "simulated"),
                         [](const auto& info) { return std::string(info.param); });

TEST(PosixDisk, LocksItsFolderNamesTheHolderAndKeepsOthersOut) {
    std::string pattern = (std::filesystem::temp_directory_path() / "relevo-disk-XXXXXX").string();
    const std::string folder = ::mkdtemp(pattern.data());
    {
        const auto disk = open_disk(folder + "/store").value();
        const auto second = open_disk(folder + "/store");
        ASSERT_FALSE(second.has_value());
        EXPECT_EQ(second.error().kind, ErrorKind::conflict);
        EXPECT_EQ(second.error().detail,
                  "another Relevo (pid " + std::to_string(::getpid()) + ") is using " + folder + "/store");
        struct stat status{};
        ASSERT_EQ(::stat((folder + "/store").c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777U, 0700U);
        ASSERT_TRUE(disk->open("a", OpenMode::create).has_value());
        ASSERT_EQ(::stat((folder + "/store/a").c_str(), &status), 0);
        EXPECT_EQ(status.st_mode & 0777U, 0600U);
    }
    EXPECT_TRUE(open_disk(folder + "/store").has_value());
    EXPECT_THAT(open_disk(folder + "/no/such").error().detail, HasSubstr("No such file"));
    std::filesystem::remove_all(folder);
}

TEST(SimulatedDisk, FillsUp) {
    simulation::SimulatedDisk disk;
    disk.set_capacity(10);
    const auto file = disk.open("a", OpenMode::create).value();
    EXPECT_TRUE(file->write_at(0, as_octets("0123456789")).has_value());
    EXPECT_EQ(file->write_at(10, as_octets("x")).error().kind, ErrorKind::full);
    EXPECT_TRUE(file->write_at(9, as_octets("x")).has_value()) << "no growth";
}

}  // namespace
}  // namespace relevo
