#include "adapters/sqlite/sqlite_database.h"

#include "adapters/sqlite/connection.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cassert>
#include <mutex>

namespace relevo {
namespace {

using sqlite::Access;
using sqlite::Connection;

// The writer's state belongs to the committer's thread; the reader's connection has a mutex, because only a repair
// after a failed sync reaches over to it.
class SqliteDatabase final : public Database {
 public:
    SqliteDatabase(Disk& disk, std::string name) : name_(std::move(name)), vfs_(disk) {}

    ~SqliteDatabase() override {
        const std::lock_guard guard(reader_mutex_);
        if (vfs_.log_is_in_doubt()) close_connections();
    }

    Result<void> open_connections() {
        RELEVO_CHECK(vfs_.cut_log(name_ + "-wal"));
        RELEVO_TRY(auto writer, Connection::open(vfs_, name_, Access::write));
        writer->keep_log_on_close();
        // What the log holds may be in the system's cache only: a process before us may have ended after a failed sync,
        // and syncing the log again would not help. The checkpoint writes it anew, into the database file.
        RELEVO_CHECK(writer->checkpoint());
        RELEVO_TRY(reader_, Connection::open(vfs_, name_, Access::read));
        writer->move_log_on_close();
        writer_ = std::move(writer);
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
        vfs_.set_log_sync_deferred(true);
        auto committed = writer_->end("COMMIT");
        vfs_.set_log_sync_deferred(false);  // a repair syncs at once
        if (!committed.has_value()) rollback();
        return committed;
    }

    Result<void> sync() override {
        auto synced = vfs_.sync_log();
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
        RELEVO_CHECK(reader_->begin("BEGIN"));
        auto done = work(*reader_);
        static_cast<void>(reader_->end("ROLLBACK"));
        return done;
    }

    Result<void> checkpoint() override {
        if (!writer_) return repair();
        auto done = writer_->checkpoint();
        if (!done.has_value() && vfs_.log_is_in_doubt()) static_cast<void>(repair());
        return done;
    }

    [[nodiscard]] Octets log_size() const override { return writer_ ? writer_->log_size() : 0; }

 private:
    void close_connections() {
        if (writer_) writer_->keep_log_on_close();
        if (reader_) reader_->keep_log_on_close();
        reader_.reset();
        writer_.reset();
    }

    // While this fails there is no connection, and every call fails.
    Result<void> repair() {
        const std::lock_guard guard(reader_mutex_);
        close_connections();
        return open_connections();
    }

    std::string name_;
    sqlite::Vfs vfs_;
    std::unique_ptr<Connection> writer_;
    std::mutex reader_mutex_;
    std::unique_ptr<Connection> reader_;
};

}  // namespace

Result<std::unique_ptr<Database>> open_sqlite(Disk& disk, const std::string& name) {
    auto database = std::make_unique<SqliteDatabase>(disk, name);
    RELEVO_CHECK(database->open_connections());
    return std::unique_ptr<Database>(std::move(database));
}

}  // namespace relevo
