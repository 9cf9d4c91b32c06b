// Everything that limits the mail of one egress source to one destination, or of one tenant there: written limits,
// learned ones, back-off, blocks and warm-up. Decisions only: the caller brings the time and does what they say.
//
// The order of calls: may_connect() – connecting() – connected(), connection_failed(), connection_refused()
// or given_up();
// closed() ends what was connected. may_send() – sent() when the transaction begins – heard() once for each reply to
// its recipients. Whoever got a permission and goes on calls connecting() or sent() before anybody asks again.
#pragma once

#include "core/shaping/adaptive_pace.h"
#include "core/shaping/change_log.h"
#include "core/shaping/limits.h"
#include "core/shaping/permission.h"
#include "core/shaping/rate_limiter.h"
#include "core/shaping/warm_up.h"
#include "lib/bounces/bounce_class.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace relevo::shaping {

// What outlives the process: plain values for a row of a table.
struct ThrottleState {
    SlidingCount messages_of_hour, messages_of_day, connections_of_hour, connections_of_day;
    AdaptivePace::Learned pace;
    std::uint16_t learned_connections = 0;  // 0: nothing learned
    WarmUpState warm_up;
    friend bool operator==(const ThrottleState&, const ThrottleState&) = default;
};

// For people.
struct ThrottleStatus {
    std::uint32_t connections = 0;  // open or being opened
    AdaptivePace::Learned pace;
    std::uint16_t learned_connections = 0;  // 0: nothing learned
    double accepted_rate = 0;               // messages a second, lately
    double messages_of_hour = 0, messages_of_day = 0;
    Permission to_connect, to_send;  // what each would be told now
    bool warming_up = false;
    WarmUpState warm_up;
    std::vector<ChangeEntry> changes;  // the oldest first
};

// Threads: one shard's. At most 512 octets, and no allocation after construction, except by status().
class Throttle {
 public:
    using Kind = bounces::BounceClass;

    explicit Throttle(std::shared_ptr<const Limits> limits) : limits_(std::move(limits)) {}
    // After a reload. What was learned and counted stays.
    void set_limits(std::shared_ptr<const Limits> limits) { limits_ = std::move(limits); }
    [[nodiscard]] const Limits& limits() const { return *limits_; }

    [[nodiscard]] Permission may_connect(Time now);
    void connecting(Time now);
    void connected(Time now);
    // Nobody answered, or not with SMTP. Does not count against the destination while another connection to it works.
    void connection_failed(Time now);
    // An attempt to connect that says nothing about the destination as a whole: one mail server of many is down, or the
    // fault was ours.
    void given_up(Time now);
    // A reply that ended the conversation before the first transaction: to the greeting, to EHLO or to a login.
    void connection_refused(Time now, Kind kind);
    // One that connected() was told of has ended.
    void closed(Time now);

    // Granted: a transaction with up to `recipients` recipients may begin.
    [[nodiscard]] Permission may_send(Time now);
    void sent(Time now, std::uint32_t recipients);
    // What `recipients` of a transaction that began at `began` got for an answer; Kind::delivered if they were
    // accepted, network_failure if the connection broke.
    void heard(Time now, Time began, Kind kind, std::uint32_t recipients = 1);
    // A recipient complained about a message of this source (a feedback report): counts for the warm-up.
    void complained() { warm_up_.complained(); }

    // The destination refuses our address.
    [[nodiscard]] bool is_blocked() const { return pace_.phase() == AdaptivePace::Phase::blocked; }
    // When to ask again after may_connect() or may_send() was refused; never: when a connection ends or a reply comes.
    [[nodiscard]] Time next_change(Time now);

    // Whether forgetting it would lose nothing but the log: no connection, nothing learned, nothing counted that a
    // limit asks for, no warm-up of the last month.
    [[nodiscard]] bool is_idle(Time now) const;
    [[nodiscard]] ThrottleState state() const;
    void restore(const ThrottleState& state);
    [[nodiscard]] ThrottleStatus status(Time now) const;
    // A person says that the destination takes mail again: what was learned, blocks, pauses and back-off are forgotten.
    void forget(Time now);

 private:
    [[nodiscard]] bool adapts() const { return limits_->adaptive.value_or(true); }
    [[nodiscard]] std::uint32_t most_recipients() const;
    [[nodiscard]] double cap() const;
    void see(Time now);
    void back_off(Time now, std::chrono::seconds first, std::chrono::seconds longest, Kind kind);
    void end_opening();
    void lower_connections(Time now, Kind kind, std::uint32_t served);
    [[nodiscard]] Time next_raise_of_connections() const;
    bool raise_connections(Time now);
    [[nodiscard]] Permission may_connect_within_limits(Time now) const;

    std::shared_ptr<const Limits> limits_;  // shared by the throttles that the same rules are for
    Time seen_{};                           // the latest time that we were told
    Time connect_not_before_{};
    Time connections_changed_at_{};
    RateLimiter messages_, connection_starts_;
    AdaptivePace pace_;
    WarmUp warm_up_;
    std::uint16_t opening_ = 0;
    std::uint16_t answering_ = 0;
    std::uint16_t learned_connections_ = 0;
    std::uint8_t failures_in_a_row_ = 0;
    std::uint8_t connection_patience_ = 0;  // how often a raise of connections was answered with a refusal
    bool connections_were_raised_ = false;  // when they changed last
    ChangeLog log_;
};

}  // namespace relevo::shaping
