// CBOR (RFC 8949) before a library reads it: libcbor 0.8 makes room for, and writes to, as many elements as an array
// says that it has, whether they follow or not; nine octets of a stranger would take all memory.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace relevo::webauthn {

// How many octets the first item takes. Nothing: it is not there whole, says that it has more elements than octets
// follow, or is no canonical CBOR of CTAP2: nested deeper than four, a tag, a length that is left open.
[[nodiscard]] std::optional<std::size_t> cbor_item_size(std::string_view octets);

}  // namespace relevo::webauthn
