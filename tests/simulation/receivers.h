// Mail servers as senders meet them. What they count they count by themselves: no code is shared with the throttle.
#pragma once

#include "core/shaping/limits.h"
#include "lib/bounces/bounce_class.h"

#include <cstdint>
#include <deque>
#include <random>
#include <unordered_map>
#include <vector>

namespace relevo::simulation {

using bounces::BounceClass;
using shaping::Time;

class Receiver {
 public:
    virtual ~Receiver() = default;
    // To a new connection while `open` others are.
    virtual BounceClass greet(Time /*now*/, std::uint32_t /*open*/) { return BounceClass::delivered; }
    virtual BounceClass reply(Time now, std::uint64_t message) = 0;
    // Messages a second that it takes in the long run; 0: more than anybody sends.
    [[nodiscard]] virtual double rate(Time /*now*/) const { return 0; }
};

struct RateFrom {
    Time begin;
    double per_second;
};

// A bucket that fills at a rate, which changes at given times.
class TokenBucket : public Receiver {
 public:
    TokenBucket(std::vector<RateFrom> rates, double burst) : rates_(std::move(rates)), burst_(burst), tokens_(burst) {}
    BounceClass reply(Time now, std::uint64_t message) override;
    [[nodiscard]] double rate(Time now) const override;

 private:
    std::vector<RateFrom> rates_;
    double burst_;
    double tokens_;
    Time filled_{};
};

// A bucket whose overrun is punished: after a few refusals nothing is taken for a while.
class Punishing : public TokenBucket {
 public:
    Punishing(double rate, double burst, std::chrono::seconds penalty)
        : TokenBucket({{Time{}, rate}}, burst), penalty_(penalty) {}
    BounceClass reply(Time now, std::uint64_t message) override;

 private:
    std::chrono::seconds penalty_;
    Time closed_until_{};
    std::uint32_t refused_ = 0;
};

// So many in each whole minute, hour and so on of its clock; then nothing until the next.
class FixedWindow : public Receiver {
 public:
    FixedWindow(std::uint32_t limit, std::chrono::seconds length) : limit_(limit), length_(length) {}
    BounceClass reply(Time now, std::uint64_t message) override;
    [[nodiscard]] double rate(Time /*now*/) const override { return limit_ / static_cast<double>(length_.count()); }

 private:
    std::uint32_t limit_;
    std::chrono::seconds length_;
    std::int64_t window_ = 0;
    std::uint32_t count_ = 0;
};

// Takes what it has seen before, some time ago.
class Greylist : public Receiver {
 public:
    explicit Greylist(std::chrono::seconds delay) : delay_(delay) {}
    BounceClass reply(Time now, std::uint64_t message) override;

 private:
    std::chrono::seconds delay_;
    std::unordered_map<std::uint64_t, Time> seen_;
};

// Refuses our address for a while, in its greeting or in each reply.
class Blocking : public Receiver {
 public:
    enum class Where : std::uint8_t { greeting, reply };
    Blocking(Time begin, Time end, Where where) : begin_(begin), end_(end), where_(where) {}
    BounceClass greet(Time now, std::uint32_t open) override;
    BounceClass reply(Time now, std::uint64_t message) override;

 private:
    [[nodiscard]] bool blocks(Time now) const { return now >= begin_ && now < end_; }
    Time begin_, end_;
    Where where_;
};

class FewConnections : public Receiver {
 public:
    explicit FewConnections(std::uint32_t limit) : limit_(limit) {}
    BounceClass greet(Time now, std::uint32_t open) override;
    BounceClass reply(Time /*now*/, std::uint64_t /*message*/) override { return BounceClass::delivered; }

 private:
    std::uint32_t limit_;
};

// Takes everything but a share, for a reason that has nothing to do with the source.
class Choosy : public Receiver {
 public:
    Choosy(std::vector<std::pair<BounceClass, double>> shares, unsigned seed)
        : shares_(std::move(shares)), chance_(seed) {}
    BounceClass reply(Time now, std::uint64_t message) override;

 private:
    std::vector<std::pair<BounceClass, double>> shares_;
    std::mt19937 chance_;
};

}  // namespace relevo::simulation
