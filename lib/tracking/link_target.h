// Where a link of an HTML text leads.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace relevo::tracking {

inline constexpr std::size_t target_limit_octets = 4096;

enum class Charset : std::uint8_t {
    utf8,   // or ASCII
    other,  // one that has ASCII as it is
};

// The URL that a browser would ask for, in printable ASCII: character references decoded, white space at its ends and
// line ends inside taken out, spaces and UTF-8 percent-encoded. nullopt, so that the link stays as it is: anything but
// http and https; what holds the marks of a template that somebody else will fill in ("{{…}}", "*|…|*", "%name%", …);
// what we might read otherwise than a browser (unusual character references, octets outside ASCII in a host or in
// another charset than UTF-8, control characters); over target_limit_octets.
[[nodiscard]] std::optional<std::string> link_target(std::string_view attribute_value, Charset charset);

}  // namespace relevo::tracking
