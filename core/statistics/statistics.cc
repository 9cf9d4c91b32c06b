#include "core/statistics/statistics.h"

#include "lib/base/text.h"
#include "lib/json/json.h"

#include <algorithm>
#include <unordered_map>

namespace relevo {

Statistics::Statistics(Ports ports)
    : ports_(ports),
      taken_count_(
          ports_.metrics.counter("relevo_statistics_events_total", "Events counted for statistics and search")),
      behind_(ports_.metrics.gauge("relevo_statistics_delay_seconds",
                                   "Time since the newest event of the last batch, if more events wait; else 0")),
      wakeup_(ports_.shard),
      ended_(ports_.shard) {}

namespace {

// What a batch has of each message that was accepted in it.
class Arrivals {
 public:
    explicit Arrivals(const std::vector<Event>& events) {
        for (const Event& event : events) {
            if (event.kind == EventKind::accepted) {
                first_ = ended_.empty() ? event.message : std::min(first_, event.message);
                last_ = std::max(last_, event.message);
                ended_.try_emplace(event.message.value, 0);
            } else if (ends_delivery(event) && event.ordinal >= 0) {
                if (const auto arrival = ended_.find(event.message.value); arrival != ended_.end()) ++arrival->second;
            }
        }
    }
    [[nodiscard]] MessageId first() const { return first_; }
    [[nodiscard]] MessageId last() const { return last_; }
    [[nodiscard]] std::size_t size() const { return ended_.size(); }
    // Whether nothing of it waits any more: then there is no need to look.
    [[nodiscard]] bool has_ended(MessageId message, std::uint32_t recipients) const {
        const auto arrival = ended_.find(message.value);
        return arrival != ended_.end() && arrival->second >= recipients;
    }

 private:
    // What a recipient has once.
    static bool ends_delivery(const Event& event) {
        return event.kind == EventKind::delivered || event.kind == EventKind::failed ||
               event.kind == EventKind::expired;
    }
    MessageId first_, last_;
    std::unordered_map<std::int64_t, std::uint32_t> ended_;  // recipients, by message
};

}  // namespace

// `event`: its first one in a batch.
Result<CountedMail> Statistics::mail_of(Reader& log, Transaction& book, const Event& event,
                                        const boost::json::value& detail) {
    CountedMail mail{.facts = std::nullopt, .mail = nullptr, .is_new = event.kind == EventKind::accepted};
    RELEVO_TRY(mail.facts, facts_.of(log, event.message));
    FoundMail found{.message = event.message,
                    .tenant = event.tenant,
                    .sender = mail.facts ? to_lower(mail.facts->sender) : std::string(),
                    .labels = {}};
    if (mail.is_new) {
        found.labels = labels_of(detail);
        if (!found.labels.is_empty()) RELEVO_CHECK(new_labels_.write(book, event.message, found.labels));
    } else {
        RELEVO_TRY(found.labels, labels_.of(book, event.message));
    }
    mail.mail = std::make_shared<const FoundMail>(std::move(found));
    return mail;
}

Result<void> Statistics::read(Reader& log, Transaction& book, Batch& batch) {
    if (batch.starts_over) {
        RELEVO_TRY(const EventId newest, tail_.newest(log));
        if (newest < batch.last) {
            ports_.log.warning("statistics.log_is_older",
                               {{"cursor", batch.last.value}, {"newest_event", newest.value}});
            batch.last = newest;
        }
    }
    const EventId from = batch.last;
    RELEVO_TRY(const std::vector<Event> events, tail_.after(log, from, 0, batch_limit));
    if (events.empty()) return {};
    RELEVO_CHECK(facts_.refresh(log));
    RELEVO_CHECK(labels_.refresh(book));
    const Arrivals arrivals(events);
    if (arrivals.size() > 0)
        RELEVO_CHECK(facts_.read_ahead(log, arrivals.first(), arrivals.last(), 2 * arrivals.size()));
    std::unordered_map<std::int64_t, CountedMail> known;
    known.reserve(events.size());
    json::Parser details;
    const boost::json::value no_detail;
    for (const Event& event : events) {
        ++batch.taken.events;
        if (!event.message) continue;  // of what mail depends on
        const auto parsed = details.parse(event.detail);
        const boost::json::value& detail = parsed.has_value() ? **parsed : no_detail;
        CountedMail& mail = known[event.message.value];
        if (!mail.mail) {
            RELEVO_TRY(mail, mail_of(log, book, event, detail));
        }
        std::vector<MessageFactsReader::Waiting> waiting;
        if (event.kind == EventKind::accepted && mail.facts &&
            !arrivals.has_ended(event.message, mail.facts->recipients)) {
            RELEVO_TRY(waiting, facts_.waiting(log, event.message));
        }
        batch.tally.add(event, detail, mail, waiting);
        if (batch.tally.changes().size() >= changes_limit) break;
    }
    batch.taken.has_more = batch.taken.events == batch_limit || batch.taken.events < events.size();
    batch.last = events[batch.taken.events - 1].id;
    behind_.set(batch.taken.has_more
                    ? std::chrono::floor<std::chrono::seconds>(WallClock::now() - events.back().at).count()
                    : 0);
    return {};
}

bool Statistics::is_due(const Batch& batch) const {
    const std::size_t sums = batch.starts_over ? 0 : sums_.size();
    const std::size_t events = batch.starts_over ? 0 : gathered_;
    return sums + batch.tally.sums().size() >= sums_limit || events + batch.taken.events >= events_limit ||
           Clock::now() >= last_written_ + write_interval;
}

Result<void> Statistics::take(Transaction& book, Batch& batch, Counters counters) {
    batch = {};
    RELEVO_TRY(batch.cursor, tail_.cursor(book));
    // At the start, and when a disk that failed has taken back what it had written.
    batch.starts_over = !has_begun_ || batch.cursor != cursor_;
    batch.last = batch.starts_over ? batch.cursor : taken_;
    RELEVO_CHECK(ports_.events.read_apart([&](Reader& log) { return read(log, book, batch); }));
    look_at_queue(batch.tally);
    for (const RecipientChange& change : batch.tally.changes()) RELEVO_CHECK(recipients_.write(book, change));
    RELEVO_CHECK(recipients_.begin_due(book, WallClock::now()));
    const bool has_sums = !batch.tally.sums().empty() || (!batch.starts_over && !sums_.empty());
    if (batch.last == batch.cursor && !has_sums) return {};
    if (counters == Counters::when_due && !is_due(batch)) return {};
    CounterSums sums = batch.tally.sums();
    if (!batch.starts_over) relevo::add(sums, sums_);
    RELEVO_CHECK(counters_.add(book, sums));
    RELEVO_CHECK(tail_.move(book, batch.cursor, batch.last));
    batch.has_written = true;
    return {};
}

// A look that is lost, because the batch is, is missing from an average.
void Statistics::look_at_queue(Tally& tally) {
    if (ports_.queue == nullptr || Clock::now() < next_look_) return;
    next_look_ = Clock::now() + look_interval;
    tally.add_look(ports_.queue->value(), WallClock::now());
}

void Statistics::settle(Batch& batch) {
    const std::lock_guard lock(mutex_);
    has_begun_ = true;
    if (batch.starts_over || batch.has_written) {
        sums_.clear();
        gathered_ = 0;
    }
    if (!batch.has_written) {
        relevo::add(sums_, batch.tally.take_sums());
        gathered_ += batch.taken.events;
    }
    cursor_ = batch.has_written ? batch.last : batch.cursor;
    taken_ = batch.last;
    if (batch.has_written) last_written_ = Clock::now();
}

Task<Result<Statistics::Taken>> Statistics::take_batch(Counters counters) {
    Batch batch;
    CommitRequest request;
    request.rows = [this, &batch, counters](Transaction& book, const std::vector<ContentToStore>&) {
        return take(book, batch, counters);
    };
    RELEVO_CO_CHECK(co_await commit(ports_.book, std::move(request)));
    const Taken taken = batch.taken;
    // Thousands of sums: not on the shard, which mail waits for. Left undone they are counted again from the cursor.
    RELEVO_CO_CHECK(co_await read_rows(ports_.book, [this, &batch](Reader&) -> Result<void> {
        settle(batch);
        batch = {};
        return {};
    }));
    taken_count_.add(taken.events);
    co_return taken;
}

Result<CounterSums> Statistics::unwritten(Reader& book, const CounterFilter& filter) const {
    CounterSums found;
    EventId cursor;
    {
        const std::lock_guard lock(mutex_);
        cursor = cursor_;
        for (const auto& [key, counts] : sums_)
            if (key.tenant == filter.tenant && key.dimension == filter.dimension) found.emplace(key, counts);
    }
    // If the cursor has moved meanwhile, the rows have them.
    RELEVO_TRY(const EventId written, tail_.cursor(book));
    if (written != cursor) found.clear();
    return found;
}

Task<Result<void>> Statistics::keep_house(StatisticsKeeping keeping, std::int64_t first_kept_day,
                                          WallClock::time_point now) {
    CommitRequest request;
    request.rows = [keeping, first_kept_day, now](Transaction& book,
                                                  const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_CHECK(CounterBook::keep_house(book, keeping, now));
        RELEVO_CHECK(drop_history_before(book, first_kept_day, [](std::int64_t) -> Result<bool> { return false; }));
        return {};
    };
    co_return co_await commit(ports_.book, std::move(request));
}

Task<> Statistics::take_all() {
    for (;;) {
        const auto taken = co_await take_batch(is_finishing_ ? Counters::now : Counters::when_due);
        if (!taken.has_value()) {
            if (!std::exchange(has_failed_, true))
                ports_.log.error("statistics.not_counted", {{"problem", taken.error().detail}});
            co_return;
        }
        if (std::exchange(has_failed_, false)) ports_.log.info("statistics.counted_again", {});
        if (!taken->has_more || is_finishing_) co_return;
    }
}

Task<> Statistics::run() {
    is_running_ = true;
    while (!is_finishing_) {
        co_await take_all();
        if (!is_finishing_) co_await wakeup_.wait(Clock::now() + interval);
    }
    is_running_ = false;
    ended_.notify_all();
}

Task<> Statistics::finish() {
    is_finishing_ = true;
    wakeup_.notify_all();
    while (is_running_) co_await ended_.wait();
    co_await take_all();
}

}  // namespace relevo
