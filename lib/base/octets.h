// A count of octets, with names for the usual multiples.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace relevo {

using Octets = std::uint64_t;

inline constexpr Octets kibibyte = 1024;
inline constexpr Octets mebibyte = 1024 * kibibyte;

inline std::span<const std::byte> as_octets(std::string_view text) {
    return std::as_bytes(std::span(text.data(), text.size()));
}
inline std::string_view as_text(std::span<const std::byte> octets) {
    return {reinterpret_cast<const char*>(octets.data()), octets.size()};
}

}  // namespace relevo
