#include "lib/base/https_url.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::size_t url_limit_octets = 1000;
constexpr std::string_view scheme = "https://";

bool is_visible(char c) { return c > ' ' && c < '\x7F' && c != '\\' && c != '"' && c != '<' && c != '>'; }

bool is_host(std::string_view host) {
    return !host.empty() && host.size() <= 253 && std::ranges::all_of(host, [](char c) {
        return is_alpha(c) || is_digit(c) || c == '-' || c == '.' || c == ':';
    });
}

std::unexpected<Error> invalid(std::string_view text, std::string_view why) {
    return failure(ErrorKind::invalid, fmt::format("the address \"{}\" {}", printable(text, 200), why));
}

}  // namespace

Result<HttpsUrl> parse_https_url(std::string_view text) {
    if (text.size() > url_limit_octets || !std::ranges::all_of(text, is_visible))
        return invalid(text, "is too long, or holds what no address does");
    if (!starts_with_ignoring_case(text, scheme)) return invalid(text, "does not begin with https://");
    if (text.find('#') != std::string_view::npos) return invalid(text, "has a fragment");
    const std::string_view rest = text.substr(scheme.size());
    const std::size_t slash = std::min(rest.find_first_of("/?"), rest.size());
    std::string_view authority = rest.substr(0, slash);
    HttpsUrl url{.text = std::string(text), .host = {}, .path = std::string(rest.substr(slash))};
    if (!url.path.starts_with('/')) url.path.insert(0, "/");
    const bool is_bracketed = authority.starts_with('[');
    const std::size_t end = is_bracketed ? authority.find(']') : authority.find(':');
    if (is_bracketed && end == std::string_view::npos) return invalid(text, "has no host");
    std::string_view port = end == std::string_view::npos ? "" : authority.substr(end + (is_bracketed ? 1 : 0));
    url.host = to_lower(is_bracketed ? authority.substr(1, end - 1) : authority.substr(0, end));
    if (!is_host(url.host) || (!is_bracketed && url.host.find(':') != std::string::npos))
        return invalid(text, "has no host");
    if (port.empty()) return url;
    const auto number = parse_decimal<std::uint16_t>(port.substr(1));
    if (!port.starts_with(':') || !number || *number == 0) return invalid(text, "has no port that counts");
    url.port = *number;
    return url;
}

}  // namespace relevo
