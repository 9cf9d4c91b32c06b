// Address literals in place of a domain (RFC 5321 §4.1.3).
#pragma once

#include "lib/base/result.h"

#include <string>
#include <string_view>

namespace relevo::mail {

// "[192.0.2.1]" or "[IPv6:2001:db8::1]" in one spelling (RFC 5952 for IPv6). `text` includes the brackets.
// "Standardized-tag MUST be specified in a Standards-Track RFC and registered with IANA" (§4.1.3): IPv6 is the only one
// registered, so every other tag is refused.
// Errors: invalid.
[[nodiscard]] Result<std::string> parse_address_literal(std::string_view text);

}  // namespace relevo::mail
