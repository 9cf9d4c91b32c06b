#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/smtp/server_session_state.h"

#include <algorithm>
#include <cassert>

namespace relevo::smtp {

// --- AUTH (RFC 4954)

bool ServerSession::State::offers_authentication() const {
    return options->authentication != Authentication::not_offered &&
           (tls == TlsOffer::active || (options->authentication_without_tls && !options->tls_required)) &&
           std::ranges::any_of(options->mechanisms, [&](const std::string& name) { return offers_mechanism(name); });
}

bool ServerSession::State::offers_mechanism(std::string_view name) const {
    if (name.ends_with("-PLUS") && tls != TlsOffer::active) return false;
    return std::ranges::find(options->mechanisms, name) != options->mechanisms.end();
}

std::string ServerSession::State::mechanism_list() const {
    std::string list;
    for (const std::string& name : options->mechanisms) {
        if (!offers_mechanism(name)) continue;
        if (!list.empty()) list += ' ';
        list += name;
    }
    return list;
}

std::optional<Reply> ServerSession::State::authentication_objection() const {
    if (options->authentication == Authentication::not_offered)
        return Reply{502, EnhancedStatus{5, 5, 1}, "AUTH is not offered here"};
    if (!extended) return Reply{503, EnhancedStatus{5, 5, 1}, "Send EHLO first"};
    if (tls != TlsOffer::active && options->tls_required)
        return Reply{530, EnhancedStatus{5, 7, 0},
                     "Must issue a STARTTLS command first: switch on STARTTLS/TLS in your client's security settings"};
    if (tls != TlsOffer::active && !options->authentication_without_tls)
        return Reply{538, EnhancedStatus{5, 7, 11},
                     "Encryption required for authentication: switch on STARTTLS/TLS in your client's security "
                     "settings"};
    if (authenticated) return Reply{503, EnhancedStatus{5, 5, 1}, "Already authenticated"};
    if (in_transaction) return Reply{503, EnhancedStatus{5, 5, 1}, "AUTH is not allowed inside a transaction"};
    return std::nullopt;
}

MaybeStep ServerSession::State::begin_authentication(const Command& command) {
    // The octets behind it may be answers to challenges that were not sent yet, or commands: neither is guessed.
    if (!input.empty()) {
        refuse_early_octets("AUTH");
        return std::nullopt;
    }
    if (const auto objection = authentication_objection()) {
        const bool wants_tls =
            tls != TlsOffer::active && (options->tls_required || !options->authentication_without_tls);
        if (extended && wants_tls) mistake = ClientMistake::login_without_tls;
        refuse_command(*objection);
        return std::nullopt;
    }
    std::string_view rest = command.argument;
    AuthenticationStarted started;
    started.mechanism = to_upper(take_word(rest));
    const bool malformed = started.mechanism.empty() || rest.find(' ') != std::string_view::npos;
    if (malformed) {
        refuse_command(501, {5, 5, 4}, "Syntax: AUTH mechanism [initial response]");
        return std::nullopt;
    }
    if (!offers_mechanism(started.mechanism)) {
        mistake = ClientMistake::mechanism_not_offered;
        refuse_command(
            504, {5, 5, 4},
            "Mechanism " + printable(started.mechanism, 40) + " is not offered; offered: " + mechanism_list());
        return std::nullopt;
    }
    started.has_initial_response = !rest.empty();
    if (started.has_initial_response && rest != "=") {  // RFC 4954 §4: "=" is an empty initial response
        auto decoded = decode_base64(rest);
        if (!decoded.has_value()) {
            refuse_command(501, {5, 5, 2}, "The initial response is not base 64");
            return std::nullopt;
        }
        started.initial_response = std::move(decoded).value();
    }
    mode = ServerMode::authentication;
    awaited = AwaitedVerdict::authentication;
    return started;
}

void ServerSession::State::challenge(std::string_view octets) {
    if (mode == ServerMode::closed) return;  // end() came between
    assert(awaited == AwaitedVerdict::authentication);
    awaited = AwaitedVerdict::none;
    if (!input.empty()) {
        abort_due = true;
        return refuse_early_octets("AUTH");
    }
    output.append("334 ").append(encode_base64(octets)).append("\r\n");
}

MaybeStep ServerSession::State::take_authentication_line() {
    const ServerInput::Line line = input.take_line(options->auth_line_limit_octets);
    using enum ServerInput::LineState;
    if (line.state == incomplete) return NeedBytes{};
    if (line.state == too_long) {
        abort_authentication(ServerMode::skipping_line, 500, {5, 5, 6},
                             "Authentication exchange line is too long: the limit is " +
                                 std::to_string(options->auth_line_limit_octets) + " octets");
        return std::nullopt;
    }
    if (!input.empty()) {
        abort_due = true;
        refuse_early_octets("AUTH");
        return std::nullopt;
    }
    if (line.state == bare_newline && options->bare_newlines == BareNewlines::refused) {
        abort_authentication(ServerMode::command, 500, {5, 5, 2}, "The line ends with a bare LF: end it with CRLF");
        return std::nullopt;
    }
    if (line.text == "*") {
        abort_authentication(ServerMode::command, 501, {5, 7, 0}, "Authentication cancelled, as you asked");
        return std::nullopt;
    }
    auto decoded = decode_base64(line.text);
    if (!decoded.has_value()) {
        abort_authentication(ServerMode::command, 501, {5, 5, 2}, "The response is not base 64");
        return std::nullopt;
    }
    awaited = AwaitedVerdict::authentication;
    return AuthenticationResponse{std::move(decoded).value()};
}

void ServerSession::State::abort_authentication(ServerMode next_mode, std::uint16_t code, EnhancedStatus status,
                                                std::string_view text) {
    abort_due = true;
    mode = next_mode;
    refuse_command(code, status, text);
}

void ServerSession::State::judge_authentication(const Reply& verdict) {
    mode = ServerMode::command;
    authenticated = verdict.is_positive();
    if (verdict.is_permanent())
        refuse_command(verdict);  // guessing passwords is an error like others
    else
        append_wire(output, verdict);
}

// --- STARTTLS (RFC 3207)

MaybeStep ServerSession::State::begin_tls(const Command& command) {
    if (refuses_argument(command)) return std::nullopt;
    if (tls == TlsOffer::none) {
        refuse_command(502, {5, 5, 1}, "STARTTLS is not offered here");
        return std::nullopt;
    }
    if (tls == TlsOffer::active || in_transaction) {
        refuse_command(
            503, {5, 5, 1},
            tls == TlsOffer::active ? "TLS is active already" : "STARTTLS is not allowed inside a transaction");
        return std::nullopt;
    }
    input.clear();  // octets that came in clear must never be read under TLS (security row A3)
    say(220, {2, 0, 0}, "Ready to start TLS");
    mode = ServerMode::handshake;
    awaited = AwaitedVerdict::tls;
    return StartTls{};
}

// RFC 3207 §4.2: "the server MUST discard any knowledge obtained from the client" before TLS.
void ServerSession::State::tls_started() {
    if (mode == ServerMode::closed) return;  // end() came between
    assert(mode == ServerMode::handshake);
    input.clear();
    awaited = AwaitedVerdict::none;
    client_name.clear();
    extended = false;
    authenticated = false;
    forget_transaction();
    tls = TlsOffer::active;
    mode = ServerMode::command;
}

}  // namespace relevo::smtp
