// One SMTP session of a client: drives smtp::ServerSession over a stream and performs its steps.
#pragma once

#include "core/lan/token.h"
#include "core/policy/decision.h"
#include "core/ports/stream.h"
#include "core/reception/incoming_message.h"
#include "core/reception/listener_options.h"
#include "core/reception/reception.h"
#include "core/verification/verification.h"
#include "lib/mail/header_end.h"
#include "lib/mail/message.h"
#include "lib/sasl/mechanism.h"

#include <memory>
#include <optional>
#include <string>

namespace relevo {

// Threads: its shard's. Lives as long as its coroutine.
class ReceptionSession {
 public:
    ReceptionSession(Reception& reception, const ListenerOptions& listener, std::unique_ptr<Stream> stream);
    ~ReceptionSession();

    Task<> run();
    // The server stops: idle clients hear 421 and are closed, a running transaction may finish.
    void drain();

 private:
    // session.cc: the connection
    [[nodiscard]] ConnectionLedger::Refusal take_place(std::uint32_t limit_per_address);
    void note_refused_connection(const smtp::Reply& reply);
    Task<bool> read_proxy_header();
    Task<bool> begins_with_tls();
    Task<bool> start_tls();
    Task<> converse();
    Task<bool> flush();
    Task<bool> receive();
    Task<> say_goodbye();
    void finish();
    [[nodiscard]] Deadline deadline() const;
    [[nodiscard]] std::optional<std::string> too_slow() const;
    [[nodiscard]] std::string tls_text() const;
    void log_refusal(std::string_view command, const smtp::Reply& reply);
    void log_refusal(std::string_view command, const std::string& sender, const smtp::Reply& reply);

    // session_login.cc: AUTH
    Task<> converse_about_login(smtp::ServerStep step);
    Task<> start_authentication(const smtp::AuthenticationStarted& started);
    Task<> continue_authentication(const std::string& octets);
    Task<> authenticate(sasl::ServerMechanismStep step);
    Task<std::optional<sasl::ServerMechanismStep>> check_password(const sasl::CheckPassword& request);
    Task<std::optional<sasl::ServerMechanismStep>> enrol(std::string login, EnrolmentRequest request);
    [[nodiscard]] std::optional<sasl::ServerMechanismStep> give_verifier(const std::string& user);
    bool admit_login(const std::string& login);
    void answer_login(const smtp::Reply& reply);
    void finish_authentication(std::string login);  // a copy: the exchange is forgotten meanwhile
    void log_in(const Identity& identity, const Credential& credential, bool worth_recording);
    void refuse_authentication(const sasl::Failed& failed);
    void note_failed_login(std::string_view problem);
    void keep_failure(LoginProblem problem, std::string detail = {}, std::string login = {});
    void keep_failed_handshake(const Error& error);
    void keep_mistake();
    void abandon_login();

    // session_mail.cc: transactions
    [[nodiscard]] std::optional<smtp::Reply> judge_connection(ConnectionLedger::Refusal refusal);
    void judge_sender(const smtp::JudgeSender& step);
    Task<> judge_recipient(const smtp::JudgeRecipient& step);
    void begin_content();
    Task<> end_content();
    void take_content(std::string_view piece);
    Task<std::optional<smtp::Reply>> prepare_content();
    Task<smtp::Reply> take_message();
    [[nodiscard]] std::string received_field() const;
    [[nodiscard]] Arrival arrival() const;
    void forget_transaction();

    // session_feedback.cc: what comes back to return paths
    [[nodiscard]] std::optional<Decision> judge_feedback(const mail::Address& recipient);
    [[nodiscard]] bool has_room_for_feedback(std::size_t octets);
    Task<smtp::Reply> take_feedback();

    // session_lan.cc: devices of an office
    void note_device_refusal(const smtp::Reply& reply);

    // session_verification.cc: mail from outside
    void begin_verification();
    void follow_content(std::string_view piece);
    void begin_body(const mail::Header& header);
    Task<std::optional<smtp::Reply>> verify_content(const mail::Header& header);
    [[nodiscard]] std::string seal_of(const mail::Header& header, const mail::SubmissionFixes& fixes,
                                      const VerificationOptions& options, const Findings& findings);
    [[nodiscard]] mail::Utf8 utf8_of_message() const;
    void log_marked(std::string_view mark, std::string_view findings);

    Reception& reception_;
    const ListenerOptions& listener_;
    std::shared_ptr<Stream> stream_;  // shared with say_goodbye(), which may outlive the session
    std::optional<smtp::ServerSession> session_;
    ConnectionLedger::Entry ledger_entry_;
    Endpoint client_;  // the real one, if a PROXY header told it
    Deadline session_ends_;
    std::string end_reason_;
    bool draining_ = false;
    bool waiting_ = false;  // for the client: nothing else is under way

    Identity identity_;  // by credential or by network
    std::string login_;  // of the credential
    std::string mechanism_name_;
    std::unique_ptr<sasl::ServerMechanism> mechanism_;
    std::optional<std::string> attempted_login_;  // admitted by the guard, without a verdict yet
    std::optional<std::string> succeeded_login_;  // SCRAM's last message is under way

    IncomingMessage message_;
    Octets announced_size_ = 0;
    Deadline transaction_ends_ = no_deadline;
    Clock::duration recipient_time_left_{};  // for looking at recipients of this transaction in the DNS
    Deadline waiting_since_ = Clock::now();  // our last reply; what the client owes us counts from here
    Deadline content_began_;
    std::uint32_t accepted_messages_ = 0;

    std::optional<ReturnAddress> feedback_;  // the transaction's only recipient
    bool feedback_is_too_large_ = false;

    std::unique_ptr<MessageVerification> verification_;  // only while mail from outside arrives
    mail::HeaderEnd header_end_;                         // of that mail
    bool is_in_body_ = false;
};

}  // namespace relevo
