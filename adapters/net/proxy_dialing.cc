#include "adapters/net/proxy_dialing.h"

#include "lib/smtp/proxy_protocol.h"
#include "lib/socks/socks5.h"

#include <fmt/format.h>

namespace relevo::net {
namespace {

Error proxy_error(const DialOptions& options, ErrorKind kind, std::string_view why) {
    return source_error(kind, fmt::format("{}: {}", name_of(*options.proxy), why));
}

Error target_error(const DialOptions& options, const Error& error) {
    return {error.kind, fmt::format("cannot connect to {}: {}, says {}", options.target.text(), error.detail,
                                    name_of(*options.proxy))};
}

// Reading or writing failed before the proxy had connected us.
Error broken(const DialOptions& options, const socks::Socks5Client& client, const Error& error) {
    if (error.kind == ErrorKind::timeout && client.has_asked())
        return {ErrorKind::timeout,
                fmt::format("no answer from {} in time, through {}", options.target.text(), name_of(*options.proxy))};
    const bool has_ended = error.kind == ErrorKind::closed;
    return proxy_error(options, error.kind, has_ended ? "it ended the connection without an answer" : error.detail);
}

Task<Result<std::optional<dns::IpAddress>>> ask_socks5(SocketStream& stream, const DialOptions& options) {
    socks::Socks5Client client({.address = options.target.address,
                                .port = options.target.port,
                                .user = options.proxy->user,
                                .password = options.proxy->password});
    std::size_t known = 0;  // octets that wait in the socket and are no whole reply
    while (client.state() == socks::Socks5State::waiting) {
        if (const std::string output = client.take_output(); !output.empty())
            if (const auto written = co_await stream.write(output, options.deadline); !written.has_value())
                co_return std::unexpected(broken(options, client, written.error()));
        const auto octets = co_await stream.peek(socks::Socks5Client::reply_limit_octets + 1, known, options.deadline);
        if (!octets.has_value()) co_return std::unexpected(broken(options, client, octets.error()));
        const std::size_t taken = client.receive(*octets);
        if (taken > 0) stream.skip(taken);
        known = octets->size() - taken;
    }
    if (client.state() == socks::Socks5State::connected) co_return client.bound();
    const socks::Socks5Failure& failure = client.failure();
    co_return std::unexpected(failure.is_targets ? target_error(options, failure.error)
                                                 : proxy_error(options, failure.error.kind, failure.error.detail));
}

// The proxy answers nothing: it connects, or ends the connection.
Task<Result<std::optional<dns::IpAddress>>> tell_haproxy(SocketStream& stream, const DialOptions& options) {
    const std::string header =
        smtp::proxy_header_v2({options.source, 0}, {options.target.address, options.target.port});
    if (const auto written = co_await stream.write(header, options.deadline); !written.has_value())
        co_return std::unexpected(proxy_error(options, written.error().kind, written.error().detail));
    co_return options.source;
}

}  // namespace

std::string name_of(const EgressProxy& proxy) {
    return fmt::format("the proxy {} {}", relevo::name_of(proxy.protocol), proxy.endpoint.text());
}

Task<Result<std::optional<dns::IpAddress>>> ask_proxy(SocketStream& stream, const DialOptions& options) {
    if (options.proxy->protocol == ProxyProtocol::socks5) return ask_socks5(stream, options);
    return tell_haproxy(stream, options);
}

}  // namespace relevo::net
