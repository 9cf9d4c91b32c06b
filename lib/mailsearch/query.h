// What people type to find messages, as data.
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo::mailsearch {

// How a recipient of a message stands. Stored numbers: never renumber.
enum class State : std::uint8_t {
    waiting = 1,
    deferred = 2,
    delivered = 3,
    bounced = 4,  // refused for good, or sent back later
    expired = 5,
    suppressed = 6,
    held = 7,
    dropped = 8,
    scheduled = 9,  // not to be delivered yet, as its message asked
};
// What its recipient did with it. Stored bits.
enum class Mark : std::uint8_t { opened = 1, clicked = 2, complained = 4, unsubscribed = 8 };
[[nodiscard]] std::string_view name_of(State state);

// An address, or the part of it that was given; in lower case.
struct AddressPattern {
    std::string exact;   // "ana@example.org"
    std::string prefix;  // "ana@", "an"
    std::string domain;  // "example.org"
    [[nodiscard]] bool is_empty() const { return exact.empty() && prefix.empty() && domain.empty(); }
    // `address` in lower case.
    [[nodiscard]] bool matches(std::string_view address) const;
};

// All that is given must hold.
struct MailQuery {
    AddressPattern to;                 // to:…, domain:…, or an address alone
    AddressPattern from;               // from:…
    std::string id;                    // id:msg_…, or that alone; the caller reads it
    std::vector<std::string> subject;  // subject:…, one or more words of it each
    std::vector<std::string> tags;     // tag:…
    std::optional<State> state;
    std::optional<Mark> mark;                                            // status:opened and the like
    std::optional<std::chrono::system_clock::time_point> after, before;  // of the acceptance
};

struct Found {
    std::string_view recipient, sender;  // in lower case
    State state = State::waiting;
    std::uint8_t marks = 0;
};
// All but id, times, subject and tags. Mail with the null reverse-path, such as reports of ours, has no status here:
// what a figure of the statistics counts and what its search finds are the same.
[[nodiscard]] bool matches(const MailQuery& query, const Found& found);

// "2026-11-01" or "2026-11-01T12:00:00Z", in UTC.
[[nodiscard]] std::optional<std::chrono::system_clock::time_point> parse_time(std::string_view text);

inline constexpr Octets query_limit = 1000;
// Words are separated by blanks; one with blanks in it stands in quotation marks (tag:"New customer"). "" finds
// everything. Errors: invalid – with what would be understood. limit – over query_limit octets.
[[nodiscard]] Result<MailQuery> parse_query(std::string_view text);

}  // namespace relevo::mailsearch
