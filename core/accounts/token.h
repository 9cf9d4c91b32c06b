// The secrets that programs and browsers carry: made here, kept as SHA-256. A fast hash is enough, as each has 160
// random bits or more and cannot be guessed.
#pragma once

#include "core/tenancy/secret.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace relevo {

using TokenHash = std::array<std::uint8_t, 32>;
[[nodiscard]] TokenHash token_hash(std::string_view token);
// As it lies in a column: base 64.
[[nodiscard]] std::string token_hash_text(std::string_view token);
[[nodiscard]] std::string token_hash_text(const TokenHash& hash);
// Errors: invalid.
[[nodiscard]] Result<TokenHash> parse_token_hash(std::string_view text);
// In a time that tells nothing about where they differ.
[[nodiscard]] bool equal_secrets(std::string_view a, std::string_view b);

inline constexpr std::string_view api_key_marker = "rlv_";
inline constexpr std::size_t api_key_prefix_digits = 8;
inline constexpr std::size_t api_key_octets = 44;
// "rlv_" + 8 digits by which people recognise it + 32 digits of base 32: 160 bits.
[[nodiscard]] std::string generate_api_key(const RandomSource& random);
// 52 digits of base 32: 260 bits.
[[nodiscard]] std::string generate_session_token(const RandomSource& random);
// 32 digits of base 32: 160 bits, for one use.
[[nodiscard]] std::string generate_one_time_token(const RandomSource& random);

}  // namespace relevo
