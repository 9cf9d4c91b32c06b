// Statistics by minute, hour and day: written as sums, so that reading them costs rows of time and never rows of mail.
#pragma once

#include "core/ports/database.h"
#include "core/ports/task.h"
#include "core/statistics/counts.h"
#include "lib/base/identifier.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace relevo {

// What rows are kept apart by. Stored numbers: never renumber.
enum class Dimension : std::uint8_t {
    total = 1,          // its only name is ""
    tenant = 2,         // of the whole server alone
    stream = 3,         // transactional, bulk
    credential = 4,     // its id; "" is mail without a login
    sender_domain = 5,  // of the reverse-path
    site = 6,           // the mail servers of the recipient's domain; what happens before they are known is not here
    source = 7,         // the address that mail left from
    bounce_class = 8,   // why mail was refused, deferred or sent back
    reply = 9,          // what servers said then, without what differs from mail to mail; by day alone
    tag = 10,           // that its sender gave it
    site_reply = 11,    // both with a blank between them; by day alone
};
[[nodiscard]] std::string_view name_of(Dimension dimension);
[[nodiscard]] std::optional<Dimension> dimension_named(std::string_view name);

enum class Resolution : std::uint8_t { minute, hour, day };
[[nodiscard]] std::string_view name_of(Resolution resolution);
[[nodiscard]] std::optional<Resolution> resolution_named(std::string_view name);
[[nodiscard]] std::chrono::seconds length_of(Resolution resolution);
// The finest that is kept long enough and makes a chart that people can read.
[[nodiscard]] Resolution usual_resolution(WallClock::time_point from, WallClock::time_point to);

// What is counted together within a minute.
struct CounterKey {
    TenantId tenant;  // 0: the whole server
    Dimension dimension = Dimension::total;
    std::string name;
    std::int64_t minute = 0;  // since 1970
    friend bool operator==(const CounterKey&, const CounterKey&) = default;
};
struct CounterKeyHash {
    std::size_t operator()(const CounterKey& key) const;
};
using CounterSums = std::unordered_map<CounterKey, Counts, CounterKeyHash>;
void add(CounterSums& sums, CounterSums more);

struct CounterFilter {
    TenantId tenant;  // 0: the whole server
    Dimension dimension = Dimension::total;
    std::string name;
};

struct SeriesPoint {
    WallClock::time_point start;
    Counts counts;
};
struct BreakdownRow {
    std::string name;
    Counts counts;
};
struct Breakdown {
    std::vector<BreakdownRow> rows;  // the greatest first
    bool is_cut = false;             // there was more to add up than rows_limit: ask for less time
};

// How long rows stay.
struct StatisticsKeeping {
    std::chrono::seconds minutes = std::chrono::days(2);
    std::chrono::seconds hours = std::chrono::days(90);
    std::chrono::seconds days = std::chrono::days(3650);
};

// Threads: that of its writer.
class CounterBook {
 public:
    static constexpr std::size_t names_limit = 500;  // of a tenant and dimension in a day; the others are other_name
    static constexpr std::size_t replies_limit = 200;
    static constexpr std::size_t site_replies_limit = 1'000;
    static constexpr std::string_view other_name = "(other)";
    static constexpr std::size_t name_octets = 200;

    Result<void> add(Transaction& transaction, const CounterSums& sums);
    // Removes what is too old, a bounded part of it at a time.
    static Result<void> keep_house(Transaction& transaction, const StatisticsKeeping& keeping,
                                   WallClock::time_point now);

 private:
    using NamesKey = std::tuple<std::int64_t, Dimension, std::int64_t>;  // tenant, dimension, day
    Result<void> add_all(Transaction& transaction, const CounterSums& sums);
    Result<bool> has_room(Transaction& transaction, const CounterKey& key);
    std::map<NamesKey, std::set<std::string>> names_;
    std::size_t names_count_ = 0;
};

// Both ends are moved to whole steps of the resolution, `from` down and `to` up. `unwritten`: sums that belong to the
// rows as well (Statistics::unwritten()).
inline constexpr std::size_t series_limit = 1'500;     // points
inline constexpr std::size_t rows_limit = 200'000;     // that totals and breakdowns look at
inline constexpr std::size_t breakdown_limit = 1'000;  // names
// A point for each step, empty ones too. Errors: invalid – more than series_limit points, or an end before its begin.
[[nodiscard]] Result<std::vector<SeriesPoint>> series(Reader& reader, const CounterSums& unwritten,
                                                      const CounterFilter& filter, WallClock::time_point from,
                                                      WallClock::time_point to, Resolution resolution);
[[nodiscard]] Result<Counts> totals(Reader& reader, const CounterSums& unwritten, const CounterFilter& filter,
                                    WallClock::time_point from, WallClock::time_point to, Resolution resolution);
// By the names of filter.dimension that begin with filter.name, without that.
[[nodiscard]] Result<Breakdown> breakdown(Reader& reader, const CounterSums& unwritten, const CounterFilter& filter,
                                          WallClock::time_point from, WallClock::time_point to, Resolution resolution,
                                          std::size_t limit);

}  // namespace relevo
