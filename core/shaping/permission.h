// What a throttle answers: go on, or what stands in the way, until when, and why, for people.
#pragma once

#include "core/shaping/limits.h"
#include "lib/bounces/bounce_class.h"
#include "lib/mail/report.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace relevo::shaping {

enum class Hindrance : std::uint8_t {
    none,
    connections,          // as many as the limit allows are open; one that ends makes room
    learned_connections,  // as many as the destination is known to take
    connection_rate,      // new connections are too frequent
    back_off,             // a connection failed just now
    message_rate,         // messages are too frequent: a limit that somebody wrote
    learned_rate,         // the destination is known to take no more
    pause,                // it refuses everything for being too much
    probe,                // one message tries whether it takes mail again; its reply decides
    block,                // it refuses our address
    warm_up,              // the day's share of a new source is used up
};
[[nodiscard]] std::string_view name_of(Hindrance hindrance);

struct Permission {
    Hindrance hindrance = Hindrance::none;
    RateUnit unit = RateUnit::second;                              // of message_rate and connection_rate
    bounces::BounceClass cause = bounces::BounceClass::delivered;  // of pause and block: what it said
    std::uint32_t recipients = 0;                                  // if granted: as many as may go together
    double amount = 0;                                             // the limit that was reached
    Time until = never;  // when to ask again; never: only an event changes it (a connection ends, a reply comes)

    [[nodiscard]] bool granted() const { return hindrance == Hindrance::none; }
};

// Who the words are about: "google" and "mx1".
struct PathNames {
    std::string_view destination;
    std::string_view source;
};

// One sentence: "10 messages a second to google from mx1 are reached: the next may go at 12:00:01 UTC". Empty if it is
// granted.
[[nodiscard]] std::string explain(const Permission& permission, const PathNames& names, Time now,
                                  mail::Language language);

// "12:00:01 UTC", with the date behind it if that is not today.
[[nodiscard]] std::string clock_time(Time time, Time now);

}  // namespace relevo::shaping
