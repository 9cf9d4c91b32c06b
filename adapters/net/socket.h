// Socket addresses of the operating system, as values.
#pragma once

#include "core/ports/file_descriptor.h"
#include "core/ports/stream.h"
#include "lib/base/result.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <utility>

namespace relevo::net {

// An Endpoint as the system calls want it, and back.
class SocketAddress {
 public:
    SocketAddress() = default;
    explicit SocketAddress(const Endpoint& endpoint);
    [[nodiscard]] sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage_); }
    [[nodiscard]] const sockaddr* data() const { return reinterpret_cast<const sockaddr*>(&storage_); }
    [[nodiscard]] socklen_t* length() { return &length_; }
    [[nodiscard]] socklen_t size() const { return length_; }
    [[nodiscard]] int family() const { return storage_.ss_family; }
    // 0.0.0.0:0 for what is neither IPv4 nor IPv6 (a Unix socket).
    [[nodiscard]] Endpoint endpoint() const;

 private:
    sockaddr_storage storage_{};
    socklen_t length_ = sizeof(sockaddr_storage);
};

[[nodiscard]] Endpoint local_endpoint(int descriptor);
[[nodiscard]] Endpoint peer_endpoint(int descriptor);
Result<void> set_option(int descriptor, int level, int option, int value, std::string_view name);
// "Connection refused", without the number.
[[nodiscard]] std::string text_of_errno(int number);
// Full descriptor tables are `full`, the rest `io`.
[[nodiscard]] Error error_of_errno(int number, std::string_view doing);

}  // namespace relevo::net
