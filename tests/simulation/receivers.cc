#include "tests/simulation/receivers.h"

#include <algorithm>

namespace relevo::simulation {

double TokenBucket::rate(Time now) const {
    double rate = rates_.front().per_second;
    for (const RateFrom& change : rates_)
        if (now >= change.begin) rate = change.per_second;
    return rate;
}

BounceClass TokenBucket::reply(Time now, std::uint64_t /*message*/) {
    if (filled_ != Time{})
        tokens_ = std::min(burst_, tokens_ + rate(now) * std::chrono::duration<double>(now - filled_).count());
    filled_ = now;
    if (tokens_ < 1) return BounceClass::rate_limited;
    tokens_ -= 1;
    return BounceClass::delivered;
}

BounceClass Punishing::reply(Time now, std::uint64_t message) {
    if (now < closed_until_) return BounceClass::rate_limited;
    const BounceClass answer = TokenBucket::reply(now, message);
    refused_ = answer == BounceClass::delivered ? 0 : refused_ + 1;
    if (refused_ >= 3) {
        closed_until_ = now + penalty_;
        refused_ = 0;
    }
    return answer;
}

BounceClass FixedWindow::reply(Time now, std::uint64_t /*message*/) {
    const std::int64_t window = now.time_since_epoch() / length_;
    if (window != window_) count_ = 0;
    window_ = window;
    if (count_ >= limit_) return BounceClass::rate_limited;
    ++count_;
    return BounceClass::delivered;
}

BounceClass Greylist::reply(Time now, std::uint64_t message) {
    const auto [seen, is_new] = seen_.try_emplace(message, now);
    return is_new || now - seen->second < delay_ ? BounceClass::greylisted : BounceClass::delivered;
}

BounceClass Blocking::greet(Time now, std::uint32_t /*open*/) {
    return where_ == Where::greeting && blocks(now) ? BounceClass::address_blocked : BounceClass::delivered;
}
BounceClass Blocking::reply(Time now, std::uint64_t /*message*/) {
    return blocks(now) ? BounceClass::address_blocked : BounceClass::delivered;
}

BounceClass FewConnections::greet(Time /*now*/, std::uint32_t open) {
    return open >= limit_ ? BounceClass::too_many_connections : BounceClass::delivered;
}

BounceClass Choosy::reply(Time /*now*/, std::uint64_t /*message*/) {
    double point = std::uniform_real_distribution<double>(0, 1)(chance_);
    for (const auto& [kind, share] : shares_) {
        if (point < share) return kind;
        point -= share;
    }
    return BounceClass::delivered;
}

}  // namespace relevo::simulation
