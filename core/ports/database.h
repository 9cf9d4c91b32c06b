// Rows. One SQL subset that SQLite and PostgreSQL both take; each core module owns its tables and statements.
#pragma once

#include "lib/base/identifier.h"
#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>

namespace relevo {

// Text and blobs are borrowed for the call.
struct Blob {
    std::string_view octets;
};
using Value = std::variant<std::nullptr_t, std::int64_t, double, std::string_view, Blob>;

// A row of a result; views are valid inside the callback.
class Row {
 public:
    virtual ~Row() = default;
    [[nodiscard]] virtual std::int64_t integer(int column) const = 0;
    [[nodiscard]] virtual double real(int column) const = 0;
    [[nodiscard]] virtual std::string_view text(int column) const = 0;  // also for blobs
    [[nodiscard]] virtual bool is_null(int column) const = 0;
};

// Called per row; an error stops the query and becomes its result.
using RowCallback = std::function<Result<void>(const Row&)>;

// SQL is a literal or lives as long as the connection: prepared once, kept by address. Parameters are bound as $1, $2,
// …; no SQL is ever put together from data (table names of day partitions are made from integers by the module that
// owns them).
class Reader {
 public:
    virtual ~Reader() = default;
    // Errors: io, full, conflict (a constraint), temporary (cluster), internal (the SQL is wrong).
    virtual Result<void> query(std::string_view sql, std::initializer_list<Value> parameters,
                               const RowCallback& row) = 0;
};

class Transaction : public Reader {
 public:
    // Returns the number of rows changed.
    virtual Result<std::int64_t> execute(std::string_view sql, std::initializer_list<Value> parameters) = 0;
    // Runs DDL: several statements, no parameters.
    virtual Result<void> define(std::string_view sql) = 0;
};

// One connection each for writing, for reading and for reading in the background. Threads: writes on the committer's
// thread, reads on the reader's thread, read_apart() on a third; all may run at once.
class Database {
 public:
    virtual ~Database() = default;
    virtual Result<void> begin() = 0;
    [[nodiscard]] virtual Transaction& transaction() = 0;
    // Durable when it returns. After an error nothing of the transaction is there.
    virtual Result<void> commit() = 0;
    virtual void rollback() = 0;
    // commit() in two steps, for a committer that prepares its next transaction meanwhile. After the first, readers see
    // the transaction, and a power cut takes it away until the second has succeeded. After a failed second step nothing
    // of the transaction is there once rollback() was called, and the next one is lost with it.
    // Threads: commit_unsynced() as commit(); sync() any, one at a time. While it runs, the committer's thread may
    // begin, fill and roll back a transaction, but neither commit nor make a checkpoint.
    virtual Result<void> commit_unsynced() { return commit(); }
    virtual Result<void> sync() { return {}; }
    // Runs `work` on a snapshot of what was committed.
    virtual Result<void> read(const std::function<Result<void>(Reader&)>& work) = 0;
    // Likewise, for work that nobody waits for: it never stands in the way of read(). Returns when what it saw is safe.
    virtual Result<void> read_apart(const std::function<Result<void>(Reader&)>& work) = 0;
    // Housekeeping when idle: moves the log into the database file.
    virtual Result<void> checkpoint() = 0;
    // Moves all of the log, after readers that still need it are done. The database file then is whole by itself, and
    // only a later checkpoint writes to it again. Errors: temporary – a reader did not end within a few seconds.
    virtual Result<void> checkpoint_whole() { return checkpoint(); }
    // Octets in the log that checkpoint() would move; 0 where there is no such thing. Threads: the committer's.
    [[nodiscard]] virtual Octets log_size() const { return 0; }
};

}  // namespace relevo
