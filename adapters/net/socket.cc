#include "adapters/net/socket.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <system_error>

namespace relevo::net {
namespace {

Endpoint endpoint_of(int descriptor, int (*ask)(int, sockaddr*, socklen_t*)) {
    SocketAddress address;
    return ask(descriptor, address.data(), address.length()) == 0 ? address.endpoint() : Endpoint{};
}

}  // namespace

SocketAddress::SocketAddress(const Endpoint& endpoint) {
    const auto octets = endpoint.address.octets();
    if (endpoint.address.is_v4()) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(endpoint.port);
        std::ranges::copy(octets, reinterpret_cast<std::uint8_t*>(&address.sin_addr));
        std::memcpy(&storage_, &address, length_ = sizeof address);
    } else {
        sockaddr_in6 address{};
        address.sin6_family = AF_INET6;
        address.sin6_port = htons(endpoint.port);
        std::ranges::copy(octets, reinterpret_cast<std::uint8_t*>(&address.sin6_addr));
        std::memcpy(&storage_, &address, length_ = sizeof address);
    }
}

Endpoint SocketAddress::endpoint() const {
    if (storage_.ss_family == AF_INET) {
        sockaddr_in address{};
        std::memcpy(&address, &storage_, sizeof address);
        std::array<std::uint8_t, 4> octets{};
        std::memcpy(octets.data(), &address.sin_addr, octets.size());
        return {dns::IpAddress::v4(octets), ntohs(address.sin_port)};
    }
    if (storage_.ss_family == AF_INET6) {
        sockaddr_in6 address{};
        std::memcpy(&address, &storage_, sizeof address);
        std::array<std::uint8_t, 16> octets{};
        std::memcpy(octets.data(), &address.sin6_addr, octets.size());
        return {dns::IpAddress::v6(octets), ntohs(address.sin6_port)};
    }
    return {};
}

Endpoint local_endpoint(int descriptor) { return endpoint_of(descriptor, ::getsockname); }
Endpoint peer_endpoint(int descriptor) { return endpoint_of(descriptor, ::getpeername); }

Result<void> set_option(int descriptor, int level, int option, int value, std::string_view name) {
    if (::setsockopt(descriptor, level, option, &value, sizeof value) == 0) return {};
    return std::unexpected(error_of_errno(errno, fmt::format("set {}", name)));
}

std::string text_of_errno(int number) { return std::generic_category().message(number); }

Error error_of_errno(int number, std::string_view doing) {
    const bool is_full = number == EMFILE || number == ENFILE || number == ENOBUFS || number == ENOMEM;
    return {is_full ? ErrorKind::full : ErrorKind::io, fmt::format("cannot {}: {}", doing, text_of_errno(number))};
}

}  // namespace relevo::net
