#include "lib/mail/local_part.h"

#include "lib/base/text.h"

namespace relevo::mail {
namespace {

constexpr std::size_t local_part_limit_octets = 64;  // RFC 5321 §4.5.3.1.1

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }
bool is_eight_bit(char c) { return static_cast<unsigned char>(c) >= 0x80; }

// RFC 5322 §3.2.3, and UTF-8 as RFC 6531 §3.3 adds it.
bool is_atext(char c) {
    return is_alpha(c) || is_digit(c) || is_eight_bit(c) ||
           std::string_view("!#$%&'*+-/=?^_`{|}~").find(c) != std::string_view::npos;
}

bool is_dot_string(std::string_view text) {
    if (text.empty() || text.front() == '.' || text.back() == '.') return false;
    for (std::size_t i = 0; i < text.size(); ++i)
        if (text[i] == '.' ? text[i - 1] == '.' : !is_atext(text[i])) return false;
    return true;
}

// What the character that ended a dot-string too early tells about the form.
std::string_view form_begun_by(char c) {
    if (is_control(c)) return "control character in an address";
    switch (c) {
        case '(':
        case ')': return "comment in an address";
        case ':':
        case ';': return "group or source route in place of an address";
        case ',': return "list in place of an address";
        case '<':
        case '>': return "angle bracket inside an address";
        case '"': return "quoted string that is not the whole local part";
        case '\\': return "backslash outside quotes in an address";
        case ' ': return "white space in an address";
        default: return "character that no local part holds";
    }
}

// A decoder that knew encoded-words would find another address inside (RFC 2047 §5: "An 'encoded-word' MUST NOT appear
// in any portion of an 'addr-spec'").
bool looks_like_encoded_word(std::string_view text) {
    const auto begin = text.find("=?");
    return begin != std::string_view::npos && text.find("?=", begin + 2) != std::string_view::npos;
}

// Code point of the well-formed sequence at text[at], which is advanced past it.
char32_t next_code_point(std::string_view text, std::size_t& at) {
    const auto octet = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[i])); };
    const char32_t lead = octet(at);
    if (lead < 0x80) return ++at, lead;
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    char32_t code_point = lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) code_point = code_point << 6 | (octet(at + i) & 0x3F);
    at += length;
    return code_point;
}

// C1 controls, line and paragraph separators, what hides or reorders text, look-alikes of "@" that NFKC turns into it.
bool is_misread(char32_t c) {
    return (c >= 0x80 && c < 0xA0) || (c >= 0x200B && c <= 0x200F && c != 0x200C && c != 0x200D) ||
           (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF || c == 0xFE6B || c == 0xFF20 ||
           (c & 0xFFFE) == 0xFFFE;
}

Result<void> check_text(std::string_view text, Utf8 utf8) {
    if (looks_like_encoded_word(text)) return failure(ErrorKind::invalid, "encoded-word in an address");
    if (is_ascii(text)) return {};
    if (utf8 == Utf8::refused) return failure(ErrorKind::invalid, "local part with 8-bit octets, but no SMTPUTF8");
    for (std::size_t at = 0; at < text.size();)
        if (is_misread(next_code_point(text, at)))
            return failure(ErrorKind::invalid, "character in a local part that hides, reorders or imitates others");
    return {};
}

std::string quoted(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') quoted += '\\';
        quoted += c;
    }
    return quoted += '"';
}

Result<LocalPart> parse_quoted_string(std::string_view text) {
    std::string content;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') return LocalPart{is_dot_string(content) ? content : quoted(content), i + 1};
        const bool escaped = text[i] == '\\';
        if (escaped && ++i == text.size()) break;
        if (is_control(text[i])) return failure(ErrorKind::invalid, "control character in an address");
        if (escaped && is_eight_bit(text[i]))  // quoted-pairSMTP is "\" and %d32-126
            return failure(ErrorKind::invalid, "backslash before an 8-bit octet in an address");
        content += text[i];
    }
    return failure(ErrorKind::invalid, "quoted local part without its closing quote");
}

Result<LocalPart> parse_dot_string(std::string_view text) {
    std::size_t end = 0;
    while (end < text.size() && (is_atext(text[end]) || text[end] == '.')) ++end;
    if (end < text.size() && text[end] != '@')
        return failure(ErrorKind::invalid, std::string(form_begun_by(text[end])));
    if (end == 0) return failure(ErrorKind::invalid, "source route or empty local part");
    const std::string_view local_part = text.substr(0, end);
    if (!is_dot_string(local_part)) return failure(ErrorKind::invalid, "misplaced dot in a local part");
    return LocalPart{std::string(local_part), end};
}

}  // namespace

Result<LocalPart> parse_local_part(std::string_view text, Utf8 utf8) {
    RELEVO_TRY(LocalPart parsed, text.starts_with('"') ? parse_quoted_string(text) : parse_dot_string(text));
    if (parsed.octets > local_part_limit_octets) return failure(ErrorKind::limit, "local part longer than 64 octets");
    RELEVO_CHECK(check_text(parsed.canonical, utf8));
    return parsed;
}

}  // namespace relevo::mail
