#include "adapters/sqlite/salvage.h"

#include "adapters/sqlite/vfs.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>

namespace relevo {
namespace {

struct Closer {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Handle = std::unique_ptr<sqlite3, Closer>;
using Statement = std::unique_ptr<sqlite3_stmt, Closer>;

std::unexpected<Error> failed(const std::string& name, sqlite3* handle) {
    return failure(ErrorKind::io, fmt::format("{}: {}", name, sqlite3_errmsg(handle)));
}

Result<void> run(const std::string& name, sqlite3* handle, const std::string& sql) {
    if (sqlite3_exec(handle, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return failed(name, handle);
    return {};
}

Result<Statement> prepare(const std::string& name, sqlite3* handle, const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(handle, sql.c_str(), -1, &statement, nullptr) != SQLITE_OK) return failed(name, handle);
    return Statement(statement);
}

constexpr std::size_t problems_limit = 20;

enum class Use : std::uint8_t { check, salvage, write };

// What went wrong last, with the page where SQLite says no more than "disk I/O error".
std::string problem_of(const sqlite::Vfs& vfs, sqlite3* handle) {
    return sqlite3_extended_errcode(handle) == SQLITE_IOERR_DATA ? vfs.last_failure() : sqlite3_errmsg(handle);
}

Result<Handle> open(sqlite::Vfs& vfs, const std::string& name, Use use) {
    sqlite3* raw = nullptr;
    const int code = sqlite3_open_v2(name.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs.name());
    Handle handle(raw);
    if (code != SQLITE_OK) return failed(name, raw);
    if (use == Use::write) {
        RELEVO_CHECK(run(name, raw, "PRAGMA synchronous=FULL;"));
        return handle;
    }
    // Closing must not move the log into the damaged file.
    sqlite3_db_config(raw, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    // Without this a file that was cut is not opened at all.
    if (use == Use::salvage) RELEVO_CHECK(run(name, raw, "PRAGMA writable_schema=ON;"));
    RELEVO_CHECK(run(name, raw, "PRAGMA query_only=ON; PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF;"));
    return handle;
}

std::string quoted(const std::string& identifier) {
    std::string text = "\"";
    for (const char c : identifier) text += c == '"' ? std::string("\"\"") : std::string(1, c);
    return text + "\"";
}

std::string text_of(sqlite3_stmt* row, int column) {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
    return text != nullptr ? text : "";
}

// Row ids from `first` to `last`, both included.
struct Ids {
    std::int64_t first = std::numeric_limits<std::int64_t>::min();
    std::int64_t last = std::numeric_limits<std::int64_t>::max();
};

// One table, from end to end: first what lies on whole pages, then what the damaged ones between them show.
class TableCopy {
 public:
    TableCopy(std::string table, sqlite::Vfs& vfs, sqlite3* from, sqlite3* into)
        : table_(std::move(table)), vfs_(vfs), from_(from), into_(into) {}

    Result<SalvagedTable> run() {
        SalvagedTable copied{.name = table_, .problem = {}, .doubtful = {}};
        vfs_.set_page_check(sqlite::PageCheck::compared);
        RELEVO_TRY(const std::vector<Ids> unread, copy({}, copied));
        if (unread.empty() || vfs_.damaged_pages().empty()) return copied;
        SalvagedTable rest{.name = table_, .problem = {}, .doubtful = {}};
        vfs_.set_page_check(sqlite::PageCheck::ignored);
        is_doubtful_ = true;
        for (const Ids ids : unread) RELEVO_CHECK(copy(ids, rest));
        copied.rows += rest.rows;
        copied.doubtful = std::move(rest.doubtful);
        copied.problem +=
            fmt::format("; {} of its rows are copied from damaged pages and may be wrong", copied.doubtful.size());
        if (!rest.problem.empty()) copied.problem += ", others may be missing: " + rest.problem;
        return copied;
    }

 private:
    // The ranges in which something could not be read.
    Result<std::vector<Ids>> copy(Ids ids, SalvagedTable& copied) {
        std::vector<Ids> unread;
        std::optional<std::int64_t> next = ids.first;
        while (next && *next <= ids.last) {
            RELEVO_TRY(const auto stopped_at, copy_from({*next, ids.last}, copied));
            next = stopped_at ? first_readable_after(*stopped_at) : std::nullopt;
            if (stopped_at) unread.push_back({*stopped_at, next ? *next - 1 : ids.last});
        }
        return unread;
    }

    Result<Statement> rows_from(std::int64_t first, std::string_view columns) {
        RELEVO_TRY(Statement rows,
                   prepare("", from_,
                           fmt::format("SELECT {} FROM {} WHERE rowid >= ? ORDER BY rowid", columns, quoted(table_))));
        sqlite3_bind_int64(rows.get(), 1, first);
        return rows;
    }

    // Copies rows up to the end or to what cannot be read. The row id that comes after the last one that was read;
    // nullopt at the end. Errors: of `into` alone.
    Result<std::optional<std::int64_t>> copy_from(Ids ids, SalvagedTable& copied) {
        const auto rows = rows_from(ids.first, "rowid, *");
        if (!rows.has_value()) {
            copied.problem = problem_of(vfs_, from_);
            return std::optional<std::int64_t>();
        }
        sqlite3_stmt* row = rows->get();
        RELEVO_TRY(const Statement insert, insertion(row));
        std::int64_t next = ids.first;
        for (int code = 0; (code = sqlite3_step(row)) != SQLITE_DONE;) {
            const std::int64_t id = code == SQLITE_ROW ? sqlite3_column_int64(row, 0) : 0;
            // Rows out of order are damage too, and could go on for ever.
            if (code != SQLITE_ROW || id < next || id == std::numeric_limits<std::int64_t>::max()) {
                copied.problem = code == SQLITE_ROW ? "rows out of order" : problem_of(vfs_, from_);
                return std::optional(next);
            }
            if (id > ids.last) break;
            next = id + 1;
            RELEVO_CHECK(copy_row(id, row, insert.get(), copied));
        }
        return std::optional<std::int64_t>();
    }

    Result<Statement> insertion(sqlite3_stmt* row) {
        std::string columns, values;
        for (int column = 1; column < sqlite3_column_count(row); ++column) {
            columns += (column > 1 ? ", " : "") + quoted(sqlite3_column_name(row, column));
            values += column > 1 ? ", ?" : "?";
        }
        return prepare("", into_,
                       // What is doubtful takes the place of nothing.
                       fmt::format("INSERT OR {} INTO {} ({}) VALUES ({})", is_doubtful_ ? "IGNORE" : "REPLACE",
                                   quoted(table_), columns, values));
    }

    // A row that the table refuses (a NULL where none may be) is damaged; everything else is a failure of the disk.
    Result<void> copy_row(std::int64_t id, sqlite3_stmt* row, sqlite3_stmt* insert, SalvagedTable& copied) {
        sqlite3_reset(insert);
        for (int column = 1; column < sqlite3_column_count(row); ++column)
            sqlite3_bind_value(insert, column, sqlite3_column_value(row, column));
        const int code = sqlite3_step(insert) & 0xff;
        if (code == SQLITE_DONE) {
            if (is_doubtful_ && sqlite3_changes64(into_) == 0) return {};
            ++copied.rows;
            if (is_doubtful_) copied.doubtful.push_back(id);
        } else if (code == SQLITE_CONSTRAINT || code == SQLITE_MISMATCH) {
            copied.problem = sqlite3_errmsg(into_);
        } else {
            return failed("the new database", into_);
        }
        return {};
    }

    enum class Probe : std::uint8_t { damaged, row, end };
    Probe probe(std::int64_t first) {
        const auto found = rows_from(first, "*");
        if (!found.has_value()) return Probe::damaged;
        const int code = sqlite3_step(found->get());
        return code == SQLITE_ROW ? Probe::row : code == SQLITE_DONE ? Probe::end : Probe::damaged;
    }

    // Where reading works again: in growing steps, then halving the last one. nullopt: nowhere.
    std::optional<std::int64_t> first_readable_after(std::int64_t bad) {
        constexpr std::int64_t last = std::numeric_limits<std::int64_t>::max();
        std::int64_t good = bad;
        for (std::int64_t step = 1; probe(good) == Probe::damaged; step *= 2) {
            bad = good;
            if (good == last) return std::nullopt;
            good = good > last - step || step > last / 4 ? last : good + step;
        }
        while (bad < 0 ? good > bad + 1 : good - bad > 1) {
            const std::int64_t middle = static_cast<std::int64_t>((static_cast<__int128>(bad) + good) / 2);
            (probe(middle) == Probe::damaged ? bad : good) = middle;
        }
        return probe(good) == Probe::row ? std::optional(good) : std::nullopt;
    }

    std::string table_;
    sqlite::Vfs& vfs_;
    sqlite3* from_;
    sqlite3* into_;
    bool is_doubtful_ = false;
};

struct Table {
    std::string name, definition;
};

struct TableList {
    std::vector<Table> tables;  // by name
    std::string problem;        // why there may be more; empty if the whole list was read
    std::string doubt;          // why it may differ from what was written; empty if it does not
};

// In the order of the file, so that all entries before the first that cannot be read are had. SQLite has read its own
// list the same way: what lies behind is unknown to it, too. Errors: io – not even the first.
Result<TableList> tables_of(const std::string& name, sqlite3* handle) {
    RELEVO_TRY(const Statement list, prepare(name, handle, "SELECT name, sql, type FROM sqlite_schema"));
    TableList found;
    int code = 0;
    while ((code = sqlite3_step(list.get())) == SQLITE_ROW)
        if (const std::string table = text_of(list.get(), 0);
            text_of(list.get(), 2) == "table" && !table.starts_with("sqlite_") && table != "schema_migration")
            found.tables.push_back({table, text_of(list.get(), 1)});
    if (code != SQLITE_DONE && found.tables.empty()) return failed(name, handle);
    if (code != SQLITE_DONE) found.problem = sqlite3_errmsg(handle);
    std::ranges::sort(found.tables, {}, &Table::name);
    return found;
}

// Reads it once more, as one that compares.
std::string doubt_of_list(sqlite::Vfs& vfs, const std::string& name) {
    vfs.set_page_check(sqlite::PageCheck::compared);
    const auto handle = open(vfs, name, Use::salvage);
    if (!handle.has_value()) return handle.error().detail;
    const auto list = tables_of(name, handle->get());
    if (list.has_value() && list->problem.empty()) return {};
    return problem_of(vfs, handle->get());
}

// What a list that ends early or may be wrong must be told for: itself, and the tables of this release that it does not
// name.
Result<std::vector<SalvagedTable>> lost_tables(const TableList& list, const std::string& into, sqlite3* target) {
    if (list.problem.empty() && list.doubt.empty()) return std::vector<SalvagedTable>();
    std::vector<SalvagedTable> lost{
        {.name = std::string(table_list_name),
         .rows = static_cast<std::int64_t>(list.tables.size()),
         .problem =
             list.problem.empty()
                 ? fmt::format("{}: tables may be named wrongly or lack columns", list.doubt)
                 : fmt::format("{}: tables that were made later are lost, those of the last days too", list.problem),
         .doubtful = {}}};
    RELEVO_TRY(const TableList known, tables_of(into, target));
    for (const Table& table : known.tables)
        if (!std::ranges::binary_search(list.tables, table.name, {}, &Table::name))
            lost.push_back(
                {.name = table.name, .problem = "its entry in the list of tables cannot be read", .doubtful = {}});
    return lost;
}

Result<void> make_table(const Table& table, sqlite3* into) {
    RELEVO_TRY(const Statement known, prepare("", into, "SELECT 1 FROM sqlite_schema WHERE name = ?"));
    sqlite3_bind_text(known.get(), 1, table.name.c_str(), -1, SQLITE_STATIC);
    if (sqlite3_step(known.get()) == SQLITE_ROW) return {};
    return run("the new database", into, table.definition);
}

// But for pages with a wrong checksum, which the Vfs has in its list then.
Result<std::vector<std::string>> problems_that_sqlite_finds(sqlite::Vfs& vfs, const std::string& name) {
    RELEVO_TRY(const Handle handle, open(vfs, name, Use::check));
    RELEVO_TRY(const Statement check,
               prepare(name, handle.get(), fmt::format("PRAGMA integrity_check({})", problems_limit)));
    const std::string told_as_page = fmt::format("error code={}", SQLITE_IOERR_DATA);
    std::vector<std::string> problems;
    int code = 0;
    while ((code = sqlite3_step(check.get())) == SQLITE_ROW)
        if (std::string problem = text_of(check.get(), 0); problem != "ok" && !problem.ends_with(told_as_page))
            problems.push_back(std::move(problem));
    if (code != SQLITE_DONE && sqlite3_extended_errcode(handle.get()) != SQLITE_IOERR_DATA)
        problems.emplace_back(sqlite3_errmsg(handle.get()));
    return problems;
}

}  // namespace

Result<std::vector<std::string>> problems_of_database(Disk& disk, const std::string& name) {
    sqlite::Vfs vfs(disk);
    auto others = problems_that_sqlite_finds(vfs, name);
    std::vector<std::string> problems;
    for (const std::uint32_t page : vfs.damaged_pages())
        if (problems.size() < problems_limit) problems.push_back(fmt::format("page {} has a wrong checksum", page));
    if (!others.has_value()) return problems.empty() ? std::move(others) : std::move(problems);
    std::ranges::move(*others, std::back_inserter(problems));
    return problems;
}

Result<std::vector<SalvagedTable>> salvage(Disk& disk, const std::string& from, const std::string& into) {
    sqlite::Vfs vfs(disk);
    // SQLite refuses all tables when one of them lies behind the end of a file that was cut. This is of the process; a
    // repair runs alone.
    sqlite3_test_control(SQLITE_TESTCTRL_EXTRA_SCHEMA_CHECKS, 0);
    sqlite::Vfs target_vfs(disk);
    RELEVO_TRY(const Handle target, open(target_vfs, into, Use::write));
    // Whatever pages the list of tables lies on: without it nothing can be read.
    vfs.set_page_check(sqlite::PageCheck::ignored);
    RELEVO_TRY(const Handle source, open(vfs, from, Use::salvage));
    RELEVO_TRY(TableList list, tables_of(from, source.get()));
    if (list.problem.empty()) list.doubt = doubt_of_list(vfs, from);
    RELEVO_TRY(std::vector<SalvagedTable> copied, lost_tables(list, into, target.get()));
    for (const Table& table : list.tables) {
        RELEVO_CHECK(run(into, target.get(), "BEGIN IMMEDIATE"));
        if (auto made = make_table(table, target.get()); !made.has_value()) {
            copied.push_back({.name = table.name, .problem = std::move(made.error().detail), .doubtful = {}});
            RELEVO_CHECK(run(into, target.get(), "ROLLBACK"));
            continue;
        }
        RELEVO_TRY(SalvagedTable one, TableCopy(table.name, vfs, source.get(), target.get()).run());
        RELEVO_CHECK(run(into, target.get(), "COMMIT"));
        copied.push_back(std::move(one));
    }
    return copied;
}

}  // namespace relevo
