#include "app/relevo/test_mail.h"

#include "adapters/net/dialer.h"
#include "app/relevo/egress.h"
#include "app/relevo/host_address.h"
#include "core/delivery/connection.h"
#include "lib/mail/message.h"

#include <fmt/format.h>

namespace relevo {
namespace {

constexpr std::chrono::seconds connect_time{15};

RouteTls tls_of(ListenerTls tls) {
    switch (tls) {
        case ListenerTls::none: return RouteTls::never;
        case ListenerTls::starttls: return RouteTls::required;
        case ListenerTls::implicit: return RouteTls::implicit;
    }
    return RouteTls::required;
}

std::string test_content(const cli::SendTestOptions& options) {
    const auto now = WallClock::now();
    return fmt::format(
        "From: <{}>\r\nTo: <{}>\r\nSubject: {}\r\nDate: {}\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; "
        "charset=utf-8\r\n\r\n"
        "This is a test mail, sent by \"relevo send-test\".\r\nEste es un correo de prueba, enviado con \"relevo "
        "send-test\".\r\n",
        options.from, options.to, options.subject.empty() ? "Relevo test / prueba" : options.subject,
        mail::format_date(now));
}

Task<Result<std::unique_ptr<Stream>>> connect(net::SocketDialer& dialer, DialOptions target,
                                              const cli::SendTestOptions& options) {
    RELEVO_CO_TRY(auto stream, co_await dialer.connect(std::move(target)));
    if (options.tls == ListenerTls::implicit)
        RELEVO_CO_CHECK(co_await stream->start_tls_client({.server_name = options.host, .verify = options.verify},
                                                          Clock::now() + connect_time));
    co_return std::move(stream);
}

Task<> nothing_before_content() { co_return; }

Task<TestMailResult> send(net::SocketDialer& dialer, DialOptions target, const cli::SendTestOptions& options) {
    TestMailResult result;
    Route route;
    route.name = "send-test";
    route.tls = tls_of(options.tls);
    route.verify_certificate = options.verify;
    route.user = options.user;
    route.password = options.password;
    auto stream = co_await connect(dialer, std::move(target), options);
    if (!stream.has_value()) {
        result.reply = stream.error().detail;
        co_return result;
    }
    smtp::ClientOptions session;
    session.client_name = options.source ? mail::to_ascii_domain(options.source->ehlo_name).value_or("localhost")
                                         : "[" + (*stream)->local().address.text() + "]";
    session.tls = route.tls == RouteTls::never      ? smtp::ClientTls::never
                  : route.tls == RouteTls::implicit ? smtp::ClientTls::active
                                                    : smtp::ClientTls::required;
    session.authenticate = !options.user.empty();
    Connection connection(std::move(*stream), session, std::make_shared<const Route>(route),
                          {.server_name = options.host, .verify = options.verify}, DeliveryTimeouts{}, options.host);
    const bool opened = co_await connection.open();
    result.tls = connection.facts().tls;
    if (opened) {
        mail::Envelope envelope;
        auto from = mail::Address::parse(options.from, mail::Utf8::allowed);
        auto to = mail::Address::parse(options.to, mail::Utf8::allowed);
        if (!from.has_value() || !to.has_value()) {
            result.reply = !from.has_value() ? from.error().detail : to.error().detail;
            co_return result;
        }
        envelope.reverse_path = mail::ReversePath(std::move(*from));
        envelope.recipients.push_back({.address = std::move(*to), .notify = {}, .original_recipient = {}});
        const std::string content = test_content(options);
        co_await connection.deliver(
            {.envelope = &envelope, .recipients = {&envelope.recipients.front()}, .content = content},
            [] { return nothing_before_content(); });
        const smtp::RecipientResult& outcome = connection.results().front();
        result.accepted = outcome.accepted;
        result.reply = outcome.reply.code != 0 ? outcome.reply.one_line() : connection.failure().detail;
        if (connection.is_usable()) co_await connection.quit();
    } else {
        result.reply =
            connection.failure().reply.code != 0 ? connection.failure().reply.one_line() : connection.failure().detail;
    }
    result.transcript = connection.take_transcript();
    co_return result;
}

Task<> send_and_stop(Shard& shard, net::SocketDialer& dialer, DialOptions target, const cli::SendTestOptions& options,
                     TestMailResult& result) {
    result = co_await send(dialer, std::move(target), options);
    shard.stop();
}

}  // namespace

TestMailResult send_test_mail(const cli::SendTestOptions& options) {
    TestMailResult result;
    std::optional<EgressSource> source;
    if (options.source) source = egress_source(*options.source);
    const auto address = resolve_host(options.host, source ? &*source : nullptr);
    auto tls = net::TlsClientContext::make();
    if (!address.has_value() || !tls.has_value()) {
        result.reply = address.has_value() ? tls.error().detail : address.error().detail;
        return result;
    }
    Shard shard(0);
    net::SocketDialer dialer(net::ShardSockets::make(shard), *tls);
    const Endpoint endpoint{.address = *address, .port = options.port};
    DialOptions target{.target = endpoint};
    if (source) target = dial_options(*source, endpoint, no_deadline);
    target.deadline = Clock::now() + connect_time;
    shard.spawn(send_and_stop(shard, dialer, std::move(target), options, result));
    shard.run();
    return result;
}

}  // namespace relevo
