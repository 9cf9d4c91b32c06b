// CRC32C: the Castagnoli polynomial, as in iSCSI (RFC 3720 §B.4).
#pragma once

#include <cstdint>
#include <string_view>

namespace relevo {

// Continues from `before`, the value of the octets that precede. Uses the processor's instruction where there is one.
[[nodiscard]] std::uint32_t crc32c(std::string_view octets, std::uint32_t before = 0);

// The same from a table, for processors without the instruction and as its reference in tests.
[[nodiscard]] std::uint32_t crc32c_by_table(std::string_view octets, std::uint32_t before = 0);

}  // namespace relevo
