#include "core/shaping/adaptive_pace.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

namespace relevo::shaping {
namespace {

using bounces::BounceClass;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

// docs/decisions/0012-adaptive-shaping.md gives the reasons.
constexpr double lowered_to = 0.85;          // of the rate at which it was refused
constexpr double lowered_to_of_long = 0.95;  // the same, where a long cycle was learned
constexpr float long_horizon = 300;          // seconds
constexpr double lowered_to_accepted = 0.9;  // of what was accepted meanwhile
constexpr double least_lowered_to = 0.3;     // in one round
constexpr double after_block = 0.5;          // of the rate before
constexpr double lowest_rate = 1.0 / 900;    // messages a second
constexpr double first_rate = 1;             // if nothing was accepted before
constexpr double near_ceiling = 0.94;        // up to there it comes back in large steps
constexpr double return_step = 0.05;         // of the ceiling
constexpr float first_growth = 0.01F;        // of the rate, beyond; doubles
constexpr float largest_growth = 0.25F;
constexpr seconds least_step(10);
constexpr double steps_of_cycle = 4;
constexpr std::uint32_t step_messages = 10;
constexpr double used_up = 0.7;  // of the rate, in a step
constexpr seconds least_slice(2);
constexpr double slice_messages = 10;
constexpr seconds least_round(1);
constexpr double round_messages = 5;
constexpr std::uint8_t refusals_until_pause = 3;
constexpr std::uint8_t overloads_until_pause = 5;
constexpr std::uint8_t refusals_until_block = 3;
constexpr std::uint8_t refusals_until_block_of_many = 8;  // while others accept
constexpr std::uint8_t weight_of_greeting = 2;
constexpr seconds first_pause(2);
constexpr seconds longest_pause = minutes(5);
constexpr seconds longest_pause_of_slow = minutes(30);
constexpr std::array block_lengths = {minutes(5), minutes(15), minutes(30), minutes(60)};
constexpr minutes probe_patience(15);
constexpr seconds least_cycle(10);
constexpr std::uint32_t cycle_messages = 5;
constexpr double cycle_pause_share = 0.15;
constexpr double least_of_cycle = 0.02;   // of the rate before
constexpr double longest_horizon = 7200;  // seconds
constexpr double out_of_sight = 1.25;     // of the ceiling: what was learned of cycles fades
constexpr float unwanted_weight = 1.0F / 32;
constexpr float many_unwanted = 0.25F;
constexpr seconds unwanted_round(30);
constexpr double least_for_unwanted = 0.25;  // of the ceiling

milliseconds milliseconds_of(double seconds_count) {
    return std::chrono::ceil<milliseconds>(std::chrono::duration<double>(seconds_count));
}

void count_up(std::uint8_t& count, std::uint8_t by = 1) {
    count = static_cast<std::uint8_t>(std::min(255, count + by));
}

}  // namespace

Signal signal_of(BounceClass kind) {
    switch (kind) {
        case BounceClass::delivered: return Signal::accepted;
        case BounceClass::rate_limited: return Signal::too_fast;
        case BounceClass::system_failure: return Signal::overload;
        case BounceClass::policy:
        case BounceClass::spam_content:
        case BounceClass::domain_blocked: return Signal::unwanted;
        case BounceClass::address_blocked:
        case BounceClass::reverse_dns: return Signal::blocked;
        case BounceClass::network_failure:
        case BounceClass::dns_failure: return Signal::silence;
        default: return Signal::neutral;
    }
}

// --- asking

double AdaptivePace::burst() const { return std::max(1.0, rate_ / 10.0); }

Permission AdaptivePace::may_send(Time now, std::uint32_t most) const {
    if (phase_ != Phase::open) {
        if (now >= resume_at_) return {.recipients = 1};
        const Hindrance closed = phase_ == Phase::blocked ? Hindrance::block : Hindrance::pause;
        return {.hindrance = probing_ ? Hindrance::probe : closed, .cause = cause_, .until = resume_at_};
    }
    if (rate_ > 0)
        if (const Time free = pacer_.free_at(rate_, burst()); free > now)
            return {.hindrance = Hindrance::learned_rate, .amount = rate_, .until = free};
    return {.recipients = most};
}

Permission AdaptivePace::may_connect(Time now, std::uint32_t connecting) const {
    if (phase_ == Phase::open) return {};
    const Permission to_send = may_send(now, 1);
    if (!to_send.granted() || connecting == 0) return to_send;
    return {.hindrance = Hindrance::probe, .cause = cause_};
}

double AdaptivePace::accepted_rate(Time now) const {
    const auto length = slice_length();
    const auto elapsed = now - slice_began_;
    if (elapsed >= 2 * length) return 0;
    const auto in_seconds = [](auto duration) { return std::chrono::duration<double>(duration).count(); };
    // Once the slice is over it is the previous one of a new slice that holds nothing yet.
    if (elapsed >= length) return slice_current_ / in_seconds(elapsed);
    // A first slice is short: half a second of it is taken for no less.
    if (slice_previous_ == 0) return slice_current_ / std::max(0.5, in_seconds(elapsed));
    return (slice_previous_ + slice_current_) / in_seconds(length + elapsed);
}

milliseconds AdaptivePace::slice_length() const {
    return rate_ > 0 ? std::max<milliseconds>(least_slice, milliseconds_of(slice_messages / rate_)) : least_slice;
}
milliseconds AdaptivePace::round_length() const {
    return rate_ > 0 ? std::max<milliseconds>(least_round, milliseconds_of(round_messages / rate_)) : least_round;
}

// --- being told

void AdaptivePace::sent(Time now, std::uint32_t recipients) {
    if (phase_ != Phase::open) {
        // Its answer decides; if none comes, the next one is tried.
        probing_ = true;
        resume_at_ = now + probe_patience;
        return;
    }
    if (rate_ <= 0) return;
    pacer_.take(now, rate_, recipients);
}

milliseconds AdaptivePace::step_length() const {
    return std::max<milliseconds>(least_step, milliseconds_of(horizon_ / steps_of_cycle));
}

void AdaptivePace::roll_slice(Time now) {
    const auto length = slice_length();
    if (now - slice_began_ < length) return;
    slice_previous_ = now - slice_began_ < 2 * length ? slice_current_ : 0;
    slice_current_ = 0;
    slice_began_ = now;
}

void AdaptivePace::heard(Time now, Time began, BounceClass kind, std::uint32_t recipients, double cap, ChangeLog& log) {
    const Signal signal = signal_of(kind);
    roll_slice(now);
    if (signal == Signal::accepted) {
        slice_current_ += recipients;
        cycle_accepted_ += recipients;
    }
    if (phase_ != Phase::open) {
        // Transactions that began before it closed tell nothing new.
        if (probing_ && began >= resume_at_ - probe_patience) probe_answered(now, kind, signal, log);
        return;
    }
    // Recipients of one transaction that are refused alike are one refusal.
    if (signal == Signal::too_fast || signal == Signal::overload || signal == Signal::blocked) {
        const auto transaction = static_cast<std::uint32_t>(began.time_since_epoch().count());
        if (transaction == std::exchange(refused_transaction_, transaction)) return;
    }
    switch (signal) {
        case Signal::accepted: return accepted(now, recipients, cap, log);
        case Signal::too_fast: return refused(now, began, kind, log);
        case Signal::unwanted: return unwanted(now, kind, log);
        case Signal::overload:
            count_up(overloaded_in_a_row_);
            if (overloaded_in_a_row_ >= overloads_until_pause) pause(now, kind, log);
            return;
        case Signal::blocked:
            count_up(blocked_in_a_row_);
            if (is_blocked(now)) block(now, kind, log);
            return;
        case Signal::neutral: blocked_in_a_row_ = 0; return;
        case Signal::silence: return;
    }
}

void AdaptivePace::accepted(Time now, std::uint32_t recipients, double cap, ChangeLog& log) {
    refused_in_a_row_ = overloaded_in_a_row_ = blocked_in_a_row_ = 0;
    unwanted_share_ -= unwanted_share_ * unwanted_weight;
    if (rate_ <= 0 && level_ == 0) return;
    step_accepted_ += recipients;
    if (now - step_began_ < step_length() || step_accepted_ < step_messages) return;
    // One that keeps shutting is asked less often each time: what counts whole hours is shut for most of them.
    if (level_ > 0) --level_;
    // A rate that nobody used up has not been shown to be good.
    const double taken = step_accepted_ / std::chrono::duration<double>(now - step_began_).count();
    if (rate_ > 0 && taken >= used_up * static_cast<double>(rate_) && unwanted_share_ < many_unwanted)
        raise(now, cap, log);
    begin_step(now);
}

void AdaptivePace::begin_step(Time now) {
    step_began_ = now;
    step_accepted_ = 0;
}

void AdaptivePace::raise(Time now, double cap, ChangeLog& log) {
    const double before = rate_;
    double rate = before;
    if (before < near_ceiling * ceiling_) {
        rate += return_step * ceiling_;
    } else {
        rate *= 1 + static_cast<double>(growth_);
        growth_ = std::min(2 * growth_, largest_growth);
    }
    if (rate > out_of_sight * ceiling_) horizon_ /= 2;
    if (rate >= cap) {
        log.add(now, Change::rate_free, BounceClass::delivered, before, cap);
        rate_ = ceiling_ = horizon_ = 0;
        return;
    }
    set(rate, ceiling_);
    log.add(now, Change::rate_raised, BounceClass::delivered, before, rate);
}

void AdaptivePace::refused(Time now, Time began, BounceClass kind, ChangeLog& log) {
    begin_step(now);
    // It was on its way when we slowed down.
    if (began <= lowered_at_) return;
    count_up(refused_in_a_row_);
    if (rate_ <= 0 || now - lowered_at_ >= round_length()) lower(now, kind, log);
    // Some accepted and some refused: too fast. None accepted: shut, at any rate.
    if (refused_in_a_row_ >= refusals_until_pause) pause(now, kind, log);
}

void AdaptivePace::lower(Time now, BounceClass kind, ChangeLog& log) {
    const double before = rate_;
    const double accepted = accepted_rate(now);
    if (before > 0) {
        // Where whole hours are counted, a refusal at the end of one means that it was hardly too fast.
        const double gentle = horizon_ >= long_horizon ? lowered_to_of_long : lowered_to;
        // Nothing accepted at all: that is no measure, and a pause follows if it stays so.
        const double target =
            accepted > 0 ? std::min(gentle * before, lowered_to_accepted * accepted) : gentle * before;
        const double rate = std::max(target, least_lowered_to * before);
        set(rate, std::clamp(accepted * 1.1, rate, before));
    } else if (accepted > 0) {
        set(lowered_to * accepted, accepted);
    } else {
        set(first_rate, first_rate);
    }
    lowered(now, kind, before, log);
}

void AdaptivePace::set(double rate, double ceiling) {
    rate_ = static_cast<float>(std::max(rate, lowest_rate));
    ceiling_ = std::max(static_cast<float>(ceiling), rate_);
}

void AdaptivePace::lowered(Time now, BounceClass kind, double before, ChangeLog& log) {
    growth_ = first_growth;
    lowered_at_ = now;
    pacer_.next = now + milliseconds_of(1.0 / rate_);
    begin_step(now);
    log.add(now, Change::rate_lowered, kind, before, rate_);
}

// Mail that is disliked slows its source down, once it is a large part: a provider that dislikes much of it dislikes
// its source next. Only so far: it is the mail that has to change.
void AdaptivePace::unwanted(Time now, BounceClass kind, ChangeLog& log) {
    unwanted_share_ += (1 - unwanted_share_) * unwanted_weight;
    if (unwanted_share_ < many_unwanted || now - lowered_at_ < std::max<milliseconds>(unwanted_round, round_length()))
        return;
    const double before = rate_;
    if (before <= 0 && slice_previous_ == 0) return;
    const double rate = before > 0 ? before : accepted_rate(now);
    const double ceiling = before > 0 ? ceiling_ : rate;
    if (rate <= least_for_unwanted * ceiling) return;
    set(std::max(lowered_to * rate, least_for_unwanted * ceiling), ceiling);
    lowered(now, kind, before, log);
}

// --- closed: one message at a time asks whether it still is

// From the end of one pause for rate to that of the next: what was accepted is what it takes in the long run, if a good
// part of the time went by in waiting. So are limits of an hour found out.
void AdaptivePace::end_cycle(Time now, ChangeLog& log) {
    const double length = std::chrono::duration<double>(now - cycle_began_).count();
    const double taken = std::max(cycle_accepted_ / length, least_of_cycle * static_cast<double>(rate_));
    if (cycle_began_ != Time{} && now - cycle_began_ >= least_cycle && cycle_accepted_ >= cycle_messages &&
        static_cast<double>(cycle_open_) <= (1 - cycle_pause_share) * length && taken < rate_) {
        const double before = rate_;
        set(taken, taken);
        horizon_ = static_cast<float>(std::min(length, longest_horizon));
        lowered(now, cause_, before, log);
    }
    cycle_began_ = now;
    cycle_accepted_ = 0;
}

void AdaptivePace::pause(Time now, BounceClass kind, ChangeLog& log) {
    if (phase_ == Phase::open) cycle_open_ = std::chrono::duration<float>(now - cycle_began_).count();
    phase_ = Phase::pausing;
    cause_ = kind;
    count_up(level_);
    const milliseconds slow = rate_ > 0 ? milliseconds_of(2.0 / rate_) : milliseconds(0);
    const milliseconds first = std::clamp<milliseconds>(slow, first_pause, longest_pause_of_slow);
    const milliseconds longest = std::max<milliseconds>(first, longest_pause);
    const milliseconds length = std::min(longest, first * (1U << std::min<unsigned>(level_ - 1U, 12)));
    close_until(now + length);
    log.add(now, Change::paused, kind, 0, static_cast<double>(length.count()) / 1000);
}

// Providers for many let each customer refuse addresses: while others accept, more in a row are needed to be sure.
bool AdaptivePace::is_blocked(Time now) const {
    return blocked_in_a_row_ >= (accepted_rate(now) > 0 ? refusals_until_block_of_many : refusals_until_block);
}

void AdaptivePace::block(Time now, BounceClass kind, ChangeLog& log) {
    if (phase_ != Phase::blocked) {
        const double before = rate_ > 0 ? rate_ : accepted_rate(now);
        if (before > 0)
            set(before * after_block, before);
        else
            set(first_rate, first_rate);
        growth_ = first_growth;
        level_ = 0;
    }
    phase_ = Phase::blocked;
    cause_ = kind;
    count_up(level_);
    const minutes length = block_lengths[std::min<std::size_t>(level_, block_lengths.size()) - 1];
    close_until(now + length);
    log.add(now, Change::blocked, kind, 0, static_cast<double>(length.count()));
}

void AdaptivePace::close_until(Time time) {
    resume_at_ = time;
    probing_ = false;
}

void AdaptivePace::reopen(Time now, ChangeLog& log) {
    log.add(now, phase_ == Phase::blocked ? Change::reopened : Change::resumed, BounceClass::delivered, 0, 0);
    if (phase_ == Phase::pausing && signal_of(cause_) == Signal::too_fast) end_cycle(now, log);
    phase_ = Phase::open;
    cause_ = BounceClass::delivered;
    refused_in_a_row_ = overloaded_in_a_row_ = blocked_in_a_row_ = 0;
    probing_ = false;
    begin_step(now);
    if (rate_ > 0) pacer_.next = now;
}

void AdaptivePace::probe_answered(Time now, BounceClass kind, Signal signal, ChangeLog& log) {
    switch (signal) {
        case Signal::accepted:
        case Signal::neutral:
        case Signal::unwanted:
            if (phase_ == Phase::blocked) level_ = 0;
            return reopen(now, log);
        case Signal::silence: return probe_lost(now);
        case Signal::blocked: return block(now, kind, log);
        case Signal::too_fast:
            if (phase_ == Phase::blocked) level_ = 0;
            return pause(now, kind, log);
        case Signal::overload:
            if (phase_ == Phase::blocked) return probe_lost(now);
            return pause(now, kind, log);
    }
}

void AdaptivePace::probe_lost(Time now) {
    if (phase_ == Phase::open) return;
    close_until(now + (phase_ == Phase::blocked ? seconds(block_lengths.front()) : longest_pause / 10));
}

void AdaptivePace::connection_blocked(Time now, BounceClass kind, ChangeLog& log) {
    if (phase_ == Phase::blocked && now < resume_at_) return;
    count_up(blocked_in_a_row_, weight_of_greeting);
    if (phase_ == Phase::blocked || is_blocked(now)) block(now, kind, log);
}

// --- keeping

void AdaptivePace::restore(const Learned& learned) {
    if (learned.rate > 0) set(learned.rate, learned.ceiling);
    growth_ = first_growth;
    phase_ = learned.phase;
    cause_ = learned.cause;
    level_ = learned.level;
    resume_at_ = learned.resume_at;
    probing_ = false;
}

void AdaptivePace::shift(Time::duration by) {
    for (Time* time : {&pacer_.next, &slice_began_, &step_began_, &lowered_at_, &resume_at_, &cycle_began_})
        if (*time > Time{} + by) *time -= by;
}

}  // namespace relevo::shaping
