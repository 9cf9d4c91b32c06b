#include "lib/smtp/client_session.h"

#include "lib/base/base64.h"
#include "lib/base/octets.h"
#include "lib/base/text.h"
#include "lib/smtp/client_state.h"

#include <cassert>
#include <utility>

namespace relevo::smtp {
namespace {

constexpr std::uint16_t closing_channel = 421;  // RFC 5321 §3.8: may answer any command

std::uint16_t digit_of(const Reply& reply) { return static_cast<std::uint16_t>(reply.code / 100); }

// RFC 5321 §4.2.1 by first digit: 1 is in no use, 2 done, 3 go on, 4 and 5 no.
bool makes_sense(ClientStage stage, std::uint16_t digit) {
    if (digit == 4 || digit == 5) return true;
    if (stage == ClientStage::data) return digit == 3;
    if (stage == ClientStage::auth) return digit == 2 || digit == 3;
    return digit == 2;
}

// RFC 5321 §4.1.4, §4.2.4: the server knows no EHLO, or not with this argument.
bool means_no_ehlo(std::uint16_t code) {
    return code == 500 || code == 501 || code == 502 || code == 504 || code == 550;
}

std::string stage_text(ClientStage stage) { return std::string(name_of(stage)); }

}  // namespace

std::string_view name_of(ClientStage stage) {
    switch (stage) {
        case ClientStage::connect: return "connect";
        case ClientStage::greeting: return "greeting";
        case ClientStage::ehlo: return "EHLO";
        case ClientStage::starttls: return "STARTTLS";
        case ClientStage::auth: return "AUTH";
        case ClientStage::mail: return "MAIL";
        case ClientStage::rcpt: return "RCPT";
        case ClientStage::data: return "DATA";
        case ClientStage::content: return "content";
        case ClientStage::end_of_data: return "end of data";
        case ClientStage::rset: return "RSET";
        case ClientStage::quit: return "QUIT";
        case ClientStage::idle: return "idle";
    }
    return "unknown";
}

std::chrono::seconds default_timeout(ClientStage stage) {
    using std::chrono::minutes;
    switch (stage) {
        case ClientStage::connect: return minutes(1);
        case ClientStage::data: return minutes(2);
        case ClientStage::content: return minutes(3);
        case ClientStage::end_of_data: return minutes(10);
        case ClientStage::quit: return std::chrono::seconds(10);
        case ClientStage::greeting:
        case ClientStage::ehlo:
        case ClientStage::starttls:
        case ClientStage::auth:
        case ClientStage::mail:
        case ClientStage::rcpt:
        case ClientStage::rset:
        case ClientStage::idle: break;
    }
    return minutes(5);
}

ClientSession::State::State(ClientOptions given)
    : options(std::move(given)),
      reader(options.reply_limit_octets),
      expected{{ClientStage::greeting}},
      tls_active(options.tls == ClientTls::active) {}

ClientStage ClientSession::State::stage() const {
    switch (activity) {
        case Activity::replies: return expected.front().stage;
        case Activity::tls_handshake: return ClientStage::starttls;
        case Activity::mechanism:
        case Activity::challenge: return ClientStage::auth;
        case Activity::content: return ClientStage::content;
        case Activity::becoming_ready:
        case Activity::nothing:
        case Activity::transaction_end: return ClientStage::idle;
        case Activity::failed: return failure.stage;
        case Activity::closed: break;
    }
    return ClientStage::quit;
}

void ClientSession::State::send(std::string_view command, Expected reply) {
    output.append(command).append("\r\n");
    expected.push_back(reply);
}

ClientStep ClientSession::State::next() {
    while (advance()) {
    }
    switch (activity) {
        case Activity::replies: break;
        case Activity::tls_handshake: return ClientStartTls{};
        case Activity::mechanism: return ClientChooseMechanism{&extensions.mechanisms};
        case Activity::challenge: return ClientChallenge{challenge};
        case Activity::becoming_ready: activity = Activity::nothing; return ClientReady{};
        case Activity::nothing: return ClientReady{};
        case Activity::content: return ClientSendContent{};
        case Activity::transaction_end:
            activity = failure.detail.empty() ? Activity::becoming_ready : Activity::failed;
            return ClientTransactionDone{};
        case Activity::failed: return ClientFailed{};
        case Activity::closed: return ClientClosed{};
    }
    return ClientNeedBytes{};
}

bool ClientSession::State::advance() {
    const bool listens = activity == Activity::replies || activity == Activity::nothing;
    const bool over =
        activity == Activity::failed || activity == Activity::closed || activity == Activity::transaction_end;
    // Content goes out undisturbed by an early reply; if the connection breaks, that reply tells why.
    if (over || (!listens && !lost)) return false;
    Result<std::optional<Reply>> reply = reader.take();
    const ClientStage where = stage();
    if (!reply.has_value()) {
        fail_without_reply(where, stage_text(where) + ": " + reply.error().detail);
        return true;
    }
    if (!reply->has_value()) {
        if (lost) lose_connection();
        return lost;
    }
    Reply said = std::move(**reply);
    const bool secret = where == ClientStage::auth && digit_of(said) == 3;
    secret ? transcript.add_secret_reply(said) : transcript.add_reply(said);
    if (activity != Activity::replies) {
        said.is_positive() || where == ClientStage::idle ? fail_unexpected(where, std::move(said))
                                                         : fail_with(where, std::move(said));
        return true;
    }
    const Expected awaited = expected.front();
    expected.pop_front();
    handle(awaited, std::move(said));
    return true;
}

void ClientSession::State::handle(const Expected& awaited, Reply reply) {
    if (awaited.stage == ClientStage::quit) {
        activity = Activity::closed;
        return;
    }
    if (reply.code == closing_channel) return fail_with(awaited.stage, std::move(reply));
    if (!makes_sense(awaited.stage, digit_of(reply))) return fail_unexpected(awaited.stage, std::move(reply));
    switch (awaited.stage) {
        case ClientStage::greeting:
            return reply.is_positive() ? say_hello() : fail_with(awaited.stage, std::move(reply));
        case ClientStage::ehlo: return handle_hello(reply);
        case ClientStage::starttls: return handle_starttls(std::move(reply));
        case ClientStage::auth: return handle_auth(std::move(reply));
        case ClientStage::rset:
            // RSET cannot fail (RFC 5321 §4.1.1.5), and its refusal says nothing about the mail.
            return reply.is_positive() ? pump() : fail_unexpected(awaited.stage, std::move(reply));
        case ClientStage::mail: return handle_mail(reply);
        case ClientStage::rcpt: return handle_rcpt(awaited.recipient, reply);
        case ClientStage::data: return handle_data(reply);
        case ClientStage::end_of_data: return handle_end_of_data(awaited, reply);
        case ClientStage::connect:
        case ClientStage::content:
        case ClientStage::quit:
        case ClientStage::idle: break;
    }
    assert(false && "no command is sent at these stages");
}

void ClientSession::State::fail(ClientStage where, const Reply& decision, Reply said, std::string detail) {
    failure = {.stage = where, .reply = std::move(said), .detail = std::move(detail)};
    expected.clear();
    reader.discard();
    if (!in_transaction) {
        activity = Activity::failed;
        return;
    }
    decide_rest(where, decision);
    end_transaction();
}

void ClientSession::State::fail_with(ClientStage where, Reply said) {
    std::string detail = stage_text(where) + ": the server said " + said.one_line();
    const Reply decision = said;
    fail(where, decision, std::move(said), std::move(detail));
}

void ClientSession::State::fail_without_reply(ClientStage where, std::string detail) {
    fail(where, Reply{}, Reply{}, std::move(detail));
}

void ClientSession::State::fail_unexpected(ClientStage where, Reply said) {
    std::string detail = "unexpected reply at " + stage_text(where) + ": " + said.one_line();
    if (said.code == closing_channel) return fail_with(where, std::move(said));
    fail(where, Reply{.code = 451, .status = EnhancedStatus{4, 5, 0}, .text = detail}, std::move(said), detail);
}

void ClientSession::State::lose_connection() {
    const ClientStage where = stage();
    if (where == ClientStage::quit) {
        activity = Activity::closed;
        return;
    }
    fail_without_reply(where, stage_text(where) + ": " + lost_reason);
}

void ClientSession::State::say_hello() {
    const std::string_view verb = options.protocol == Protocol::lmtp ? "LHLO " : said_helo ? "HELO " : "EHLO ";
    const std::string command = std::string(verb) + options.client_name;
    transcript.add_command(command);
    send(command, {ClientStage::ehlo});
}

void ClientSession::State::handle_hello(const Reply& reply) {
    if (reply.is_positive()) {
        if (said_helo)
            extensions = {};
        else
            extensions = parse_extensions(reply);
        return after_hello();
    }
    if (options.protocol == Protocol::lmtp || said_helo || !means_no_ehlo(reply.code))
        return fail_with(ClientStage::ehlo, reply);
    said_helo = true;
    say_hello();
}

void ClientSession::State::after_hello() {
    if (tls_active || options.tls == ClientTls::never) return offer_authentication();
    if (extensions.starttls) {
        transcript.add_command("STARTTLS");
        return send("STARTTLS", {ClientStage::starttls});
    }
    if (options.tls != ClientTls::required) return offer_authentication();
    const Reply ours{.code = 550, .status = EnhancedStatus{5, 7, 10}, .text = "TLS is required here"};
    fail(ClientStage::starttls, ours, ours, "TLS is required here, and the server does not offer STARTTLS");
}

void ClientSession::State::handle_starttls(Reply reply) {
    if (reply.is_positive()) {
        // Whatever came behind the 220 was written by somebody on the way, or is useless (NO STARTTLS, security row
        // B2).
        reader.discard();
        activity = Activity::tls_handshake;
        return;
    }
    if (options.tls == ClientTls::required) return fail_with(ClientStage::starttls, std::move(reply));
    offer_authentication();
}

void ClientSession::State::offer_authentication() {
    if (!options.authenticate || authenticated) {
        activity = Activity::becoming_ready;
        return;
    }
    if (extensions.mechanisms.empty())
        return fail_without_reply(ClientStage::auth, "the server does not offer AUTH, and we are to log in");
    activity = Activity::mechanism;
}

void ClientSession::State::handle_auth(Reply reply) {
    if (reply.is_transient() || reply.is_permanent()) return fail_with(ClientStage::auth, std::move(reply));
    if (digit_of(reply) == 2) {
        authenticated = true;
        activity = Activity::becoming_ready;
        return;
    }
    Result<std::string> octets = decode_base64(trimmed(reply.text));
    if (!octets.has_value()) return fail_unexpected(ClientStage::auth, std::move(reply));
    challenge = std::move(*octets);
    activity = Activity::challenge;
}

ClientSession::ClientSession(ClientOptions options) : state_(std::make_unique<State>(std::move(options))) {}
ClientSession::~ClientSession() = default;
ClientSession::ClientSession(ClientSession&&) noexcept = default;
ClientSession& ClientSession::operator=(ClientSession&&) noexcept = default;

void ClientSession::receive(std::span<const std::byte> wire) {
    // Between 220 and the handshake nothing in clear counts.
    if (state_->activity == State::Activity::tls_handshake) return;
    state_->reader.receive(as_text(wire));
}

ClientStep ClientSession::next() { return state_->next(); }
std::string ClientSession::take_output() { return std::exchange(state_->output, {}); }
bool ClientSession::has_output() const { return !state_->output.empty(); }

void ClientSession::tls_started() {
    assert(state_->activity == State::Activity::tls_handshake);
    // RFC 3207 §4.2: "The client MUST discard any knowledge obtained from the server".
    state_->extensions = {};
    state_->said_helo = false;
    state_->tls_active = true;
    state_->activity = State::Activity::replies;
    state_->say_hello();
}

void ClientSession::authenticate_with(std::string_view mechanism, std::optional<std::string_view> initial_response) {
    assert(state_->activity == State::Activity::mechanism);
    std::string command = "AUTH " + std::string(mechanism);
    state_->transcript.add_command(initial_response ? command + " ***" : command);
    // RFC 4954 §4: an initial response of no octets is "=".
    if (initial_response)
        command.append(" ").append(initial_response->empty() ? "=" : encode_base64(*initial_response));
    state_->activity = State::Activity::replies;
    state_->send(command, {ClientStage::auth});
}

void ClientSession::respond(std::string_view octets) {
    assert(state_->activity == State::Activity::challenge);
    state_->transcript.add_command("***");
    state_->activity = State::Activity::replies;
    state_->send(encode_base64(octets), {ClientStage::auth});
}

void ClientSession::cancel_authentication() {
    assert(state_->activity == State::Activity::challenge);
    state_->transcript.add_command("*");
    state_->activity = State::Activity::replies;
    state_->send("*", {ClientStage::auth});
}

void ClientSession::begin(const Transaction& transaction) { state_->begin(transaction); }

std::string ClientSession::next_content_piece(std::size_t chunk_limit) {
    assert(state_->activity == State::Activity::content);
    State::Running& running = state_->running;
    std::string piece;
    if (!running.content_begun) piece = state_->bdat_command();
    running.content_begun = true;
    piece += running.encoder.next(chunk_limit > piece.size() ? chunk_limit - piece.size() : 0);
    return piece;
}

std::optional<DirectContent> ClientSession::content_as_is() {
    assert(state_->activity == State::Activity::content);
    State::Running& running = state_->running;
    if (running.content_begun || !running.encoder.is_plain()) return std::nullopt;
    running.content_begun = true;
    return DirectContent{.prefix = state_->bdat_command(),
                         .content = running.encoder.content(),
                         .terminator = running.encoder.terminator()};
}

void ClientSession::content_sent() {
    assert(state_->activity == State::Activity::content);
    state_->content_sent();
}

void ClientSession::quit() {
    if (state_->activity == State::Activity::failed || state_->activity == State::Activity::closed) return;
    assert(!state_->in_transaction);
    state_->transcript.add_command("QUIT");
    state_->expected.clear();
    state_->activity = State::Activity::replies;
    state_->send("QUIT", {ClientStage::quit});
}

void ClientSession::connection_lost(std::string_view reason) {
    state_->lost = true;
    if (state_->lost_reason.empty()) state_->lost_reason = reason.empty() ? "connection lost" : reason;
}

const std::vector<RecipientResult>& ClientSession::results() const { return state_->results; }
const SessionFailure& ClientSession::failure() const { return state_->failure; }
const ServerExtensions& ClientSession::extensions() const { return state_->extensions; }
ClientStage ClientSession::stage() const { return state_->stage(); }
bool ClientSession::dsn_relayed() const { return state_->reports_taken; }
std::string ClientSession::take_transcript() { return state_->transcript.take(); }

}  // namespace relevo::smtp
