// Where a report is posted: an https: URI of rua= (RFC 8460 §3), taken apart.
#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace relevo::authreports {

struct HttpsTarget {
    std::string host;  // A-labels, lower case; never an IP address
    std::uint16_t port = 443;
    std::string path;  // with its query, as written: begins with "/"
};
// Errors: invalid – not an https: URI with a host name, or with a user, blanks, or characters that are not ASCII;
// limit – over 2,000 octets.
[[nodiscard]] Result<HttpsTarget> parse_https_target(std::string_view uri);

}  // namespace relevo::authreports
