// Whether our own listeners would relay for strangers: part of server_checks.h.
#include "core/setup/server_checks.h"
#include "core/setup/smtp_probe.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relevo::setup {
namespace {

constexpr std::chrono::seconds time_per_listener{10};
// RFC 6761 §6.4: nothing under .invalid will ever exist, so even a relay that takes it cannot deliver it.
constexpr std::string_view elsewhere = "relay-check.invalid";

struct RelayForm {
    std::string sender;
    std::string recipient;
};

// The ways in which relays have been talked into it: plainly, as the null sender, as somebody of the house, and with
// routes hidden in the local part ("%", "!", a quoted address, an old source route).
std::vector<RelayForm> classic_forms(const std::string& host) {
    const std::string stranger = fmt::format("<stranger@{}>", elsewhere);
    return {
        {stranger, fmt::format("<someone@{}>", elsewhere)},
        {"<>", fmt::format("<someone@{}>", elsewhere)},
        {fmt::format("<postmaster@{}>", host), fmt::format("<someone@{}>", elsewhere)},
        {"<postmaster@localhost>", fmt::format("<someone@{}>", elsewhere)},
        {stranger, fmt::format("<someone%{}@{}>", elsewhere, host)},
        {stranger, fmt::format("<\"someone@{}\"@{}>", elsewhere, host)},
        {stranger, fmt::format("<{}!someone@{}>", elsewhere, host)},
        {stranger, fmt::format("<@{}:someone@{}>", host, elsewhere)},
        {stranger, fmt::format("<someone@{}@{}>", elsewhere, host)},
        {stranger, "<someone@[192.0.2.1]>"},
    };
}

// The server ended the conversation, as it may after so many refused commands.
bool has_enough(const Result<smtp::Reply>& reply) {
    return reply.has_value() ? reply->code == 421 : reply.error().kind == ErrorKind::closed;
}

// The form that was accepted; "" if none was.
Task<Result<std::string>> try_forms(Dialer& dialer, OwnListener listener, std::string host, Deadline deadline) {
    RELEVO_CO_TRY(auto stream, co_await dialer.connect({.target = listener.endpoint, .deadline = deadline}));
    SmtpProbe probe(std::move(stream), deadline);
    if (listener.is_implicit_tls) RELEVO_CO_CHECK(co_await probe.start_tls());
    RELEVO_CO_TRY(const smtp::Reply greeting, co_await probe.read_reply());
    if (!greeting.is_positive()) co_return failure(ErrorKind::refused, greeting.one_line());
    RELEVO_CO_TRY(const smtp::Reply hello, co_await probe.say(fmt::format("EHLO {}", elsewhere)));
    if (!hello.is_positive()) co_return std::string();
    for (const RelayForm& form : classic_forms(host)) {
        const auto sender = co_await probe.say("MAIL FROM:" + form.sender);
        if (has_enough(sender)) co_return std::string();
        if (!sender.has_value()) co_return std::unexpected(sender.error());
        if (!sender->is_positive()) continue;
        const auto recipient = co_await probe.say("RCPT TO:" + form.recipient);
        if (has_enough(recipient)) co_return std::string();
        if (!recipient.has_value()) co_return std::unexpected(recipient.error());
        const auto reset = co_await probe.say("RSET");
        if (recipient->is_positive()) co_return fmt::format("MAIL FROM:{} RCPT TO:{}", form.sender, form.recipient);
        if (has_enough(reset)) co_return std::string();
    }
    static_cast<void>(co_await probe.say("QUIT"));
    co_return std::string();
}

}  // namespace

Endpoint reachable(Endpoint endpoint) {
    static constexpr std::array<std::uint8_t, 4> any_v4{};
    static constexpr std::array<std::uint8_t, 16> any_v6{};
    if (endpoint.address == dns::IpAddress::v4(any_v4)) endpoint.address = dns::IpAddress::v4({127, 0, 0, 1});
    if (endpoint.address == dns::IpAddress::v6(any_v6)) {
        std::array<std::uint8_t, 16> loopback{};
        loopback.back() = 1;
        endpoint.address = dns::IpAddress::v6(loopback);
    }
    return endpoint;
}

Task<std::vector<CheckItem>> check_relaying(Dialer& dialer, ServerFacts facts) {
    std::vector<CheckItem> items;
    for (const OwnListener& listener : facts.listeners) {
        CheckItem item;
        item.id = "relaying.strangers";
        item.group = CheckGroup::relaying;
        item.subject = fmt::format("{} {}", listener.name, listener.endpoint.text());
        item.why = {
            "A relay that takes mail from strangers is found within hours and its address is ruined for months.",
            "Un relay que acepta correo de desconocidos se descubre en horas, y su dirección queda quemada "
            "durante meses."};
        if (listener.expects_proxy) {
            item.status = CheckStatus::skipped;
            item.found = {"not tried: it expects a load balancer in front",
                          "sin probar: espera un balanceador por delante"};
            items.push_back(std::move(item));
            continue;
        }
        OwnListener target = listener;
        target.endpoint = reachable(target.endpoint);
        const Deadline deadline = std::min(facts.deadline, Clock::now() + time_per_listener);
        const auto accepted = co_await try_forms(dialer, target, facts.host_name, deadline);
        if (!accepted.has_value()) {
            item.status = CheckStatus::skipped;
            item.found = {"not tried: " + accepted.error().detail, "sin probar: " + accepted.error().detail};
        } else if (accepted->empty()) {
            item.found = {"refuses to relay for strangers", "se niega a reenviar para desconocidos"};
        } else {
            item.status = CheckStatus::fail;
            item.found = {"would relay for anybody on this machine: " + *accepted,
                          "reenviaría para cualquiera de esta máquina: " + *accepted};
            item.action = {
                "If this machine's own addresses may send without a password, see `relevo network list`; "
                "else set auth = \"required\" on this listener.",
                "Si las direcciones de esta máquina pueden enviar sin contraseña, mire `relevo network list`; "
                "si no, ponga auth = \"required\" en este listener."};
        }
        items.push_back(std::move(item));
    }
    co_return items;
}

}  // namespace relevo::setup
