// One SQLite connection with its prepared statements.
#pragma once

#include "adapters/sqlite/vfs.h"
#include "core/ports/database.h"

#include <memory>
#include <unordered_map>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace relevo::sqlite {

enum class Access : std::uint8_t { write, read };

// Threads: one at a time.
class Connection final : public Transaction {
 public:
    // Opens and configures. Errors: io – unreadable or damaged; full.
    static Result<std::unique_ptr<Connection>> open(Vfs& vfs, const std::string& name, Access access);
    ~Connection() override;
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    Result<void> query(std::string_view sql, std::initializer_list<Value> parameters, const RowCallback& row) override;
    Result<std::int64_t> execute(std::string_view sql, std::initializer_list<Value> parameters) override;
    Result<void> define(std::string_view sql) override;

    // `sql` says how. SQLite ends a transaction by itself after some errors; until end() further statements then fail
    // instead of running outside of any transaction.
    Result<void> begin(std::string_view sql);
    Result<void> end(std::string_view sql);
    [[nodiscard]] bool in_transaction() const;
    // Copies the log into the database as far as no reader needs it.
    Result<void> checkpoint();
    // Copies all of the log, waiting for readers. Errors: temporary – one of them did not end in time.
    Result<void> checkpoint_whole();
    // Octets of the log after the last commit of this connection.
    [[nodiscard]] Octets log_size() const { return log_pages_ * (page_size + frame_header_size); }
    // close() usually moves the log into the database and removes it; not after a failed sync.
    void keep_log_on_close();
    void move_log_on_close();

 private:
    static constexpr Octets page_size = 4096;
    static constexpr Octets frame_header_size = 24;

    // Finalizes on destruction.
    struct Finalizer {
        void operator()(sqlite3_stmt* statement) const;
    };
    using Handle = std::unique_ptr<sqlite3_stmt, Finalizer>;
    struct Statement {
        Handle handle;
        std::vector<int> index_of;  // of $1, $2, …; empty if they are 1, 2, …
        bool running = false;
    };
    class Run;

    Connection(Vfs& vfs, std::string name) : vfs_(vfs), name_(std::move(name)) {}
    Result<void> configure(Access access);
    Result<Statement> prepare(std::string_view sql, bool lasting);
    Result<Statement*> statement(std::string_view sql);
    Result<void> bind(Statement& statement, std::initializer_list<Value> parameters);
    std::unexpected<Error> failed(int code) const;

    Vfs& vfs_;
    std::string name_;
    sqlite3* handle_ = nullptr;
    bool begun_ = false;
    Octets log_pages_ = 0;
    std::unordered_map<const char*, Statement> statements_;  // by the address of their text
    std::vector<std::unique_ptr<Statement>> nested_;         // runs of a statement inside its own row callback
};

}  // namespace relevo::sqlite
