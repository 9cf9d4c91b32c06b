// Base 64 for addresses, without padding (RFC 4648 §5, RFC 7515 §2).
#pragma once

#include "lib/base/result.h"

#include <string>
#include <string_view>

namespace relevo {

[[nodiscard]] std::string encode_base64url(std::string_view octets);
// Padding may be there or not. Errors: invalid.
[[nodiscard]] Result<std::string> decode_base64url(std::string_view text);
// Made of its letters alone, and of at least one and at most `limit`.
[[nodiscard]] bool is_base64url(std::string_view text, std::size_t limit);

}  // namespace relevo
