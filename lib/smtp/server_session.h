// The server's side of an SMTP conversation (RFC 5321 §3, §4), without I/O: octets in, steps out, octets to write.
//
//     session.receive(octets);
//     for (;;) {
//         ServerStep step = session.next();
//         … perform it, answer() where the step asks for a verdict …
//         write session.take_output() before waiting
//     }
//
// Any split of the incoming stream gives the same steps and the same output. Threads: none. The session never blocks,
// never reads a clock, never logs; it copies what it keeps.
#pragma once

#include "lib/base/octets.h"
#include "lib/mail/envelope.h"
#include "lib/smtp/reply.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace relevo::smtp {

enum class TlsOffer : std::uint8_t {
    none,      // no TLS on this listener
    starttls,  // offered, not yet on
    active,    // implicit, or after STARTTLS
};

// What to do with CR or LF that is not part of CRLF inside DATA (smuggling, security row A1).
enum class BareNewlines : std::uint8_t {
    refused,  // 550 5.6.11 after the end of data
    repaired  // each becomes CRLF; only for listed networks of old devices; "." alone still ends nothing but CRLF.CRLF
};

enum class Authentication : std::uint8_t { not_offered, offered, required };

// What a listener offers and bounds. Shared by its sessions; must outlive them.
struct ServerOptions {
    std::string host_name = "localhost";  // in the greeting, EHLO and HELP
    std::string greeting_text = "ESMTP Relevo";
    Authentication authentication = Authentication::not_offered;
    bool authentication_without_tls = false;
    bool tls_required = false;            // 530 5.7.0 to MAIL and AUTH before TLS
    std::vector<std::string> mechanisms;  // as EHLO lists them; those ending in -PLUS only with active TLS
    BareNewlines bare_newlines = BareNewlines::refused;
    bool offers_dsn = true;
    bool offers_chunking = true;
    bool offers_smtputf8 = true;
    bool offers_requiretls = false;
    Octets message_size_limit = 50 * mebibyte;
    std::uint32_t recipient_limit = 1000;            // per transaction; RFC 5321 §4.5.3.1.8 asks for at least 100
    std::uint32_t command_line_limit_octets = 2048;  // §4.5.3.1.4 says 512, more with extensions
    std::uint32_t auth_line_limit_octets = 12288;    // RFC 4954 §4
    std::uint32_t content_line_limit_octets =
        0;                            // 0: any length goes through; else 500 5.5.2 style refusal after the data
    std::uint32_t error_limit = 10;   // then 421 4.7.0 and close
    std::uint32_t command_limit = 0;  // 0: none; commands without progress (NOOP, RSET, VRFY…) per session
};

// --- steps
// -----------------------------------------------------------------------------------------------------------------------

struct NeedBytes {};  // write take_output(), then receive() more

// Write take_output(), drop what the peer sent in clear after STARTTLS (the session has dropped what it held), shake
// hands, then tls_started() or close.
struct StartTls {};

// AUTH began. Drive the mechanism: challenge() for the next round, or answer() to end it.
struct AuthenticationStarted {
    std::string mechanism;  // upper case, one of ServerOptions::mechanisms
    bool has_initial_response = false;
    std::string initial_response;  // decoded
};
struct AuthenticationResponse {
    std::string octets;
};  // decoded answer to challenge()
// The client sent "*", broke base 64 or exceeded the line limit; the session has replied. Drop the mechanism's state.
struct AuthenticationAborted {};

// EHLO or HELO arrived (after the session replied); for logs and for policies on the name.
struct Greeted {
    std::string name;
    bool extended = false;
};

struct JudgeSender {                 // answer() with 250 or a refusal
    const mail::Envelope* envelope;  // reverse_path, body, smtputf8, ret, envid are set
    Octets announced_size;           // SIZE=, 0 if none
    std::string authorization;       // AUTH= of MAIL (RFC 4954 §5), decoded; informational only
};
struct JudgeRecipient {
    const mail::Recipient* recipient;
};  // answer(); kept in the envelope if positive

// DATA, or the first BDAT. answer() positive to take content (for DATA the session then writes 354), else it is
// refused: after DATA the transaction stays, so that the client may try again; after BDAT it ends (TransactionEnded),
// and the answer goes out when the octets of the chunk are over.
struct BeginContent {};
// Decoded octets: dot-stuffing removed, exactly what goes on. Valid until the next call of the session.
struct Content {
    std::span<const std::byte> octets;
};
// All content arrived and was in order. answer() positive after the message is safe, else refused. envelope() is
// complete.
struct EndContent {};
// The transaction was abandoned or refused by the session itself (RSET, EHLO, QUIT, bare newlines, too large…): forget
// its content.
struct TransactionEnded {
    std::string reason;
};

// Write take_output() and close. `reason` is one line for the log.
struct Close {
    std::string reason;
};

using ServerStep =
    std::variant<NeedBytes, StartTls, AuthenticationStarted, AuthenticationResponse, AuthenticationAborted, Greeted,
                 JudgeSender, JudgeRecipient, BeginContent, Content, EndContent, TransactionEnded, Close>;

// What the peer is doing, for the time-outs of RFC 5321 §4.5.3.2 and for logs.
enum class ServerPhase : std::uint8_t { command, authentication, content };

// What a client is set up wrongly for, found by the session itself, which has told the client.
enum class ClientMistake : std::uint8_t {
    tls_at_plain_port,
    login_without_tls,
    mechanism_not_offered,
    sender_without_login,
};

class ServerSession {
 public:
    ServerSession(const ServerOptions& options, TlsOffer tls);
    ~ServerSession();
    ServerSession(ServerSession&&) noexcept;
    ServerSession& operator=(ServerSession&&) noexcept;

    // The banner: 220, or a refusal (554 5.7.1, 421 4.3.2 …), after which next() is Close (§3.1). Call once, first.
    void greet();
    void refuse(const Reply& reply);

    void receive(std::span<const std::byte> wire);
    [[nodiscard]] ServerStep next();
    // The verdict on the last step; `reply` goes out as it is, in the order of the commands. For AUTH, 235 ends it with
    // success. A verdict of 421 closes the session. Ignored after end().
    void answer(const Reply& reply);
    // During authentication: sends "334 " + base 64 of `octets`.
    void challenge(std::string_view octets);
    void tls_started();
    // Ends the session from our side: 421 4.3.2 (shutdown), 421 4.4.2 (time-out) …; next() is then Close.
    void end(const Reply& reply);

    // What to write before waiting again; empties it.
    [[nodiscard]] std::string take_output();
    [[nodiscard]] bool has_output() const;

    [[nodiscard]] const mail::Envelope& envelope() const;  // of the current transaction
    [[nodiscard]] mail::Envelope take_envelope();          // after EndContent
    [[nodiscard]] const std::string& client_name() const;  // of EHLO or HELO, empty before
    [[nodiscard]] bool is_extended() const;                // EHLO, not HELO
    [[nodiscard]] bool is_authenticated() const;
    [[nodiscard]] ServerPhase phase() const;
    [[nodiscard]] Octets content_size() const;  // octets of content taken so far in this transaction
    // In the middle of a transaction (MAIL accepted, not finished): an orderly stop lets it finish.
    [[nodiscard]] bool in_transaction() const;
    // The first mistake since the last call, if there was one.
    [[nodiscard]] std::optional<ClientMistake> take_mistake();
    // What the session holds now, buffers included: at most 1 KiB between transactions.
    [[nodiscard]] std::size_t memory_octets() const;

 private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace relevo::smtp
