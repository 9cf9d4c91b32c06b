// A store in a folder of its own, with the tables of this module, for its tests.
#pragma once

#include "adapters/disk/posix_disk.h"
#include "adapters/sqlite/sqlite_database.h"
#include "core/tenancy/schema.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

namespace relevo::test {

class Store {
 public:
    Store() {
        std::string pattern = (std::filesystem::temp_directory_path() / "relevo-tenancy-XXXXXX").string();
        folder_ = ::mkdtemp(pattern.data());
        disk_ = open_disk(folder_, Durability::unsynced_for_tests).value();
        database_ = open_sqlite(*disk_).value();
        EXPECT_TRUE(migrate(*database_, tenancy_migrations()).has_value());
    }
    ~Store() {
        database_.reset();
        disk_.reset();
        std::filesystem::remove_all(folder_);
    }
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

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

 private:
    std::filesystem::path folder_;
    std::unique_ptr<Disk> disk_;
    std::unique_ptr<Database> database_;
};

}  // namespace relevo::test
