#include "adapters/vault/file_key_vault.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <latch>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace relevo {
namespace {

using testing::HasSubstr;
using testing::Not;

class FileKeyVaultTest : public testing::Test {
 protected:
    FileKeyVaultTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "relevo-vault-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
    }
    ~FileKeyVaultTest() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] std::string path(const char* name = "master.key") const { return folder_ / name; }
    std::unique_ptr<KeyVault> open(const char* name = "master.key") {
        return open_file_key_vault(path(name), MissingMasterKey::make).value();
    }
    Error refusal(MissingMasterKey missing = MissingMasterKey::refuse) {
        auto opened = open_file_key_vault(path(), missing);
        return opened.has_value() ? Error{} : opened.error();
    }
    void write(const std::string& text, mode_t mode = 0600) {
        std::ofstream(path()) << text;
        ::chmod(path().c_str(), mode);
    }

    std::filesystem::path folder_;
};

TEST_F(FileKeyVaultTest, OpensAfterARestartWhatItSealed) {
    const std::string secret("the \0 private key \xff", 19);
    const std::string sealed = open()->seal(secret, "dkim a").value();
    EXPECT_THAT(sealed, Not(HasSubstr("private")));
    const auto vault = open();
    EXPECT_EQ(vault->open(sealed, "dkim a").value(), secret);
    EXPECT_NE(vault->seal(secret, "dkim a").value(), sealed);
    EXPECT_EQ(vault->open(vault->seal("", "empty").value(), "empty").value(), "");
}

TEST_F(FileKeyVaultTest, MakesTheFileForItsOwnerAlone) {
    open();
    struct stat facts{};
    ASSERT_EQ(::stat(path().c_str(), &facts), 0);
    EXPECT_EQ(facts.st_mode & 07777U, 0600U);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator{}), 1);
}

// What a crash left beside the file, under whatever name it had, is not in the way. Process ids repeat: in a container
// they are the same at each start.
TEST_F(FileKeyVaultTest, MakesTheFileBesideWhatACrashLeft) {
    std::ofstream(path() + "." + std::to_string(::getpid())) << "relevo-master-key-1 AAAA";
    const std::string sealed = open()->seal("secret", "dkim a").value();
    EXPECT_EQ(open()->open(sealed, "dkim a").value(), "secret");
}

TEST_F(FileKeyVaultTest, OfSeveralWhoStartAtOnceOneMakesTheKeyOfAll) {
    constexpr std::size_t starters = 8;
    std::vector<std::unique_ptr<KeyVault>> vaults(starters);
    std::latch ready(starters);
    {
        std::vector<std::jthread> threads;
        for (auto& vault : vaults)
            threads.emplace_back([&] {
                ready.arrive_and_wait();
                auto opened = open_file_key_vault(path(), MissingMasterKey::make);
                if (opened.has_value()) vault = *std::move(opened);
            });
    }
    for (const auto& vault : vaults) ASSERT_NE(vault, nullptr);
    const std::string sealed = vaults.front()->seal("secret", "dkim a").value();
    for (const auto& vault : vaults) EXPECT_EQ(vault->open(sealed, "dkim a").value(), "secret");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), std::filesystem::directory_iterator{}), 1);
}

// Rows that were exchanged, changed in any octet or cut do not open.
TEST_F(FileKeyVaultTest, RefusesWhatIsNotTheSealedSecretOfTheContext) {
    const auto vault = open();
    const std::string sealed = vault->seal("secret", "dkim a").value();
    EXPECT_EQ(vault->open(sealed, "dkim b").error().kind, ErrorKind::invalid);
    for (std::size_t i = 0; i < sealed.size(); ++i) {
        std::string changed = sealed;
        changed[i] = changed[i] == 'A' ? 'B' : 'A';
        EXPECT_FALSE(vault->open(changed, "dkim a").has_value()) << i;
        EXPECT_FALSE(vault->open(sealed.substr(0, i), "dkim a").has_value()) << i;
    }
}

TEST_F(FileKeyVaultTest, TellsAnotherMasterKeyFromDamage) {
    const std::string sealed = open("other.key")->seal("secret", "dkim a").value();
    const Error error = open()->open(sealed, "dkim a").error();
    EXPECT_EQ(error.kind, ErrorKind::refused);
    EXPECT_THAT(error.detail, HasSubstr("another master key"));
}

TEST_F(FileKeyVaultTest, RefusesAMissingFileWhenSomethingIsSealed) {
    const Error error = refusal();
    EXPECT_EQ(error.kind, ErrorKind::not_found);
    EXPECT_THAT(error.detail, HasSubstr("restore it from a backup"));
    EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(FileKeyVaultTest, RefusesAFileThatOthersMayReadOrThatIsNoKey) {
    open();
    ::chmod(path().c_str(), 0644);
    EXPECT_EQ(refusal().kind, ErrorKind::refused);
    EXPECT_THAT(refusal().detail, HasSubstr("0644"));
    ::chmod(path().c_str(), 0620);
    EXPECT_EQ(refusal().kind, ErrorKind::refused);
    ::chmod(path().c_str(), 0440);  // as systemd hands out credentials
    EXPECT_TRUE(open_file_key_vault(path(), MissingMasterKey::refuse).has_value());
    std::filesystem::remove(path());
    for (const char* text : {"", "\n", "relevo-master-key-1 ", "relevo-master-key-1 AAAA\n", "AAAA"}) {
        write(text);
        EXPECT_EQ(refusal(MissingMasterKey::make).kind, ErrorKind::invalid) << text;
    }
}

// security row E12: no error tells anything of the secret or of the master key.
TEST_F(FileKeyVaultTest, KeepsSecretsOutOfErrors) {
    const auto vault = open();
    const std::string sealed = vault->seal("canary-secret", "dkim a").value();
    std::string changed = sealed;
    changed[sealed.size() - 3] = changed[sealed.size() - 3] == 'A' ? 'B' : 'A';
    EXPECT_THAT(vault->open(changed, "dkim a").error().detail, Not(HasSubstr("canary")));
    write("canary-master-key");
    EXPECT_THAT(refusal().detail, Not(HasSubstr("canary")));
}

}  // namespace
}  // namespace relevo
