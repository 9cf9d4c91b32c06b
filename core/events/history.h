// History is kept in one table per day, so that old days are dropped whole instead of deleted row by row (architecture
// §7).
#pragma once

#include "core/ports/database.h"
#include "core/ports/migration.h"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Days since 1970 in UTC; the table of a day is called PREFIX_DAY.
[[nodiscard]] std::int64_t day_of(std::chrono::system_clock::time_point time);
[[nodiscard]] std::int64_t milliseconds_of(std::chrono::system_clock::time_point time);
[[nodiscard]] std::chrono::system_clock::time_point time_of_milliseconds(std::int64_t milliseconds);
// "2026-11-26T12:00:00.123Z", as programs are told.
[[nodiscard]] std::string utc_text(std::chrono::system_clock::time_point time);

[[nodiscard]] std::span<const Migration> history_migrations();

// SQL with the day in its table name; "{}" in `pattern` stands for it. Statements live as long as this object, because
// prepared ones are kept by address. Threads: one.
class DayStatement {
 public:
    explicit DayStatement(std::string_view pattern) : pattern_(pattern) {}
    [[nodiscard]] const std::string& of(std::int64_t day);

 private:
    std::string_view pattern_;
    std::map<std::int64_t, std::string> statements_;
};

// How long the tables of a kind stay.
enum class HistoryKeeping : std::uint8_t {
    with_messages,  // they go with the messages of their day
    apart,          // by drop_days_of() alone
};

// The tables of one kind of history. Threads: the committer's only.
class DayTables {
 public:
    // `definition`: DDL of a day's table, "{0}" stands for the day.
    DayTables(std::string_view prefix, std::string_view definition,
              HistoryKeeping keeping = HistoryKeeping::with_messages)
        : prefix_(prefix), definition_(definition), keeping_(keeping) {}
    // Runs `insert` on the table of `day`, which is made if it is not there. Repeats it once if the table turns out to
    // be missing: a transaction that rolled back took it along.
    template <class Insert>
    Result<void> insert(Transaction& transaction, std::int64_t day, Insert insert) {
        if (day != known_day_) RELEVO_CHECK(ensure(transaction, day));
        if (insert().has_value()) return {};
        known_day_ = -1;
        RELEVO_CHECK(ensure(transaction, day));
        return insert();
    }

 private:
    Result<void> ensure(Transaction& transaction, std::int64_t day);
    std::string_view prefix_;
    std::string_view definition_;
    HistoryKeeping keeping_;
    std::int64_t known_day_ = -1;
};

// The days that have a table of this kind, ascending.
[[nodiscard]] Result<std::vector<std::int64_t>> history_days(Reader& reader, std::string_view prefix,
                                                             std::int64_t first_day);
// Drops every table kept with messages, of days before `first_kept_day`, but those of days that `is_needed` says.
// Returns how many went.
[[nodiscard]] Result<int> drop_history_before(Transaction& transaction, std::int64_t first_kept_day,
                                              const std::function<Result<bool>(std::int64_t day)>& is_needed);

// Drops the tables of one kind that is kept apart, of at most `limit` days before `first_kept_day`. Returns how many
// went.
[[nodiscard]] Result<int> drop_days_of(Transaction& transaction, std::string_view prefix, std::int64_t first_kept_day,
                                       int limit);

}  // namespace relevo
