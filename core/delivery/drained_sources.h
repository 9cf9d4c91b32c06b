// Sources that take no new mail, beside those that the configuration drains: because a person said so, or because the
// world does not want them.
//
// The rule for the latter: a source is drained by itself while a blocklist names one of its addresses, and for an hour
// when three destinations (providers, sites) have closed for its address within one; each time that this happens again
// within a day of its return, twice as long, a day at most. It comes back by itself when no list that answers names it
// any more, or when the time is over. One without which a pool would have no source left is never drained by itself.
#pragma once

#include "core/events/event.h"
#include "core/ports/database.h"
#include "core/ports/task.h"
#include "core/routing/egress.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

enum class DrainCause : std::uint8_t { person, listed, blocked };
[[nodiscard]] std::string_view name_of(DrainCause cause);

struct Drain {
    DrainCause cause = DrainCause::person;
    std::string reason;  // for people; may be empty
    WallClock::time_point since;
    WallClock::time_point until;  // blocked only
    std::uint32_t times = 0;      // blocked only: in a row
};
using Drains = std::map<std::string, Drain, std::less<>>;  // by source

[[nodiscard]] Result<Drains> load_drains(Reader& reader);
// Each with its event.
[[nodiscard]] Result<void> save_drain(Transaction& transaction, EventWriter& events, const std::string& source,
                                      const Drain& drain);
// Nothing happens if it is not drained.
[[nodiscard]] Result<void> remove_drain(Transaction& transaction, EventWriter& events, const std::string& source,
                                        WallClock::time_point now);
// What the blocklists say of a source's addresses. `where`: in words; empty: none names one. An event if that is new.
[[nodiscard]] Result<void> note_listing(Transaction& transaction, EventWriter& events, const std::string& source,
                                        std::string_view where, WallClock::time_point now);

// Decides about drains that nobody ordered. Pure. Threads: one at a time.
class SourceHealth {
 public:
    static constexpr std::size_t enough_destinations = 3;
    static constexpr std::chrono::hours window{1};
    static constexpr std::chrono::hours first_rest{1};
    static constexpr std::chrono::hours longest_rest{24};
    static constexpr std::chrono::hours relapse{24};

    // A destination has closed for the address of a source. The drain that follows, if it is one too many.
    [[nodiscard]] std::optional<Drain> blocked(const std::string& source, const std::string& shaping_key,
                                               WallClock::time_point now);
    // It is drained no more: from now on its relapses count.
    void returned(const std::string& source, const Drain& drain, WallClock::time_point now);

 private:
    struct Past {
        std::map<std::string, WallClock::time_point> closed;  // by destination, within the window
        std::uint32_t rests = 0;
        WallClock::time_point returned_at;
    };
    std::map<std::string, Past, std::less<>> past_;  // by source: as many as the configuration names
};

// Whether each pool that the source is in has another one that is not drained.
[[nodiscard]] bool can_be_spared(const EgressTable& table, std::string_view source);

}  // namespace relevo
