// xtext of ENVID and ORCPT (RFC 3461 §4).
#include "lib/mail/report.h"

#include <fmt/format.h>

namespace relevo::mail {
namespace {

// "hexchar = ASCII "+" immediately followed by two upper case hexadecimal digits"; -1 if `c` is none.
int hexadecimal_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool is_xchar(char c) { return c > ' ' && c < 0x7F && c != '+' && c != '='; }

}  // namespace

std::string decode_xtext(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (is_xchar(text[i])) {
            decoded += text[i];
            continue;
        }
        const int high = i + 2 < text.size() ? hexadecimal_value(text[i + 1]) : -1;
        const int low = i + 2 < text.size() ? hexadecimal_value(text[i + 2]) : -1;
        if (text[i] != '+' || high < 0 || low < 0) return std::string(text);
        decoded += static_cast<char>(high << 4 | low);
        i += 2;
    }
    return decoded;
}

std::string encode_xtext(std::string_view text) {
    std::string encoded;
    encoded.reserve(text.size());
    for (const char c : text) {
        if (is_xchar(c))
            encoded += c;
        else
            encoded += fmt::format("+{:02X}", static_cast<unsigned char>(c));
    }
    return encoded;
}

}  // namespace relevo::mail
