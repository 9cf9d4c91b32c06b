#include "core/statistics/event_consumer.h"

#include <map>

namespace relevo {

EventConsumer::EventConsumer(Ports ports)
    : ports_(ports),
      taken_(ports_.metrics.counter("relevo_statistics_events_total", "Events counted for statistics and search")),
      behind_(ports_.metrics.gauge("relevo_statistics_delay_seconds",
                                   "Time since the newest event of the last batch, if more events wait; else 0")),
      wakeup_(ports_.shard),
      ended_(ports_.shard) {}

Result<void> EventConsumer::read(Reader& reader, Batch& batch) {
    RELEVO_CHECK(reader.query("SELECT last_event FROM statistic_cursor WHERE id = 1", {},
                              [&](const Row& row) -> Result<void> {
                                  batch.before = EventId{row.integer(0)};
                                  return {};
                              }));
    RELEVO_TRY(const std::vector<Event> events, events_.after(reader, batch.before, batch_limit));
    if (events.empty()) return {};
    RELEVO_CHECK(facts_.refresh(reader));
    std::map<MessageId, std::optional<MessageFacts>> known;
    for (const Event& event : events) {
        const auto [place, is_new] = known.try_emplace(event.message);
        if (is_new) {
            RELEVO_TRY(place->second, facts_.of(reader, event.message));
        }
        std::vector<MessageFactsReader::Waiting> waiting;
        if (event.kind == EventKind::accepted && place->second) {
            RELEVO_TRY(waiting, facts_.waiting(reader, event.message));
        }
        batch.tally.add(event, place->second, waiting);
    }
    batch.last = events.back().id;
    batch.events = events.size();
    const bool waits = events.size() == batch_limit;
    behind_.set(waits ? std::chrono::floor<std::chrono::seconds>(WallClock::now() - events.back().at).count() : 0);
    return {};
}

Result<void> EventConsumer::write(Transaction& transaction, const Batch& batch) {
    // Whoever moved the cursor meanwhile has counted these events.
    RELEVO_TRY(const std::int64_t moved,
               transaction.execute("UPDATE statistic_cursor SET last_event = $1 WHERE id = 1 AND last_event = $2",
                                   {batch.last.value, batch.before.value}));
    if (moved != 1) return failure(ErrorKind::conflict, "the events were counted by somebody else");
    RELEVO_CHECK(counters_.add(transaction, batch.tally.sums()));
    for (const RecipientChange& change : batch.tally.changes()) RELEVO_CHECK(recipients_.write(transaction, change));
    return {};
}

Task<Result<std::size_t>> EventConsumer::take_batch() {
    Batch batch;
    RELEVO_CO_CHECK(
        co_await read_rows(ports_.committer, [this, &batch](Reader& reader) { return read(reader, batch); }));
    if (batch.events == 0) co_return std::size_t{0};
    CommitRequest request;
    request.rows = [this, &batch](Transaction& transaction, const std::vector<ContentToStore>&) {
        return write(transaction, batch);
    };
    RELEVO_CO_CHECK(co_await commit(ports_.committer, std::move(request)));
    taken_.add(batch.events);
    co_return batch.events;
}

Task<> EventConsumer::take_all() {
    for (;;) {
        const auto taken = co_await take_batch();
        if (!taken.has_value()) {
            if (!std::exchange(has_failed_, true))
                ports_.log.error("statistics.not_counted", {{"problem", taken.error().detail}});
            co_return;
        }
        if (std::exchange(has_failed_, false)) ports_.log.info("statistics.counted_again", {});
        if (*taken < batch_limit) co_return;
    }
}

Task<> EventConsumer::run() {
    is_running_ = true;
    while (!is_finishing_) {
        co_await take_all();
        if (!is_finishing_) co_await wakeup_.wait(Clock::now() + interval);
    }
    is_running_ = false;
    ended_.notify_all();
}

Task<> EventConsumer::finish() {
    is_finishing_ = true;
    wakeup_.notify_all();
    while (is_running_) co_await ended_.wait();
    co_await take_all();
}

}  // namespace relevo
