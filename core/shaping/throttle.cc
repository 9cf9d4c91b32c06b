#include "core/shaping/throttle.h"

#include <algorithm>
#include <limits>

namespace relevo::shaping {
namespace {

using std::chrono::minutes;
using std::chrono::seconds;

constexpr seconds standard_first_back_off(30);
constexpr seconds standard_longest_back_off = minutes(15);
// While other connections work: the server is there, and has no room now.
constexpr seconds first_back_off_when_busy(5);
constexpr seconds longest_back_off_when_busy = minutes(1);
// Refusals of connections that were opened together are one.
constexpr seconds connections_settle(2);
constexpr minutes first_connection_patience(1);  // until one more is tried; doubles each time that it was refused
constexpr std::uint8_t longest_connection_patience = 6;  // doublings
// A clock that is set back by less is not worth a word: callers' ideas of "now" differ a little.
constexpr seconds clock_tolerance(5);

// Both have to pass: the one that takes longer is the answer.
Permission both(const Permission& a, const Permission& b) {
    if (!a.granted() && (b.granted() || a.until >= b.until)) return a;
    if (!b.granted()) return b;
    Permission granted = a;
    granted.recipients = std::min(a.recipients, b.recipients);
    return granted;
}

}  // namespace

// What was to happen in an hour still does, though the clock was set back by a day.
void Throttle::see(Time now) {
    if (now + clock_tolerance < seen_) {
        const Time::duration by = seen_ - now;
        for (Time* time : {&connect_not_before_, &connections_changed_at_})
            if (*time > Time{} + by) *time -= by;
        messages_.shift(by);
        connection_starts_.shift(by);
        pace_.shift(by);
        seen_ = now;
    }
    seen_ = std::max(seen_, now);
}

// --- connections

Permission Throttle::may_connect_within_limits(Time now) const {
    if (now < connect_not_before_) return {.hindrance = Hindrance::back_off, .until = connect_not_before_};
    const std::uint32_t open = std::uint32_t{opening_} + answering_;
    if (limits_->connections && open >= *limits_->connections)
        return {.hindrance = Hindrance::connections, .amount = static_cast<double>(*limits_->connections)};
    if (adapts() && learned_connections_ > 0 && open >= learned_connections_)
        return {.hindrance = Hindrance::learned_connections, .amount = static_cast<double>(learned_connections_)};
    if (limits_->connection_rate)
        return connection_starts_.check(*limits_->connection_rate, now, 1, Hindrance::connection_rate);
    return {};
}

Permission Throttle::may_connect(Time now) {
    see(now);
    if (adapts()) {
        const Permission by_pace = pace_.may_connect(now, opening_);
        if (!by_pace.granted()) return by_pace;
    }
    const Permission answer = may_connect_within_limits(now);
    if (answer.hindrance != Hindrance::learned_connections || !raise_connections(now)) return answer;
    return may_connect_within_limits(now);
}

void Throttle::connecting(Time now) {
    see(now);
    ++opening_;
    connection_starts_.take(limits_->connection_rate.value_or(Rates{}), now, 1);
}

void Throttle::end_opening() {
    if (opening_ > 0) --opening_;
}

void Throttle::connected(Time now) {
    see(now);
    end_opening();
    ++answering_;
    failures_in_a_row_ = 0;
    // One that was on its way when another was refused.
    if (learned_connections_ > 0 && answering_ > learned_connections_) learned_connections_ = answering_;
}

void Throttle::closed(Time now) {
    see(now);
    if (answering_ > 0) --answering_;
}

void Throttle::back_off(Time now, seconds first, seconds longest, Kind kind) {
    const seconds length = std::min(longest, first * (1U << std::min<unsigned>(failures_in_a_row_, 16)));
    failures_in_a_row_ = static_cast<std::uint8_t>(std::min(255, failures_in_a_row_ + 1));
    connect_not_before_ = std::max(connect_not_before_, now + length);
    log_.add(now, Change::backed_off, kind, 0, static_cast<double>(length.count()));
}

void Throttle::connection_failed(Time now) {
    see(now);
    end_opening();
    pace_.probe_lost(now);
    if (answering_ > 0) return;
    back_off(now, limits_->first_back_off.value_or(standard_first_back_off),
             limits_->longest_back_off.value_or(standard_longest_back_off), Kind::network_failure);
}

void Throttle::given_up(Time now) {
    see(now);
    end_opening();
    pace_.probe_lost(now);
}

void Throttle::connection_refused(Time now, Kind kind) {
    see(now);
    end_opening();
    const Signal signal = signal_of(kind);
    if (adapts() && signal == Signal::blocked)
        pace_.connection_blocked(now, kind, log_);
    else
        pace_.probe_lost(now);
    if (kind == Kind::too_many_connections) lower_connections(now, kind, answering_);
    if (answering_ == 0)
        back_off(now, limits_->first_back_off.value_or(standard_first_back_off),
                 limits_->longest_back_off.value_or(standard_longest_back_off), kind);
    else if (kind != Kind::too_many_connections)
        back_off(now, first_back_off_when_busy, longest_back_off_when_busy, kind);
}

void Throttle::lower_connections(Time now, Kind kind, std::uint32_t served) {
    if (!adapts()) return;
    const auto learned = static_cast<std::uint16_t>(std::max<std::uint32_t>(served, 1));
    const bool was_raised = learned_connections_ > learned;
    if (learned_connections_ > 0 && (!was_raised || now - connections_changed_at_ < connections_settle)) return;
    if (was_raised && connection_patience_ < longest_connection_patience) ++connection_patience_;
    log_.add(now, Change::connections_lowered, kind, learned_connections_, learned);
    learned_connections_ = learned;
    connections_changed_at_ = now;
    connections_were_raised_ = false;
}

Time Throttle::next_raise_of_connections() const {
    return connections_changed_at_ + first_connection_patience * (1U << connection_patience_);
}

// One more is tried only when somebody needs it.
bool Throttle::raise_connections(Time now) {
    if (now < next_raise_of_connections()) return false;
    // Nothing was refused since the last raise: that one was good.
    if (connections_were_raised_ && connection_patience_ > 0) --connection_patience_;
    log_.add(now, Change::connections_raised, Kind::delivered, learned_connections_, learned_connections_ + 1.0);
    ++learned_connections_;
    connections_changed_at_ = now;
    connections_were_raised_ = true;
    if (limits_->connections && learned_connections_ >= *limits_->connections) learned_connections_ = 0;
    return true;
}

// --- messages

std::uint32_t Throttle::most_recipients() const {
    return std::max(1U, limits_->recipients_per_transaction.value_or(std::numeric_limits<std::uint32_t>::max()));
}

double Throttle::cap() const {
    return limits_->message_rate ? limits_->message_rate->steady() : std::numeric_limits<double>::infinity();
}

Permission Throttle::may_send(Time now) {
    see(now);
    const std::uint32_t most = most_recipients();
    Permission answer{.recipients = most};
    if (adapts()) answer = pace_.may_send(now, most);
    if (limits_->message_rate)
        answer = both(answer, messages_.check(*limits_->message_rate, now, most, Hindrance::message_rate));
    if (warm_up_.limits_anything(*limits_)) {
        const std::uint32_t room = warm_up_.room(*limits_, now);
        if (room == 0)
            answer = both(answer, {.hindrance = Hindrance::warm_up,
                                   .amount = static_cast<double>(warm_up_.state_at(*limits_, now).target),
                                   .until = warm_up_.tomorrow(now)});
        answer.recipients = std::min(answer.recipients, room);
    }
    return answer;
}

void Throttle::sent(Time now, std::uint32_t recipients) {
    see(now);
    messages_.take(limits_->message_rate.value_or(Rates{}), now, recipients);
    if (adapts()) pace_.sent(now, recipients);
    if (limits_->warm_up_start.value_or(0) > 0) warm_up_.sent(*limits_, now, recipients, log_);
}

void Throttle::heard(Time now, Time began, Kind kind, std::uint32_t recipients) {
    see(now);
    if (limits_->warm_up_start.value_or(0) > 0) warm_up_.heard(kind, recipients);
    if (!adapts()) return;
    if (kind == Kind::too_many_connections) lower_connections(now, kind, answering_ > 0 ? answering_ - 1U : 0U);
    pace_.heard(now, began, kind, recipients, cap(), log_);
}

// --- for others

Time Throttle::next_change(Time now) {
    Time next = never;
    for (const Permission& answer : {may_connect(now), may_send(now)}) {
        if (!answer.granted()) next = std::min(next, answer.until);
        // Nobody else tells when it is time to try one connection more.
        if (answer.hindrance == Hindrance::learned_connections)
            next = std::min<Time>(next,
                                  connections_changed_at_ + first_connection_patience * (1U << connection_patience_));
    }
    return next;
}

bool Throttle::is_idle(Time now) const {
    const auto counts = [&](const std::optional<Rates>& rates, const RateLimiter& limiter) {
        return rates && (rates->per_hour > 0 || rates->per_day > 0) &&
               limiter.day().at(now, length_of(RateUnit::day)) > 0;
    };
    return opening_ == 0 && answering_ == 0 && learned_connections_ == 0 && now >= connect_not_before_ &&
           pace_.learned() == AdaptivePace::Learned{} && !counts(limits_->message_rate, messages_) &&
           !counts(limits_->connection_rate, connection_starts_) && !warm_up_.is_known(now);
}

ThrottleState Throttle::state() const {
    return {.messages_of_hour = messages_.hour(),
            .messages_of_day = messages_.day(),
            .connections_of_hour = connection_starts_.hour(),
            .connections_of_day = connection_starts_.day(),
            .pace = pace_.learned(),
            .learned_connections = learned_connections_,
            .warm_up = warm_up_.state()};
}

void Throttle::restore(const ThrottleState& state) {
    messages_.restore(state.messages_of_hour, state.messages_of_day);
    connection_starts_.restore(state.connections_of_hour, state.connections_of_day);
    pace_.restore(state.pace);
    learned_connections_ = state.learned_connections;
    warm_up_.restore(state.warm_up);
}

ThrottleStatus Throttle::status(Time now) const {
    // Asking may move a raise of connections on: it is a copy that is asked.
    Throttle copy(*this);
    return {.connections = std::uint32_t{opening_} + answering_,
            .pace = pace_.learned(),
            .learned_connections = learned_connections_,
            .accepted_rate = pace_.accepted_rate(now),
            .messages_of_hour = messages_.hour().at(now, length_of(RateUnit::hour)),
            .messages_of_day = messages_.day().at(now, length_of(RateUnit::day)),
            .to_connect = copy.may_connect(now),
            .to_send = copy.may_send(now),
            .warming_up = warm_up_.limits_anything(*limits_),
            .warm_up = warm_up_.state_at(*limits_, now),
            .changes = log_.entries()};
}

void Throttle::forget(Time now) {
    see(now);
    pace_ = AdaptivePace();
    learned_connections_ = 0;
    connection_patience_ = 0;
    failures_in_a_row_ = 0;
    connect_not_before_ = {};
}

static_assert(sizeof(Throttle) <= 512, "thousands of sites times sources have one each");

}  // namespace relevo::shaping
