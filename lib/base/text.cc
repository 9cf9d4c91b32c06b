#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <numeric>

namespace relevo {
namespace {

// Length of the well-formed UTF-8 sequence at the front of `text`, 0 if there is none.
std::size_t sequence_length(std::string_view text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = at(0);
    if (lead < 0x80) return 1;
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) return 0;
    for (std::size_t i = 1; i < length; ++i)
        if ((at(i) & 0xC0) != 0x80) return 0;
    const unsigned char second = at(1);
    if (lead == 0xE0 && second < 0xA0) return 0;  // overlong
    if (lead == 0xED && second > 0x9F) return 0;  // surrogate
    if (lead == 0xF0 && second < 0x90) return 0;  // overlong
    if (lead == 0xF4 && second > 0x8F) return 0;  // over U+10FFFF
    return length;
}

// C1 controls and the characters that reorder or hide text on a terminal: U+0080..9F, U+200B..F, U+202A..E, U+2066..9.
bool reorders_text(std::string_view sequence) {
    if (sequence.size() == 2) return sequence[0] == '\xC2' && static_cast<unsigned char>(sequence[1]) < 0xA0;
    if (sequence.size() != 3 || sequence[0] != '\xE2') return false;
    const auto second = static_cast<unsigned char>(sequence[1]);
    const auto third = static_cast<unsigned char>(sequence[2]);
    return (second == 0x80 && ((third >= 0x8B && third <= 0x8F) || (third >= 0xA8 && third <= 0xAE))) ||
           (second == 0x81 && third >= 0xA6 && third <= 0xA9);
}

// Eight octets at a time, for texts too short for vectors. A result's high bits tell whether some octet is meant, not
// which ones (a borrow may mark the octet above one that is meant).
constexpr std::uint64_t ones = ~std::uint64_t{0} / 255;
constexpr std::uint64_t high_bits = ones * 0x80;
constexpr std::uint64_t zero_octets(std::uint64_t word) { return (word - ones) & ~word; }

// True if `marks` gives 0 for every word of the text; the last one is filled up with spaces.
template <class Marks>
bool no_word(std::string_view text, Marks marks) {
    std::uint64_t word = 0;
    for (; text.size() >= sizeof word; text.remove_prefix(sizeof word)) {
        std::memcpy(&word, text.data(), sizeof word);
        if (marks(word) != 0) return false;
    }
    word = ones * ' ';
    if (!text.empty()) std::memcpy(&word, text.data(), text.size());
    return marks(word) == 0;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0]++;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substituted = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
        }
    }
    return row.back();
}

}  // namespace

std::string to_lower(std::string_view text) {
    std::string lower(text);
    for (char& c : lower) c = to_lower(c);
    return lower;
}

std::string to_upper(std::string_view text) {
    std::string upper(text);
    for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
    return upper;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::ranges::equal(a, b, [](char x, char y) { return to_lower(x) == to_lower(y); });
}

bool starts_with_ignoring_case(std::string_view text, std::string_view prefix) {
    return text.size() >= prefix.size() && equals_ignoring_case(text.substr(0, prefix.size()), prefix);
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blank = " \t\r\n";
    const auto first = text.find_first_not_of(blank);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blank) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> pieces;
    for (std::size_t begin = 0;;) {
        const auto end = text.find(separator, begin);
        pieces.push_back(text.substr(begin, end - begin));
        if (end == std::string_view::npos) return pieces;
        begin = end + 1;
    }
}

bool is_ascii(std::string_view text) {
    return no_word(text, [](std::uint64_t word) { return word & high_bits; });
}

bool is_plain_ascii(std::string_view text) {
    return no_word(text, [](std::uint64_t word) {
        const std::uint64_t below_space = (word - ones * 0x20) & ~word;
        return (word | below_space | zero_octets(word ^ (ones * '"')) | zero_octets(word ^ (ones * '\\')) |
                zero_octets(word ^ (ones * 0x7F))) &
               high_bits;
    });
}

void append_digits(std::string& text, unsigned value, unsigned digits) {
    text.append(digits, '0');
    for (std::size_t at = text.size(); digits > 0; --digits, value /= 10)
        text[--at] = static_cast<char>('0' + value % 10);
}

bool is_utf8(std::string_view text) {
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        if (length == 0) return false;
        text.remove_prefix(length);
    }
    return true;
}

std::string printable(std::string_view text, std::size_t limit) {
    std::string shown;
    while (!text.empty()) {
        if (shown.size() >= limit) return shown + "…";
        const std::size_t length = sequence_length(text);
        const std::string_view sequence = text.substr(0, std::max<std::size_t>(length, 1));
        const auto lead = static_cast<unsigned char>(sequence[0]);
        if (length == 0 || lead < 0x20 || lead == 0x7F || reorders_text(sequence))
            for (char c : sequence) shown += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        else
            shown += sequence;
        text.remove_prefix(sequence.size());
    }
    return shown;
}

std::optional<std::string_view> nearest_name(std::string_view word, const std::vector<std::string_view>& candidates) {
    std::optional<std::string_view> nearest;
    std::size_t best = std::max<std::size_t>(2, word.size() / 3) + 1;
    for (std::string_view candidate : candidates) {
        const std::size_t distance = edit_distance(word, candidate);
        if (distance < best) {
            best = distance;
            nearest = candidate;
        }
    }
    return nearest;
}

}  // namespace relevo
