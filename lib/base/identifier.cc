#include "lib/base/identifier.h"

#include <array>

namespace relevo {
namespace {
constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";  // Crockford: no i, l, o, u
constexpr std::size_t digits_in_64_bits = 13;
}  // namespace

std::string base32_digits(std::int64_t value) {
    std::string digits(digits_in_64_bits, '0');
    auto rest = static_cast<std::uint64_t>(value);
    for (std::size_t i = digits_in_64_bits; i-- > 0; rest >>= 5U) digits[i] = alphabet[rest & 31U];
    return digits;
}

Result<std::int64_t> parse_base32_digits(std::string_view digits) {
    if (digits.size() != digits_in_64_bits)
        return failure(ErrorKind::invalid, "an id has 13 characters after its prefix");
    std::uint64_t value = 0;
    for (char digit : digits) {
        if (digit >= 'A' && digit <= 'Z') digit = static_cast<char>(digit - 'A' + 'a');
        const auto place = alphabet.find(digit);
        if (place == std::string_view::npos)
            return failure(ErrorKind::invalid, "an id has a character that no id contains");
        if (value >> 58U) return failure(ErrorKind::invalid, "an id is out of range");
        value = value << 5U | place;
    }
    return static_cast<std::int64_t>(value);
}

}  // namespace relevo
