#include "adapters/net/local_address.h"

#include "adapters/net/socket.h"

#include <fmt/format.h>

#include <cerrno>

namespace relevo::net {

Result<void> check_local_address(const dns::IpAddress& address) {
    const SocketAddress local(Endpoint{address, 0});
    const FileDescriptor descriptor(::socket(local.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!descriptor) return std::unexpected(error_of_errno(errno, "open a socket"));
    if (::bind(descriptor.get(), local.data(), local.size()) == 0) return {};
    if (errno == EADDRNOTAVAIL)
        return failure(ErrorKind::not_found, fmt::format("this machine has no address {}", address.text()));
    return std::unexpected(error_of_errno(errno, fmt::format("send from {}", address.text())));
}

}  // namespace relevo::net
