#include "adapters/net/dialer.h"

#include "adapters/net/proxy_dialing.h"
#include "adapters/net/socket.h"
#include "adapters/net/socket_stream.h"

#include <fmt/format.h>

#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>

namespace relevo::net {
namespace {

// Whom the socket connects to: the target, or the proxy in front of it.
const Endpoint& next_hop(const DialOptions& options) {
    return options.proxy ? options.proxy->endpoint : options.target;
}

Error error_of_connecting(const DialOptions& options, ErrorKind kind, std::string_view reason) {
    if (options.proxy) {
        if (kind == ErrorKind::refused) reason = "connection refused";
        if (kind == ErrorKind::timeout) reason = "no answer in time";
        return source_error(kind, fmt::format("{}: {}", name_of(*options.proxy), reason));
    }
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
        return std::unexpected(
            source_error(ErrorKind::io,
                         fmt::format("the source address {} does not belong to this machine", options.source.text())));
    return std::unexpected(error_of_errno(errno, fmt::format("send from {}", options.source.text())));
}

Result<void> check_source(const DialOptions& options) {
    if (options.has_source && options.source.is_v4() != options.target.address.is_v4())
        return failure(ErrorKind::invalid, fmt::format("cannot reach {} from {}: different families",
                                                       options.target.text(), options.source.text()));
    if (!options.has_source && options.proxy && options.proxy->protocol == ProxyProtocol::haproxy)
        return std::unexpected(source_error(
            ErrorKind::invalid, fmt::format("{}: it must be told an address to send from", name_of(*options.proxy))));
    return {};
}

// A socket whose connect() is under way, or done.
Result<FileDescriptor> begin_connecting(const DialOptions& options) {
    RELEVO_CHECK(check_source(options));
    const SocketAddress target(next_hop(options));
    FileDescriptor descriptor(::socket(target.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP));
    if (!descriptor) return std::unexpected(error_of_errno(errno, "open a socket"));
    RELEVO_CHECK(set_option(descriptor.get(), IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY"));
    if (options.has_source && !options.proxy) RELEVO_CHECK(bind_source(descriptor.get(), options));
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
    stream_options.peer = next_hop(options);
    stream_options.tls_client = tls_;
    auto stream = std::make_unique<SocketStream>(sockets_, std::move(descriptor), std::move(stream_options));
    const Result<void> connected = co_await stream->finish_connecting(options.deadline);
    if (!connected)
        co_return std::unexpected(error_of_connecting(options, connected.error().kind, connected.error().detail));
    if (options.proxy) {
        RELEVO_CO_TRY(const auto seen, co_await ask_proxy(*stream, options));
        stream->set_far_ends(options.target, seen);
    }
    co_return std::unique_ptr<Stream>(std::move(stream));
}

}  // namespace relevo::net
