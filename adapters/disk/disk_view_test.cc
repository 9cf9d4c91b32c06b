#include "adapters/disk/disk_view.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace relevo {
namespace {

class AView : public testing::Test {
 protected:
    AView() {
        std::string pattern = (std::filesystem::temp_directory_path() / "relevo-view-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
        std::ofstream(folder_ + "/file") << "0123456789";
    }
    ~AView() override { std::filesystem::remove_all(folder_); }

    DiskView view(Octets size) {
        return DiskView({{"file", [this, size] { return open_to_read(folder_ + "/file", size); }}});
    }
    static std::string all_of(DiskFile& file) {
        std::string octets(100, '\0');
        octets.resize(file.read_at(0, std::as_writable_bytes(std::span(octets))).value());
        return octets;
    }
    std::string folder_;
};

TEST_F(AView, ShowsNothingBehindTheSizeOfTheMoment) {
    DiskView disk = view(4);
    const auto file = disk.open("file", OpenMode::existing).value();
    EXPECT_EQ(all_of(*file), "0123");
    EXPECT_EQ(file->size().value(), Octets{4});
    std::string octet(1, '\0');
    EXPECT_EQ(file->read_at(4, std::as_writable_bytes(std::span(octet))).value(), 0U);
}

TEST_F(AView, ChangesNoFileOfTheDisk) {
    DiskView disk = view(10);
    const auto file = disk.open("file", OpenMode::create).value();
    EXPECT_EQ(file->write_at(0, std::as_bytes(std::span("x"))).error().kind, ErrorKind::refused);
    EXPECT_EQ(file->truncate(0).error().kind, ErrorKind::refused);
    EXPECT_EQ(disk.remove("file").error().kind, ErrorKind::refused);
    EXPECT_EQ(disk.rename("file", "other").error().kind, ErrorKind::refused);
    EXPECT_EQ(all_of(*file), "0123456789");
}

TEST_F(AView, KeepsFilesThatAreMadeInMemory) {
    DiskView disk = view(10);
    EXPECT_EQ(disk.open("log", OpenMode::existing).error().kind, ErrorKind::not_found);
    const auto made = disk.open("log", OpenMode::create).value();
    ASSERT_TRUE(made->write_at(2, std::as_bytes(std::span("ab", 2))).has_value());
    EXPECT_EQ(all_of(*disk.open("log", OpenMode::existing).value()), std::string("\0\0ab", 4));
    EXPECT_EQ(made->write_at(DiskView::memory_limit_octets, std::as_bytes(std::span("a", 1))).error().kind,
              ErrorKind::full);
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/log"));
    ASSERT_TRUE(disk.remove("log").has_value());
    EXPECT_FALSE(disk.exists("log").value());
}

TEST_F(AView, DoesNotFollowLinks) {
    std::filesystem::create_symlink(folder_ + "/file", folder_ + "/link");
    EXPECT_FALSE(open_to_read(folder_ + "/link").has_value());
    EXPECT_EQ(open_to_read(folder_ + "/nothing").error().kind, ErrorKind::not_found);
}

}  // namespace
}  // namespace relevo
