// The local part of an address (RFC 5321 §4.1.2, RFC 6531 §3.3).
#pragma once

#include "lib/base/result.h"
#include "lib/mail/address.h"

#include <cstddef>
#include <string>
#include <string_view>

namespace relevo::mail {

struct LocalPart {
    std::string canonical;   // unquoted where its octets are a dot-string
    std::size_t octets = 0;  // how much of the text it took; what follows is not looked at
};

// Reads the local part at the front of `text`, which is UTF-8. Errors: invalid, limit – over 64 octets as written.
[[nodiscard]] Result<LocalPart> parse_local_part(std::string_view text, Utf8 utf8);

}  // namespace relevo::mail
