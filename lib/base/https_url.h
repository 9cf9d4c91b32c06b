// Addresses of servers that are asked over https alone: authorities of certificates (RFC 8555 §6.1), providers of
// accounts.
#pragma once

#include "lib/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace relevo {

struct HttpsUrl {
    std::string text;  // all of it
    std::string host;  // lower case; a name, an IPv4 address, or an IPv6 address without brackets
    std::uint16_t port = 443;
    std::string path;  // with the query; begins with "/"

    // RFC 6454 §4, the scheme being the same.
    [[nodiscard]] bool has_origin_of(const HttpsUrl& other) const { return host == other.host && port == other.port; }
};

// Errors: invalid – not https, a user, a fragment, more than 1,000 octets, or anything but printable ASCII.
[[nodiscard]] Result<HttpsUrl> parse_https_url(std::string_view text);

}  // namespace relevo
