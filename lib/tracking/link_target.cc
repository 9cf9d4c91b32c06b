#include "lib/tracking/link_target.h"

#include "lib/base/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace relevo::tracking {
namespace {

struct Named {
    std::string_view name;
    char character;
};
constexpr std::array<Named, 9> named_references{
    Named{"amp", '&'}, Named{"AMP", '&'},  Named{"lt", '<'},   Named{"LT", '<'},    Named{"gt", '>'},
    Named{"GT", '>'},  Named{"quot", '"'}, Named{"QUOT", '"'}, Named{"apos", '\''},
};

// Names that the HTML standard (§13.5) knows without a semicolon too, beside those above.
constexpr std::string_view legacy_names =
    " nbsp iexcl cent pound curren yen brvbar sect uml copy ordf laquo not shy reg macr deg plusmn sup2 sup3 acute "
    "micro para middot cedil sup1 ordm raquo frac14 frac12 frac34 iquest Agrave Aacute Acirc Atilde Auml Aring AElig "
    "Ccedil Egrave Eacute Ecirc Euml Igrave Iacute Icirc Iuml ETH Ntilde Ograve Oacute Ocirc Otilde Ouml times Oslash "
    "Ugrave Uacute Ucirc Uuml Yacute THORN szlig agrave aacute acirc atilde auml aring aelig ccedil egrave eacute "
    "ecirc euml igrave iacute icirc iuml eth ntilde ograve oacute ocirc otilde ouml divide oslash ugrave uacute ucirc "
    "uuml yacute thorn yuml COPY REG ";

bool is_alphanumeric(char c) { return is_alpha(c) || is_digit(c); }
bool is_hex_digit(char c) { return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f'); }

void append_utf8(std::string& text, std::uint32_t point) {
    const auto add = [&text](std::uint32_t octet) { text += static_cast<char>(octet); };
    if (point < 0x80) return add(point);
    if (point < 0x800) return add(0xC0 | point >> 6), add(0x80 | (point & 63));
    if (point < 0x10000) return add(0xE0 | point >> 12), add(0x80 | (point >> 6 & 63)), add(0x80 | (point & 63));
    add(0xF0 | point >> 18), add(0x80 | (point >> 12 & 63)), add(0x80 | (point >> 6 & 63)), add(0x80 | (point & 63));
}

// Decodes the reference at the beginning of `text` ("&#…") onto `url`; its length, or 0: not one that we are sure of.
std::size_t decode_number(std::string_view text, std::string& url) {
    const bool is_hexadecimal = text.size() > 2 && to_lower(text[2]) == 'x';
    const std::size_t begin = is_hexadecimal ? 3 : 2;
    std::size_t end = begin;
    while (end < text.size() && end < begin + 7 && (is_hexadecimal ? is_hex_digit(text[end]) : is_digit(text[end])))
        ++end;
    if (end == begin || end >= text.size() || text[end] != ';') return 0;
    std::uint32_t point = 0;
    std::from_chars(text.data() + begin, text.data() + end, point, is_hexadecimal ? 16 : 10);
    // 0x80 to 0x9F mean other characters, by a table.
    if (point < 0x20 || (point >= 0x7F && point < 0xA0) || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000))
        return 0;
    append_utf8(url, point);
    return end + 1;
}

// The same for "&name". An ampersand that begins no reference stands for itself.
std::size_t decode_name(std::string_view text, std::string& url) {
    std::size_t end = 1;
    while (end < text.size() && is_alphanumeric(text[end])) ++end;
    const std::string_view name = text.substr(1, end - 1);
    const bool has_semicolon = end < text.size() && text[end] == ';';
    const bool has_equals = end < text.size() && text[end] == '=';
    const auto known = std::ranges::find(named_references, name, &Named::name);
    // In an attribute "&amp=" is no reference, and "&apos" needs its semicolon.
    if (known != named_references.end() && (has_semicolon || (!has_equals && name != "apos"))) {
        url += known->character;
        return end + (has_semicolon ? 1 : 0);
    }
    const bool may_be_one = has_semicolon || (!has_equals && legacy_names.contains(" " + std::string(name) + " "));
    if (may_be_one && !name.empty()) return 0;
    url += '&';
    return 1;
}

std::optional<std::string> without_references(std::string_view value) {
    std::string url;
    url.reserve(value.size());
    for (std::size_t i = 0; i < value.size();) {
        if (value[i] != '&') {
            url += value[i++];
            continue;
        }
        const std::string_view rest = value.substr(i);
        const std::size_t length = rest.starts_with("&#") ? decode_number(rest, url) : decode_name(rest, url);
        if (length == 0) return std::nullopt;
        i += length;
    }
    return url;
}

// Marks of Mustache, Liquid, Jinja, Mailchimp, ERB, shell-like and percent languages. Braces have no place in a URL.
bool has_template_marks(std::string_view url) {
    for (const std::string_view mark : {"{", "}", "*|", "|*", "[[", "]]", "<%", "%>", "<?"})
        if (url.contains(mark)) return true;
    for (std::size_t at = url.find('%'); at != std::string_view::npos; at = url.find('%', at + 1))
        if (at + 2 >= url.size() || !is_hex_digit(url[at + 1]) || !is_hex_digit(url[at + 2])) return true;
    return false;
}

// The host and its user, between "//" and the path.
bool has_plain_host(std::string_view url) {
    const std::size_t begin = url.find("://") + 3;
    const std::string_view host = url.substr(begin, url.find_first_of("/?#", begin) - begin);
    return !host.empty() && is_ascii(host) && host.find_first_of(" \\<>\"^`|") == std::string_view::npos;
}

}  // namespace

std::optional<std::string> link_target(std::string_view attribute_value, Charset charset) {
    if (attribute_value.size() > 2 * target_limit_octets) return std::nullopt;
    if (charset == Charset::other && !is_ascii(attribute_value)) return std::nullopt;
    const auto decoded = without_references(attribute_value);
    if (!decoded || !is_utf8(*decoded)) return std::nullopt;
    std::string_view url = trimmed(*decoded);
    if (!starts_with_ignoring_case(url, "http://") && !starts_with_ignoring_case(url, "https://")) return std::nullopt;
    if (has_template_marks(url) || !has_plain_host(url)) return std::nullopt;
    std::string target;
    for (const char c : url) {
        const auto octet = static_cast<unsigned char>(c);
        if (c == '\r' || c == '\n' || c == '\t') continue;
        if (octet < 0x20 || octet == 0x7F) return std::nullopt;
        if (octet < 0x80 && c != ' ' && c != '"' && c != '<' && c != '>') {
            target += c;
            continue;
        }
        constexpr std::string_view digits = "0123456789ABCDEF";
        target += {'%', digits[octet >> 4], digits[octet & 15]};
    }
    if (target.size() > target_limit_octets) return std::nullopt;
    return target;
}

}  // namespace relevo::tracking
