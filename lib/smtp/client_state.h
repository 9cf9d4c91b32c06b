// The inside of ClientSession: what is awaited, and what each reply leads to. Included by its two sources alone:
// client_session.cc opens the conversation, client_transaction.cc transfers mail.
#pragma once

#include "lib/smtp/client_commands.h"
#include "lib/smtp/client_reply_reader.h"
#include "lib/smtp/client_session.h"
#include "lib/smtp/client_transcript.h"
#include "lib/smtp/data_encoder.h"

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace relevo::smtp {

struct ClientSession::State {
    // What next() waits for.
    enum class Activity : std::uint8_t {
        replies,  // to the commands in `expected`
        tls_handshake,
        mechanism,
        challenge,
        becoming_ready,  // ready, and not yet said: what the server says now can only answer the next command
        nothing,         // ready, and said
        content,
        transaction_end,  // shown once, then `becoming_ready` or `failed`
        failed,
        closed
    };
    struct Expected {
        ClientStage stage;
        std::size_t recipient = 0;  // of RCPT, and of an LMTP reply after the content
    };
    enum class Progress : std::uint8_t { waiting, taken, decided };  // `taken`: RCPT was accepted

    // The running transaction.
    struct Running {
        Transaction transaction;
        TransactionPlan plan;
        DataEncoder encoder;
        std::vector<Progress> progress;
        std::size_t next_recipient = 0;  // whose RCPT is not sent yet
        std::size_t taken = 0;
        bool mail_sent = false, mail_accepted = false, mail_refused = false, data_sent = false;
        bool content_begun = false;  // a piece was handed out
    };

    explicit State(ClientOptions given);

    ClientStep next();
    [[nodiscard]] ClientStage stage() const;
    void send(std::string_view command, Expected reply);

    // client_session.cc: the conversation as a whole.
    // Handles one reply, or finds that there is none; false: nothing more can be done without octets.
    bool advance();
    void handle(const Expected& awaited, Reply reply);
    void handle_hello(const Reply& reply);
    void handle_starttls(Reply reply);
    void handle_auth(Reply reply);
    void say_hello();
    void after_hello();
    void offer_authentication();
    // Ends the session; recipients not decided yet get `decision`.
    void fail(ClientStage where, const Reply& decision, Reply said, std::string detail);
    void fail_with(ClientStage where, Reply said);
    void fail_without_reply(ClientStage where, std::string detail);
    // The reply's first digit makes no sense at this stage: neither side knows any more what the next reply belongs to.
    void fail_unexpected(ClientStage where, Reply said);
    void lose_connection();

    // client_transaction.cc: one transaction.
    void begin(const Transaction& transaction);
    void handle_mail(const Reply& reply);
    void handle_rcpt(std::size_t recipient, const Reply& reply);
    void handle_data(const Reply& reply);
    void handle_end_of_data(const Expected& awaited, const Reply& reply);
    // Sends as many commands as may be under way, then sees whether the recipients are settled.
    void pump();
    [[nodiscard]] bool send_next_command();
    void settle_envelope();
    void decide(std::size_t recipient, ClientStage where, const Reply& reply);
    void decide_rest(ClientStage where, const Reply& reply);
    void content_sent();
    [[nodiscard]] std::string bdat_command() const;
    void end_transaction();

    ClientOptions options;
    ReplyReader reader;
    Transcript transcript;
    std::string output;
    std::deque<Expected> expected;
    Activity activity = Activity::replies;
    ServerExtensions extensions;
    SessionFailure failure;
    std::vector<RecipientResult> results;
    Running running;
    std::string challenge;
    std::string lost_reason;
    bool lost = false;
    bool in_transaction = false;
    bool tls_active = false;
    bool authenticated = false;
    bool said_helo = false;
    bool reset_due = false;  // the server may hold a half transaction: RSET goes first
    bool reports_taken = false;
};

}  // namespace relevo::smtp
