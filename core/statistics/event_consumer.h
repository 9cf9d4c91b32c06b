// Follows the event log: what happened is counted and made findable a few seconds later, off the way of mail.
#pragma once

#include "core/events/event.h"
#include "core/ports/committer.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/spool/message_facts.h"
#include "core/statistics/counter_book.h"
#include "core/statistics/recipient_log.h"
#include "core/statistics/tally.h"

#include <memory>

namespace relevo {

// Threads: the shard's.
class EventConsumer {
 public:
    static constexpr std::size_t batch_limit = 1'000;  // events in one transaction: mail waits for it meanwhile
    static constexpr std::chrono::seconds interval{2};

    struct Ports {
        Shard& shard;
        Committer& committer;
        Log& log;
        Metrics& metrics;
    };
    explicit EventConsumer(Ports ports);

    // Takes what happened, every `interval`, until finish(). A store that fails is told once and asked again.
    Task<> run();
    // Ends run(), and takes what happened until now. Call once.
    Task<> finish();
    // Takes one batch. Returns how many events it had: batch_limit means that there may be more. Errors: those of the
    // store; the batch is taken as a whole or not at all.
    Task<Result<std::size_t>> take_batch();

 private:
    struct Batch {
        EventId before, last;  // the cursor as it was, and as it will be
        std::size_t events = 0;
        Tally tally;
    };
    Result<void> read(Reader& reader, Batch& batch);
    Result<void> write(Transaction& transaction, const Batch& batch);
    Task<> take_all();

    Ports ports_;
    Counter& taken_;
    Gauge& behind_;
    Wakeup wakeup_;
    Wakeup ended_;
    bool is_running_ = false;
    bool is_finishing_ = false;
    bool has_failed_ = false;
    // The reader's thread:
    EventReader events_;
    MessageFactsReader facts_;
    // The committer's:
    CounterBook counters_;
    RecipientWriter recipients_;
};

}  // namespace relevo
