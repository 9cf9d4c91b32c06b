#include "adapters/sqlite/sqlite_database.h"

#include "adapters/sqlite/connection.h"
#include "adapters/sqlite/page_seal.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cassert>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace relevo {
namespace {

using sqlite::Access;
using sqlite::Connection;

// The writer's state belongs to the committer's thread; those that read have a mutex each, because only a repair after
// a failed sync reaches over to them.
class SqliteDatabase final : public Database {
 public:
    SqliteDatabase(Disk& disk, std::string name, Synchronous synchronous, PageDamage page_damage)
        : name_(std::move(name)),
          synchronous_(synchronous),
          vfs_(disk, synchronous == Synchronous::full ? sqlite::LogWrites::at_sync : sqlite::LogWrites::at_once) {
        vfs_.on_page_damage(std::move(page_damage));
    }

    ~SqliteDatabase() override {
        const std::scoped_lock guard(reader_mutex_, apart_mutex_);
        if (vfs_.log_is_in_doubt()) close_connections();
    }

    Result<void> open_connections() {
        RELEVO_CHECK(vfs_.cut_log(name_ + "-wal"));
        RELEVO_TRY(auto writer, Connection::open(vfs_, name_, Access::write));
        if (synchronous_ == Synchronous::normal) RELEVO_CHECK(writer->define("PRAGMA synchronous=NORMAL;"));
        writer->keep_log_on_close();
        // What the log holds may be in the system's cache only: a process before us may have ended after a failed sync,
        // and syncing the log again would not help. The checkpoint writes it anew, into the database file.
        RELEVO_CHECK(writer->checkpoint());
        RELEVO_TRY(reader_, Connection::open(vfs_, name_, Access::read));
        writer->move_log_on_close();
        writer_ = std::move(writer);
        is_open_ = true;
        return {};
    }

    Result<void> begin() override {
        if (!writer_) RELEVO_CHECK(repair());
        assert(!writer_->in_transaction());
        return writer_->begin("BEGIN IMMEDIATE");
    }

    Transaction& transaction() override { return *writer_; }

    Result<void> commit() override {
        if (!writer_) return failure(ErrorKind::io, name_ + " is closed after a failed sync");
        auto committed = writer_->end("COMMIT");
        if (!committed.has_value()) rollback();
        return committed;
    }

    Result<void> commit_unsynced() override {
        if (!writer_) return failure(ErrorKind::io, name_ + " is closed after a failed sync");
        begin_unsynced();
        vfs_.set_log_sync_deferred(true);
        auto committed = writer_->end("COMMIT");
        vfs_.set_log_sync_deferred(false);  // a repair syncs at once
        if (committed.has_value()) return committed;
        rollback();
        end_unsynced(true);
        return committed;
    }

    Result<void> sync() override {
        auto synced = vfs_.sync_log();
        end_unsynced(synced.has_value());
        if (!synced.has_value())
            synced.error().detail = fmt::format("{}: the log could not be synced ({})", name_, synced.error().detail);
        return synced;
    }

    void rollback() override {
        if (!writer_) return;
        static_cast<void>(writer_->end("ROLLBACK"));
        // What was written may be on the disk or not, and could come back to life at the next start.
        if (vfs_.log_is_in_doubt() || writer_->in_transaction()) static_cast<void>(repair());
    }

    Result<void> read(const std::function<Result<void>(Reader&)>& work) override {
        const std::lock_guard guard(reader_mutex_);
        if (!reader_) return failure(ErrorKind::io, name_ + " is closed after a failed sync");
        return read_by(*reader_, work);
    }

    Result<void> read_apart(const std::function<Result<void>(Reader&)>& work) override {
        std::uint64_t lost_before = 0;
        {
            const std::lock_guard guard(sync_mutex_);
            lost_before = lost_;
        }
        {
            const std::lock_guard guard(apart_mutex_);
            if (!is_open_) return failure(ErrorKind::io, name_ + " is closed after a failed sync");
            if (!apart_) {
                RELEVO_TRY(apart_, Connection::open(vfs_, name_, Access::read));
            }
            RELEVO_CHECK(read_by(*apart_, work));
        }
        std::unique_lock lock(sync_mutex_);
        synced_.wait(lock, [this, wanted = begun_] { return ended_ >= wanted; });
        if (lost_ != lost_before) return failure(ErrorKind::io, name_ + ": what was read could not be made safe");
        return {};
    }

    Result<void> checkpoint() override {
        if (!writer_) return repair();
        auto done = writer_->checkpoint();
        if (!done.has_value() && vfs_.log_is_in_doubt()) static_cast<void>(repair());
        return done;
    }

    Result<void> checkpoint_whole() override {
        if (!writer_) RELEVO_CHECK(repair());
        auto done = writer_->checkpoint_whole();
        if (!done.has_value() && vfs_.log_is_in_doubt()) static_cast<void>(repair());
        return done;
    }

    [[nodiscard]] Octets log_size() const override { return writer_ ? writer_->log_size() : 0; }

 private:
    static Result<void> read_by(Connection& connection, const std::function<Result<void>(Reader&)>& work) {
        RELEVO_CHECK(connection.begin("BEGIN"));
        auto done = work(connection);
        static_cast<void>(connection.end("ROLLBACK"));
        return done;
    }

    void begin_unsynced() {
        const std::lock_guard guard(sync_mutex_);
        ++begun_;
    }

    void end_unsynced(bool safe) {
        {
            const std::lock_guard guard(sync_mutex_);
            ended_ = begun_;
            lost_ += safe ? 0 : 1;
        }
        synced_.notify_all();
    }

    void close_connections() {
        is_open_ = false;
        if (writer_) writer_->keep_log_on_close();
        if (reader_) reader_->keep_log_on_close();
        if (apart_) apart_->keep_log_on_close();
        reader_.reset();
        apart_.reset();
        writer_.reset();
    }

    // While this fails there is no connection, and every call fails.
    Result<void> repair() {
        const std::scoped_lock guard(reader_mutex_, apart_mutex_);
        close_connections();
        return open_connections();
    }

    std::string name_;
    Synchronous synchronous_;
    // How many commits in two steps have begun, how many of them are over, and how many of them were lost.
    std::mutex sync_mutex_;
    std::condition_variable synced_;
    std::uint64_t begun_ = 0, ended_ = 0, lost_ = 0;
    sqlite::Vfs vfs_;
    std::unique_ptr<Connection> writer_;
    std::mutex reader_mutex_;
    std::unique_ptr<Connection> reader_;
    std::mutex apart_mutex_;
    bool is_open_ = false;               // under apart_mutex_ and reader_mutex_
    std::unique_ptr<Connection> apart_;  // opened when first wanted
};

}  // namespace

Result<bool> has_page_checksums(Disk& disk, const std::string& name) {
    RELEVO_TRY(const auto file, disk.open(name, OpenMode::existing));
    std::vector<std::byte> first(sqlite::largest_page_octets);
    RELEVO_TRY(const std::size_t count, file->read_at(0, first));
    return sqlite::size_of_sealed_pages(std::span(first).first(count)) != 0;
}

Result<void> add_page_checksums(Disk& disk, const std::string& name) {
    sqlite::Vfs vfs(disk);
    RELEVO_TRY(const auto connection, Connection::open(vfs, name, Access::write));
    RELEVO_CHECK(connection->define("VACUUM;"));
    return connection->checkpoint_whole();
}

Result<std::unique_ptr<Database>> open_sqlite(Disk& disk, const std::string& name, Synchronous synchronous,
                                              PageDamage page_damage) {
    auto database = std::make_unique<SqliteDatabase>(disk, name, synchronous, std::move(page_damage));
    RELEVO_CHECK(database->open_connections());
    return std::unique_ptr<Database>(std::move(database));
}

}  // namespace relevo
