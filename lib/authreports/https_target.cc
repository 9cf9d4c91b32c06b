#include "lib/authreports/https_target.h"

#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <algorithm>

namespace relevo::authreports {
namespace {

constexpr std::size_t length_limit_octets = 2'000;
constexpr std::string_view scheme = "https://";

std::unexpected<Error> invalid(std::string why) { return failure(ErrorKind::invalid, std::move(why)); }

}  // namespace

Result<HttpsTarget> parse_https_target(std::string_view uri) {
    if (uri.size() > length_limit_octets) return failure(ErrorKind::limit, "the address is longer than 2,000 octets");
    if (!equals_ignoring_case(uri.substr(0, scheme.size()), scheme)) return invalid("the address is not https://…");
    if (!std::ranges::all_of(uri, [](char c) { return c > ' ' && c < '\x7F'; }))
        return invalid("the address holds blanks, or characters that are not ASCII");
    uri.remove_prefix(scheme.size());
    uri = uri.substr(0, uri.find('#'));
    const std::size_t end = std::min(uri.find_first_of("/?"), uri.size());
    const std::string_view authority = uri.substr(0, end);
    if (authority.contains('@')) return invalid("the address names a user: reports are posted without a login");
    HttpsTarget target;
    const std::size_t colon = std::min(authority.find(':'), authority.size());
    if (colon + 1 < authority.size()) {
        const auto port = parse_decimal<std::uint16_t>(authority.substr(colon + 1));
        if (!port || *port == 0) return invalid("the address has no valid port");
        target.port = *port;
    }
    RELEVO_TRY(const std::string host, mail::parse_domain(authority.substr(0, colon), mail::Utf8::refused));
    // A name whose last label is a number would be read as an IP address (WHATWG URL §3.5).
    const std::string_view last = std::string_view(host).substr(host.rfind('.') + 1);
    if (last.empty() || is_digit(last.front()) || host.starts_with('['))
        return invalid("the address does not name a web server by its host name");
    target.host = to_lower(host);
    target.path = std::string(uri.substr(end));
    if (!target.path.starts_with('/')) target.path.insert(0, "/");
    return target;
}

}  // namespace relevo::authreports
