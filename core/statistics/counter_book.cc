#include "core/statistics/counter_book.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relevo {
namespace {

using std::chrono::seconds;

struct Statements {
    std::string_view find, insert, update, names, kept, drop;
};
constexpr std::array<Statements, 3> statements{
    Statements{
        .find =
            "SELECT counts FROM statistic_minute WHERE bucket = $1 AND tenant_id = $2 AND dimension = $3 AND name = $4",
        .insert =
            "INSERT INTO statistic_minute (bucket, tenant_id, dimension, name, counts) VALUES ($1, $2, $3, $4, $5)",
        .update = "UPDATE statistic_minute SET counts = $5 WHERE bucket = $1 AND tenant_id = $2 AND dimension = $3"
                  " AND name = $4",
        .names = "SELECT name, counts FROM statistic_minute WHERE bucket = $1 AND tenant_id = $2 AND dimension = $3"
                 " ORDER BY name LIMIT $4",
        .kept = "SELECT (SELECT min(bucket) FROM statistic_minute), (SELECT max(bucket) FROM statistic_minute)",
        .drop = "DELETE FROM statistic_minute WHERE bucket < $1"
                " AND bucket < (SELECT min(bucket) FROM statistic_minute) + $2"},
    Statements{
        .find =
            "SELECT counts FROM statistic_hour WHERE bucket = $1 AND tenant_id = $2 AND dimension = $3 AND name = $4",
        .insert = "INSERT INTO statistic_hour (bucket, tenant_id, dimension, name, counts) VALUES ($1, $2, $3, $4, $5)",
        .update = "UPDATE statistic_hour SET counts = $5 WHERE bucket = $1 AND tenant_id = $2 AND dimension = $3"
                  " AND name = $4",
        .names = "SELECT name, counts FROM statistic_hour WHERE bucket = $1 AND tenant_id = $2 AND dimension = $3"
                 " ORDER BY name LIMIT $4",
        .kept = "SELECT (SELECT min(bucket) FROM statistic_hour), (SELECT max(bucket) FROM statistic_hour)",
        .drop = "DELETE FROM statistic_hour WHERE bucket < $1"
                " AND bucket < (SELECT min(bucket) FROM statistic_hour) + $2"},
    Statements{
        .find =
            "SELECT counts FROM statistic_day WHERE bucket = $1 AND tenant_id = $2 AND dimension = $3 AND name = $4",
        .insert = "INSERT INTO statistic_day (bucket, tenant_id, dimension, name, counts) VALUES ($1, $2, $3, $4, $5)",
        .update = "UPDATE statistic_day SET counts = $5 WHERE bucket = $1 AND tenant_id = $2 AND dimension = $3"
                  " AND name = $4",
        .names = "SELECT name, counts FROM statistic_day WHERE bucket = $1 AND tenant_id = $2 AND dimension = $3"
                 " ORDER BY name LIMIT $4",
        .kept = "SELECT (SELECT min(bucket) FROM statistic_day), (SELECT max(bucket) FROM statistic_day)",
        .drop = "DELETE FROM statistic_day WHERE bucket < $1"
                " AND bucket < (SELECT min(bucket) FROM statistic_day) + $2"}};
constexpr std::string_view sql_names =
    "SELECT name FROM statistic_day WHERE bucket = $1 AND tenant_id = $2 AND dimension = $3";

constexpr std::size_t kept_names = 200'000;
constexpr std::array<std::int64_t, 3> dropped_at_once{10, 1, 1};  // buckets, in each round of housekeeping
constexpr std::array all_resolutions{Resolution::minute, Resolution::hour, Resolution::day};

const Statements& statements_of(Resolution resolution) { return statements.at(static_cast<std::size_t>(resolution)); }

std::int64_t bucket_of(WallClock::time_point time, Resolution resolution) {
    return std::chrono::floor<seconds>(time.time_since_epoch()) / length_of(resolution);
}

struct Range {
    std::int64_t first = 0, end = 0;
};

Result<Range> range_of(WallClock::time_point from, WallClock::time_point to, Resolution resolution) {
    if (from >= to) return failure(ErrorKind::invalid, "\"to\" must lie after \"from\"");
    const auto last = to - std::chrono::milliseconds(1);
    return Range{.first = bucket_of(from, resolution), .end = bucket_of(last, resolution) + 1};
}

Result<std::optional<Counts>> find(Reader& reader, Resolution resolution, TenantId tenant, Dimension dimension,
                                   std::int64_t bucket, std::string_view name) {
    std::optional<Counts> found;
    RELEVO_CHECK(reader.query(statements_of(resolution).find,
                              {bucket, tenant.value, static_cast<std::int64_t>(dimension), name},
                              [&](const Row& row) -> Result<void> {
                                  RELEVO_TRY(found, Counts::parse(row.text(0)));
                                  return {};
                              }));
    return found;
}

// What there are rows of.
Result<Range> kept_range(Reader& reader, Resolution resolution) {
    Range range;
    RELEVO_CHECK(reader.query(statements_of(resolution).kept, {}, [&](const Row& row) -> Result<void> {
        if (!row.is_null(0)) range = {.first = row.integer(0), .end = row.integer(1) + 1};
        return {};
    }));
    return range;
}

// The bucket that a minute lies in.
std::int64_t bucket_of_minute(std::int64_t minute, Resolution resolution) {
    return minute / (length_of(resolution) / std::chrono::minutes(1));
}

bool is_kept_by(Resolution resolution, Dimension dimension) {
    return resolution == Resolution::day || (dimension != Dimension::reply && dimension != Dimension::site_reply);
}

std::size_t names_limit_of(Dimension dimension) {
    if (dimension == Dimension::site_reply) return CounterBook::site_replies_limit;
    return dimension == Dimension::reply ? CounterBook::replies_limit : CounterBook::names_limit;
}

// For the order of a breakdown.
std::int64_t weight_of(const Counts& counts) {
    return counts.of(Counted::recipients) + counts.of(Counted::delivered) + counts.of(Counted::deferred) +
           counts.bounced() + counts.of(Counted::expired) + counts.of(Counted::suppressed);
}

}  // namespace

std::size_t CounterKeyHash::operator()(const CounterKey& key) const {
    // Few bits differ in the numbers: they are spread by an odd factor.
    const auto numbers = static_cast<std::uint64_t>(key.minute) << 24U ^
                         static_cast<std::uint64_t>(key.tenant.value) << 4U ^ static_cast<std::uint64_t>(key.dimension);
    return std::hash<std::string>()(key.name) ^ static_cast<std::size_t>(numbers * 0x9e3779b97f4a7c15U);
}

void add(CounterSums& sums, CounterSums more) {
    sums.merge(more);  // what is new moves; left are those that both have
    for (const auto& [key, counts] : more) sums.find(key)->second.add(counts);
}

std::string_view name_of(Dimension dimension) {
    constexpr std::array<std::string_view, 11> names{"total",  "tenant", "stream", "credential", "domain",    "site",
                                                     "source", "class",  "reply",  "tag",        "site_reply"};
    return names.at(static_cast<std::size_t>(dimension) - 1);
}

std::optional<Dimension> dimension_named(std::string_view name) {
    for (auto number = static_cast<int>(Dimension::total); number <= static_cast<int>(Dimension::tag); ++number)
        if (name == name_of(static_cast<Dimension>(number))) return static_cast<Dimension>(number);
    return std::nullopt;
}

std::string_view name_of(Resolution resolution) {
    constexpr std::array<std::string_view, 3> names{"minute", "hour", "day"};
    return names.at(static_cast<std::size_t>(resolution));
}

std::optional<Resolution> resolution_named(std::string_view name) {
    for (const Resolution resolution : all_resolutions)
        if (name == name_of(resolution)) return resolution;
    return std::nullopt;
}

seconds length_of(Resolution resolution) {
    switch (resolution) {
        case Resolution::minute: return std::chrono::minutes(1);
        case Resolution::hour: return std::chrono::hours(1);
        case Resolution::day: break;
    }
    return std::chrono::days(1);
}

Resolution usual_resolution(WallClock::time_point from, WallClock::time_point to) {
    if (to - from <= std::chrono::hours(3)) return Resolution::minute;
    return to - from <= std::chrono::days(7) ? Resolution::hour : Resolution::day;
}

Result<bool> CounterBook::has_room(Transaction& transaction, const CounterKey& key) {
    if (names_count_ > kept_names) {
        names_.clear();
        names_count_ = 0;
    }
    const std::int64_t day = key.minute / (24 * 60);
    const auto [place, is_new] = names_.try_emplace({key.tenant.value, key.dimension, day});
    std::set<std::string>& names = place->second;
    if (is_new) {
        RELEVO_CHECK(transaction.query(sql_names, {day, key.tenant.value, static_cast<std::int64_t>(key.dimension)},
                                       [&](const Row& row) -> Result<void> {
                                           names.emplace(row.text(0));
                                           return {};
                                       }));
        names_count_ += names.size();
    }
    if (names.contains(key.name)) return true;
    if (names.size() >= names_limit_of(key.dimension)) return false;
    names.insert(key.name);
    ++names_count_;
    return true;
}

Result<void> CounterBook::add(Transaction& transaction, const CounterSums& sums) {
    auto added = add_all(transaction, sums);
    if (added.has_value()) return added;
    names_.clear();  // what was remembered of this transaction is not there
    names_count_ = 0;
    return added;
}

Result<void> CounterBook::add_all(Transaction& transaction, const CounterSums& sums) {
    // In the order of the tables.
    std::array<std::map<std::tuple<std::int64_t, std::int64_t, Dimension, std::string_view>, Counts>, 3> rows;
    for (const auto& [key, counts] : sums) {
        RELEVO_TRY(const bool has_room, has_room(transaction, key));
        const std::string_view name = has_room ? std::string_view(key.name) : other_name;
        for (const Resolution resolution : all_resolutions) {
            if (!is_kept_by(resolution, key.dimension)) continue;
            const std::int64_t bucket = bucket_of_minute(key.minute, resolution);
            rows.at(static_cast<std::size_t>(resolution))[{bucket, key.tenant.value, key.dimension, name}].add(counts);
        }
    }
    for (const Resolution resolution : all_resolutions)
        for (auto& [place, counts] : rows.at(static_cast<std::size_t>(resolution))) {
            const auto& [bucket, tenant, dimension, name] = place;
            RELEVO_TRY(const auto before, find(transaction, resolution, TenantId{tenant}, dimension, bucket, name));
            if (before) counts.add(*before);
            const std::string text = counts.text();
            const Statements& sql = statements_of(resolution);
            RELEVO_CHECK(transaction.execute(
                before ? sql.update : sql.insert,
                {bucket, tenant, static_cast<std::int64_t>(dimension), name, std::string_view(text)}));
        }
    return {};
}

Result<void> CounterBook::keep_house(Transaction& transaction, const StatisticsKeeping& keeping,
                                     WallClock::time_point now) {
    const std::array kept{keeping.minutes, keeping.hours, keeping.days};
    for (const Resolution resolution : all_resolutions) {
        const auto index = static_cast<std::size_t>(resolution);
        RELEVO_CHECK(transaction.execute(statements_of(resolution).drop,
                                         {bucket_of(now - kept.at(index), resolution), dropped_at_once.at(index)}));
    }
    return {};
}

Result<std::vector<SeriesPoint>> series(Reader& reader, const CounterSums& unwritten, const CounterFilter& filter,
                                        WallClock::time_point from, WallClock::time_point to, Resolution resolution) {
    RELEVO_TRY(const Range range, range_of(from, to, resolution));
    if (range.end - range.first > static_cast<std::int64_t>(series_limit))
        return failure(ErrorKind::invalid,
                       fmt::format("that is more than {} points: ask for less time, or by {}", series_limit,
                                   resolution == Resolution::minute ? "hour" : "day"));
    std::vector<SeriesPoint> points;
    for (std::int64_t bucket = range.first; bucket < range.end; ++bucket) {
        RELEVO_TRY(const auto counts, find(reader, resolution, filter.tenant, filter.dimension, bucket, filter.name));
        points.push_back(
            {.start = WallClock::time_point(bucket * length_of(resolution)), .counts = counts.value_or(Counts())});
    }
    for (const auto& [key, counts] : unwritten) {
        const std::int64_t bucket = bucket_of_minute(key.minute, resolution);
        if (key.tenant == filter.tenant && key.dimension == filter.dimension && key.name == filter.name &&
            bucket >= range.first && bucket < range.end)
            points[static_cast<std::size_t>(bucket - range.first)].counts.add(counts);
    }
    return points;
}

Result<Counts> totals(Reader& reader, const CounterSums& unwritten, const CounterFilter& filter,
                      WallClock::time_point from, WallClock::time_point to, Resolution resolution) {
    Counts sum;
    RELEVO_TRY(const std::vector<SeriesPoint> points, series(reader, unwritten, filter, from, to, resolution));
    for (const SeriesPoint& point : points) sum.add(point.counts);
    return sum;
}

Result<Breakdown> breakdown(Reader& reader, const CounterSums& unwritten, const CounterFilter& filter,
                            WallClock::time_point from, WallClock::time_point to, Resolution resolution,
                            std::size_t limit) {
    RELEVO_TRY(const Range range, range_of(from, to, resolution));
    std::map<std::string, Counts, std::less<>> sums;
    std::size_t seen = 0;
    RELEVO_TRY(const Range kept, kept_range(reader, resolution));
    const std::int64_t end = std::min(range.end, kept.end);
    for (std::int64_t bucket = std::max(range.first, kept.first); bucket < end && seen < rows_limit; ++bucket)
        RELEVO_CHECK(reader.query(statements_of(resolution).names,
                                  {bucket, filter.tenant.value, static_cast<std::int64_t>(filter.dimension),
                                   static_cast<std::int64_t>(rows_limit - seen)},
                                  [&](const Row& row) -> Result<void> {
                                      ++seen;
                                      if (!row.text(0).starts_with(filter.name)) return {};
                                      RELEVO_TRY(const Counts counts, Counts::parse(row.text(1)));
                                      sums[std::string(row.text(0).substr(filter.name.size()))].add(counts);
                                      return {};
                                  }));
    for (const auto& [key, counts] : unwritten) {
        const std::int64_t bucket = bucket_of_minute(key.minute, resolution);
        if (key.tenant == filter.tenant && key.dimension == filter.dimension && bucket >= range.first &&
            bucket < range.end && key.name.starts_with(filter.name))
            sums[key.name.substr(filter.name.size())].add(counts);
    }
    Breakdown found{.rows = {}, .is_cut = seen >= rows_limit};
    for (auto& [name, counts] : sums) found.rows.push_back({.name = name, .counts = counts});
    std::ranges::sort(found.rows, [](const BreakdownRow& a, const BreakdownRow& b) {
        return std::pair(weight_of(b.counts), std::string_view(a.name)) <
               std::pair(weight_of(a.counts), std::string_view(b.name));
    });
    if (found.rows.size() > std::min(limit, breakdown_limit)) found.rows.resize(std::min(limit, breakdown_limit));
    return found;
}

}  // namespace relevo
