// A message from the moment that its content is announced until it is durable: what every way in does alike with it.
#pragma once

#include "core/policy/decision.h"
#include "core/reception/control_headers.h"
#include "core/reception/reception.h"
#include "lib/mail/message.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Threads: its shard's. What is counted for a message that is not kept is given back at its end.
class IncomingMessage {
 public:
    explicit IncomingMessage(Reception::Ports& ports) : ports_(ports) {}
    ~IncomingMessage() { forget(); }
    IncomingMessage(const IncomingMessage&) = delete;
    IncomingMessage& operator=(const IncomingMessage&) = delete;

    // Counts the message of a known sender in its rate and its quotas, with all its recipients, and names it. A
    // refusal, or nothing. `announced_size`: 0 if the client does not tell.
    [[nodiscard]] std::optional<Decision> begin(const Arrival& arrival, const mail::Envelope& envelope,
                                                Octets announced_size);
    [[nodiscard]] MessageId id() const { return id_; }
    // Our trace field, before anything else.
    void set_received_field(std::string field);
    void append(std::string_view piece);
    // What the client sent, without the field that we put in front.
    [[nodiscard]] std::string_view arrived() const { return std::string_view(content_).substr(received_octets_); }
    // Puts `prefix` before our trace field and applies the fixes to the rest.
    void apply(std::string prefix, const mail::SubmissionFixes& fixes);
    [[nodiscard]] std::string take_content() { return std::exchange(content_, {}); }

    // What the header of any message asks of delivery. `header`: of arrived().
    void heed(const mail::Header& header);
    // Judges the content of a known sender and makes it what will leave: fixed, without control fields, signed. A
    // refusal, or nothing. `header`: of arrived().
    [[nodiscard]] std::optional<Decision> prepare(const Arrival& arrival, const mail::Envelope& envelope,
                                                  mail::Header header);
    // What was found about mail from outside, as JSON, and who sealed it.
    void set_authentication(std::string json) { authentication_ = std::move(json); }
    void set_sealed_by(std::string name) { sealed_by_ = std::move(name); }

    struct Kept {
        std::shared_ptr<const Message> message;
        std::size_t recipients = 0;
        std::size_t suppressed = 0;  // of them, that get nothing
    };
    // Makes the message durable, with the rows of `also` in the same transaction, and sends it on its way. Errors: as
    // Spool::accept(); they are logged.
    Task<Result<Kept>> keep(const Arrival& arrival, mail::Envelope envelope,
                            std::function<Result<void>(Transaction&, const AcceptedMessage&)> also = {});

    // Gives back what was counted for a message that was not kept.
    void forget();
    [[nodiscard]] const std::optional<LanOrigin>& lan_origin() const { return lan_origin_; }

 private:
    [[nodiscard]] std::optional<Decision> judge_conduct(TenantId tenant, WallClock::time_point now);
    [[nodiscard]] std::optional<Decision> take_of_quotas(const Identity& identity, const mail::Envelope& envelope,
                                                         WallClock::time_point now);
    void tell_of_quotas(const Directory& directory, const QuotaLedger::Verdict& verdict);
    [[nodiscard]] std::expected<ControlHeaders, Decision> take_control_headers(const Directory& directory,
                                                                               const Identity& identity,
                                                                               const mail::Header& header);
    [[nodiscard]] bool track(const Directory& directory, const Identity& identity, const mail::Envelope& envelope,
                             const mail::Header& header, std::optional<Tracked> asked);
    [[nodiscard]] std::optional<Decision> schedule(std::optional<WallClock::time_point> send_at,
                                                   WallClock::time_point now);
    void mark_device(const Identity& identity, mail::SubmissionFixes& fixes, const mail::Header& header);
    [[nodiscard]] std::string unsubscribe_fields(const Identity& identity, const mail::Envelope& envelope,
                                                 const mail::Header& header) const;
    [[nodiscard]] std::string signature_of(const Directory& directory, const Identity& identity,
                                           const mail::Header& header, const mail::SubmissionFixes& fixes,
                                           WallClock::time_point now);
    [[nodiscard]] std::string origin_of(const Arrival& arrival, const mail::Envelope& envelope) const;
    Task<Result<std::vector<Withheld>>> suppressed_recipients(TenantId tenant, const mail::Envelope& envelope);
    [[nodiscard]] std::function<Result<void>(Transaction&)> rows_of(
        const Identity& identity, const Submission& submission, std::function<Result<void>(Transaction&)> also) const;
    void log_not_stored(const Arrival& arrival, const Error& problem);

    Reception::Ports& ports_;
    MessageId id_;
    std::string content_;  // the Received field, then what arrived
    std::size_t received_octets_ = 0;
    std::optional<StreamedBody> body_;  // if it will be signed
    mail::MessageStream stream_ = mail::MessageStream::transactional;
    std::string pool_;           // that the message asks for
    bool tls_optional_ = false;  // its header says so
    std::string subject_;        // as people read it
    MessageLabels labels_;
    std::string signed_by_;
    std::vector<TrackedLink> links_;  // of the message, to be written with it
    std::string tracking_;            // JSON, for the event; empty: it is not tracked
    std::string sealed_by_;
    std::string authentication_;  // JSON; empty if nothing was checked
    std::optional<LanOrigin> lan_origin_;
    std::optional<std::pair<SenderKey, WallClock::time_point>> rate_taken_;
    std::vector<Quota> quotas_;  // in which the message is counted
    std::uint32_t recipients_counted_ = 0;
    WallClock::time_point quotas_taken_at_;
    WallClock::time_point not_before_;  // the epoch: it may go at once
    std::string waits_for_;
    std::optional<WallClock::time_point> send_at_;  // that it asks for, and that lies ahead
    std::string held_because_;
};

// RCPT of a known sender whose tenant's list has the recipient, where such recipients are refused. Nothing: it may be.
[[nodiscard]] std::optional<Decision> judge_suppression(const ReceptionShared& shared, TenantId tenant,
                                                        const mail::Address& recipient);

}  // namespace relevo
