// Domain names as text that people and zone files write (RFC 1035 §5.1), in wire form, and in the one spelling of this
// module.
#pragma once

#include "lib/dns/record.h"

#include <optional>
#include <string>
#include <string_view>

namespace relevo::dns {

// To uncompressed wire form, octets kept as they are. A final dot may stand or not; "" and "." are the root. "\." is a
// dot inside a label, "\DDD" an octet by its decimal number; every other octet stands for itself.
// Errors: invalid – an empty label, one over 63 octets, a name over 255 octets, a broken escape.
[[nodiscard]] Result<std::string> encode_name(std::string_view text);

// To the spelling of decode_name(): lower case, no final dot, unprintable octets as \DDD. Errors: as encode_name().
[[nodiscard]] Result<std::string> canonical_name(std::string_view text);

// The part behind the first label: "b.example" of "a.b.example", "" of "example". `name` is canonical.
[[nodiscard]] std::string_view parent_of(std::string_view name);

// How many labels two names have in common, from the right. Both are canonical.
[[nodiscard]] std::size_t common_labels(std::string_view one, std::string_view other);

// "TXT" and the like.
[[nodiscard]] std::string_view name_of(RecordType type);
// Without regard to case; nothing if this module does not know the type.
[[nodiscard]] std::optional<RecordType> record_type_of(std::string_view name);

}  // namespace relevo::dns
