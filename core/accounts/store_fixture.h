// A store in a folder of its own, with the tables of this module, one tenant and times to count from, for its tests.
#pragma once

#include "adapters/disk/posix_disk.h"
#include "adapters/sqlite/sqlite_database.h"
#include "core/accounts/schema.h"
#include "core/events/history.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/schema.h"
#include "core/tenancy/secret.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

namespace relevo::test {

// Unpredictable enough for tests, and the same in each run.
inline RandomSource counting_random(std::uint8_t seed = 1) {
    return [state = std::make_shared<std::uint32_t>(seed)](std::span<std::byte> octets) {
        for (std::byte& octet : octets) {
            *state = *state * 1664525U + 1013904223U;
            octet = static_cast<std::byte>(*state >> 24);
        }
    };
}

class AccountStore {
 public:
    AccountStore() {
        std::string pattern = (std::filesystem::temp_directory_path() / "relevo-accounts-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
        disk_ = open_disk(folder_, Durability::unsynced_for_tests).value();
        database_ = open_sqlite(*disk_).value();
        std::vector<Migration> all;
        for (const auto list : {history_migrations(), tenancy_migrations(), accounts_migrations()})
            all.insert(all.end(), list.begin(), list.end());
        EXPECT_TRUE(migrate(*database_, all).has_value());
        acme = write([&](Transaction& transaction) {
                   return create_tenant(transaction, "Acme", mail::Language::english, start);
               }).value();
    }
    ~AccountStore() {
        database_.reset();
        disk_.reset();
        std::filesystem::remove_all(folder_);
    }
    AccountStore(const AccountStore&) = delete;
    AccountStore& operator=(const AccountStore&) = delete;

    // Runs `work` in a transaction: committed if it succeeds, else rolled back.
    template <class Work>
    auto write(Work work) -> decltype(work(std::declval<Transaction&>())) {
        EXPECT_TRUE(database_->begin().has_value());
        auto result = work(database_->transaction());
        if (result.has_value())
            EXPECT_TRUE(database_->commit().has_value());
        else
            database_->rollback();
        return result;
    }
    template <class Work>
    auto read(Work work) -> decltype(work(std::declval<Reader&>())) {
        decltype(work(std::declval<Reader&>())) result = failure(ErrorKind::internal, "nothing was read");
        EXPECT_TRUE(database_
                        ->read([&](Reader& reader) -> Result<void> {
                            result = work(reader);
                            return {};
                        })
                        .has_value());
        return result;
    }
    // Every octet that the store has written: database and log.
    [[nodiscard]] std::string all_octets() const;

    const WallClock::time_point start{std::chrono::sys_days{std::chrono::year{2026} / 11 / 26}};
    TenantId acme;

 private:
    std::filesystem::path folder_;
    std::unique_ptr<Disk> disk_;
    std::unique_ptr<Database> database_;
};

inline std::string AccountStore::all_octets() const {
    std::string octets;
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
        std::ifstream file(entry.path(), std::ios::binary);
        octets.append(std::istreambuf_iterator<char>(file), {});
    }
    return octets;
}

inline const dns::IpAddress office = dns::IpAddress::parse("192.0.2.7").value();

}  // namespace relevo::test
