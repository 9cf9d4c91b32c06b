// The PROXY protocol, versions 1 and 2 (HAProxy, "The PROXY protocol", 2020): a balancer in front tells the client's
// address before the first octet of SMTP, or a client tells a proxy from where to connect whereto. Read it only from
// networks that are listed as balancers (security row A10).
#pragma once

#include "lib/dns/record.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace relevo::smtp {

enum class ProxyState : std::uint8_t {
    need_more,  // a beginning of a header; look again with more octets
    complete,
    invalid  // not a header, and no more octets can make it one; `problem` says why
};

struct ProxyEndpoint {
    dns::IpAddress address;
    std::uint16_t port = 0;
    friend bool operator==(const ProxyEndpoint&, const ProxyEndpoint&) = default;
};

struct ProxyHeader {
    ProxyState state = ProxyState::need_more;
    std::size_t consumed = 0;  // octets of the header, when complete
    // The real client and the address that it called; both absent for LOCAL (the balancer's own health check), UNKNOWN
    // and families without IP addresses: then the connection's own addresses count.
    std::optional<ProxyEndpoint> source;
    std::optional<ProxyEndpoint> destination;
    std::string problem;
};

inline constexpr std::size_t proxy_header_limit_octets = 4096;  // version 1: 107; version 2 with its TLVs: our bound

// A header of version 2 (§2.2) for a connection from `source` to `destination`, both of one family: for a balancer or a
// proxy that is to connect in this way.
[[nodiscard]] std::string proxy_header_v2(const ProxyEndpoint& source, const ProxyEndpoint& destination);

// Looks at all octets that came so far; call again with more while the state is need_more. TLVs are skipped.
[[nodiscard]] ProxyHeader parse_proxy_header(std::string_view octets);

}  // namespace relevo::smtp
