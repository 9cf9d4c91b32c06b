#include "adapters/disk/shared_page.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace relevo::test {
namespace {

class SharedPageTest : public testing::Test {
 protected:
    SharedPageTest() {
        std::string name = testing::TempDir() + "relevo-page-XXXXXX";
        folder = ::mkdtemp(name.data());
    }
    ~SharedPageTest() override { std::filesystem::remove_all(folder); }
    std::string folder;
};

TEST_F(SharedPageTest, KeepsWhatAProcessStoredThatWasKilled) {
    const std::string path = folder + "/page";
    const pid_t child = ::fork();
    if (child == 0) {
        auto page = SharedPage::open(path, 4096);
        if (page.has_value()) (*page)->octets()[4095] = std::byte{7};
        ::kill(::getpid(), SIGKILL);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    const auto page = SharedPage::open(path, 4096);
    ASSERT_TRUE(page.has_value()) << page.error().detail;
    EXPECT_EQ((*page)->octets()[4095], std::byte{7});
    EXPECT_EQ((*page)->octets()[0], std::byte{0});
}

TEST_F(SharedPageTest, TakesAnotherSizeThanBefore) {
    const std::string path = folder + "/page";
    ASSERT_TRUE(SharedPage::open(path, 100).has_value());
    const auto larger = SharedPage::open(path, 10'000);
    ASSERT_TRUE(larger.has_value());
    EXPECT_TRUE(std::ranges::all_of((*larger)->octets(), [](std::byte octet) { return octet == std::byte{0}; }));
    EXPECT_EQ((*SharedPage::open(path, 64))->octets().size(), 64U);
}

TEST_F(SharedPageTest, FollowsNoSymbolicLink) {
    std::filesystem::create_symlink(folder + "/elsewhere", folder + "/page");
    const auto page = SharedPage::open(folder + "/page", 64);
    ASSERT_FALSE(page.has_value());
    EXPECT_NE(page.error().detail.find(folder + "/page"), std::string::npos) << "the text names the file";
}

}  // namespace
}  // namespace relevo::test
