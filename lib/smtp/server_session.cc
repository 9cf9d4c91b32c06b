#include "lib/smtp/server_session.h"

#include "lib/smtp/server_session_state.h"

#include <cassert>
#include <utility>

namespace relevo::smtp {

// --- the state

ServerStep ServerSession::State::next() {
    assert(awaited == AwaitedVerdict::none);  // answer() the last step first
    for (;;) {
        if (auto step = due()) return std::move(*step);
        if (mode == ServerMode::closed) {
            input.clear();
            return Close{close_reason};
        }
        if (auto step = go_on()) {
            if (std::holds_alternative<NeedBytes>(*step)) input.release();
            return std::move(*step);
        }
    }
}

// What happened since the last step, in the order in which a driver has to know it.
MaybeStep ServerSession::State::due() {
    if (ended_reason != nullptr) return TransactionEnded{std::exchange(ended_reason, nullptr)};
    if (std::exchange(abort_due, false)) return AuthenticationAborted{};
    if (std::exchange(greeted_due, false)) return Greeted{client_name, extended};
    return std::nullopt;
}

MaybeStep ServerSession::State::go_on() {
    switch (mode) {
        case ServerMode::command: return take_command();
        case ServerMode::skipping_line: return skip_line();
        case ServerMode::authentication: return take_authentication_line();
        case ServerMode::data: return take_data();
        case ServerMode::chunk: return take_chunk();
        case ServerMode::content_end: return end_content();
        case ServerMode::handshake:
        case ServerMode::closed: break;
    }
    return NeedBytes{};
}

void ServerSession::State::answer(const Reply& verdict) {
    const AwaitedVerdict question = std::exchange(awaited, AwaitedVerdict::none);
    if (mode == ServerMode::closed) return;  // end() came between
    assert(question != AwaitedVerdict::none && question != AwaitedVerdict::tls);
    switch (question) {
        case AwaitedVerdict::sender:
            append_wire(output, verdict);
            in_transaction = verdict.is_positive();
            if (!in_transaction) forget_transaction();
            break;
        case AwaitedVerdict::recipient:
            append_wire(output, verdict);
            if (verdict.is_positive()) envelope.recipients.push_back(std::move(*recipient));
            recipient.reset();
            break;
        case AwaitedVerdict::message:
            append_wire(output, verdict);
            forget_transaction();
            break;
        case AwaitedVerdict::data: judge_data(verdict); break;
        case AwaitedVerdict::chunk: judge_chunk(verdict); break;
        case AwaitedVerdict::authentication: judge_authentication(verdict); break;
        case AwaitedVerdict::tls:
        case AwaitedVerdict::none: break;
    }
    // RFC 5321 §3.8: after 421 the server closes.
    if (verdict.code == 421 && mode != ServerMode::closed) close(verdict.one_line());
}

void ServerSession::State::say(std::uint16_t code, EnhancedStatus status, std::string_view text) {
    append_wire(output, Reply{code, status, std::string(text)});
}

void ServerSession::State::refuse_command(const Reply& reply) {
    ++errors;
    if (options->error_limit == 0 || errors < options->error_limit) {
        append_wire(output, reply);
        return;
    }
    say(421, {4, 7, 0}, "Too many errors, closing; the last one: " + reply.one_line());
    close("too many errors; the last one: " + reply.one_line());
}

void ServerSession::State::refuse_command(std::uint16_t code, EnhancedStatus status, std::string_view text) {
    refuse_command(Reply{code, status, std::string(text)});
}

void ServerSession::State::close(std::string reason) {
    end_transaction("the session ends");
    close_reason = std::move(reason);
    mode = ServerMode::closed;
}

void ServerSession::State::end_transaction(const char* reason) {
    if (in_transaction) ended_reason = reason;
    forget_transaction();
}

void ServerSession::State::forget_transaction() {
    in_transaction = false;
    has_chunks = false;
    content_size = 0;
    envelope = {};
}

// --- the session

ServerSession::ServerSession(const ServerOptions& options, TlsOffer tls)
    : state_(std::make_unique<State>(options, tls)) {}
ServerSession::~ServerSession() = default;
ServerSession::ServerSession(ServerSession&&) noexcept = default;
ServerSession& ServerSession::operator=(ServerSession&&) noexcept = default;

void ServerSession::greet() {
    append_wire(state_->output, {220, std::nullopt, state_->options->host_name + ' ' + state_->options->greeting_text});
}

void ServerSession::refuse(const Reply& reply) { end(reply); }

void ServerSession::receive(std::span<const std::byte> wire) {
    // What comes in clear behind STARTTLS must never be read as if it came under TLS (security row A3).
    if (state_->mode == ServerMode::handshake || state_->mode == ServerMode::closed) return;
    state_->input.append(wire);
}

ServerStep ServerSession::next() { return state_->next(); }
void ServerSession::answer(const Reply& reply) { state_->answer(reply); }
void ServerSession::challenge(std::string_view octets) { state_->challenge(octets); }
void ServerSession::tls_started() { state_->tls_started(); }

void ServerSession::end(const Reply& reply) {
    State& state = *state_;
    if (state.mode == ServerMode::closed) return;
    append_wire(state.output, reply);
    state.close(reply.one_line());
    state.ended_reason = nullptr;
    state.abort_due = false;
    state.greeted_due = false;
    state.awaited = AwaitedVerdict::none;
}

std::string ServerSession::take_output() { return std::exchange(state_->output, std::string()); }
bool ServerSession::has_output() const { return !state_->output.empty(); }

const mail::Envelope& ServerSession::envelope() const { return state_->envelope; }
mail::Envelope ServerSession::take_envelope() { return std::exchange(state_->envelope, mail::Envelope{}); }
const std::string& ServerSession::client_name() const { return state_->client_name; }
bool ServerSession::is_extended() const { return state_->extended; }
bool ServerSession::is_authenticated() const { return state_->authenticated; }
Octets ServerSession::content_size() const { return state_->content_size; }

ServerPhase ServerSession::phase() const {
    switch (state_->mode) {
        case ServerMode::authentication: return ServerPhase::authentication;
        case ServerMode::data:
        case ServerMode::chunk:
        case ServerMode::content_end: return ServerPhase::content;
        case ServerMode::command:
        case ServerMode::skipping_line:
        case ServerMode::handshake:
        case ServerMode::closed: break;
    }
    return ServerPhase::command;
}

std::optional<ClientMistake> ServerSession::take_mistake() { return std::exchange(state_->mistake, std::nullopt); }
bool ServerSession::in_transaction() const { return state_->in_transaction || phase() == ServerPhase::content; }

std::size_t ServerSession::memory_octets() const {
    return sizeof(State) + state_->input.capacity() + state_->output.capacity() + state_->client_name.capacity() +
           state_->close_reason.capacity() + state_->envelope.recipients.capacity() * sizeof(mail::Recipient);
}

}  // namespace relevo::smtp
