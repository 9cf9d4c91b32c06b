// Opens and clicks on their way from web requests to events of their messages: in groups, in the background, and never
// so many that mail would have to wait for them.
#pragma once

#include "core/events/event.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/spool/spool.h"
#include "core/tracking/options.h"
#include "core/tracking/token.h"
#include "lib/dns/record.h"

#include <array>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace relevo {

// One request for an image or a link of ours.
struct TrackedVisit {
    TrackedKind kind = TrackedKind::open;
    TrackingToken token;
    WallClock::time_point at;
    dns::IpAddress address;
    std::string agent;     // User-Agent
    std::string url;       // where it went, of a click
    bool is_head = false;  // only looked: no event, but those that follow are judged by it
};

class VisitLog {
 public:
    static constexpr std::size_t waiting_limit = 10'000;  // more are dropped, and counted
    static constexpr std::size_t kept_agent_octets = 300;
    // A round waits so long for more: programs that follow all links of a message are told by that they do it at once.
    static constexpr std::chrono::seconds round_time{1};

    struct Ports {
        Shard& shard;  // where rounds run
        Spool& spool;
        Committer& committer;
        Log& log;
        Metrics& metrics;
        std::function<std::shared_ptr<const TrackingOptions>()> options;
    };
    explicit VisitLog(Ports ports);

    // Threads: any. Never waits.
    void take(TrackedVisit visit);
    // Writes what waits. Nothing may be taken any more. Threads: the shard's.
    Task<> finish();

 private:
    // What is remembered of a message, or of its only recipient.
    struct Recent {
        WallClock::time_point touched{};
        bool is_known = false;                              // its message is there
        std::optional<WallClock::time_point> delivered_at;  // the last time, before the first visit
        std::string recipient;                              // of the only delivery
        WallClock::time_point head_at{};
        std::vector<std::pair<WallClock::time_point, std::uint16_t>> clicks;  // of the last round time
        std::unordered_map<std::uint64_t, WallClock::time_point> recorded;    // by what makes an event another one
    };
    struct Key {
        MessageId message;
        std::int64_t ordinal = 0;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const {
            return std::hash<std::int64_t>()(key.message.value) ^ static_cast<std::size_t>(key.ordinal);
        }
    };
    static Key key_of(const TrackedVisit& visit) { return {visit.token.message, visit.token.ordinal}; }

    Task<> work();
    [[nodiscard]] std::vector<TrackedVisit> next_round();
    Task<> write(std::vector<TrackedVisit> round);
    Task<Result<void>> look_up(const std::vector<TrackedVisit>& round);
    void note_clicks(const std::vector<TrackedVisit>& round);
    [[nodiscard]] std::optional<Event> event_of(const TrackedVisit& visit, const TrackingOptions& options);
    [[nodiscard]] bool is_repeated(Recent& recent, const TrackedVisit& visit, tracking::Label label,
                                   std::chrono::seconds window);
    void forget_old(WallClock::time_point now, std::chrono::seconds window);

    Ports ports_;
    std::array<std::array<Counter*, 2>, 2> events_{};  // by kind, then label
    Counter &repeated_, &dropped_, &forgotten_;
    std::mutex mutex_;  // guards what waits, and whether somebody works on it
    std::vector<TrackedVisit> waiting_;
    bool is_working_ = false;

    // The shard's:
    Wakeup wakeup_;
    bool is_finishing_ = false;
    Wakeup finished_;
    std::unordered_map<Key, Recent, KeyHash> recent_;
    EventReader reader_;  // the reader's thread
};

}  // namespace relevo
