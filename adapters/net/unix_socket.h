// Addresses of Unix sockets.
#pragma once

#include "adapters/net/socket.h"
#include "lib/base/result.h"

#include <string>
#include <sys/un.h>

namespace relevo::net {

// Errors: invalid – the path does not fit.
[[nodiscard]] Result<sockaddr_un> unix_address(const std::string& path);
// A blocking connection. Errors: not_found – nobody listens; refused – no right; io.
[[nodiscard]] Result<FileDescriptor> connect_unix(const std::string& path);

}  // namespace relevo::net
