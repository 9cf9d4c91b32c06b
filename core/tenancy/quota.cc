#include "core/tenancy/quota.h"

#include "core/tenancy/statements.h"

#include <algorithm>
#include <array>
#include <unordered_set>

namespace relevo {
namespace {

using std::chrono::seconds;

seconds length_of(QuotaPeriod period) {
    switch (period) {
        case QuotaPeriod::minute: return std::chrono::minutes(1);
        case QuotaPeriod::hour: return std::chrono::hours(1);
        case QuotaPeriod::day: return std::chrono::days(1);
        case QuotaPeriod::month: break;
    }
    return {};
}

// Beyond these, a count only says "full".
constexpr std::int64_t furthest_periods = 1'000'000;

}  // namespace

std::string_view name_of(QuotaScope scope) {
    constexpr std::array<std::string_view, 3> names{"tenant", "domain", "credential"};
    return names[static_cast<std::size_t>(scope) - 1];
}
std::string_view name_of(QuotaPeriod period) {
    constexpr std::array<std::string_view, 4> names{"minute", "hour", "day", "month"};
    return names[static_cast<std::size_t>(period) - 1];
}
std::string_view name_of(BeyondQuota beyond) {
    constexpr std::array<std::string_view, 3> names{"wait", "hold", "refuse"};
    return names[static_cast<std::size_t>(beyond) - 1];
}

std::optional<QuotaPeriod> parse_quota_period(std::string_view text) {
    for (const auto period : {QuotaPeriod::minute, QuotaPeriod::hour, QuotaPeriod::day, QuotaPeriod::month})
        if (text == name_of(period)) return period;
    return std::nullopt;
}
std::optional<BeyondQuota> parse_beyond_quota(std::string_view text) {
    for (const auto beyond : {BeyondQuota::wait, BeyondQuota::hold, BeyondQuota::refuse})
        if (text == name_of(beyond)) return beyond;
    return std::nullopt;
}

std::int64_t period_number(QuotaPeriod period, WallClock::time_point time) {
    if (period != QuotaPeriod::month) return std::chrono::floor<seconds>(time).time_since_epoch() / length_of(period);
    const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(time)};
    return static_cast<std::int64_t>(static_cast<int>(day.year())) * 12 +
           static_cast<std::int64_t>(static_cast<unsigned>(day.month())) - 1;
}

WallClock::time_point period_start(QuotaPeriod period, std::int64_t number) {
    if (period != QuotaPeriod::month) return WallClock::time_point(length_of(period) * number);
    const std::chrono::year year{static_cast<int>(number / 12)};
    const std::chrono::month month{static_cast<unsigned>(number % 12) + 1};
    return std::chrono::sys_days{year / month / 1};
}

QuotaCount advanced(const Quota& quota, QuotaCount count, WallClock::time_point now) {
    const std::int64_t number = period_number(quota.period, now);
    // A clock that was set back: the period goes on until its end.
    if (number <= count.number) return count;
    const auto passed = static_cast<std::uint64_t>(std::min(number - count.number, furthest_periods));
    const std::uint64_t worked_off = passed * quota.recipients;
    const bool has_backlog = quota.beyond != BeyondQuota::refuse && count.used > worked_off;
    return {.number = number, .used = has_backlog ? count.used - worked_off : 0};
}

WallClock::time_point room_at(const Quota& quota, const QuotaCount& count, WallClock::time_point now) {
    if (count.used < quota.recipients) return now;
    const auto periods = std::min(count.used / quota.recipients, static_cast<std::uint64_t>(furthest_periods));
    const std::int64_t number = count.number + static_cast<std::int64_t>(periods);
    const auto start = period_start(quota.period, number);
    if (quota.beyond != BeyondQuota::wait || periods == furthest_periods) return start;
    // Spread over the period: nobody gets a burst at its beginning.
    const std::chrono::duration<double> length = period_start(quota.period, number + 1) - start;
    const double share = static_cast<double>(count.used % quota.recipients) / quota.recipients;
    return start + std::chrono::duration_cast<WallClock::duration>(length * share);
}

namespace {

// Of those that people are told: what was reached last.
unsigned mark_of(const Quota& quota, std::uint64_t used) {
    const std::uint64_t percent = used * 100 / quota.recipients;
    return percent >= 100 ? 100U : percent >= 80 ? 80U : 0U;
}

}  // namespace

QuotaLedger::State& QuotaLedger::state_of(const Quota& quota, WallClock::time_point now) {
    State& state = states_[quota.id];
    if (state.limit != quota.recipients) {
        if (state.limit != 0) state.count.used = std::min<std::uint64_t>(state.count.used, quota.recipients);
        state.limit = quota.recipients;
    }
    state.count = advanced(quota, state.count, now);
    return state;
}

QuotaLedger::Verdict QuotaLedger::take(std::span<const Quota> quotas, std::uint32_t recipients,
                                       WallClock::time_point now) {
    const std::lock_guard lock(mutex_);
    Verdict verdict;
    const auto refuse = [&](const Quota& quota, WallClock::time_point until) {
        if (verdict.answer == Answer::refused && until <= verdict.until) return;
        verdict = {.answer = Answer::refused, .by = quota, .until = until, .crossings = {}};
    };
    for (const Quota& quota : quotas) {
        const QuotaCount count = state_of(quota, now).count;
        if (quota.beyond == BeyondQuota::refuse) {
            if (recipients > quota.recipients)
                return {.answer = Answer::too_small, .by = quota, .until = {}, .crossings = {}};
            if (count.used + recipients > quota.recipients) refuse(quota, period_start(quota.period, count.number + 1));
            continue;
        }
        const auto until = room_at(quota, count, now);
        if (until - now > longest_wait)
            refuse(quota, until - longest_wait);
        else if (verdict.answer == Answer::taken && until > std::max(now, verdict.until))
            verdict = {.answer = Answer::taken, .by = quota, .until = until, .crossings = {}};
    }
    if (verdict.answer != Answer::taken) return verdict;
    for (const Quota& quota : quotas) {
        State& state = state_of(quota, now);
        state.count.used += recipients;
        if (state.told_number != state.count.number) {
            state.told_number = state.count.number;
            state.told_percent = 0;
        }
        const unsigned mark = mark_of(quota, state.count.used);
        if (mark <= state.told_percent) continue;
        state.told_percent = mark;
        verdict.crossings.push_back({quota, mark});
    }
    return verdict;
}

void QuotaLedger::give_back(std::span<const Quota> quotas, std::uint32_t recipients, WallClock::time_point taken_at) {
    const std::lock_guard lock(mutex_);
    for (const Quota& quota : quotas) {
        const auto found = states_.find(quota.id);
        if (found == states_.end() || found->second.count.number != period_number(quota.period, taken_at)) continue;
        found->second.count.used -= std::min<std::uint64_t>(found->second.count.used, recipients);
    }
}

void QuotaLedger::restore(const std::vector<Row>& rows) {
    const std::lock_guard lock(mutex_);
    for (const Row& row : rows) states_[row.quota].count = row.count;
}

void QuotaLedger::keep_only(std::span<const Quota> quotas) {
    std::unordered_set<QuotaId> kept;
    for (const Quota& quota : quotas) kept.insert(quota.id);
    const std::lock_guard lock(mutex_);
    std::erase_if(states_, [&](const auto& item) { return !kept.contains(item.first); });
}

// --- rows

namespace {

Result<std::optional<std::int64_t>> find_quota(Reader& reader, QuotaScope scope, std::int64_t subject,
                                               QuotaPeriod period) {
    std::optional<std::int64_t> id;
    RELEVO_CHECK(reader.query("SELECT id FROM quota WHERE scope = $1 AND subject = $2 AND period = $3",
                              {static_cast<std::int64_t>(scope), subject, static_cast<std::int64_t>(period)},
                              [&](const Row& row) -> Result<void> {
                                  id = row.integer(0);
                                  return {};
                              }));
    return id;
}

Result<void> drop_quota(Transaction& transaction, std::int64_t id) {
    RELEVO_CHECK(transaction.execute("DELETE FROM quota_usage WHERE quota_id = $1", {id}));
    RELEVO_CHECK(transaction.execute("DELETE FROM quota WHERE id = $1", {id}));
    return {};
}

}  // namespace

Result<Quota> set_quota(Transaction& transaction, Quota quota) {
    if (quota.recipients < 1 || quota.recipients > largest_quota)
        return failure(ErrorKind::invalid, "a quota is 1 to 1,000,000,000 recipients; to lift it, remove it");
    RELEVO_TRY(const auto known, find_quota(transaction, quota.scope, quota.subject, quota.period));
    const std::int64_t limit{quota.recipients};
    const auto beyond = static_cast<std::int64_t>(quota.beyond);
    if (known) {
        quota.id = QuotaId{*known};
        RELEVO_CHECK(transaction.execute("UPDATE quota SET recipients = $2, beyond = $3, plan_id = 0 WHERE id = $1",
                                         {*known, limit, beyond}));
        RELEVO_CHECK(
            transaction.execute("UPDATE quota_usage SET used = $2 WHERE quota_id = $1 AND used > $2", {*known, limit}));
        return quota;
    }
    RELEVO_TRY(const std::int64_t id, statements::next_id(transaction, "quota"));
    quota.id = QuotaId{id};
    RELEVO_CHECK(
        transaction.execute("INSERT INTO quota (id, scope, subject, period, recipients, beyond, plan_id) VALUES ($1, "
                            "$2, $3, $4, $5, $6, 0)",
                            {id, static_cast<std::int64_t>(quota.scope), quota.subject,
                             static_cast<std::int64_t>(quota.period), limit, beyond}));
    return quota;
}

Result<void> remove_quota(Transaction& transaction, QuotaScope scope, std::int64_t subject, QuotaPeriod period) {
    RELEVO_TRY(const auto known, find_quota(transaction, scope, subject, period));
    if (!known)
        return failure(ErrorKind::not_found,
                       "there is no such quota per " + std::string(name_of(period)) + "; see: relevo quota list");
    return drop_quota(transaction, *known);
}

Result<void> remove_quotas_of(Transaction& transaction, QuotaScope scope, std::int64_t subject) {
    for (const auto period : {QuotaPeriod::minute, QuotaPeriod::hour, QuotaPeriod::day, QuotaPeriod::month}) {
        RELEVO_TRY(const auto known, find_quota(transaction, scope, subject, period));
        if (known) RELEVO_CHECK(drop_quota(transaction, *known));
    }
    return {};
}

Result<std::vector<Quota>> list_quotas(Reader& reader) {
    std::vector<Quota> quotas;
    RELEVO_CHECK(reader.query(
        "SELECT id, scope, subject, period, recipients, beyond FROM quota ORDER BY scope, subject, period", {},
        [&](const Row& row) -> Result<void> {
            const auto in = [&](int column, std::int64_t last) {
                return row.integer(column) >= 1 && row.integer(column) <= last;
            };
            if (!in(1, 3) || !in(3, 4) || !in(4, largest_quota) || !in(5, 3))
                return failure(ErrorKind::invalid, "quota " + std::to_string(row.integer(0)) + " is damaged");
            quotas.push_back({.id = QuotaId{row.integer(0)},
                              .scope = static_cast<QuotaScope>(row.integer(1)),
                              .subject = row.integer(2),
                              .period = static_cast<QuotaPeriod>(row.integer(3)),
                              .recipients = static_cast<std::uint32_t>(row.integer(4)),
                              .beyond = static_cast<BeyondQuota>(row.integer(5))});
            return {};
        }));
    return quotas;
}

Result<std::vector<QuotaLedger::Crossing>> record_quota_usage(Transaction& transaction, std::span<const Quota> quotas,
                                                              std::uint32_t recipients, WallClock::time_point now) {
    std::vector<QuotaLedger::Crossing> crossings;
    for (const Quota& quota : quotas) {
        QuotaCount count;
        RELEVO_CHECK(transaction.query("SELECT period_number, used FROM quota_usage WHERE quota_id = $1",
                                       {quota.id.value}, [&](const Row& row) -> Result<void> {
                                           count = {row.integer(0), static_cast<std::uint64_t>(row.integer(1))};
                                           return {};
                                       }));
        count = advanced(quota, count, now);
        const unsigned before = mark_of(quota, count.used);
        count.used += recipients;
        if (const unsigned mark = mark_of(quota, count.used); mark > before) crossings.push_back({quota, mark});
        // The quota may have been removed since the message began.
        RELEVO_CHECK(transaction.execute(
            "INSERT INTO quota_usage (quota_id, period_number, used) SELECT id, $2, $3 FROM quota WHERE id = $1"
            " ON CONFLICT (quota_id) DO UPDATE SET period_number = excluded.period_number, used = excluded.used",
            {quota.id.value, count.number, static_cast<std::int64_t>(count.used)}));
    }
    return crossings;
}

Result<std::vector<QuotaLedger::Row>> load_quota_usage(Reader& reader) {
    std::vector<QuotaLedger::Row> rows;
    RELEVO_CHECK(
        reader.query("SELECT quota_id, period_number, used FROM quota_usage", {}, [&](const Row& row) -> Result<void> {
            rows.push_back({QuotaId{row.integer(0)}, {row.integer(1), static_cast<std::uint64_t>(row.integer(2))}});
            return {};
        }));
    return rows;
}

}  // namespace relevo
