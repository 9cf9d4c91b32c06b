// Times as strangers write them.
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace relevo {

// RFC 3339 §5.6: "2027-01-31T12:00:00Z", "2027-01-31 13:00:00.25+01:00"; fractions of a second are dropped, and without
// an offset it is UTC. Nothing if it is no time.
[[nodiscard]] std::optional<std::chrono::sys_seconds> parse_rfc3339(std::string_view text);

}  // namespace relevo
