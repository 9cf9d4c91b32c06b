// Checks a message while it arrives: SPF from MAIL on, DKIM and ARC over the octets as they stream, DMARC at the end.
#pragma once

#include "core/ports/resolver.h"
#include "core/verification/findings.h"
#include "lib/mail/envelope.h"
#include "lib/mail/message.h"
#include "lib/mailauth/arc_sealer.h"

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace relevo {

// Whether mail from outside is sealed before it goes on (RFC 8617).
enum class Sealing : std::uint8_t { off, on };

struct VerificationOptions {
    std::string authserv_id;                     // RFC 8601 §2.5: our name in Authentication-Results
    std::vector<dns::Network> trusted_networks;  // our own servers in front of us: their mail is not checked here
    std::vector<std::string> trusted_sealers;    // domains whose ARC seals count as local policy; A-labels
    Handling handling;                           // for domains that chose nothing of their own
    Sealing sealing = Sealing::off;
    // For everything that asks the DNS; a quarter of it is kept for DMARC, and no question takes more than a third of
    // what is left.
    std::chrono::milliseconds time_limit{20'000};
};

// Who sends, as far as the session knows at MAIL.
struct ArrivingMail {
    dns::IpAddress client;
    std::string client_name;  // argument of EHLO or HELO
    mail::ReversePath sender;
    mail::BodyType body = mail::BodyType::seven_bit;
};

// One message under way. Threads: its shard's.
class MessageVerification {
 public:
    MessageVerification(Shard& shard, Resolver& resolver, std::shared_ptr<const VerificationOptions> options,
                        ArrivingMail arriving);
    ~MessageVerification();
    MessageVerification(const MessageVerification&) = delete;
    MessageVerification& operator=(const MessageVerification&) = delete;

    // The header section, once; then the body, in pieces of any size. The octets are not kept.
    void header(const mail::Header& header);
    void body(std::string_view octets);
    // Waits for what is still unknown, at most the time limit. Call once, after header().
    Task<Findings> finish();
    // After finish(): what has hashed the message and can seal it; nothing if the options want no seals. Call once.
    [[nodiscard]] std::optional<mailauth::ArcSealer> take_sealer();

 private:
    struct Sender;
    struct Streams;
    static Task<> check_sender(std::shared_ptr<Sender> sender);
    static Task<> check_name(std::shared_ptr<Sender> sender);
    Shard& shard_;
    Resolver& resolver_;
    std::shared_ptr<const VerificationOptions> options_;
    std::shared_ptr<Sender> sender_;  // with the coroutines that ask about it, which may outlive this
    std::unique_ptr<Streams> streams_;
};

// Threads: one per shard; set_options() any.
class Verifier {
 public:
    Verifier(Shard& shard, Resolver& resolver, std::shared_ptr<const VerificationOptions> options)
        : shard_(shard), resolver_(resolver), options_(std::move(options)) {}
    // nullptr: mail from there is not checked.
    [[nodiscard]] std::unique_ptr<MessageVerification> begin(ArrivingMail arriving);
    [[nodiscard]] std::shared_ptr<const VerificationOptions> options() const { return options_.load(); }
    // For messages that begin later.
    void set_options(std::shared_ptr<const VerificationOptions> options) { options_ = std::move(options); }

 private:
    Shard& shard_;
    Resolver& resolver_;
    std::atomic<std::shared_ptr<const VerificationOptions>> options_;
};

// Adds to what is removed the fields of others that claim to be ours: Authentication-Results in our name and our mark.
// For mail from outside, and for what tenants submit: neither comes from a server that we trust (RFC 8601 §5, security
// row C4).
void remove_claims_to_be_ours(mail::SubmissionFixes& fixes, const mail::Header& header, std::string_view content,
                              std::string_view authserv_id);

// What goes on top of an arrived message and what must go out of it: our Authentication-Results, our mark; fields of
// others that claim to be either.
[[nodiscard]] mail::SubmissionFixes fixes_for_arrival(const mail::Header& header, std::string_view content,
                                                      const VerificationOptions& options, const Findings& findings,
                                                      mail::Utf8 utf8, const std::optional<std::string>& marked);

// What a seal of ours says about an arrived message.
[[nodiscard]] mailauth::ArcSealRequest seal_request(const VerificationOptions& options, const Findings& findings,
                                                    mail::Utf8 utf8, WallClock::time_point now);

// The field that carries the mark, for filters behind us: "X-Relevo-Quarantine: dmarc=fail header.from=example.com …".
inline constexpr std::string_view quarantine_field = "X-Relevo-Quarantine";

}  // namespace relevo
