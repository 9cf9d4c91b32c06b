#include "adapters/net/dialer.h"

#include "adapters/net/socket.h"
#include "adapters/net/socket_stream.h"

#include <fmt/format.h>

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace relevo::net {
namespace {

Error error_of_connecting(const DialOptions& options, ErrorKind kind, std::string_view reason) {
    const std::string target = options.target.text();
    if (kind == ErrorKind::refused) return {kind, fmt::format("connection refused by {}", target)};
    if (kind == ErrorKind::timeout) return {kind, fmt::format("no answer from {} in time", target)};
    return {kind, fmt::format("cannot connect to {}: {}", target, reason)};
}

Result<void> bind_source(int descriptor, const DialOptions& options) {
    // The port is chosen at connect(): the same one may serve several destinations.
    RELEVO_CHECK(set_option(descriptor, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1, "IP_BIND_ADDRESS_NO_PORT"));
    const SocketAddress source(Endpoint{options.source, 0});
    if (::bind(descriptor, source.data(), source.size()) == 0) return {};
    if (errno == EADDRNOTAVAIL)
        return failure(ErrorKind::io,
                       fmt::format("the source address {} does not belong to this machine", options.source.text()));
    return std::unexpected(error_of_errno(errno, fmt::format("send from {}", options.source.text())));
}

// A socket whose connect() is under way, or done.
Result<FileDescriptor> begin_connecting(const DialOptions& options) {
    const SocketAddress target(options.target);
    FileDescriptor descriptor(::socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!descriptor) return std::unexpected(error_of_errno(errno, "open a socket"));
    RELEVO_CHECK(set_option(descriptor.get(), IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY"));
    if (options.has_source) {
        if (options.source.is_v4() != options.target.address.is_v4())
            return failure(ErrorKind::invalid, fmt::format("cannot reach {} from {}: different families",
                                                           options.target.text(), options.source.text()));
        RELEVO_CHECK(bind_source(descriptor.get(), options));
    }
    if (::connect(descriptor.get(), target.data(), target.size()) == 0 || errno == EINPROGRESS) return descriptor;
    const ErrorKind kind = errno == ECONNREFUSED ? ErrorKind::refused : ErrorKind::io;
    return std::unexpected(error_of_connecting(options, kind, text_of_errno(errno)));
}

}  // namespace

SocketDialer::SocketDialer(std::shared_ptr<ShardSockets> sockets, std::shared_ptr<TlsClientContext> tls)
    : sockets_(std::move(sockets)), tls_(std::move(tls)) {}

Task<Result<std::unique_ptr<Stream>>> SocketDialer::connect(DialOptions options) {
    RELEVO_CO_TRY(FileDescriptor descriptor, begin_connecting(options));
    SocketStreamOptions stream_options;
    stream_options.peer = options.target;
    stream_options.tls_client = tls_;
    auto stream = std::make_unique<SocketStream>(sockets_, std::move(descriptor), std::move(stream_options));
    const Result<void> connected = co_await stream->finish_connecting(options.deadline);
    if (!connected)
        co_return std::unexpected(error_of_connecting(options, connected.error().kind, connected.error().detail));
    co_return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace relevo::net
