// Who becomes suppressed: the rules, applied to what servers said and to what came back.
#pragma once

#include "core/feedback/suppression.h"
#include "core/feedback/suppression_index.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/spool/spool.h"
#include "lib/bounces/bounce_class.h"

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <span>
#include <string>

namespace relevo {

// What a submission with a suppressed recipient hears.
enum class SuppressedRecipient : std::uint8_t {
    dropped,  // nothing: the message is accepted, and this recipient becomes an event `suppressed`
    refused,  // 550 to RCPT
};

struct SuppressionOptions {
    SuppressedRecipient recipients = SuppressedRecipient::dropped;
    bool hard_bounces = true;        // the first hard bounce suppresses
    std::uint32_t soft_bounces = 5;  // so many messages that came back for passing reasons do; 0: never
    std::chrono::seconds soft_bounce_period = std::chrono::days(14);
    // 0: for ever
    std::chrono::seconds keep_hard_bounces{0};
    std::chrono::seconds keep_soft_bounces = std::chrono::days(30);
    std::chrono::seconds keep_complaints{0};
    std::chrono::seconds keep_unsubscribes{0};
};

// What is known of a message that came back, for the rules.
struct BounceFacts {
    TenantId tenant;
    MessageId message;
    std::string recipient;  // in any spelling; what is no address is passed over
    bounces::BounceClass kind = bounces::BounceClass::unknown;
    bounces::BounceNature nature = bounces::BounceNature::soft;
    std::string said;
};

// Threads: options and the index any; what gets a Transaction, the committer's.
class SuppressionKeeper {
 public:
    // `events`: every row that comes or goes is one, in its transaction.
    SuppressionKeeper(SuppressionIndex& index, Committer& committer, EventWriter& events, Log& log, Metrics& metrics,
                      std::shared_ptr<const SuppressionOptions> options);

    void set_options(std::shared_ptr<const SuppressionOptions> options) { options_ = std::move(options); }
    [[nodiscard]] std::shared_ptr<const SuppressionOptions> options() const { return options_.load(); }
    [[nodiscard]] const SuppressionIndex& index() const { return index_; }

    // Recipients of a submission that get nothing, with what the timeline will say of each. What memory says is looked
    // up in the store: a row that is gone withholds nothing.
    Task<Result<std::vector<Withheld>>> withheld_of(TenantId tenant, mail::Envelope envelope) const;
    // The same of one recipient, for Spool::Rules.
    Result<std::optional<std::string>> withhold(Reader& reader, TenantId tenant, const mail::Address& address) const;

    // Adds a row, tells the index and the log. `expires_at` of complaints and the like is set by the rules.
    Result<SuppressionChange> add(Transaction& transaction, Suppression suppression, WallClock::time_point now);
    // The same for many, with one line in the log.
    struct Counts {
        std::int64_t added = 0, replaced = 0, kept = 0;
    };
    Result<Counts> import(Transaction& transaction, std::span<const Suppression> suppressions,
                          WallClock::time_point now);
    // A person takes an address off the list. The caller tells the index when it is written. Errors: not_found.
    Result<void> remove(Transaction& transaction, TenantId tenant, const std::string& address,
                        WallClock::time_point now);
    // A hard bounce suppresses, soft ones are counted, a block says nothing about the address.
    Result<void> bounced(Transaction& transaction, const BounceFacts& bounce, WallClock::time_point now);
    // For Spool::Rules: a delivery ended for good without being delivered. Reports of ours, whose sender is null, say
    // nothing about whom the tenant writes to.
    Result<void> ended(Transaction& transaction, const Message& message, const DeliveryOutcome& outcome);
    // Once a minute.
    Result<void> forget_old(Transaction& transaction, WallClock::time_point now);

 private:
    Result<SuppressionChange> add_quietly(Transaction& transaction, Suppression& suppression,
                                          WallClock::time_point now);
    Result<void> tell_deleted(Transaction& transaction, TenantId tenant, const std::string& address,
                              std::string_view because, WallClock::time_point now);
    [[nodiscard]] WallClock::time_point expiry_of(SuppressionReason reason, WallClock::time_point now) const;

    SuppressionIndex& index_;
    Committer& committer_;
    EventWriter& events_;
    Log& log_;
    std::atomic<std::shared_ptr<const SuppressionOptions>> options_;
    std::array<Counter*, 6> added_{};  // by reason
};

// The detail of an event `suppressed`.
[[nodiscard]] std::string suppressed_detail(std::string_view recipient, const Suppression& suppression);

}  // namespace relevo
