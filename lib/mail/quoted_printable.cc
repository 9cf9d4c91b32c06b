#include "lib/mail/quoted_printable.h"

#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::mail {
namespace {

constexpr std::size_t line_limit_octets = 76;  // RFC 2045 §6.7 (5), RFC 2047 §2
constexpr std::size_t word_limit_octets = 75;  // RFC 2047 §2
constexpr std::string_view word_begin = "=?UTF-8?Q?";
constexpr std::string_view word_end = "?=";

bool is_line_end(std::string_view text, std::size_t at) { return text.substr(at).starts_with("\r\n"); }

std::string hexadecimal(char c) { return fmt::format("={:02X}", static_cast<unsigned char>(c)); }

// White space is written as it is unless it ends a line (RFC 2045 §6.7 (3)).
std::string quoted_octet(std::string_view text, std::size_t at) {
    const char c = text[at];
    const bool ends_line = at + 1 == text.size() || is_line_end(text, at + 1);
    const bool plain = (c > ' ' && c < 0x7F && c != '=') || ((c == ' ' || c == '\t') && !ends_line);
    return plain ? std::string(1, c) : hexadecimal(c);
}

// RFC 2047 §4.2, with the letters that are safe in every place (§5 (3)).
std::string word_octet(char c) {
    if (c == ' ') return "_";
    return is_alpha(c) || is_digit(c) || c == '-' || c == '/' || c == '!' ? std::string(1, c) : hexadecimal(c);
}

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Encoded octets of the character at `at`, which is advanced past it.
std::string word_character(std::string_view text, std::size_t& at) {
    std::string encoded;
    do encoded += word_octet(text[at++]);
    while (at < text.size() && continues_character(text[at]) && encoded.size() < 12);
    return encoded;
}

}  // namespace

std::string encode_quoted_printable(std::string_view text) {
    std::string encoded;
    encoded.reserve(text.size() + text.size() / 8);
    std::size_t column = 0;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (is_line_end(text, at)) {
            encoded += "\r\n";
            column = 0;
            ++at;
            continue;
        }
        const std::string octet = quoted_octet(text, at);
        if (column + octet.size() >= line_limit_octets) {  // room for the "=" of a soft line break
            encoded += "=\r\n";
            column = 0;
        }
        encoded += octet;
        column += octet.size();
    }
    return encoded;
}

std::string encode_header_text(std::string_view text, std::size_t column) {
    if (is_ascii(text)) return std::string(text);
    std::string encoded(word_begin);
    std::size_t word_octets = word_begin.size();
    std::size_t limit = line_limit_octets - column - word_end.size();
    for (std::size_t at = 0; at < text.size();) {
        const std::string character = word_character(text, at);
        if (word_octets + character.size() > limit) {
            encoded.append(word_end).append("\r\n ").append(word_begin);
            word_octets = word_begin.size();
            limit = word_limit_octets - word_end.size();
        }
        encoded += character;
        word_octets += character.size();
    }
    return encoded.append(word_end);
}

}  // namespace relevo::mail
