#include "core/shaping/rate_limiter.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace relevo::shaping {
namespace {

struct Position {
    std::uint32_t unit;
    double passed;  // of it, from 0 to 1
};

Position position_of(Time now, std::chrono::seconds length) {
    const auto since_epoch = std::chrono::duration<double>(now.time_since_epoch()).count();
    const double units = since_epoch / static_cast<double>(length.count());
    return {static_cast<std::uint32_t>(units), units - std::floor(units)};
}

// The counts as they are in the unit of `now`.
SlidingCount rolled(const SlidingCount& count, std::uint32_t unit) {
    // A clock that was set back leaves the count where it was.
    if (unit <= count.unit) return count;
    return {.unit = unit, .previous = unit == count.unit + 1 ? count.current : 0, .current = 0};
}

// A tenth of the unit's amount may go at once.
double burst_of(std::uint32_t amount) { return std::max(1.0, amount / 10.0); }

}  // namespace

void SlidingCount::add(Time now, std::chrono::seconds length, std::uint32_t amount) {
    *this = rolled(*this, position_of(now, length).unit);
    current += amount;
}

double SlidingCount::at(Time now, std::chrono::seconds length) const {
    const Position position = position_of(now, length);
    const SlidingCount count = rolled(*this, position.unit);
    return count.previous * (1 - position.passed) + count.current;
}

Time SlidingCount::free_at(Time now, std::chrono::seconds length, std::uint32_t limit) const {
    if (at(now, length) + 1 <= limit) return now;
    if (limit == 0) return never;
    const Position position = position_of(now, length);
    const SlidingCount count = rolled(*this, position.unit);
    const Time unit_began{std::chrono::seconds(length.count() * static_cast<std::int64_t>(count.unit))};
    // In this unit when enough of the previous one has slid out, else in the next one, when enough of this one has.
    const auto slid_out = [&](std::uint32_t sliding, std::uint32_t staying) {
        return sliding == 0 ? 0.0 : 1 - (static_cast<double>(limit) - 1 - staying) / sliding;
    };
    const auto part = [&](double units) {
        return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(length) * units);
    };
    if (count.current + 1 <= limit) return unit_began + part(slid_out(count.previous, count.current));
    return unit_began + length + part(std::max(0.0, slid_out(count.current, 0)));
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
