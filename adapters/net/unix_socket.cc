#include "adapters/net/unix_socket.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace relevo::net {

Result<sockaddr_un> unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof address.sun_path)
        return failure(ErrorKind::invalid,
                       fmt::format("{}: the path of a socket has 1 to {} octets", path, sizeof address.sun_path - 1));
    std::ranges::copy(path, address.sun_path);
    return address;
}

Result<FileDescriptor> connect_unix(const std::string& path) {
    RELEVO_TRY(const sockaddr_un address, unix_address(path));
    FileDescriptor descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!descriptor) return std::unexpected(error_of_errno(errno, "open a socket"));
    if (::connect(descriptor.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
        return descriptor;
    if (errno == ENOENT || errno == ECONNREFUSED)
        return failure(ErrorKind::not_found, fmt::format("no relay answers at {}", path));
    if (errno == EACCES) return failure(ErrorKind::refused, fmt::format("no right to use {}", path));
    return std::unexpected(error_of_errno(errno, fmt::format("connect to {}", path)));
}

}  // namespace relevo::net
