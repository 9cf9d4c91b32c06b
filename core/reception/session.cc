#include "core/reception/session.h"

#include "core/policy/replies.h"
#include "core/reception/replies.h"
#include "lib/base/text.h"
#include "lib/smtp/proxy_protocol.h"
#include "lib/smtp/sniff.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

constexpr std::chrono::seconds handshake_time{60};
constexpr std::size_t sniffed_octets = 16;
constexpr std::chrono::seconds goodbye_time{5};
constexpr std::chrono::seconds proxy_header_time{10};

bool contains(const std::vector<dns::Network>& networks, const dns::IpAddress& address) {
    return std::ranges::any_of(networks, [&](const dns::Network& network) { return network.contains(address); });
}

}  // namespace

ReceptionSession::ReceptionSession(Reception& reception, const ListenerOptions& listener,
                                   std::unique_ptr<Stream> stream)
    : reception_(reception),
      listener_(listener),
      stream_(std::move(stream)),
      client_(stream_->peer()),
      session_ends_(Clock::now() + listener.session_time),
      message_(reception.ports_) {}

ReceptionSession::~ReceptionSession() = default;

Task<> ReceptionSession::run() {
    // Counted from its first octet on: who does not send a header or shake hands holds a place too (row A16).
    const bool is_proxied = contains(listener_.proxy_networks, client_.address);
    auto refusal = take_place(is_proxied ? UINT32_MAX : listener_.connection_limit_per_address);
    if (is_proxied && refusal == ConnectionLedger::Refusal::none) {
        if (!co_await read_proxy_header()) co_return;
        ledger_entry_ = {};  // the balancer's place becomes the client's
        refusal = take_place(listener_.connection_limit_per_address);
    }
    if (listener_.implicit_tls) {
        // To say why would take the handshake, which is the cost that the limit is for.
        if (refusal != ConnectionLedger::Refusal::none) co_return note_refused_connection(*judge_connection(refusal));
        if (!co_await begins_with_tls() || !co_await start_tls()) co_return;
    }
    const bool repairs = contains(listener_.bare_newlines_from, client_.address);
    const smtp::TlsOffer tls = stream_->tls() != nullptr ? smtp::TlsOffer::active
                               : listener_.starttls      ? smtp::TlsOffer::starttls
                                                         : smtp::TlsOffer::none;
    session_.emplace(repairs ? listener_.session_for_old_devices : listener_.session, tls);
    if (draining_) {
        session_->refuse(replies::shutting_down());
    } else if (const auto refused = judge_connection(refusal)) {
        note_refused_connection(*refused);
        session_->refuse(*refused);
    } else {
        reception_.ports_.metrics.connections.add();
        session_->greet();
    }
    co_await converse();
}

ConnectionLedger::Refusal ReceptionSession::take_place(std::uint32_t limit_per_address) {
    ConnectionLedger::Refusal refusal{};
    ledger_entry_ = reception_.ports_.shared.ledger.add(listener_.name, client_.address, listener_.connection_limit,
                                                        limit_per_address, refusal);
    return refusal;
}

void ReceptionSession::note_refused_connection(const smtp::Reply& reply) {
    reception_.ports_.metrics.refused_connections.add();
    log_refusal("CONNECT", reply);
}

// A balancer in front tells the client's address first (PROXY protocol); it is believed only from listed networks.
Task<bool> ReceptionSession::read_proxy_header() {
    const Deadline until = Clock::now() + proxy_header_time;
    for (std::size_t known = 0;;) {
        const auto seen = co_await stream_->peek(smtp::proxy_header_limit_octets, known, until);
        if (!seen.has_value()) co_return false;
        const auto header = smtp::parse_proxy_header(*seen);
        if (header.state == smtp::ProxyState::complete) {
            stream_->skip(header.consumed);
            if (header.source) client_ = {.address = header.source->address, .port = header.source->port};
            co_return true;
        }
        if (header.state == smtp::ProxyState::invalid || Clock::now() >= until) {
            reception_.ports_.log.warning(
                "smtp.proxy_header_missing",
                {{"listener", listener_.name}, {"client", client_.text()}, {"problem", header.problem}});
            co_return false;
        }
        known = seen->size();  // the header comes in pieces
    }
}

// Plain text at a port for implicit TLS is told what is wrong in plain text, which is all that such a client can read.
Task<bool> ReceptionSession::begins_with_tls() {
    const auto seen = co_await stream_->peek(sniffed_octets, 0, Clock::now() + handshake_time);
    if (!seen.has_value() || !smtp::is_plain_text_at_tls_port(std::as_bytes(std::span(*seen)))) co_return true;
    stream_->skip(seen->size());
    keep_failure(LoginProblem::plain_text_at_tls_port);
    reception_.ports_.log.info("tls.handshake_failed",
                               {{"listener", listener_.name},
                                {"client", client_.text()},
                                {"problem",
                                 "plain text at a port for TLS: the client is set to STARTTLS or to no "
                                 "encryption; it must use SSL/TLS here or another port"}});
    std::string wire;
    smtp::append_wire(wire, make_reply(ReplyKey::plain_text_to_tls_port));
    const auto ignored = co_await stream_->write(wire, Clock::now() + goodbye_time);
    static_cast<void>(ignored);
    co_return false;
}

Task<bool> ReceptionSession::start_tls() {
    const auto info = co_await stream_->start_tls_server(Clock::now() + handshake_time);
    if (info.has_value()) co_return true;
    keep_failed_handshake(info.error());
    reception_.ports_.log.info(
        "tls.handshake_failed",
        {{"listener", listener_.name}, {"client", client_.text()}, {"problem", info.error().detail}});
    co_return false;
}

Task<bool> ReceptionSession::flush() {
    if (!session_->has_output()) co_return true;
    waiting_since_ = Clock::now();
    const std::string output = session_->take_output();
    const auto written =
        co_await stream_->write(output, std::min(Clock::now() + listener_.command_timeout, session_ends_));
    co_return written.has_value();
}

// Content may pause between any two blocks; a command must be whole in time, however its octets drip (row A16).
Deadline ReceptionSession::deadline() const {
    const Deadline due = session_->phase() == smtp::ServerPhase::content ? Clock::now() + listener_.data_timeout
                                                                         : waiting_since_ + listener_.command_timeout;
    return std::min({due, session_ends_, transaction_ends_});
}

// A client that sends one octet now and then would hold its place for hours (security row A16).
std::optional<std::string> ReceptionSession::too_slow() const {
    if (session_->phase() != smtp::ServerPhase::content || listener_.minimum_data_rate == 0) return std::nullopt;
    const auto elapsed = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - content_began_);
    if (elapsed < listener_.data_rate_grace) return std::nullopt;
    const Octets expected = listener_.minimum_data_rate * static_cast<Octets>(elapsed.count());
    if (session_->content_size() >= expected) return std::nullopt;
    return fmt::format("{} octets in {} s is too slow: at least {} octets a second are expected",
                       session_->content_size(), elapsed.count(), listener_.minimum_data_rate);
}

// Writes what is due and waits for the client. False: the connection is gone.
Task<bool> ReceptionSession::receive() {
    if (!co_await flush()) co_return false;
    waiting_ = true;
    const auto octets = co_await stream_->read(deadline());
    waiting_ = false;
    if (octets.has_value()) {
        session_->receive(*octets);
        if (const auto slow = too_slow()) session_->end(replies::timed_out(*slow));
        co_return true;
    }
    if (octets.error().kind != ErrorKind::timeout) {
        end_reason_ = octets.error().detail;
        co_return false;
    }
    session_->end(replies::timed_out(transaction_ends_ <= Clock::now() ? "the transaction took too long"
                                                                       : "nothing came from you for too long"));
    co_return true;
}

Task<> ReceptionSession::converse() {
    for (;;) {
        if (draining_ && !session_->in_transaction()) session_->end(replies::shutting_down());
        smtp::ServerStep step = session_->next();
        keep_mistake();
        if (std::holds_alternative<smtp::NeedBytes>(step)) {
            if (!co_await receive()) break;
        } else if (const auto* content = std::get_if<smtp::Content>(&step)) {
            take_content(as_text(content->octets));
        } else if (const auto* sender = std::get_if<smtp::JudgeSender>(&step)) {
            judge_sender(*sender);
        } else if (const auto* recipient = std::get_if<smtp::JudgeRecipient>(&step)) {
            co_await judge_recipient(*recipient);
        } else if (std::holds_alternative<smtp::BeginContent>(step)) {
            begin_content();
        } else if (std::holds_alternative<smtp::EndContent>(step)) {
            co_await end_content();
        } else if (std::holds_alternative<smtp::TransactionEnded>(step)) {
            forget_transaction();
        } else if (std::holds_alternative<smtp::StartTls>(step)) {
            if (!co_await flush() || !co_await start_tls()) break;
            session_->tls_started();
        } else if (auto* close = std::get_if<smtp::Close>(&step)) {
            end_reason_ = std::move(close->reason);
            co_await flush();
            break;
        } else {
            co_await converse_about_login(std::move(step));
        }
    }
    finish();
}

void ReceptionSession::finish() {
    stream_->close();
    forget_transaction();
    abandon_login();
    reception_.ports_.log.debug("smtp.closed", {{"listener", listener_.name},
                                                {"client", client_.text()},
                                                {"name", session_->client_name()},
                                                {"messages", accepted_messages_},
                                                {"reason", end_reason_}});
    if (accepted_messages_ == 0 && !end_reason_.empty() && end_reason_ != "QUIT")
        reception_.ports_.log.info("smtp.ended",
                                   {{"listener", listener_.name}, {"client", client_.text()}, {"reason", end_reason_}});
}

void ReceptionSession::drain() {
    draining_ = true;
    if (!waiting_ || session_->in_transaction()) return;  // converse() sees the flag
    session_->end(replies::shutting_down());
    reception_.ports_.shard.spawn(say_goodbye());
}

// The session's coroutine waits for octets that need not come: its stream is closed under it.
Task<> ReceptionSession::say_goodbye() {
    const std::string output = session_->take_output();
    const std::shared_ptr<Stream> stream = stream_;  // the session may end meanwhile
    const auto ignored = co_await stream->write(output, Clock::now() + goodbye_time);
    static_cast<void>(ignored);
    stream->close();
}

void ReceptionSession::log_refusal(std::string_view command, const smtp::Reply& reply) {
    log_refusal(command, session_ ? session_->envelope().reverse_path.text() : std::string(), reply);
}

void ReceptionSession::log_refusal(std::string_view command, const std::string& sender, const smtp::Reply& reply) {
    note_device_refusal(reply);
    reception_.ports_.log.info("smtp.refused", {{"listener", listener_.name},
                                                {"client", client_.text()},
                                                {"login", login_},
                                                {"command", command},
                                                {"from", sender},
                                                {"reply", reply.one_line()}});
}

}  // namespace relevo
