#include "core/feedback/conduct.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ranges>
#include <utility>

namespace relevo {
namespace {

constexpr std::uint32_t fewest_bad = 3;  // one complaint or bounce is an accident, whatever its share
constexpr double part_to_end = 0.75;     // of the threshold, below which a level ends

std::int64_t hour_number(WallClock::time_point time) {
    return std::chrono::floor<std::chrono::hours>(time).time_since_epoch().count();
}

std::int64_t milliseconds(WallClock::time_point time) {
    return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}

// "0.25 %", "12 %".
std::string percent(double share) {
    std::string text = fmt::format("{:.2f}", share * 100);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text + " %";
}

void add(ConductCounts& counts, const ConductCounts& more) {
    counts.sent += more.sent;
    counts.bounced += more.bounced;
    counts.complained += more.complained;
}

}  // namespace

std::string_view name_of(ConductLevel level) {
    constexpr std::array<std::string_view, 4> names{"good", "warned", "slowed", "held"};
    return names[static_cast<std::size_t>(level)];
}

std::string_view name_of(ConductCause cause) {
    constexpr std::array<std::string_view, 3> names{"none", "bounces", "complaints"};
    return names[static_cast<std::size_t>(cause)];
}

std::string reason_of(const Conduct& conduct) {
    if (conduct.level == ConductLevel::good) return {};
    return fmt::format("{} of its recipients in {} hours {} (limit {})", percent(conduct.share), conduct.window.count(),
                       conduct.cause == ConductCause::bounces ? "bounced" : "complained", percent(conduct.threshold));
}

ConductLedger::ConductLedger(Log& log, Metrics& metrics, std::shared_ptr<const ConductOptions> options)
    : log_(log), options_(std::move(options)) {
    for (const auto level : {ConductLevel::warned, ConductLevel::slowed, ConductLevel::held}) {
        tenants_.at(static_cast<std::size_t>(level)) =
            &metrics.gauge("relevo_tenants_by_conduct", "Tenants whose mail bounces or is complained about too much",
                           {{"level", name_of(level)}});
        changes_.at(static_cast<std::size_t>(level)) = &metrics.counter(
            "relevo_tenant_conduct_total", "Tenants that came to a level of conduct", {{"level", name_of(level)}});
    }
}

void ConductLedger::set_options(std::shared_ptr<const ConductOptions> options) {
    options_ = std::move(options);
    std::function<void()> tell;
    {
        const std::lock_guard lock(mutex_);
        if (hindered_ > 0) tell = changed_;  // the slow rate may be another one
    }
    if (tell) tell();
}

void ConductLedger::set_changed(std::function<void()> changed, std::function<void()> risen) {
    const std::lock_guard lock(mutex_);
    changed_ = std::move(changed);
    risen_ = std::move(risen);
}

// The highest level whose threshold, or `part` of it, is reached.
ConductLedger::Reached ConductLedger::reached(const ConductOptions& options, const ConductCounts& counts, double part) {
    Reached found;
    if (counts.sent < options.minimum_recipients) return found;
    const auto judge = [&](ConductCause cause, std::uint32_t bad, const ConductThresholds& thresholds) {
        const double share = static_cast<double>(bad) / std::max(counts.sent, 1U);
        if (bad < fewest_bad) return;
        for (const auto& [level, threshold] :
             {std::pair(ConductLevel::warned, thresholds.warn), std::pair(ConductLevel::slowed, thresholds.slow),
              std::pair(ConductLevel::held, thresholds.hold)})
            if (threshold > 0 && share >= threshold * part && level > found.level)
                found = {.level = level, .cause = cause, .share = share, .threshold = threshold};
    };
    judge(ConductCause::bounces, counts.bounced, options.bounces);
    judge(ConductCause::complaints, counts.complained, options.complaints);
    return found;
}

void ConductLedger::forget_hours(Record& record, std::int64_t first) const {
    ConductCounts& sums = record.conduct.counts;
    for (; !record.hours.empty() && record.hours.front().hour < first; record.hours.pop_front()) {
        const ConductCounts& gone = record.hours.front().counts;
        sums.sent -= gone.sent;
        sums.bounced -= gone.bounced;
        sums.complained -= gone.complained;
    }
}

void ConductLedger::count_levels() {
    std::array<std::int64_t, 4> tenants{};
    for (const auto& [tenant, record] : records_) ++tenants.at(static_cast<std::size_t>(record.conduct.level));
    for (std::size_t level = 1; level < tenants.size(); ++level) tenants_.at(level)->set(tenants.at(level));
    hindered_ = static_cast<std::uint32_t>(tenants[2] + tenants[3]);
}

void ConductLedger::set_level(TenantId tenant, Record& record, const Reached& to, WallClock::time_point now) {
    Conduct& conduct = record.conduct;
    const bool is_worse = to.level > conduct.level;
    conduct.level = to.level;
    conduct.cause = to.cause;
    conduct.share = to.share;
    conduct.threshold = to.threshold;
    conduct.since = now;
    conduct.window = options_.load()->window;
    record.is_written = false;
    count_levels();
    if (is_worse) changes_.at(static_cast<std::size_t>(to.level))->add();
    log_.write(is_worse ? Level::warning : Level::info, "tenant.conduct",
               {{"tenant", tenant.text()},
                {"level", name_of(to.level)},
                {"cause", name_of(to.cause)},
                {"reason", reason_of(conduct)},
                {"recipients", conduct.counts.sent},
                {"bounced", conduct.counts.bounced},
                {"complained", conduct.counts.complained}});
}

void ConductLedger::count(TenantId tenant, ConductFact fact, WallClock::time_point now) {
    if (!tenant) return;
    const auto options = options_.load();
    std::function<void()> tell, tell_of_level;
    {
        const std::lock_guard lock(mutex_);
        Record& record = records_[tenant];
        const std::int64_t hour = hour_number(now);
        forget_hours(record, hour - options->window.count() + 1);
        // A clock that was set back: the newest hour goes on.
        if (record.hours.empty() || record.hours.back().hour < hour)
            record.hours.push_back({.hour = hour, .counts = {}});
        const ConductCounts one{.sent = fact == ConductFact::delivered || fact == ConductFact::refused ? 1U : 0U,
                                .bounced = fact == ConductFact::refused || fact == ConductFact::came_back ? 1U : 0U,
                                .complained = fact == ConductFact::complained ? 1U : 0U};
        add(record.hours.back().counts, one);
        record.hours.back().is_written = false;
        add(record.conduct.counts, one);
        if (fact == ConductFact::delivered && record.conduct.counts.sent != options->minimum_recipients) return;
        const Reached found = reached(*options, record.conduct.counts, 1);
        if (found.level <= record.conduct.level) return;
        set_level(tenant, record, found, now);
        if (found.level != ConductLevel::warned) tell = changed_;
        tell_of_level = risen_;
    }
    if (tell) tell();
    if (tell_of_level) tell_of_level();
}

Conduct ConductLedger::of(TenantId tenant, WallClock::time_point now) const {
    const std::lock_guard lock(mutex_);
    const auto options = options_.load();
    const auto found = records_.find(tenant);
    if (found == records_.end()) return {.window = options->window};
    Conduct conduct = found->second.conduct;
    if (conduct.level == ConductLevel::good) conduct.window = options->window;
    conduct.counts = {};
    for (const Hour& hour : found->second.hours)
        if (hour.hour > hour_number(now) - options->window.count()) add(conduct.counts, hour.counts);
    return conduct;
}

std::optional<Conduct> ConductLedger::held(TenantId tenant, WallClock::time_point now) const {
    if (hindered_ == 0) return std::nullopt;
    Conduct conduct = of(tenant, now);
    return conduct.level == ConductLevel::held ? std::optional(std::move(conduct)) : std::nullopt;
}

std::uint32_t ConductLedger::slow_rate_of(TenantId tenant) const {
    if (hindered_ == 0) return 0;
    const std::lock_guard lock(mutex_);
    const auto found = records_.find(tenant);
    const bool is_slow = found != records_.end() && found->second.conduct.level >= ConductLevel::slowed;
    return is_slow ? options_.load()->slow_rate : 0;
}

void ConductLedger::release(TenantId tenant, WallClock::time_point now) {
    std::function<void()> tell;
    {
        const std::lock_guard lock(mutex_);
        Record& record = records_[tenant];
        record.hours.clear();
        record.conduct.counts = {};
        record.is_begun_anew = true;
        set_level(tenant, record, {}, now);
        tell = changed_;
    }
    if (tell) tell();
}

// Shares fall as hours leave the window. Held stays held.
void ConductLedger::review(WallClock::time_point now) {
    const auto options = options_.load();
    for (auto item = records_.begin(); item != records_.end();) {
        auto& [tenant, record] = *item;
        forget_hours(record, hour_number(now) - options->window.count() + 1);
        const Reached still = reached(*options, record.conduct.counts, part_to_end);
        const bool ends = record.conduct.level != ConductLevel::held && still.level < record.conduct.level;
        if (ends) set_level(tenant, record, still, now);
        const bool is_idle = record.hours.empty() && record.conduct.level == ConductLevel::good;
        if (is_idle) forgotten_.insert(tenant);
        item = is_idle ? records_.erase(item) : std::next(item);
    }
}

// --- rows

Result<void> ConductLedger::write(Transaction& transaction, TenantId tenant, Record& record, std::int64_t first) {
    if (std::exchange(record.is_begun_anew, false)) first = INT64_MAX;
    RELEVO_CHECK(
        transaction.execute("DELETE FROM conduct_hour WHERE tenant_id = $1 AND hour < $2", {tenant.value, first}));
    for (Hour& hour : record.hours) {
        if (hour.is_written) continue;
        RELEVO_CHECK(transaction.execute("DELETE FROM conduct_hour WHERE tenant_id = $1 AND hour = $2",
                                         {tenant.value, hour.hour}));
        RELEVO_CHECK(transaction.execute(
            "INSERT INTO conduct_hour (tenant_id, hour, sent, bounced, complained) VALUES ($1, $2, $3, $4, $5)",
            {tenant.value, hour.hour, static_cast<std::int64_t>(hour.counts.sent),
             static_cast<std::int64_t>(hour.counts.bounced), static_cast<std::int64_t>(hour.counts.complained)}));
        hour.is_written = true;
    }
    return {};
}

// The row says what was told last: an event follows from the difference, and there is one for each level that lasted
// until it was written, however often that is tried.
Result<void> ConductLedger::write_level(Transaction& transaction, EventWriter& events, TenantId tenant,
                                        const Conduct& conduct, WallClock::time_point now) {
    auto before = ConductLevel::good;
    std::int64_t since = 0;
    RELEVO_CHECK(transaction.query(
        "SELECT level, since FROM conduct WHERE tenant_id = $1", {tenant.value}, [&](const Row& row) -> Result<void> {
            before = static_cast<ConductLevel>(std::clamp<std::int64_t>(row.integer(0), 0, 3));
            since = row.integer(1);
            return {};
        }));
    const bool is_good = conduct.level == ConductLevel::good;
    if (conduct.level == before && (is_good || since == milliseconds(conduct.since))) return {};
    RELEVO_CHECK(transaction.execute("DELETE FROM conduct WHERE tenant_id = $1", {tenant.value}));
    if (!is_good)
        RELEVO_CHECK(transaction.execute(
            "INSERT INTO conduct (tenant_id, level, cause, share, threshold, since, window_hours) VALUES ($1, $2, $3, "
            "$4, $5, $6, $7)",
            {tenant.value, static_cast<std::int64_t>(conduct.level), static_cast<std::int64_t>(conduct.cause),
             conduct.share, conduct.threshold, milliseconds(conduct.since),
             static_cast<std::int64_t>(conduct.window.count())}));
    JsonWriter detail;
    detail.field("level", name_of(conduct.level)).field("before", name_of(before));
    if (!is_good)
        detail.field("cause", name_of(conduct.cause))
            .field("reason", reason_of(conduct))
            .field("recipients", conduct.counts.sent)
            .field("bounced", conduct.counts.bounced)
            .field("complained", conduct.counts.complained);
    constexpr std::array kinds{EventKind::tenant_released, EventKind::tenant_warned, EventKind::tenant_slowed,
                               EventKind::tenant_held};
    return events.append(transaction, occasion(kinds.at(static_cast<std::size_t>(conduct.level)), tenant.text(), tenant,
                                               now, std::move(detail)));
}

Result<void> ConductLedger::save(Transaction& transaction, EventWriter& events, WallClock::time_point now) {
    std::function<void()> tell;
    {
        const std::lock_guard lock(mutex_);
        const std::uint32_t before = hindered_;
        review(now);
        if (hindered_ != before) tell = changed_;
        const std::int64_t first = hour_number(now) - options_.load()->window.count() + 1;
        if (std::exchange(is_unsure_, true)) write_all_again();
        for (const TenantId tenant : forgotten_) {
            RELEVO_CHECK(transaction.execute("DELETE FROM conduct_hour WHERE tenant_id = $1", {tenant.value}));
            RELEVO_CHECK(write_level(transaction, events, tenant, {}, now));
        }
        for (auto& [tenant, record] : records_) {
            RELEVO_CHECK(write(transaction, tenant, record, first));
            if (!std::exchange(record.is_written, true))
                RELEVO_CHECK(write_level(transaction, events, tenant, record.conduct, now));
        }
    }
    if (tell) tell();
    return {};
}

void ConductLedger::write_all_again() {
    for (Record& record : records_ | std::views::values) {
        record.is_written = false;
        record.is_begun_anew = true;
        for (Hour& hour : record.hours) hour.is_written = false;
    }
}

void ConductLedger::saved() {
    const std::lock_guard lock(mutex_);
    is_unsure_ = false;
    forgotten_.clear();
}

Result<void> ConductLedger::load(Reader& reader, WallClock::time_point now) {
    const std::lock_guard lock(mutex_);
    const std::int64_t first = hour_number(now) - options_.load()->window.count() + 1;
    RELEVO_CHECK(reader.query(
        "SELECT tenant_id, hour, sent, bounced, complained FROM conduct_hour WHERE hour >= $1 ORDER BY tenant_id, hour",
        {first}, [&](const Row& row) -> Result<void> {
            Record& record = records_[TenantId{row.integer(0)}];
            record.hours.push_back({.hour = row.integer(1),
                                    .counts = {.sent = static_cast<std::uint32_t>(row.integer(2)),
                                               .bounced = static_cast<std::uint32_t>(row.integer(3)),
                                               .complained = static_cast<std::uint32_t>(row.integer(4))},
                                    .is_written = true});
            add(record.conduct.counts, record.hours.back().counts);
            return {};
        }));
    RELEVO_CHECK(reader.query("SELECT tenant_id, level, cause, share, threshold, since, window_hours FROM conduct", {},
                              [&](const Row& row) -> Result<void> {
                                  Conduct& conduct = records_[TenantId{row.integer(0)}].conduct;
                                  conduct.level =
                                      static_cast<ConductLevel>(std::clamp<std::int64_t>(row.integer(1), 0, 3));
                                  conduct.cause =
                                      static_cast<ConductCause>(std::clamp<std::int64_t>(row.integer(2), 0, 2));
                                  conduct.share = row.real(3);
                                  conduct.threshold = row.real(4);
                                  conduct.since = WallClock::time_point(std::chrono::milliseconds(row.integer(5)));
                                  conduct.window = std::chrono::hours(row.integer(6));
                                  return {};
                              }));
    count_levels();
    return {};
}

}  // namespace relevo
