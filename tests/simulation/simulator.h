// A sender in virtual time: a backlog, connections with latency, retries of what was deferred. It does what its
// throttle says and no more, and keeps count of each second.
#pragma once

#include "core/shaping/throttle.h"
#include "tests/simulation/receivers.h"

#include <functional>
#include <queue>
#include <random>
#include <string>
#include <vector>

namespace relevo::simulation {

inline constexpr Time start{std::chrono::seconds(1'800'000'000)};  // a day at 08:00 UTC

struct SenderOptions {
    std::uint32_t connections = 20;  // it would like to have
    std::uint32_t messages_per_connection = 100;
    double offered = 0;                           // new messages a second; 0: there is always one more
    std::chrono::milliseconds least_latency{40};  // of a connection, and of a transaction
    std::chrono::milliseconds most_latency{160};
    std::chrono::seconds retry_after{60};
    unsigned seed = 1;
};

struct Second {
    std::uint32_t attempts = 0;
    std::uint32_t accepted = 0;
    std::uint32_t refused_for_rate = 0;  // too fast, or too many connections
    std::uint32_t refused_for_block = 0;
    std::uint32_t refused_else = 0;
    std::uint32_t connections = 0;
    double learned_rate = 0;

    Second& operator+=(const Second& other);
};

class Simulator {
 public:
    Simulator(shaping::Throttle& throttle, Receiver& receiver, SenderOptions options);
    void run_until(Time end);

    [[nodiscard]] Second between(std::chrono::seconds from, std::chrono::seconds to) const;
    [[nodiscard]] const std::vector<Second>& seconds() const { return seconds_; }
    // What the receiver would have taken at most, from its own rate.
    [[nodiscard]] double possible_between(std::chrono::seconds from, std::chrono::seconds to) const;
    [[nodiscard]] Time now() const { return now_; }
    // A line for each second, for plots.
    [[nodiscard]] std::string csv() const;

 private:
    struct Event {
        Time at;
        std::uint64_t order;
        std::function<void()> what;
        bool operator>(const Event& other) const { return at != other.at ? at > other.at : order > other.order; }
    };
    struct Idle {
        Time since;
        std::uint32_t messages;
    };
    struct Retry {
        Time due;
        std::uint64_t message;
        bool operator>(const Retry& other) const { return due > other.due; }
    };
    void at(Time time, std::function<void()> what);
    void wake_at(Time time);
    void pump();
    [[nodiscard]] bool has_message() const;
    std::uint64_t take_message();
    void open_connection();
    void begin_transaction();
    void end_transaction(std::uint32_t messages, std::uint64_t message, Time began, BounceClass kind);
    [[nodiscard]] std::chrono::milliseconds latency();
    Second& second();
    void count(BounceClass kind);

    shaping::Throttle& throttle_;
    Receiver& receiver_;
    SenderOptions options_;
    std::mt19937 chance_;
    Time now_ = start;
    std::uint64_t order_ = 0;
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
    std::priority_queue<Retry, std::vector<Retry>, std::greater<>> retries_;
    std::vector<Idle> idle_;
    std::uint32_t open_ = 0;  // accepted by the receiver
    std::uint32_t opening_ = 0;
    std::uint64_t made_ = 0;  // messages
    Time wake_ = Time::max();
    std::vector<Second> seconds_;
};

}  // namespace relevo::simulation
