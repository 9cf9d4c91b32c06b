// Follows the event log: what happened is counted and made findable a second later, off the way of mail.
#pragma once

#include "core/events/event_tail.h"
#include "core/ports/committer.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/spool/message_facts.h"
#include "core/statistics/counter_book.h"
#include "core/statistics/recipient_log.h"
#include "core/statistics/tally.h"

#include <memory>
#include <mutex>

namespace relevo {

// Counters and recipients are kept in a database of their own, whose threads do all the work (decision 0018).
// Recipients are written with each batch; counters are gathered and written together with the cursor once in a while.
// After a crash the events behind the cursor are read again: what they say of recipients is the same again, and what
// they count was lost. Threads: the shard's, unless said otherwise.
class Statistics {
 public:
    static constexpr std::size_t batch_limit = 5'000;  // events of one transaction
    // Recipients of one transaction, by which messages with hundreds of them end it early; the last may go beyond.
    static constexpr std::size_t changes_limit = 20'000;
    static constexpr std::chrono::seconds interval{1};
    static constexpr std::chrono::seconds look_interval{60};
    // What is gathered is written by the first of these. After a crash as many events are read again.
    static constexpr std::chrono::minutes write_interval{5};
    static constexpr std::size_t events_limit = 200'000;
    static constexpr std::size_t sums_limit = 50'000;

    struct Ports {
        Shard& shard;
        Database& events;  // read by read_apart() alone
        Committer& book;   // of the other database: recipients, counters and cursor
        Log& log;
        Metrics& metrics;
        const Gauge* queue = nullptr;  // recipients that wait: looked at every look_interval, if there is one
    };
    explicit Statistics(Ports ports);

    // Takes what happened, every `interval`, until finish(). A store that fails is told once and asked again.
    Task<> run();
    // Ends run(), takes one batch more and writes all that is gathered; what is left is taken after the next start.
    // Call once.
    Task<> finish();
    enum class Counters : std::uint8_t { when_due, now };
    struct Taken {
        std::size_t events = 0;
        bool has_more = false;  // there may be more
    };
    // Takes one batch; `counters`: when those gathered are written. Errors: those of the stores; the batch is taken as
    // a whole or not at all.
    Task<Result<Taken>> take_batch(Counters counters = Counters::when_due);

    // What is gathered for that tenant and dimension and in no row of `book` yet. Threads: any; call it before
    // anything else is read by `book`, so that both are of one moment.
    [[nodiscard]] Result<CounterSums> unwritten(Reader& book, const CounterFilter& filter) const;

    // Removes what is too old. Errors: of the store.
    Task<Result<void>> keep_house(StatisticsKeeping keeping, std::int64_t first_kept_day, WallClock::time_point now);

 private:
    struct Batch {
        EventId cursor, last;  // the cursor as it was found, and the last event that was taken
        Taken taken;
        bool starts_over = false;  // behind the cursor: what was gathered is void
        bool has_written = false;
        Tally tally;
    };
    Result<void> take(Transaction& book, Batch& batch, Counters counters);
    Result<void> read(Reader& log, Transaction& book, Batch& batch);
    Result<CountedMail> mail_of(Reader& log, Transaction& book, const Event& event, const boost::json::value& detail);
    void look_at_queue(Tally& tally);
    void settle(Batch& batch);
    Task<> take_all();
    [[nodiscard]] bool is_due(const Batch& batch) const;

    Ports ports_;
    Counter& taken_count_;
    Gauge& behind_;
    Wakeup wakeup_;
    Wakeup ended_;
    bool is_running_ = false;
    bool is_finishing_ = false;
    bool has_failed_ = false;
    Deadline last_written_ = Clock::now();
    // The book's writer, while the shard waits for it:
    EventTail tail_{"statistics"};
    MessageFactsReader facts_;
    CounterBook counters_;
    RecipientWriter recipients_;
    LabelReader labels_;
    LabelWriter new_labels_;
    Deadline next_look_ = Clock::now();

    mutable std::mutex mutex_;  // what follows is changed by settle() and read by unwritten()
    bool has_begun_ = false;
    EventId cursor_;  // as written: the sums are of what follows it, up to taken_
    EventId taken_;
    std::size_t gathered_ = 0;  // events
    CounterSums sums_;
};

}  // namespace relevo
