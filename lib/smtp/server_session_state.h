// The insides of ServerSession, shared by its sources: server_session.cc (steps and verdicts), _commands (greeting and
// small commands), _transaction (MAIL, RCPT), _content (DATA, BDAT), _authentication (AUTH, STARTTLS).
#pragma once

#include "lib/smtp/command.h"
#include "lib/smtp/data_decoder.h"
#include "lib/smtp/parameters.h"
#include "lib/smtp/server_session.h"
#include "lib/smtp/server_session_input.h"

#include <optional>
#include <string>

namespace relevo::smtp {

// What the next octets are.
enum class ServerMode : std::uint8_t {
    command,
    skipping_line,   // the rest of a line over the limit
    authentication,  // an answer to a challenge
    data,            // dot-stuffed content
    chunk,           // counted content
    content_end,     // none: the content is complete and handed out
    handshake,       // TLS, not for us
    closed
};

// Which verdict the driver owes the session.
enum class AwaitedVerdict : std::uint8_t { none, sender, recipient, data, chunk, message, authentication, tls };

// What a function that reads input leads to: a step to hand out, NeedBytes if it cannot go on, or nothing if it did
// its work and the session can go on by itself.
using MaybeStep = std::optional<ServerStep>;

struct ServerSession::State {
    State(const ServerOptions& session_options, TlsOffer offer) : options(&session_options), tls(offer) {}

    const ServerOptions* options;
    ServerInput input;
    std::string output;
    std::string client_name;
    std::string close_reason;
    mail::Envelope envelope;
    std::optional<mail::Recipient> recipient;  // being judged
    std::optional<Reply> content_refusal;      // the answer to this content or chunk, once its octets are over
    DataDecoder decoder;
    Octets content_size = 0;
    Octets chunk_remaining = 0;
    const char* ended_reason = nullptr;    // a TransactionEnded that is still to be handed out
    std::optional<ClientMistake> mistake;  // not asked for yet
    std::uint32_t errors = 0;
    std::uint32_t idle_commands = 0;
    TlsOffer tls;
    ServerMode mode = ServerMode::command;
    AwaitedVerdict awaited = AwaitedVerdict::none;
    bool extended = false;
    bool authenticated = false;
    bool in_transaction = false;
    bool has_chunks = false;   // BDAT began the content of this transaction
    bool last_chunk = false;   // the chunk that is arriving had LAST
    bool greeted_due = false;  // a Greeted that is still to be handed out
    bool abort_due = false;    // an AuthenticationAborted that is still to be handed out

    // server_session.cc
    [[nodiscard]] ServerStep next();
    [[nodiscard]] MaybeStep due();
    [[nodiscard]] MaybeStep go_on();
    void answer(const Reply& verdict);
    void say(std::uint16_t code, EnhancedStatus status, std::string_view text);
    // For what the protocol does not allow: counts, and ends the session with 421 at the limit.
    void refuse_command(const Reply& reply);
    void refuse_command(std::uint16_t code, EnhancedStatus status, std::string_view text);
    void close(std::string reason);
    void end_transaction(const char* reason);
    void forget_transaction();

    // server_session_commands.cc
    [[nodiscard]] MaybeStep take_command();
    [[nodiscard]] MaybeStep skip_line();
    [[nodiscard]] MaybeStep perform(const Command& command);
    [[nodiscard]] bool refuses_line(const ServerInput::Line& line, std::size_t limit_octets);
    void perform_small(const Command& command);
    void greet_client(const Command& command);
    [[nodiscard]] std::string extensions() const;
    [[nodiscard]] bool refuses_argument(const Command& command);
    [[nodiscard]] bool exceeds_idle_commands();
    void close_on_http();

    // server_session_transaction.cc
    [[nodiscard]] MaybeStep take_sender(const Command& command);
    [[nodiscard]] MaybeStep take_recipient(const Command& command);
    [[nodiscard]] std::optional<Reply> sender_objection() const;
    [[nodiscard]] ParameterRules rules() const;

    // server_session_content.cc
    [[nodiscard]] MaybeStep begin_data(const Command& command);
    [[nodiscard]] MaybeStep begin_chunk(const Command& command);
    [[nodiscard]] std::optional<Reply> content_objection() const;
    void judge_data(const Reply& verdict);
    void judge_chunk(const Reply& verdict);
    [[nodiscard]] MaybeStep take_data();
    [[nodiscard]] MaybeStep take_chunk();
    [[nodiscard]] MaybeStep end_chunk();
    [[nodiscard]] MaybeStep end_content();
    [[nodiscard]] MaybeStep hand_out(std::string_view content);
    void refuse_content(Reply reply, const char* reason);
    void answer_refused_content();
    // The peer went on without waiting for the answer that decides what its octets are (security row A4).
    void refuse_early_octets(std::string_view command);

    // server_session_authentication.cc
    [[nodiscard]] MaybeStep begin_authentication(const Command& command);
    [[nodiscard]] std::optional<Reply> authentication_objection() const;
    [[nodiscard]] bool offers_authentication() const;
    [[nodiscard]] bool offers_mechanism(std::string_view name) const;
    [[nodiscard]] std::string mechanism_list() const;
    [[nodiscard]] MaybeStep take_authentication_line();
    void abort_authentication(ServerMode next_mode, std::uint16_t code, EnhancedStatus status, std::string_view text);
    void judge_authentication(const Reply& verdict);
    void challenge(std::string_view octets);
    [[nodiscard]] MaybeStep begin_tls(const Command& command);
    void tls_started();
};

}  // namespace relevo::smtp
