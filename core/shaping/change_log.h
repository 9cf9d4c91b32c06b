// The last decisions of a throttle, with what moved it: "why is it slow?" is answered from here.
#pragma once

#include "core/shaping/limits.h"
#include "lib/bounces/bounce_class.h"
#include "lib/mail/report.h"

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace relevo::shaping {

enum class Change : std::uint8_t {
    rate_lowered,         // from 0: it was not limited by what we learned
    rate_raised,          // several in a row are one entry
    rate_free,            // what we learned is no less than what is allowed anyway
    connections_lowered,  // from 0: likewise
    connections_raised,
    paused,   // `to`: seconds
    resumed,  // takes mail again
    blocked,  // `to`: minutes until it is tried
    reopened,
    backed_off,    // connections fail; `to`: seconds
    warm_up_grew,  // the day's messages
    warm_up_held,
    warm_up_shrank,
    warm_up_ended,
};
[[nodiscard]] std::string_view name_of(Change change);

struct ChangeEntry {
    std::uint32_t second = 0;  // since 1970
    Change change = Change::rate_lowered;
    bounces::BounceClass cause = bounces::BounceClass::delivered;  // what was heard; `delivered`: nothing bad
    float from = 0;
    float to = 0;

    [[nodiscard]] Time time() const { return Time(std::chrono::seconds(second)); }
    // One sentence without the time.
    [[nodiscard]] std::string text(mail::Language language) const;
};

// Holds the last twelve. Allocates nothing.
class ChangeLog {
 public:
    static constexpr std::size_t capacity = 12;
    void add(Time now, Change change, bounces::BounceClass cause, double from, double to);
    // The oldest first.
    [[nodiscard]] std::vector<ChangeEntry> entries() const;

 private:
    std::array<ChangeEntry, capacity> entries_{};
    std::uint8_t next_ = 0;
    std::uint8_t count_ = 0;
};

}  // namespace relevo::shaping
