#include "app/relevo/host_address.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <netdb.h>
#include <netinet/in.h>

namespace relevo {

Result<dns::IpAddress> resolve_host(const std::string& host, const EgressSource* source) {
    if (auto literal = dns::IpAddress::parse(host); literal.has_value()) {
        if (source == nullptr || source->reaches(*literal)) return literal;
        return failure(ErrorKind::invalid,
                       fmt::format("the source {} has no address of the family of {}", source->name, literal->text()));
    }
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    if (source != nullptr && !(source->ipv4 && source->ipv6)) hints.ai_family = source->ipv4 ? AF_INET : AF_INET6;
    addrinfo* found = nullptr;
    if (const int problem = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); problem != 0)
        return failure(ErrorKind::not_found,
                       fmt::format("the name {} has no address: {}", host, ::gai_strerror(problem)));
    Result<dns::IpAddress> address = failure(ErrorKind::not_found, fmt::format("the name {} has no address", host));
    if (found->ai_family == AF_INET) {
        const auto& socket_address = *reinterpret_cast<const sockaddr_in*>(found->ai_addr);
        std::array<std::uint8_t, 4> octets{};
        std::copy_n(reinterpret_cast<const std::uint8_t*>(&socket_address.sin_addr), octets.size(), octets.begin());
        address = dns::IpAddress::v4(octets);
    } else if (found->ai_family == AF_INET6) {
        const auto& socket_address = *reinterpret_cast<const sockaddr_in6*>(found->ai_addr);
        std::array<std::uint8_t, 16> octets{};
        std::copy_n(reinterpret_cast<const std::uint8_t*>(&socket_address.sin6_addr), octets.size(), octets.begin());
        address = dns::IpAddress::v6(octets);
    }
    ::freeaddrinfo(found);
    return address;
}

}  // namespace relevo
