#include "adapters/sqlite/connection.h"

#include "adapters/sqlite/page_seal.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cassert>

namespace relevo::sqlite {
namespace {

constexpr int busy_timeout_milliseconds = 10'000;
constexpr int reader_timeout_milliseconds = 2'000;  // commits wait meanwhile
constexpr std::size_t statements_limit = 1'000;

class StatementRow final : public Row {
 public:
    explicit StatementRow(sqlite3_stmt* statement) : statement_(statement) {}
    [[nodiscard]] std::int64_t integer(int column) const override { return sqlite3_column_int64(statement_, column); }
    [[nodiscard]] double real(int column) const override { return sqlite3_column_double(statement_, column); }
    [[nodiscard]] std::string_view text(int column) const override {
        const void* const octets = sqlite3_column_type(statement_, column) == SQLITE_BLOB
                                       ? sqlite3_column_blob(statement_, column)
                                       : sqlite3_column_text(statement_, column);
        if (octets == nullptr) return {};
        return {static_cast<const char*>(octets), static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
    }
    [[nodiscard]] bool is_null(int column) const override {
        return sqlite3_column_type(statement_, column) == SQLITE_NULL;
    }

 private:
    sqlite3_stmt* statement_;
};

ErrorKind kind_of(int code) {
    if (code == SQLITE_IOERR_DATA) return ErrorKind::damaged;
    switch (code & 0xff) {
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB: return ErrorKind::damaged;
        case SQLITE_FULL:
        case SQLITE_NOMEM: return ErrorKind::full;
        case SQLITE_CONSTRAINT: return ErrorKind::conflict;
        case SQLITE_BUSY:
        case SQLITE_LOCKED: return ErrorKind::temporary;
        case SQLITE_TOOBIG: return ErrorKind::limit;
        case SQLITE_IOERR:
        case SQLITE_CANTOPEN:
        case SQLITE_READONLY:
        case SQLITE_PROTOCOL: return ErrorKind::io;
        default: return ErrorKind::internal;
    }
}

// SQLite must not copy what is bound: it lives until the run ends. An empty view may have no address; NULL would not be
// the empty string.
int bind_text(sqlite3_stmt* statement, int index, std::string_view text) {
    return sqlite3_bind_text64(statement, index, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_STATIC,
                               SQLITE_UTF8);
}

int bind_value(sqlite3_stmt* statement, int index, const Value& value) {
    switch (value.index()) {
        case 1: return sqlite3_bind_int64(statement, index, *std::get_if<1>(&value));
        case 2: return sqlite3_bind_double(statement, index, *std::get_if<2>(&value));
        case 3: return bind_text(statement, index, *std::get_if<3>(&value));
        case 4: {
            const std::string_view octets = std::get_if<4>(&value)->octets;
            return sqlite3_bind_blob64(statement, index, octets.data() == nullptr ? "" : octets.data(), octets.size(),
                                       SQLITE_STATIC);
        }
        default: return sqlite3_bind_null(statement, index);
    }
}

}  // namespace

void Connection::Finalizer::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

// Resets the statement on every way out, so that no read mark stays on the log.
class Connection::Run {
 public:
    explicit Run(Statement& statement) : statement_(statement) { statement_.running = true; }
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;
    ~Run() {
        sqlite3_reset(statement_.handle.get());
        statement_.running = false;
    }

 private:
    Statement& statement_;
};

Result<std::unique_ptr<Connection>> Connection::open(Vfs& vfs, const std::string& name, Access access) {
    std::unique_ptr<Connection> connection(new Connection(vfs, name));
    const int code = sqlite3_open_v2(name.c_str(), &connection->handle_,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, vfs.name());
    if (code != SQLITE_OK) return connection->failed(code);
    sqlite3_extended_result_codes(connection->handle_, 1);
    RELEVO_CHECK(connection->configure(access));
    return connection;
}

Result<void> Connection::configure(Access access) {
    sqlite3_busy_timeout(handle_, busy_timeout_milliseconds);
    sqlite3_db_config(handle_, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    RELEVO_CHECK(define("PRAGMA page_size=4096;"));
    // Of a file that is made now; one from before has no seals until it is made anew.
    int seal_octets = page_seal_octets;
    sqlite3_file_control(handle_, "main", SQLITE_FCNTL_RESERVE_BYTES, &seal_octets);
    // secure_delete: Debian's SQLite writes zeros over all that is deleted. FAST does so where a page is written
    // anyway, and leaves those pages alone that become free.
    RELEVO_CHECK(define(
        "PRAGMA secure_delete=FAST; PRAGMA temp_store=MEMORY; PRAGMA journal_mode=WAL; PRAGMA "
        "synchronous=FULL;"
        "PRAGMA foreign_keys=OFF; PRAGMA wal_autocheckpoint=0; PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;"));
    RELEVO_CHECK(define(access == Access::write ? "PRAGMA cache_size=-32768;" : "PRAGMA cache_size=-8192;"));
    if (access == Access::read) RELEVO_CHECK(define("PRAGMA query_only=ON;"));
    sqlite3_wal_hook(
        handle_,
        [](void* self, sqlite3*, const char*, int pages) {
            static_cast<Connection*>(self)->log_pages_ = static_cast<Octets>(pages);
            return SQLITE_OK;
        },
        this);
    return {};
}

Connection::~Connection() {
    nested_.clear();
    statements_.clear();
    sqlite3_close_v2(handle_);
}

std::unexpected<Error> Connection::failed(int code) const {
    const int primary = code & 0xff;
    std::string detail =
        fmt::format("{}: {}", name_, handle_ != nullptr ? sqlite3_errmsg(handle_) : sqlite3_errstr(code));
    if (primary == SQLITE_CORRUPT || primary == SQLITE_NOTADB)
        detail = fmt::format("the database file {} is damaged: {}", name_, sqlite3_errstr(code));
    else if (code == SQLITE_IOERR_DATA)
        detail = fmt::format("the database file {} is damaged: {}", name_, vfs_.last_failure());
    else if (primary == SQLITE_IOERR || primary == SQLITE_FULL || primary == SQLITE_CANTOPEN)
        detail += fmt::format(" ({})", vfs_.last_failure());
    return failure(kind_of(code), std::move(detail));
}

Result<Connection::Statement> Connection::prepare(std::string_view sql, bool lasting) {
    sqlite3_stmt* raw = nullptr;
    const char* rest = nullptr;
    const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                        lasting ? SQLITE_PREPARE_PERSISTENT : 0U, &raw, &rest);
    Statement statement{.handle = Handle(raw), .index_of = {}};
    if (code != SQLITE_OK) {
        auto error = failed(code);
        error.error().detail += fmt::format(" in \"{}\"", sql);
        return error;
    }
    const int count = sqlite3_bind_parameter_count(raw);
    bool in_order = true;
    for (int number = 1; number <= count; ++number) {
        const int index = sqlite3_bind_parameter_index(raw, fmt::format("${}", number).c_str());
        if (index == 0) return failure(ErrorKind::internal, fmt::format("no parameter ${} in \"{}\"", number, sql));
        statement.index_of.push_back(index);
        in_order = in_order && index == number;
    }
    if (in_order) statement.index_of.clear();
    return statement;
}

Result<Connection::Statement*> Connection::statement(std::string_view sql) {
    if (begun_ && !in_transaction())
        return failure(ErrorKind::io, name_ + ": the transaction was rolled back after an earlier error");
    const auto found = statements_.find(sql.data());
    if (found != statements_.end()) {
        Statement& known = found->second;
        // The address alone would take a text that was freed, and another put in its place, for the same.
        if (!known.running && sql == sqlite3_sql(known.handle.get())) return &known;
        if (!known.running) statements_.erase(found);
    }
    if (statements_.contains(sql.data())) {
        RELEVO_TRY(Statement nested, prepare(sql, false));
        std::erase_if(nested_, [](const auto& other) { return !other->running; });
        return nested_.emplace_back(std::make_unique<Statement>(std::move(nested))).get();
    }
    if (statements_.size() >= statements_limit)
        std::erase_if(statements_, [](const auto& entry) { return !entry.second.running; });
    RELEVO_TRY(Statement fresh, prepare(sql, true));
    return &statements_.emplace(sql.data(), std::move(fresh)).first->second;
}

Result<void> Connection::bind(Statement& statement, std::initializer_list<Value> parameters) {
    sqlite3_stmt* const handle = statement.handle.get();
    if (static_cast<std::size_t>(sqlite3_bind_parameter_count(handle)) != parameters.size())
        return failure(ErrorKind::internal,
                       fmt::format("{} parameters for \"{}\"", parameters.size(), sqlite3_sql(handle)));
    int number = 0;
    for (const Value& value : parameters) {
        const int index =
            statement.index_of.empty() ? number + 1 : statement.index_of[static_cast<std::size_t>(number)];
        if (const int code = bind_value(handle, index, value); code != SQLITE_OK) return failed(code);
        ++number;
    }
    return {};
}

Result<void> Connection::query(std::string_view sql, std::initializer_list<Value> parameters, const RowCallback& row) {
    RELEVO_TRY(Statement* const found, statement(sql));
    const Run run(*found);
    RELEVO_CHECK(bind(*found, parameters));
    const StatementRow view(found->handle.get());
    int code = sqlite3_step(found->handle.get());
    for (; code == SQLITE_ROW; code = sqlite3_step(found->handle.get())) RELEVO_CHECK(row(view));
    if (code != SQLITE_DONE) return failed(code);
    return {};
}

Result<std::int64_t> Connection::execute(std::string_view sql, std::initializer_list<Value> parameters) {
    RELEVO_TRY(Statement* const found, statement(sql));
    const Run run(*found);
    RELEVO_CHECK(bind(*found, parameters));
    int code = SQLITE_ROW;
    while (code == SQLITE_ROW) code = sqlite3_step(found->handle.get());
    if (code != SQLITE_DONE) return failed(code);
    return sqlite3_changes64(handle_);
}

Result<void> Connection::define(std::string_view sql) {
    if (begun_ && !in_transaction())
        return failure(ErrorKind::io, name_ + ": the transaction was rolled back after an earlier error");
    const std::string text(sql);
    const int code = sqlite3_exec(handle_, text.c_str(), nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) return failed(code);
    return {};
}

Result<void> Connection::begin(std::string_view sql) {
    RELEVO_CHECK(execute(sql, {}));
    begun_ = true;
    return {};
}

Result<void> Connection::end(std::string_view sql) {
    auto ended = execute(sql, {});
    begun_ = in_transaction();
    if (!ended.has_value()) return std::unexpected(std::move(ended).error());
    return {};
}

bool Connection::in_transaction() const { return sqlite3_get_autocommit(handle_) == 0; }

Result<void> Connection::checkpoint() {
    int pages = 0;
    int moved = 0;
    const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_PASSIVE, &pages, &moved);
    if (code == SQLITE_BUSY) return {};
    if (code != SQLITE_OK) return failed(code);
    // Fully moved, the log starts over with the next commit.
    log_pages_ = pages > moved ? static_cast<Octets>(pages) : 0;
    return {};
}

Result<void> Connection::checkpoint_whole() {
    int pages = 0;
    int moved = 0;
    sqlite3_busy_timeout(handle_, reader_timeout_milliseconds);
    const int code = sqlite3_wal_checkpoint_v2(handle_, nullptr, SQLITE_CHECKPOINT_FULL, &pages, &moved);
    sqlite3_busy_timeout(handle_, busy_timeout_milliseconds);
    if (code == SQLITE_BUSY || (code == SQLITE_OK && moved < pages))
        return failure(ErrorKind::temporary, "somebody reads much from the store at the moment: try again");
    if (code != SQLITE_OK) return failed(code);
    log_pages_ = 0;
    return {};
}

void Connection::keep_log_on_close() { sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr); }
void Connection::move_log_on_close() { sqlite3_db_config(handle_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, nullptr); }

}  // namespace relevo::sqlite
