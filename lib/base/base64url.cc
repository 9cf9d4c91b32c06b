#include "lib/base/base64url.h"

#include "lib/base/base64.h"
#include "lib/base/text.h"

#include <algorithm>

namespace relevo {

std::string encode_base64url(std::string_view octets) {
    std::string text = encode_base64(octets);
    while (text.ends_with('=')) text.pop_back();
    std::ranges::replace(text, '+', '-');
    std::ranges::replace(text, '/', '_');
    return text;
}

Result<std::string> decode_base64url(std::string_view text) {
    while (text.ends_with('=')) text.remove_suffix(1);
    if (text.find_first_of("+/") != std::string_view::npos) return failure(ErrorKind::invalid, "not base64url");
    std::string usual(text);
    std::ranges::replace(usual, '-', '+');
    std::ranges::replace(usual, '_', '/');
    usual.append((4 - usual.size() % 4) % 4, '=');
    return decode_base64(usual);
}

bool is_base64url(std::string_view text, std::size_t limit) {
    return !text.empty() && text.size() <= limit &&
           std::ranges::all_of(text, [](char c) { return is_alpha(c) || is_digit(c) || c == '-' || c == '_'; });
}

}  // namespace relevo
