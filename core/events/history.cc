#include "core/events/history.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <array>

namespace relevo {
namespace {
constexpr std::array migrations{
    Migration{"history", 1,
              "CREATE TABLE history_day (prefix TEXT NOT NULL, day INTEGER NOT NULL, PRIMARY KEY (prefix, day));"},
    Migration{"history", 2, "ALTER TABLE history_day ADD COLUMN kept_apart INTEGER NOT NULL DEFAULT 0;"},
    // Of the consumers that keep what follows from events in this database (EventTail).
    Migration{"history", 3, "CREATE TABLE event_cursor (consumer TEXT PRIMARY KEY, event_id BIGINT NOT NULL);"}};
}

std::int64_t day_of(std::chrono::system_clock::time_point time) {
    return std::chrono::floor<std::chrono::days>(time).time_since_epoch().count();
}

std::int64_t milliseconds_of(std::chrono::system_clock::time_point time) {
    return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

std::chrono::system_clock::time_point time_of_milliseconds(std::int64_t milliseconds) {
    return std::chrono::system_clock::time_point(std::chrono::milliseconds(milliseconds));
}

std::string utc_text(std::chrono::system_clock::time_point time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(time)),
                       milliseconds_of(time) % 1000);
}

std::span<const Migration> history_migrations() { return migrations; }

const std::string& DayStatement::of(std::int64_t day) {
    std::string& sql = statements_[day];
    if (sql.empty()) sql = fmt::format(fmt::runtime(pattern_), day);
    return sql;
}

Result<void> DayTables::ensure(Transaction& transaction, std::int64_t day) {
    bool exists = false;
    RELEVO_CHECK(transaction.query("SELECT 1 FROM history_day WHERE prefix = $1 AND day = $2", {prefix_, day},
                                   [&](const Row&) -> Result<void> {
                                       exists = true;
                                       return {};
                                   }));
    if (!exists) {
        RELEVO_CHECK(transaction.define(fmt::format(fmt::runtime(definition_), day)));
        RELEVO_CHECK(transaction.execute("INSERT INTO history_day (prefix, day, kept_apart) VALUES ($1, $2, $3)",
                                         {prefix_, day, std::int64_t{keeping_ == HistoryKeeping::apart}}));
    }
    known_day_ = day;
    return {};
}

Result<std::vector<std::int64_t>> history_days(Reader& reader, std::string_view prefix, std::int64_t first_day) {
    std::vector<std::int64_t> days;
    RELEVO_CHECK(reader.query("SELECT day FROM history_day WHERE prefix = $1 AND day >= $2 ORDER BY day",
                              {prefix, first_day}, [&](const Row& row) -> Result<void> {
                                  days.push_back(row.integer(0));
                                  return {};
                              }));
    return days;
}

Result<int> drop_history_before(Transaction& transaction, std::int64_t first_kept_day,
                                const std::function<Result<bool>(std::int64_t day)>& is_needed) {
    std::map<std::int64_t, std::vector<std::string>> tables;
    RELEVO_CHECK(transaction.query("SELECT prefix, day FROM history_day WHERE day < $1 AND kept_apart = 0",
                                   {first_kept_day}, [&](const Row& row) -> Result<void> {
                                       tables[row.integer(1)].push_back(
                                           fmt::format("{}_{}", row.text(0), row.integer(1)));
                                       return {};
                                   }));
    int dropped = 0;
    for (const auto& [day, names] : tables) {
        RELEVO_TRY(const bool needed, is_needed(day));
        if (needed) continue;
        for (const std::string& table : names) RELEVO_CHECK(transaction.define("DROP TABLE " + table));
        RELEVO_CHECK(transaction.execute("DELETE FROM history_day WHERE day = $1 AND kept_apart = 0", {day}));
        dropped += static_cast<int>(names.size());
    }
    return dropped;
}

Result<int> drop_days_of(Transaction& transaction, std::string_view prefix, std::int64_t first_kept_day, int limit) {
    std::vector<std::int64_t> days;
    RELEVO_CHECK(transaction.query(
        "SELECT day FROM history_day WHERE prefix = $1 AND day < $2 AND kept_apart = 1 ORDER BY day LIMIT $3",
        {prefix, first_kept_day, std::int64_t{limit}}, [&](const Row& row) -> Result<void> {
            days.push_back(row.integer(0));
            return {};
        }));
    for (const std::int64_t day : days) {
        const std::string table = fmt::format("{}_{}", prefix, day);
        RELEVO_CHECK(transaction.define("DROP TABLE " + table));
        RELEVO_CHECK(transaction.execute("DELETE FROM history_day WHERE prefix = $1 AND day = $2", {prefix, day}));
    }
    return static_cast<int>(days.size());
}

}  // namespace relevo
