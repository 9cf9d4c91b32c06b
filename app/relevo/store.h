// The embedded store, put together: disk, rows, contents, committer, spool.
#pragma once

#include "adapters/committer/group_committer.h"
#include "adapters/committer/no_contents.h"
#include "app/backup/held_store.h"
#include "app/configuration/configuration.h"
#include "core/erasure/erasure.h"
#include "core/events/history.h"
#include "core/ports/disk.h"
#include "core/ports/log.h"
#include "core/ports/migration.h"
#include "core/spool/spool.h"

#include <atomic>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// What a repair leaves until it is complete; no server starts beside it.
inline constexpr const char* repaired_database_name = "relevo.db.repaired";
// Of every module that keeps rows.
[[nodiscard]] std::vector<Migration> store_migrations();
// Counters and the search for messages, made of the events (decision 0018).
inline constexpr const char* statistics_database_name = "statistics.db";

// What a person does about a database file of which a page is damaged while the server runs.
[[nodiscard]] std::string_view advice_on_damage_of(std::string_view file);

// Threads: open() and recover() before start(); afterwards what its parts say.
class Store {
 public:
    // Takes the lock of the data folder and brings the schema up to date. `log` must live until recover() returns.
    // Errors: conflict – another process has it. unsupported – written by a newer Relevo. damaged – the
    // database is: it is named, and never replaced. io, full, refused.
    [[nodiscard]] static Result<std::unique_ptr<Store>> open(const Configuration& configuration, Log& log);
    ~Store();

    // Rebuilds what memory knows from the rows: `delivery` is called for each that waits.
    Result<Spool::Recovery> recover(const std::function<void(const PendingDelivery&)>& delivery);
    // Reads rows before start().
    Result<void> read(const std::function<Result<void>(Reader&)>& work);
    // Writes rows before start().
    Result<void> write(const std::function<Result<void>(Transaction&)>& work);
    // `call` runs on the committer's thread after each group of commits. Before start().
    void on_commit(std::function<void()> call) { on_commit_ = std::move(call); }
    void start() {
        committer_->start();
        statistics_committer_->start();
    }
    void stop() {
        statistics_committer_->stop();
        committer_->stop();
    }

    // Keeps the files as they are at one moment, see GroupCommitter::hold(); which they are, as
    // backup::files_of_store() tells. The id of the hold is random; the other two want it. Threads: one shard's.
    struct Hold {
        std::string id;
        std::vector<backup::HeldFile> files;
    };
    static constexpr std::chrono::seconds hold_lease{60};
    Task<Result<Hold>> hold();
    [[nodiscard]] Result<void> renew_hold(std::string_view id, GroupCommitter::HeldFiles held);
    void end_hold(std::string_view id);

    [[nodiscard]] const std::string& data_dir() const { return data_dir_; }
    // Room on its disk. Threads: any.
    [[nodiscard]] Result<Octets> available() const { return disk_->free_space(); }
    // Pages of its databases that differed from their checksums since it was opened. Threads: any.
    [[nodiscard]] std::size_t damaged_pages() const { return damaged_pages_; }
    // With less room new mail is refused. Threads: any.
    [[nodiscard]] Octets reserve() const { return reserve_; }
    // As another configuration says. Errors: as available().
    [[nodiscard]] Result<void> set_reserve(const Configuration& configuration);
    [[nodiscard]] Spool& spool() { return *spool_; }
    [[nodiscard]] GroupCommitter& committer() { return *committer_; }
    // What committer() writes into: for read_apart().
    [[nodiscard]] Database& database() { return *database_; }
    [[nodiscard]] GroupCommitter& statistics_committer() { return *statistics_committer_; }
    [[nodiscard]] Erasure& erasure() { return *erasure_; }
    // A random octet string that belongs to this store and is never shown; made at the first start.
    [[nodiscard]] const std::string& secret() const { return secret_; }
    [[nodiscard]] ContentStore::Usage usage() const { return contents_->usage(); }

 private:
    Store() = default;
    Result<void> open_parts(const Configuration& configuration, Log& log);
    Result<void> open_statistics(Log& log);
    void tell_of_damage(const char* file, std::uint32_t page);
    // store_log.cc
    Result<void> keep_damaged_log(const std::vector<std::string>& lost, Log& log);
    Result<void> name_mail_without_rows(Log& log);
    Result<void> load_secret();
    std::unique_ptr<Disk> disk_;
    std::unique_ptr<Database> database_;
    std::unique_ptr<Database> statistics_database_;
    NoContents no_contents_;
    std::unique_ptr<GroupCommitter> statistics_committer_;  // its threads read database_ too
    std::unique_ptr<ContentStore> contents_;
    std::function<void()> on_commit_;
    std::unique_ptr<GroupCommitter> committer_;
    std::unique_ptr<Spool> spool_;
    std::unique_ptr<Erasure> erasure_;
    std::string secret_;
    std::string data_dir_;
    std::atomic<Octets> reserve_ = 0;
    std::string hold_id_;
    Log* log_ = nullptr;  // of open()
    std::atomic<std::size_t> damaged_pages_ = 0;
    std::string damaged_log_folder_;  // empty: it was whole
    DayStatement known_message_{"SELECT 1 FROM message_{} WHERE id = $1"};
};

}  // namespace relevo
