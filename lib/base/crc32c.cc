#include "lib/base/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace relevo {
namespace {

constexpr std::uint32_t polynomial = 0x82f63b78;  // 0x1EDC6F41 with the bits reversed

constexpr std::array<std::uint32_t, 256> table = [] {
    std::array<std::uint32_t, 256> entries{};
    for (std::uint32_t octet = 0; octet < 256; ++octet) {
        std::uint32_t value = octet;
        for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? polynomial : 0);
        entries[octet] = value;
    }
    return entries;
}();

#if defined(__x86_64__)
__attribute__((target("sse4.2"))) std::uint32_t crc32c_by_instruction(std::string_view octets, std::uint32_t before) {
    std::uint64_t value = ~before;
    const char* at = octets.data();
    std::size_t left = octets.size();
    for (; left >= 8; at += 8, left -= 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, at, sizeof word);
        value = _mm_crc32_u64(value, word);
    }
    auto rest = static_cast<std::uint32_t>(value);
    for (; left > 0; ++at, --left) rest = _mm_crc32_u8(rest, static_cast<unsigned char>(*at));
    return ~rest;
}
#endif

}  // namespace

std::uint32_t crc32c_by_table(std::string_view octets, std::uint32_t before) {
    std::uint32_t value = ~before;
    for (const char octet : octets) value = (value >> 8) ^ table[(value ^ static_cast<unsigned char>(octet)) & 0xff];
    return ~value;
}

std::uint32_t crc32c(std::string_view octets, std::uint32_t before) {
#if defined(__x86_64__)
    if (__builtin_cpu_supports("sse4.2")) return crc32c_by_instruction(octets, before);
#endif
    return crc32c_by_table(octets, before);
}

}  // namespace relevo
