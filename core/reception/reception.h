// Takes mail in: one coroutine per SMTP session, on the shard that accepted its connection.
#pragma once

#include "core/feedback/intake.h"
#include "core/feedback/suppression_keeper.h"
#include "core/lan/lan_book.h"
#include "core/policy/sending.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/ports/stream.h"
#include "core/reception/connection_ledger.h"
#include "core/reception/listener_options.h"
#include "core/reception/recipient_check.h"
#include "core/signing/message_signer.h"
#include "core/spool/spool.h"
#include "core/tenancy/directory.h"
#include "core/tenancy/failed_logins.h"
#include "core/tenancy/login_guard.h"
#include "core/tenancy/password_checker.h"
#include "core/tenancy/rate_limiter.h"
#include "core/tracking/tracker.h"
#include "core/verification/verification.h"

#include <atomic>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <unordered_set>

namespace relevo {

// What the sessions of all shards share. Each part is safe to use from any thread.
struct ReceptionShared {
    std::atomic<std::shared_ptr<const Directory>> directory;
    LoginGuard& guard;
    PasswordChecker& passwords;
    RateLimiter& rates;
    QuotaLedger& quotas;
    ConnectionLedger ledger;
    std::string decoy_secret;  // for SCRAM verifiers of unknown users; random per store, never shown
    // Whose mail relay listeners take from anybody.
    InboundDomains is_inbound;
    // The pools of egress sources that a tenant's messages may ask for by name; empty: none.
    std::function<std::vector<std::string>(TenantId)> pools_of = {};
    MessageSigner* signer = nullptr;                  // nothing: submissions go out unsigned
    LanBook* lan = nullptr;                           // nothing: no offices and no devices
    const SuppressionKeeper* suppressions = nullptr;  // nothing: nobody is suppressed
    const ConductLedger* conduct = nullptr;           // nothing: no tenant's mail is held for what it did
    // Mail that comes back to return paths; nothing: nobody has any.
    struct Feedback {
        const ReturnPaths* return_paths = nullptr;
        FeedbackIntake* intake = nullptr;
    };
    Feedback feedback{};
    Tracker* tracker = nullptr;             // nothing: no message is tracked
    FailedLogins* failed_logins = nullptr;  // nothing: nobody asks why
    // Records a login (address and time) in the background.
    std::function<void(CredentialId, const dns::IpAddress&, WallClock::time_point)> login_succeeded;
    // A message from outside was checked, and this was done with it.
    std::function<void(const Findings&, const dns::IpAddress& client, const mail::Envelope&, mailauth::DmarcPolicy)>
        message_checked;
    // Mail came in and is safe; called on its shard before it goes on its way.
    std::function<void(Shard&, const std::shared_ptr<const Message>&)> message_accepted;
};

struct ReceptionMetrics {
    explicit ReceptionMetrics(Metrics& metrics);
    Counter &connections, &refused_connections, &accepted, &accepted_octets, &refused_messages, &logins, &failed_logins,
        &quota_refused, &quota_delayed, &quota_warnings;
    Gauge& open_connections;
    Histogram& commit_seconds;  // end of data to reply
    // Counts what was found about a message from outside.
    void count(const Findings& findings);

 private:
    std::array<Counter*, 7> spf_;    // by SpfResult
    std::array<Counter*, 5> dmarc_;  // by DmarcResult
    std::array<Counter*, 7> dkim_;   // by DkimResult, each signature
};

// How a message comes in, as the history and the log tell it.
struct Arrival {
    Identity identity{};      // nobody: mail from outside
    std::string way{};        // the listener's name, or "http"
    Endpoint client{};        // the real one, if a PROXY header told it
    std::string name{};       // what the client calls itself
    std::string login{};      // of the credential, or the name of the key; empty: none
    std::string mechanism{};  // of the login
    std::string tls{};        // "TLSv1.3:TLS_AES_256_GCM_SHA384"; empty: none
    std::string host_name{};  // ours
};

struct AcceptedMessage {
    MessageId id;
    std::size_t recipients = 0;
    std::size_t suppressed = 0;  // of them, that get nothing
};

// Mail of a known sender that came whole, by another way than SMTP.
struct WholeMessage {
    Arrival arrival;
    mail::Envelope envelope;  // with a recipient or more
    std::string content;
    // Rows that belong into the transaction that accepts it; repeatable. What it returns as an error undoes all.
    std::function<Result<void>(Transaction&, const AcceptedMessage&)> also;
};

// Why a message was not taken: what a policy says about it, or about one of its recipients, or what the store says.
struct NotAccepted {
    Decision decision;
    std::optional<std::size_t> recipient;  // that it is about
    std::optional<Error> error;            // of the store; then there is no decision
};

class ReceptionSession;

// Threads: its shard's, except where it says otherwise.
class Reception {
 public:
    struct Ports {
        Shard& shard;
        Spool& spool;
        Log& log;
        ReceptionMetrics& metrics;
        MessageIdSource& ids;
        ReceptionShared& shared;
        Verifier& verifier;
        RecipientCheck& recipients;  // of submissions
        // What happens next with a message that is safe.
        std::function<void(std::shared_ptr<const Message>)> accepted;
    };
    explicit Reception(Ports ports) : ports_(std::move(ports)) {}

    // Runs a session on a fresh connection. `listener` must outlive it.
    void serve(const ListenerOptions& listener, std::unique_ptr<Stream> stream);
    // Judges, counts, signs and keeps a message by the same rules as one that comes by SMTP.
    Task<std::expected<AcceptedMessage, NotAccepted>> take(WholeMessage message);
    // Says 421 to idle clients; running transactions may finish. `done` is called when no session is left, or at the
    // deadline. Threads: any.
    void drain(Deadline deadline, std::function<void()> done);
    [[nodiscard]] std::size_t session_count() const { return sessions_.size(); }

 private:
    friend class ReceptionSession;
    Task<> run(const ListenerOptions& listener, std::unique_ptr<Stream> stream);
    Task<> wait_until_drained(Deadline deadline);
    Ports ports_;
    std::unordered_set<ReceptionSession*> sessions_;
    bool draining_ = false;
    std::function<void()> drained_;
};

}  // namespace relevo
