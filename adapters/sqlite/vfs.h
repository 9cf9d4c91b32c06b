// SQLite's view of the operating system, made of a Disk: so one interface carries every octet of the store, and the
// simulator can cut the power under SQLite too (security row R3).
#pragma once

#include "adapters/sqlite/locks.h"
#include "core/ports/disk.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>

struct sqlite3_vfs;

namespace relevo::sqlite {

// When other connections can read what a commit has written into the log.
enum class LogWrites : std::uint8_t {
    at_sync,  // of the same commit: with synchronous=FULL alone
    at_once,
};

// Are pages of the database compared with their seals (page_seal.h) when they are read?
enum class PageCheck : std::uint8_t {
    compared,  // one that differs is a read error, SQLITE_IOERR_DATA
    ignored,
};

// Registered under name() for as long as it lives; must outlive every connection opened with it. Threads: any.
class Vfs {
 public:
    explicit Vfs(Disk& disk, LogWrites log_writes = LogWrites::at_sync);
    ~Vfs();
    Vfs(const Vfs&) = delete;
    Vfs& operator=(const Vfs&) = delete;

    [[nodiscard]] const char* name() const { return name_.c_str(); }

    // A sync of the log failed: what it wrote since the last success may or may not be on disk.
    [[nodiscard]] bool log_is_in_doubt() const { return log_in_doubt_; }
    // Cuts the log back to what the last successful sync covered, durably. Call with every connection closed.
    Result<void> cut_log(std::string_view log_name);

    // While set, a sync of the log that ends a transaction only hands its octets to the system; sync_log() does the
    // rest, on any thread. Threads: the writer's.
    void set_log_sync_deferred(bool deferred) { defers_log_sync_ = deferred; }
    // Nothing to do if no sync was put off. Errors: as a sync of the log.
    Result<void> sync_log();

    // For those that save what can be saved; anybody else has pages compared, which is what is set at first.
    void set_page_check(PageCheck check) { page_check_ = check; }
    [[nodiscard]] PageCheck page_check() const { return page_check_; }
    // Pages that were found to differ from their seals, in order, by number from 1; a thousand at most.
    [[nodiscard]] std::set<std::uint32_t> damaged_pages() const;
    // `call` with each of them, once, on the thread that read it. Before the first connection.
    void on_page_damage(std::function<void(std::uint32_t page)> call) { on_page_damage_ = std::move(call); }

    // The text of the last failure of a disk that the calling thread met; SQLite's own codes do not carry it.
    [[nodiscard]] static const std::string& last_failure();

    // For the file methods (vfs.cc):
    struct Shared {
        FileLocks locks;
        WalIndex wal_index;
        std::atomic<std::size_t> sealed_page_size = 0;  // 0: pages bear no seals, as those of an empty file
    };
    std::shared_ptr<Shared> shared_of(const std::string& file_name);
    int failed(const Error& error, int code);
    int page_differs(std::uint32_t number);
    void log_written(Octets offset);
    void log_synced(bool succeeded);
    [[nodiscard]] bool defers_log_sync() const { return defers_log_sync_; }
    void put_off_log_sync(std::shared_ptr<DiskFile> log);
    [[nodiscard]] Disk& disk() { return disk_; }
    [[nodiscard]] LogWrites log_writes() const { return log_writes_; }

 private:
    Disk& disk_;
    const LogWrites log_writes_;
    std::string name_;
    std::unique_ptr<sqlite3_vfs> vfs_;
    mutable std::mutex mutex_;
    std::map<std::string, std::weak_ptr<Shared>, std::less<>> shared_;
    std::set<std::uint32_t> damaged_pages_;
    std::function<void(std::uint32_t)> on_page_damage_;
    std::optional<Octets> first_unsynced_;  // of the log
    std::optional<Octets> syncing_from_;    // of what sync_log() is at work on
    std::shared_ptr<DiskFile> log_to_sync_;
    std::atomic<PageCheck> page_check_ = PageCheck::compared;
    bool defers_log_sync_ = false;
    std::atomic<bool> log_in_doubt_ = false;
};

}  // namespace relevo::sqlite
