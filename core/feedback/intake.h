// Mail that came back, from its arrival to what follows: events of the message, suppression, a copy for its sender.
#pragma once

#include "core/feedback/conduct.h"
#include "core/feedback/mail_reader.h"
#include "core/feedback/matching.h"
#include "core/feedback/return_paths.h"
#include "core/feedback/suppression_keeper.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/spool/spool.h"

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace relevo {

struct FeedbackOptions {
    Octets message_limit = 2 * mebibyte;  // larger mail to a return path is refused
    bool pass_on = true;                  // reports and answers go on to whom the message was from
    std::vector<std::string> addresses;   // comparable: mail to them is delivered as any other, and read too
    std::size_t events_of_message = 100;  // more that comes back about one message is passed over
    std::string unsubscribe_url;          // base of the links of List-Unsubscribe, without final slash; empty: none
};

// Threads: any; a coroutine runs on its caller's shard.
class FeedbackIntake {
 public:
    struct Ports {
        Spool& spool;
        Committer& committer;
        SuppressionKeeper& suppressions;
        ConductLedger& conduct;
        const ReturnPaths& return_paths;
        Log& log;
        Metrics& metrics;
        MailReader::Patterns patterns;
    };
    FeedbackIntake(Ports ports, std::shared_ptr<const FeedbackOptions> options);

    void set_options(std::shared_ptr<const FeedbackOptions> options) { options_ = std::move(options); }
    [[nodiscard]] std::shared_ptr<const FeedbackOptions> options() const { return options_.load(); }

    struct Arrival {
        ReturnAddress to;
        std::shared_ptr<const std::string> content;
        std::string sender;              // of the envelope; "": null
        MessageIdSource* ids = nullptr;  // the shard's
    };
    // Completes when what follows is durable. Returns mail to be sent. What is about no message of ours is passed over.
    // Errors: as Spool::accept().
    Task<Result<std::vector<std::shared_ptr<const Message>>>> take(Arrival arrival);
    // A message was accepted; reads it if it came to one of the addresses. Threads: the shard's.
    [[nodiscard]] bool is_wanted(const Message& message) const;
    Task<> look_into(std::shared_ptr<const Message> message);
    // A wish that a token proves, from a web page or by mail. False: the address was on the list already. Errors:
    // not_found – the message is forgotten, so nobody knows whom it went to.
    Task<Result<bool>> unsubscribe(Token token, std::string_view how);

 private:
    struct Known {
        SentMessage message;
        FeedbackProof proof = FeedbackProof::token;
    };
    Task<Result<std::vector<std::shared_ptr<const Message>>>> apply(Known known, const bounces::BounceMail& mail,
                                                                    std::vector<Submission> mails);
    Task<std::optional<Known>> find(const ReadFeedback& read);
    Result<void> suppress(Transaction& transaction, const SentMessage& message, const FeedbackFinding& finding,
                          WallClock::time_point now);
    [[nodiscard]] std::vector<Submission> copies_for(const SentMessage& message, const Arrival& arrival,
                                                     const bounces::BounceMail& mail) const;
    void tell(const SentMessage& message, const FeedbackFinding& finding);
    void pass_over(std::string_view message, std::string_view reason);

    Ports ports_;
    std::atomic<std::shared_ptr<const FeedbackOptions>> options_;
    std::array<Counter*, 6> taken_{};  // by kind of event, from `bounced`
    Counter& passed_over_;
    MailReader reader_;  // last: it ends first
};

}  // namespace relevo
