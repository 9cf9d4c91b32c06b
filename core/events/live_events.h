// Events for those who look on at this moment: a feed that waits for what is committed next.
#pragma once

#include "core/events/event_tail.h"
#include "core/ports/committer.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

namespace relevo {

struct EventFilter {
    std::optional<TenantId> tenant;    // nothing: of all
    std::optional<MessageId> message;  // likewise
};

// Tells feeds that something was committed. Threads: as each method says. Outlives its feeds.
class LiveEvents {
 public:
    explicit LiveEvents(Committer& committer) : committer_(committer) {}

    // Something was committed. Costs nothing while nobody looks on. Threads: any.
    void committed();

 private:
    friend class EventFeed;
    struct Onlooker;
    void add(const std::shared_ptr<Onlooker>& onlooker);
    void remove(const std::shared_ptr<Onlooker>& onlooker);

    Committer& committer_;
    EventTail tail_{"live"};  // the reader's thread; keeps no cursor
    std::atomic<std::size_t> count_ = 0;
    std::mutex mutex_;
    std::vector<std::shared_ptr<Onlooker>> onlookers_;
};

// One who looks on. It reads the log behind a cursor of its own, so that a slow one holds nothing up and keeps nothing
// in memory. Threads: its shard's.
class EventFeed {
 public:
    EventFeed(LiveEvents& live, Shard& shard, EventFilter filter);
    ~EventFeed();
    EventFeed(const EventFeed&) = delete;
    EventFeed& operator=(const EventFeed&) = delete;

    struct Batch {
        std::vector<Event> events;
        EventId cursor{};     // behind all that was looked at
        bool is_gap = false;  // so much happened that some was left out: look at everything anew
    };
    // From the end of the log on. Errors: the store's.
    Task<Result<EventId>> begin_now();
    // From there on; an id of before.
    void begin_at(EventId cursor);
    // What fits, or nothing at the deadline. Looks when something was committed, four times a second at most. Errors:
    // the store's.
    Task<Result<Batch>> next(Deadline deadline);

 private:
    Task<Result<std::vector<Event>>> read();
    Task<Result<void>> read_all(Batch& batch);

    LiveEvents& live_;
    EventFilter filter_;
    EventId cursor_{};
    Deadline last_look_{};
    std::shared_ptr<LiveEvents::Onlooker> onlooker_;  // shared with posted notices, which may come later
};

}  // namespace relevo
