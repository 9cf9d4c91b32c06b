// What is said to a proxy before the target's first octet.
#pragma once

#include "adapters/net/socket_stream.h"
#include "core/ports/stream.h"

#include <optional>

namespace relevo::net {

// Asks the proxy of `options`, to which `stream` is connected, for the target; what `stream` gives afterwards is the
// target's. Returns the address that the target sees, if it is known. Errors: as Dialer::connect().
Task<Result<std::optional<dns::IpAddress>>> ask_proxy(SocketStream& stream, const DialOptions& options);

// "the proxy socks5 192.0.2.1:1080".
[[nodiscard]] std::string name_of(const EgressProxy& proxy);

}  // namespace relevo::net
