#include "app/relevo/lan_relay.h"

#include "adapters/net/dialer.h"
#include "app/relevo/host_address.h"
#include "core/setup/smtp_probe.h"
#include "lib/base/base64.h"

#include <fmt/format.h>

namespace relevo {
namespace {

constexpr std::chrono::seconds conversation_time{15};

std::string name_of_relay(const cli::LanRelay& relay) { return fmt::format("{}:{}", relay.host, relay.port); }

std::unexpected<Error> unreachable(const cli::LanRelay& relay, const Error& error) {
    return failure(error.kind == ErrorKind::refused ? ErrorKind::closed : error.kind,
                   fmt::format("cannot talk with the central relay {}: {}. Is the address right, and does a firewall "
                               "let this port out?",
                               name_of_relay(relay), error.detail));
}

TlsClientOptions tls_options(const cli::LanRelay& relay, cli::LanTrust trust) {
    TlsClientOptions options{.server_name = relay.host};
    if (trust == cli::LanTrust::verified)
        options.verify = true;
    else
        options.tlsa = {{.usage = 3, .selector = 1, .matching = 1, .data = relay.key_sha256}};
    return options;
}

using Conversation = std::unique_ptr<setup::SmtpProbe>;

// Up to the second EHLO. Errors: refused – the certificate is not what `trust` asks for; others: not_found, closed,
// timeout, invalid.
Task<Result<Conversation>> converse(net::SocketDialer& dialer, Endpoint endpoint, cli::LanRelay relay,
                                    cli::LanTrust trust) {
    const Deadline deadline = Clock::now() + conversation_time;
    auto stream = co_await dialer.connect({.target = endpoint, .deadline = deadline});
    if (!stream.has_value()) co_return unreachable(relay, stream.error());
    const std::string hello = fmt::format("EHLO [{}]", (*stream)->local().address.text());
    auto conversation = std::make_unique<setup::SmtpProbe>(std::move(*stream), deadline);
    auto reply = co_await conversation->read_reply();
    if (reply.has_value() && reply->is_positive()) reply = co_await conversation->say(hello);
    if (reply.has_value() && reply->is_positive()) reply = co_await conversation->say("STARTTLS");
    if (!reply.has_value()) co_return unreachable(relay, reply.error());
    if (!reply->is_positive())
        co_return failure(
            ErrorKind::invalid,
            fmt::format("{} does not begin TLS: \"{}\". Name a submission port with STARTTLS, such as 587",
                        name_of_relay(relay), reply->one_line()));
    if (auto started = co_await conversation->start_tls(tls_options(relay, trust)); !started.has_value())
        co_return std::unexpected(started.error());
    reply = co_await conversation->say(hello);
    if (!reply.has_value()) co_return unreachable(relay, reply.error());
    co_return conversation;
}

Task<Result<cli::LanTrust>> look(net::SocketDialer& dialer, Endpoint endpoint, cli::LanRelay relay) {
    std::string problem;
    for (const auto trust : {cli::LanTrust::verified, cli::LanTrust::pinned}) {
        if (trust == cli::LanTrust::pinned && relay.key_sha256.empty()) break;
        auto conversation = co_await converse(dialer, endpoint, relay, trust);
        if (conversation.has_value()) {
            static_cast<void>(co_await (*conversation)->say("QUIT"));  // its answer changes nothing
            co_return trust;
        }
        if (conversation.error().kind != ErrorKind::refused) co_return std::unexpected(conversation.error());
        if (problem.empty()) problem = conversation.error().detail;
    }
    co_return failure(
        ErrorKind::refused,
        fmt::format("{} shows a certificate that no authority vouches for ({}), and whose key is not the one that the "
                    "token names. Somebody may stand between here and there, or the relay got a new key after the "
                    "token was made: ask whoever runs it, and let them make a new token (relevo lan token create). "
                    "Nothing was sent",
                    name_of_relay(relay), problem));
}

Task<Result<void>> log_in(net::SocketDialer& dialer, Endpoint endpoint, cli::LanRelay relay, cli::LanTrust trust,
                          std::string login, std::string password) {
    auto conversation = co_await converse(dialer, endpoint, relay, trust);
    if (!conversation.has_value()) co_return unreachable(relay, conversation.error());
    std::string initial(1, '\0');  // RFC 4616 §2: no other identity
    initial.append(login).append(1, '\0').append(password);
    const auto reply = co_await (*conversation)->say("AUTH PLAIN " + encode_base64(initial));
    if (!reply.has_value()) co_return unreachable(relay, reply.error());
    static_cast<void>(co_await (*conversation)->say("QUIT"));
    if (reply->is_positive()) co_return Result<void>();
    co_return failure(ErrorKind::refused, fmt::format("the central relay says: {}", reply->one_line()));
}

template <class T>
Task<> keep_and_stop(Shard& shard, Task<Result<T>> task, std::optional<Result<T>>& result) {
    result = co_await std::move(task);
    shard.stop();
}

// Runs `talk(dialer, endpoint)` on a shard of its own.
template <class T, class Talk>
Result<T> run(const cli::LanRelay& relay, Talk talk) {
    RELEVO_TRY(const dns::IpAddress address, resolve_host(relay.host));
    RELEVO_TRY(auto tls, net::TlsClientContext::make());
    Shard shard(0);
    net::SocketDialer dialer(net::ShardSockets::make(shard), tls);
    std::optional<Result<T>> result;
    shard.spawn(keep_and_stop<T>(shard, talk(dialer, Endpoint{.address = address, .port = relay.port}), result));
    shard.run();
    return std::move(*result);
}

}  // namespace

Result<cli::LanTrust> look_at_relay(const cli::LanRelay& relay) {
    return run<cli::LanTrust>(
        relay, [&](net::SocketDialer& dialer, Endpoint endpoint) { return look(dialer, endpoint, relay); });
}

Result<void> log_in_at_relay(const cli::LanRelay& relay, cli::LanTrust trust, const std::string& login,
                             const std::string& password) {
    return run<void>(relay, [&](net::SocketDialer& dialer, Endpoint endpoint) {
        return log_in(dialer, endpoint, relay, trust, login, password);
    });
}

}  // namespace relevo
