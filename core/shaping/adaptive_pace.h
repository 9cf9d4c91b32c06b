// Learns from replies how many messages a destination takes a second, waits when it takes none, and stays away from one
// that refuses our address. The rule and its numbers are in docs/decisions/0012-adaptive-shaping.md.
#pragma once

#include "core/shaping/change_log.h"
#include "core/shaping/permission.h"
#include "core/shaping/rate_limiter.h"

#include <cstdint>

namespace relevo::shaping {

// What a reply means for the pace.
enum class Signal : std::uint8_t {
    accepted,
    neutral,   // about this recipient or this message; or greylisting, which every newcomer meets
    too_fast,  // less of it, please
    overload,  // the server has trouble of its own
    unwanted,  // the mail or its sender is disliked: counts when many are
    blocked,   // our address is not wanted at all
    silence,   // there was no reply
};
[[nodiscard]] Signal signal_of(bounces::BounceClass kind);

class AdaptivePace {
 public:
    enum class Phase : std::uint8_t { open, pausing, blocked };
    // What outlives the process.
    struct Learned {
        double rate = 0;     // messages a second; 0: nothing was learned, the limits alone count
        double ceiling = 0;  // where refusals for rate began, as far as can be told
        Phase phase = Phase::open;
        bounces::BounceClass cause = bounces::BounceClass::delivered;  // of the phase
        std::uint8_t level = 0;                                        // how often it was tried in vain
        Time resume_at{};                                              // of the phase
        friend bool operator==(const Learned&, const Learned&) = default;
    };

    // `cap`: what the limits allow a second; infinity if they do not limit.
    [[nodiscard]] Permission may_send(Time now, std::uint32_t most) const;
    // Whether a connection makes sense: not while nothing can be sent. `connections`: open or being opened for a probe.
    [[nodiscard]] Permission may_connect(Time now, std::uint32_t connecting) const;
    void sent(Time now, std::uint32_t recipients);
    // A reply to a transaction that began at `began`.
    void heard(Time now, Time began, bounces::BounceClass kind, std::uint32_t recipients, double cap, ChangeLog& log);
    // A connection was refused for our address.
    void connection_blocked(Time now, bounces::BounceClass kind, ChangeLog& log);
    // A connection for a probe came to nothing without a word.
    void probe_lost(Time now);

    [[nodiscard]] Phase phase() const { return phase_; }
    [[nodiscard]] double rate() const { return rate_; }
    // Messages a second that were accepted lately.
    [[nodiscard]] double accepted_rate(Time now) const;
    [[nodiscard]] Learned learned() const {
        return {.rate = rate_,
                .ceiling = ceiling_,
                .phase = phase_,
                .cause = cause_,
                .level = level_,
                .resume_at = resume_at_};
    }
    void restore(const Learned& learned);
    void shift(Time::duration by);

 private:
    [[nodiscard]] double burst() const;
    [[nodiscard]] std::chrono::milliseconds slice_length() const;
    [[nodiscard]] std::chrono::milliseconds round_length() const;
    [[nodiscard]] std::chrono::milliseconds step_length() const;
    void roll_slice(Time now);
    void accepted(Time now, std::uint32_t recipients, double cap, ChangeLog& log);
    void raise(Time now, double cap, ChangeLog& log);
    void refused(Time now, Time began, bounces::BounceClass kind, ChangeLog& log);
    void lower(Time now, bounces::BounceClass kind, ChangeLog& log);
    void set(double rate, double ceiling);
    void lowered(Time now, bounces::BounceClass kind, double before, ChangeLog& log);
    void begin_step(Time now);
    void unwanted(Time now, bounces::BounceClass kind, ChangeLog& log);
    void probe_answered(Time now, bounces::BounceClass kind, Signal signal, ChangeLog& log);
    void close_until(Time time);
    void end_cycle(Time now, ChangeLog& log);
    void pause(Time now, bounces::BounceClass kind, ChangeLog& log);
    void block(Time now, bounces::BounceClass kind, ChangeLog& log);
    void reopen(Time now, ChangeLog& log);
    [[nodiscard]] bool is_blocked(Time now) const;

    float rate_ = 0;
    float ceiling_ = 0;  // where the last refusal for rate came, as far as can be told
    Pacer pacer_;
    // What was accepted, in two slices of time.
    Time slice_began_{};
    std::uint32_t slice_previous_ = 0;
    std::uint32_t slice_current_ = 0;
    // The step that may end with a higher rate.
    Time step_began_{};
    std::uint32_t step_accepted_ = 0;
    float growth_ = 0;          // of the next step beyond the ceiling
    float unwanted_share_ = 0;  // of the last replies, about
    Time lowered_at_{};
    Time resume_at_{};  // of a pause or block; while a probe is under way: when it is given up
    // From the end of one pause for rate to that of the next.
    Time cycle_began_{};
    std::uint32_t cycle_accepted_ = 0;
    float cycle_open_ = 0;                   // seconds until it closed
    float horizon_ = 0;                      // seconds: the length of a cycle that was learned from
    std::uint32_t refused_transaction_ = 0;  // the last one, by the end of the time that it began
    std::uint8_t refused_in_a_row_ = 0;
    std::uint8_t overloaded_in_a_row_ = 0;
    std::uint8_t blocked_in_a_row_ = 0;
    std::uint8_t level_ = 0;  // how long the next pause or block is
    bool probing_ = false;
    Phase phase_ = Phase::open;
    bounces::BounceClass cause_ = bounces::BounceClass::delivered;
};

}  // namespace relevo::shaping
