#include "core/shaping/rate_limiter.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace relevo::shaping {
namespace {

struct Position {
    std::uint32_t quarter;
    double passed;  // of it, from 0 to 1
};

constexpr std::size_t quarters = 4;

Position position_of(Time now, std::chrono::seconds unit) {
    const auto since_epoch = std::chrono::duration<double>(now.time_since_epoch()).count();
    const double position = since_epoch / (static_cast<double>(unit.count()) / quarters);
    return {static_cast<std::uint32_t>(position), position - std::floor(position)};
}

// The counts as they are in that quarter.
SlidingCount rolled(SlidingCount count, std::uint32_t quarter) {
    if (quarter >= count.quarter + quarters + 1) return {.quarter = quarter};
    // A clock that was set back leaves the count where it was.
    for (; count.quarter < quarter; ++count.quarter) {
        std::ranges::copy_backward(count.before.begin(), count.before.end() - 1, count.before.end());
        count.before.front() = count.current;
        count.current = 0;
    }
    return count;
}

// A tenth of the unit's amount may go at once.
double burst_of(std::uint32_t amount) { return std::max(1.0, amount / 10.0); }

}  // namespace

void SlidingCount::add(Time now, std::chrono::seconds unit, std::uint32_t amount) {
    *this = rolled(*this, position_of(now, unit).quarter);
    current += amount;
}

double SlidingCount::at(Time now, std::chrono::seconds unit) const {
    const Position position = position_of(now, unit);
    const SlidingCount count = rolled(*this, position.quarter);
    return count.before[3] * (1 - position.passed) + count.before[2] + count.before[1] + count.before[0] +
           count.current;
}

Time SlidingCount::free_at(Time now, std::chrono::seconds unit, std::uint32_t limit) const {
    if (limit == 0) return never;
    if (at(now, unit) + 1 <= limit) return now;
    const SlidingCount count = rolled(*this, position_of(now, unit).quarter);
    const std::array all = {count.before[3], count.before[2], count.before[1], count.before[0], count.current};
    double staying = count.before[2] + count.before[1] + count.before[0] + static_cast<double>(count.current);
    // In the first quarter of those to come in which enough of the oldest one slides out.
    std::size_t place = 0;
    while (staying + 1 > limit) staying -= all[++place];
    const double slid_out = all[place] == 0 ? 0 : 1 - (static_cast<double>(limit) - 1 - staying) / all[place];
    const double quarter_seconds = static_cast<double>(unit.count()) / quarters;
    const double later = (static_cast<double>(place) + std::max(0.0, slid_out)) * quarter_seconds;
    return Time(std::chrono::ceil<std::chrono::milliseconds>(
        std::chrono::duration<double>(count.quarter * quarter_seconds + later)));
}

Time Pacer::free_at(double per_second, double burst) const {
    const auto early = std::chrono::duration<double>((burst - 1) / per_second);
    return next - std::chrono::duration_cast<Time::duration>(early);
}

void Pacer::take(Time now, double per_second, std::uint32_t amount) {
    const auto spaces = std::chrono::duration<double>(amount / per_second);
    next = std::max(next, now) + std::chrono::duration_cast<Time::duration>(spaces);
}

Permission RateLimiter::check(const Rates& rates, Time now, std::uint32_t most, Hindrance hindrance) const {
    Permission answer{.recipients = most, .until = now};
    const auto hinder = [&](RateUnit unit, Time until) {
        if (until <= now || until <= answer.until) return;
        answer.hindrance = hindrance;
        answer.unit = unit;
        answer.amount = rates.of(unit);
        answer.until = until;
    };
    if (rates.per_second > 0) hinder(RateUnit::second, second_.free_at(rates.per_second, burst_of(rates.per_second)));
    if (rates.per_minute > 0)
        hinder(RateUnit::minute, minute_.free_at(rates.per_minute / 60.0, burst_of(rates.per_minute)));
    for (const auto& [unit, count] : {std::pair{RateUnit::hour, &hour_}, std::pair{RateUnit::day, &day_}}) {
        const std::uint32_t limit = rates.of(unit);
        if (limit == 0) continue;
        hinder(unit, count->free_at(now, length_of(unit), limit));
        const double left = limit - count->at(now, length_of(unit));
        answer.recipients = std::min(answer.recipients, static_cast<std::uint32_t>(std::max(left, 1.0)));
    }
    if (answer.granted()) answer.until = never;
    return answer;
}

void RateLimiter::take(const Rates& rates, Time now, std::uint32_t amount) {
    if (rates.per_second > 0) second_.take(now, rates.per_second, amount);
    if (rates.per_minute > 0) minute_.take(now, rates.per_minute / 60.0, amount);
    // Counted even if nothing limits them now: a limit may be written tomorrow.
    hour_.add(now, length_of(RateUnit::hour), amount);
    day_.add(now, length_of(RateUnit::day), amount);
}

void RateLimiter::restore(const SlidingCount& hour, const SlidingCount& day) {
    hour_ = hour;
    day_ = day;
}

void RateLimiter::shift(Time::duration by) {
    second_.next -= by;
    minute_.next -= by;
}

}  // namespace relevo::shaping
