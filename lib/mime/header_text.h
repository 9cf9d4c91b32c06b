// What people read in a header field.
#pragma once

#include <string>
#include <string_view>

namespace relevo::mime {

// An unstructured field's value as UTF-8: encoded-words (RFC 2047) decoded, as far as their charset is known, folding
// removed. Octets that are no UTF-8 are read as if they were Latin-1. Control characters become spaces.
[[nodiscard]] std::string header_text(std::string_view value);

}  // namespace relevo::mime
