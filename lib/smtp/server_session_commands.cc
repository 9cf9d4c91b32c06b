#include "lib/base/text.h"
#include "lib/smtp/server_session_state.h"
#include "lib/smtp/sniff.h"

#include <algorithm>

namespace relevo::smtp {
namespace {

constexpr std::size_t client_name_limit_octets = 255;  // RFC 5321 §4.5.3.1.2
constexpr std::size_t skipped_line_limit_octets = 1024 * 1024;
constexpr std::string_view tls_at_plain_port =
    "TLS ClientHello on a plain-text port: the client is set to SSL/TLS (implicit); it must use STARTTLS here or "
    "another port";

bool is_control(char c) { return (static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7f; }

// More than the grammar of RFC 5321 §4.1.3 allows, as clients send what their machine is called; but nothing that
// changes the meaning of a Received field or of a log line (security row A9).
bool is_client_name(std::string_view name) {
    constexpr std::string_view punctuation = "-._:[]/%+@#=~*!'&$?^|{}`";
    return name.size() <= client_name_limit_octets && is_utf8(name) &&
           std::ranges::all_of(name,
                               [&](char c) {
                                   return is_alpha(c) || is_digit(c) || punctuation.find(c) != std::string_view::npos ||
                                          static_cast<unsigned char>(c) >= 0x80;
                               }) &&
           printable(name, name.size()) == name;
}

}  // namespace

MaybeStep ServerSession::State::take_command() {
    if (tls != TlsOffer::active && classify(as_octets(input.view().substr(0, 2))) == FirstOctets::tls_client_hello) {
        mistake = ClientMistake::tls_at_plain_port;
        close(std::string(tls_at_plain_port));
        return std::nullopt;
    }
    // RFC 4954 §4: an initial response may need as much room as an answer to a challenge.
    const std::size_t limit_octets = starts_with_ignoring_case(input.view(), "AUTH ")
                                         ? std::max(options->auth_line_limit_octets, options->command_line_limit_octets)
                                         : options->command_line_limit_octets;
    const ServerInput::Line line = input.take_line(limit_octets);
    if (line.state == ServerInput::LineState::incomplete) return NeedBytes{};
    if (refuses_line(line, limit_octets)) return std::nullopt;
    return perform(parse_command(line.text));
}

bool ServerSession::State::refuses_line(const ServerInput::Line& line, std::size_t limit_octets) {
    if (line.state == ServerInput::LineState::too_long) {
        mode = ServerMode::skipping_line;
        if (parse_command(line.text).verb == Verb::http)
            close_on_http();
        else
            refuse_command(500, {5, 5, 6}, "Line too long: the limit is " + std::to_string(limit_octets) + " octets");
        return true;
    }
    if (line.state == ServerInput::LineState::bare_newline && options->bare_newlines == BareNewlines::refused) {
        if (parse_command(line.text).verb == Verb::http)
            close_on_http();
        else
            refuse_command(500, {5, 5, 2}, "The line ends with a bare LF: end commands with CRLF");
        return true;
    }
    if (std::ranges::any_of(line.text, is_control)) {
        refuse_command(500, {5, 5, 2}, "Control characters in a command: it must be one line of text ended by CRLF");
        return true;
    }
    return false;
}

MaybeStep ServerSession::State::skip_line() {
    if (input.skip_line()) {
        mode = ServerMode::command;
        return std::nullopt;
    }
    if (input.skipped_octets() < skipped_line_limit_octets) return NeedBytes{};
    say(421, {4, 7, 0}, "A line without an end, closing");
    close("a line without an end");
    return std::nullopt;
}

MaybeStep ServerSession::State::perform(const Command& command) {
    switch (command.verb) {
        case Verb::mail: return take_sender(command);
        case Verb::rcpt: return take_recipient(command);
        case Verb::data: return begin_data(command);
        case Verb::bdat: return begin_chunk(command);
        case Verb::auth: return begin_authentication(command);
        case Verb::starttls: return begin_tls(command);
        case Verb::http: close_on_http(); return std::nullopt;
        case Verb::helo:
        case Verb::ehlo: greet_client(command); return std::nullopt;
        case Verb::unknown:
            refuse_command(500, {5, 5, 1}, "Command not recognised: " + printable(command.word, 60));
            return std::nullopt;
        case Verb::rset:
        case Verb::noop:
        case Verb::quit:
        case Verb::vrfy:
        case Verb::expn:
        case Verb::help: perform_small(command); return std::nullopt;
    }
    return std::nullopt;
}

void ServerSession::State::perform_small(const Command& command) {
    if (command.verb != Verb::quit && exceeds_idle_commands()) return;
    switch (command.verb) {
        case Verb::rset:
            if (refuses_argument(command)) return;
            end_transaction("RSET");
            return say(250, {2, 0, 0}, "Reset");
        case Verb::quit:
            if (refuses_argument(command)) return;
            say(221, {2, 0, 0}, options->host_name + " closing the connection");
            return close("QUIT");
        case Verb::vrfy:
            if (command.argument.empty()) return refuse_command(501, {5, 5, 4}, "Syntax: VRFY address");
            return say(252, {2, 5, 0}, "Addresses are not verified here: send the message and see");
        case Verb::expn: return refuse_command(502, {5, 5, 1}, "EXPN is not offered");
        case Verb::help:
            return say(214, {2, 0, 0},
                       "Commands: EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT AUTH STARTTLS VRFY HELP\n"
                       "They are explained in RFC 5321; this is " +
                           options->host_name);
        default: return say(250, {2, 0, 0}, "Ok");  // NOOP, whose argument means nothing (RFC 5321 §4.1.1.9)
    }
}

bool ServerSession::State::refuses_argument(const Command& command) {
    if (command.argument.empty()) return false;
    refuse_command(501, {5, 5, 4}, to_upper(command.word) + " takes no argument");
    return true;
}

bool ServerSession::State::exceeds_idle_commands() {
    if (options->command_limit == 0 || ++idle_commands <= options->command_limit) return false;
    say(421, {4, 7, 0}, "More than " + std::to_string(options->command_limit) + " commands that send no mail, closing");
    close("too many commands that send no mail");
    return true;
}

// A browser can be made to send SMTP in the body of a request; it never gets that far (security row A5).
void ServerSession::State::close_on_http() {
    say(500, {5, 5, 1}, "This is SMTP, not HTTP, closing");
    close("HTTP request on an SMTP port");
}

void ServerSession::State::greet_client(const Command& command) {
    const bool is_ehlo = command.verb == Verb::ehlo;
    if (command.argument.empty() || !is_client_name(command.argument)) {
        return refuse_command(501, {5, 5, 4},
                              std::string("Syntax: ") + (is_ehlo ? "EHLO" : "HELO") +
                                  " name, with the domain name or [address] of your machine");
    }
    // RFC 5321 §4.1.4: EHLO later in the session clears all buffers, as RSET does.
    end_transaction(is_ehlo ? "EHLO" : "HELO");
    client_name = command.argument;
    extended = is_ehlo;
    greeted_due = true;
    append_wire(output, {250, std::nullopt, is_ehlo ? options->host_name + extensions() : options->host_name});
}

std::string ServerSession::State::extensions() const {
    std::string lines = "\nPIPELINING\nSIZE ";
    lines += std::to_string(options->message_size_limit);
    lines += "\n8BITMIME\nENHANCEDSTATUSCODES";
    if (tls == TlsOffer::starttls) lines += "\nSTARTTLS";
    if (offers_authentication()) lines.append("\nAUTH ").append(mechanism_list());
    if (options->offers_dsn) lines += "\nDSN";
    if (options->offers_chunking) lines += "\nCHUNKING\nBINARYMIME";
    if (options->offers_smtputf8) lines += "\nSMTPUTF8";
    // RFC 8689 §2: offered only under TLS.
    if (options->offers_requiretls && tls == TlsOffer::active) lines += "\nREQUIRETLS";
    lines.append("\nLIMITS RCPTMAX=").append(std::to_string(options->recipient_limit));
    return lines;
}

}  // namespace relevo::smtp
