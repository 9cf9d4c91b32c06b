// Base 64 with padding (RFC 4648 §4), as SASL over SMTP uses it (RFC 4954 §4).
#pragma once

#include "lib/base/result.h"

#include <string>
#include <string_view>

namespace relevo {

[[nodiscard]] std::string encode_base64(std::string_view octets);
// Strict: no white space, no missing padding, nothing after it. Errors: invalid.
[[nodiscard]] Result<std::string> decode_base64(std::string_view text);

}  // namespace relevo
