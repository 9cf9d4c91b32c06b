#include "core/shaping/warm_up.h"

#include <algorithm>
#include <limits>

namespace relevo::shaping {
namespace {

constexpr std::uint32_t without_end = std::numeric_limits<std::uint32_t>::max();
constexpr int days_until_new_again = 30;
constexpr double most_growth = 10;

std::uint16_t day_of(Time now) {
    return static_cast<std::uint16_t>(std::chrono::floor<std::chrono::days>(now).time_since_epoch().count());
}

double share(std::uint32_t part, std::uint32_t whole) { return whole == 0 ? 0 : static_cast<double>(part) / whole; }

// The worst share of its limit: up to 1 is good, over 2 is very bad.
double badness(const WarmUpState& state, const Limits& limits) {
    const std::uint32_t heard = state.delivered + state.deferred + state.bounced;
    return std::max({share(state.deferred, heard) / limits.warm_up_deferred.value_or(0.1),
                     share(state.bounced, heard) / limits.warm_up_bounced.value_or(0.05),
                     share(state.complained, state.delivered) / limits.warm_up_complained.value_or(0.001)});
}

}  // namespace

std::pair<WarmUpState, WarmUp::Step> WarmUp::on_day(const WarmUpState& state, const Limits& limits, std::uint16_t day) {
    const std::uint32_t start = limits.warm_up_start.value_or(0);
    if (state.day == 0 || day - state.day >= days_until_new_again)
        return {WarmUpState{.day = day, .target = start}, Step::begun};
    // A clock that was set back does not begin a day again.
    if (day <= state.day || state.ended) {
        WarmUpState same = state;
        same.day = std::max(day, state.day);
        return {same, Step::held};
    }
    WarmUpState next{.day = day, .target = std::max(state.target, start)};
    const double how_bad = badness(state, limits);
    if (how_bad > 2) {
        next.target = std::max(start, state.target / 2);
        return {next, Step::shrank};
    }
    if (how_bad > 1 || state.sent < state.target / 2) return {next, Step::held};
    const double factor = std::clamp(limits.warm_up_factor.value_or(1.5), 1.0, most_growth);
    const double grown = std::max(state.target * factor, state.target + 1.0);
    if (grown >= limits.warm_up_full.value_or(without_end)) {
        next.target = limits.warm_up_full.value_or(without_end);
        next.ended = true;
        return {next, Step::ended};
    }
    next.target = static_cast<std::uint32_t>(grown);
    return {next, Step::grew};
}

bool WarmUp::is_known(Time now) const { return state_.day != 0 && day_of(now) - state_.day < days_until_new_again; }

bool WarmUp::limits_anything(const Limits& limits) const {
    return limits.warm_up_start.value_or(0) > 0 && !state_.ended;
}

std::uint32_t WarmUp::room(const Limits& limits, Time now) const {
    const WarmUpState today = state_at(limits, now);
    return today.ended ? without_end : today.target - std::min(today.sent, today.target);
}

Time WarmUp::tomorrow(Time now) const { return Time(std::chrono::days(std::max(day_of(now), state_.day) + 1)); }

WarmUpState WarmUp::state_at(const Limits& limits, Time now) const {
    return day_of(now) == state_.day ? state_ : on_day(state_, limits, day_of(now)).first;
}

void WarmUp::sent(const Limits& limits, Time now, std::uint32_t recipients, ChangeLog& log) {
    if (day_of(now) > state_.day) {
        const double before = state_.target;
        const auto [today, step] = on_day(state_, limits, day_of(now));
        state_ = today;
        const auto tell = [&](Change change) {
            log.add(now, change, bounces::BounceClass::delivered, before, today.target);
        };
        switch (step) {
            case Step::begun: break;
            case Step::grew: tell(Change::warm_up_grew); break;
            case Step::held:
                if (!today.ended) tell(Change::warm_up_held);
                break;
            case Step::shrank: tell(Change::warm_up_shrank); break;
            case Step::ended: tell(Change::warm_up_ended); break;
        }
    }
    state_.sent += recipients;
}

void WarmUp::heard(bounces::BounceClass kind, std::uint32_t recipients) {
    using bounces::BounceClass;
    if (kind == BounceClass::delivered) {
        state_.delivered += recipients;
    } else if (kind == BounceClass::greylisted || kind == BounceClass::network_failure) {
        // The first says nothing about us, the second nothing at all.
    } else if (nature_of(kind) == bounces::BounceNature::hard || nature_of(kind) == bounces::BounceNature::block) {
        state_.bounced += recipients;
    } else {
        state_.deferred += recipients;
    }
}

}  // namespace relevo::shaping
