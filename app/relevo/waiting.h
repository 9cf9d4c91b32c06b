// The one thing that mail waits for, and until when: in words for people of both languages.
#pragma once

#include "core/delivery/status.h"
#include "core/setup/words.h"
#include "core/spool/spool.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct Waiting {
    std::string_view reason;     // a word of docs/control-protocol.md: "backing_off"
    std::string_view hindrance;  // with reason "limit": "message_rate"; else empty
    setup::Words sentence;
    std::optional<WallClock::time_point> until;  // absent: an event ends it, not a time
    // How a person with a command line decides what waits for a person; apart, as pages have buttons for it.
    setup::Words command{};
};

// Why something due is not under way. `standing`: of one recipient, if it waits for its turn. `status` null: nothing is
// known of its destination. Pure.
[[nodiscard]] Waiting why_due_mail_waits(std::string_view destination, const DestinationStatus* status,
                                         const Standing* standing, const std::vector<Spool::Suspension>& suspensions,
                                         WallClock::time_point now);

// The row that suspends this destination, its site or its provider; null: none does.
[[nodiscard]] const Spool::Suspension* suspension_of(std::string_view destination, const DestinationStatus* status,
                                                     const std::vector<Spool::Suspension>& suspensions);

// As rows of suspensions and requests name sites: "site:mx.example.net", "provider:google".
inline constexpr std::string_view site_prefix = "site:";
inline constexpr std::string_view provider_prefix = "provider:";

}  // namespace relevo
