// Small ASCII helpers: locale never enters, UTF-8 octets pass through untouched.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

[[nodiscard]] constexpr char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }
[[nodiscard]] constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
[[nodiscard]] constexpr bool is_alpha(char c) { return to_lower(c) >= 'a' && to_lower(c) <= 'z'; }
[[nodiscard]] std::string to_lower(std::string_view text);
[[nodiscard]] std::string to_upper(std::string_view text);
[[nodiscard]] bool equals_ignoring_case(std::string_view a, std::string_view b);
[[nodiscard]] bool starts_with_ignoring_case(std::string_view text, std::string_view prefix);

// Without spaces, tabs, CR and LF at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);
// Pieces between separators, empty ones included; "" gives one empty piece.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

// Well-formed UTF-8 (RFC 3629): no overlong forms, surrogates or values over U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view text);
[[nodiscard]] bool is_ascii(std::string_view text);
// ASCII without control characters, '"' and '\\': stands for itself in JSON and in logs.
[[nodiscard]] bool is_plain_ascii(std::string_view text);
// Appends `value` with leading zeros, `digits` long; higher digits are lost.
void append_digits(std::string& text, unsigned value, unsigned digits);

// Decimal digits only, whole text, in range of T; else nothing.
template <class T>
[[nodiscard]] std::optional<T> parse_decimal(std::string_view text) {
    if (text.empty() || !is_digit(text.front())) return std::nullopt;
    T value{};
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// For logs and terminals: control characters, invalid UTF-8 and bidirectional controls as \xHH, at most `limit` octets.
[[nodiscard]] std::string printable(std::string_view text, std::size_t limit = 500);

// The candidate nearest to `word` by edit distance, if it is near enough to be meant.
[[nodiscard]] std::optional<std::string_view> nearest_name(std::string_view word,
                                                           const std::vector<std::string_view>& candidates);

}  // namespace relevo
