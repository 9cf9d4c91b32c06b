#include "core/events/live_events.h"

#include <algorithm>

namespace relevo {
namespace {

constexpr std::size_t events_at_once = 500;
// Behind so many events a feed begins anew at the end: who looks on cannot read faster anyway.
constexpr int rounds_before_gap = 10;
// Between two looks: a busy server commits hundreds of times a second, and eyes are slower.
constexpr std::chrono::milliseconds breath{250};

bool fits(const Event& event, const EventFilter& filter) {
    const bool is_theirs =
        !filter.tenant || (event.tenant == *filter.tenant && !is_of_the_operator(event.kind));  // security row E9
    return is_theirs && (!filter.message || event.message == *filter.message);
}

}  // namespace

struct LiveEvents::Onlooker {
    explicit Onlooker(Shard& of) : shard(of), wakeup(of) {}
    Shard& shard;
    Wakeup wakeup;
    std::atomic<bool> is_told = false;
    bool is_due = false;  // on its shard
};

void LiveEvents::committed() {
    if (count_.load(std::memory_order_relaxed) == 0) return;
    const std::lock_guard lock(mutex_);
    for (const auto& onlooker : onlookers_) {
        if (onlooker->is_told.exchange(true)) continue;
        onlooker->shard.post([onlooker] {
            onlooker->is_told = false;
            onlooker->is_due = true;
            onlooker->wakeup.notify_all();
        });
    }
}

void LiveEvents::add(const std::shared_ptr<Onlooker>& onlooker) {
    const std::lock_guard lock(mutex_);
    onlookers_.push_back(onlooker);
    count_ = onlookers_.size();
}

void LiveEvents::remove(const std::shared_ptr<Onlooker>& onlooker) {
    const std::lock_guard lock(mutex_);
    std::erase(onlookers_, onlooker);
    count_ = onlookers_.size();
}

EventFeed::EventFeed(LiveEvents& live, Shard& shard, EventFilter filter)
    : live_(live), filter_(filter), onlooker_(std::make_shared<LiveEvents::Onlooker>(shard)) {
    live_.add(onlooker_);
}

EventFeed::~EventFeed() { live_.remove(onlooker_); }

void EventFeed::begin_at(EventId cursor) {
    cursor_ = cursor;
    onlooker_->is_due = true;  // there may be some already
}

Task<Result<EventId>> EventFeed::begin_now() {
    RELEVO_CO_CHECK(co_await read_rows(live_.committer_, [this](Reader& reader) -> Result<void> {
        RELEVO_TRY(cursor_, live_.tail_.newest(reader));
        return {};
    }));
    co_return cursor_;
}

Task<Result<std::vector<Event>>> EventFeed::read() {
    std::vector<Event> events;
    const std::int64_t first_day = day_of(std::chrono::system_clock::now()) - 1;
    RELEVO_CO_CHECK(co_await read_rows(live_.committer_, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(events, live_.tail_.after(reader, cursor_, first_day, events_at_once));
        return {};
    }));
    co_return events;
}

Task<Result<void>> EventFeed::read_all(Batch& batch) {
    for (int round = 0;; ++round) {
        if (round == rounds_before_gap) {
            batch.is_gap = true;
            RELEVO_CO_CHECK(co_await begin_now());
            break;
        }
        RELEVO_CO_TRY(std::vector<Event> events, co_await read());
        if (!events.empty()) cursor_ = events.back().id;
        const bool is_end = events.size() < events_at_once;
        for (Event& event : events)
            if (fits(event, filter_)) batch.events.push_back(std::move(event));
        if (is_end || !batch.events.empty()) {
            onlooker_->is_due = onlooker_->is_due || !is_end;
            break;
        }
    }
    batch.cursor = cursor_;
    co_return Result<void>();
}

Task<Result<EventFeed::Batch>> EventFeed::next(Deadline deadline) {
    Batch batch;
    batch.cursor = cursor_;
    for (;;) {
        while (!onlooker_->is_due)
            if (Clock::now() >= deadline || !co_await onlooker_->wakeup.wait(deadline)) break;
        if (!onlooker_->is_due) co_return batch;  // the deadline
        if (const Deadline next_look = last_look_ + breath; Clock::now() < next_look) {
            co_await sleep_until(std::min(next_look, deadline));
            if (next_look > deadline) co_return batch;
        }
        onlooker_->is_due = false;
        last_look_ = Clock::now();
        RELEVO_CO_CHECK(co_await read_all(batch));
        if (!batch.events.empty() || batch.is_gap) co_return batch;
    }
}

}  // namespace relevo
