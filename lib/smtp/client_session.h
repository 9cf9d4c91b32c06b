// The client's side of an SMTP or LMTP conversation (RFC 5321 §3, RFC 2033), without I/O: octets in, steps out, octets
// to write. Pipelines (RFC 2920) and sends chunks (RFC 3030) where the server offers them. Any split of the incoming
// stream gives the same steps.
#pragma once

#include "lib/base/octets.h"
#include "lib/mail/envelope.h"
#include "lib/smtp/reply.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace relevo::smtp {

enum class Protocol : std::uint8_t { smtp, lmtp };

enum class ClientTls : std::uint8_t {
    never,          // do not use STARTTLS even if offered
    opportunistic,  // use it if offered (RFC 7435)
    required,       // fail if it is not offered: stage starttls, reply 550 5.7.10 by us
    active          // the connection is already TLS (implicit)
};

// What the server announced (RFC 5321 §4.1.1.1).
struct ServerExtensions {
    bool extended = false;  // EHLO worked
    bool starttls = false, pipelining = false, eight_bit_mime = false, smtputf8 = false, chunking = false,
         binary_mime = false, dsn = false, enhanced_status = false, require_tls = false;
    std::optional<Octets> size_limit;              // 0 means "no fixed limit", kept as nullopt
    std::vector<std::string> mechanisms;           // of AUTH, upper case
    std::optional<std::uint32_t> recipient_limit;  // LIMITS RCPTMAX (RFC 9422)
    std::optional<std::uint32_t> mail_limit;       // LIMITS MAILMAX
    bool size = false;                             // SIZE, with or without a limit (RFC 1870)
};

// What an EHLO or LHLO reply announces; unknown and malformed keywords are passed over.
[[nodiscard]] ServerExtensions parse_extensions(const Reply& reply);

struct ClientOptions {
    Protocol protocol = Protocol::smtp;
    std::string client_name;  // for EHLO: a fully qualified name or an address literal
    ClientTls tls = ClientTls::opportunistic;
    bool authenticate = false;                     // the driver supplies the mechanism when asked
    std::uint32_t reply_limit_octets = 64 * 1024;  // of one whole reply; more ends the session (security row B1)
};

// --- steps
// -----------------------------------------------------------------------------------------------------------------------

struct ClientNeedBytes {};  // write take_output(), then receive() more
struct ClientStartTls {
};  // the server said 220: shake hands, then tls_started(); octets received after the 220 were dropped
// The server offers these mechanisms: authenticate_with() one, or fail().
struct ClientChooseMechanism {
    const std::vector<std::string>* mechanisms;
};
struct ClientChallenge {
    std::string octets;
};  // decoded 334; answer with respond() or cancel_authentication()
// begin() a transaction, quit(), or keep the connection idle: next() then sees a server that closes (421).
struct ClientReady {};
// Write take_output() first, then the content: content_to_send() of the body, in the form that was agreed; then
// content_sent().
struct ClientSendContent {};
// The transaction is over. results[i] belongs to recipient i.
struct ClientTransactionDone {};
// The conversation cannot go on; the reason is in failure(). Close the connection.
struct ClientFailed {};
struct ClientClosed {};  // after quit(): 221 arrived, or the server closed

using ClientStep = std::variant<ClientNeedBytes, ClientStartTls, ClientChooseMechanism, ClientChallenge, ClientReady,
                                ClientSendContent, ClientTransactionDone, ClientFailed, ClientClosed>;

// The stage at which a reply came or a connection broke; also names the time-out in force (RFC 5321 §4.5.3.2).
enum class ClientStage : std::uint8_t {
    connect,
    greeting,
    ehlo,
    starttls,
    auth,
    mail,
    rcpt,
    data,
    content,
    end_of_data,
    rset,
    quit,
    idle
};
[[nodiscard]] std::string_view name_of(ClientStage stage);
// RFC 5321 §4.5.3.2: greeting 5 min, MAIL 5 min, RCPT 5 min, DATA 2 min, content block 3 min, end of data 10 min.
[[nodiscard]] std::chrono::seconds default_timeout(ClientStage stage);

// What the server said of one recipient, or of the message if the refusal came before or after RCPT. Two replies are
// ours: code 0 – none came (see failure()); 451 4.5.0 – the server's made no sense there, such as 250 to DATA
// (security row B1), and its text is quoted. Accepted or not at stage end_of_data with code 0: the whole content was
// sent, so the server may have taken it (RFC 1047).
struct RecipientResult {
    bool accepted = false;  // 2xx to the end of data (for LMTP, to this recipient's own reply)
    ClientStage stage = ClientStage::rcpt;
    Reply reply;  // the deciding reply
};

// Why the session failed. `reply` holds what the server said, if it said something.
struct SessionFailure {
    ClientStage stage = ClientStage::greeting;
    Reply reply;         // code 0: no reply (the connection broke, or the reply was not SMTP)
    std::string detail;  // for people
};

struct Transaction {
    const mail::Envelope* envelope = nullptr;  // reverse path and parameters; must live until the transaction is done
    std::vector<const mail::Recipient*> recipients;
    std::string_view content;  // whole, CRLF lines; must live until the transaction is done
};

// Content that needs no change on its way: write `prefix`, `content` and `terminator` in one gathered write.
struct DirectContent {
    std::string prefix;  // the BDAT command, or nothing
    std::string_view content;
    std::string_view terminator;  // ".\r\n", or nothing after BDAT
};

class ClientSession {
 public:
    explicit ClientSession(ClientOptions options);
    ~ClientSession();
    ClientSession(ClientSession&&) noexcept;
    ClientSession& operator=(ClientSession&&) noexcept;

    void receive(std::span<const std::byte> wire);
    [[nodiscard]] ClientStep next();
    [[nodiscard]] std::string take_output();
    [[nodiscard]] bool has_output() const;

    void tls_started();
    void authenticate_with(std::string_view mechanism, std::optional<std::string_view> initial_response);
    void respond(std::string_view octets);
    void cancel_authentication();
    // At ClientReady. Recipients over extensions().recipient_limit, and transactions over mail_limit, are the caller's
    // to split. What the server cannot take (size over its limit, 8-bit content without 8BITMIME, SMTPUTF8, BINARYMIME,
    // REQUIRETLS) is decided before anything is sent: TransactionDone at once, replies 5.3.4, 5.6.3, 5.6.7, 5.7.30 by
    // us.
    void begin(const Transaction& transaction);
    // At ClientSendContent: the octets to write, dot-stuffed and ended for DATA, or as BDAT chunks. `chunk_limit`
    // bounds one piece; an empty result means that all was handed out; then content_sent().
    [[nodiscard]] std::string next_content_piece(std::size_t chunk_limit);
    // At ClientSendContent, instead of next_content_piece(): the content without a copy, if it needs no stuffing;
    // nothing if it does or if a piece was handed out already. Then content_sent().
    [[nodiscard]] std::optional<DirectContent> content_as_is();
    void content_sent();
    // Also instead of an answer to ClientChooseMechanism or ClientChallenge.
    void quit();
    void connection_lost(
        std::string_view reason);  // then next() is ClientFailed, or ClientTransactionDone if a transaction ran

    [[nodiscard]] const std::vector<RecipientResult>& results() const;
    [[nodiscard]] const SessionFailure& failure() const;
    [[nodiscard]] const ServerExtensions& extensions() const;
    [[nodiscard]] ClientStage stage() const;
    // The server took over the reports on the recipients that it accepted (RFC 3461 §5.2.2): it offers DSN and was
    // given the parameters. False: they were dropped, and "relayed" reports are ours to send (§5.2.3).
    [[nodiscard]] bool dsn_relayed() const;
    // Commands and replies of this transaction as said on the wire, at most 16 KiB, secrets and content left out;
    // empties it.
    [[nodiscard]] std::string take_transcript();

 private:
    struct State;
    std::unique_ptr<State> state_;
};

// Dot-stuffs a whole content and ends it with CRLF.CRLF (RFC 5321 §4.5.2). A bare CR or LF in it becomes CRLF (security
// row A2). Empty content gives the dot alone.
[[nodiscard]] std::string encode_data(std::string_view content);

}  // namespace relevo::smtp
