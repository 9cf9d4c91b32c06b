// What waits for delivery on one shard: when each recipient is due, grouped by destination. Pure data, no I/O; the
// spool's rows are the truth and this is rebuilt from them at start.
#pragma once

#include "core/ports/task.h"
#include "core/routing/route.h"
#include "lib/base/identifier.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <queue>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace relevo {

// One waiting recipient: 16 octets, since a million of them may wait.
struct QueueEntry {
    MessageId message;
    std::uint32_t ordinal = 0;
    std::uint16_t attempts = 0;
    bool delay_reported = false;  // its sender was told of the delay
    bool fresh = false;           // its row is as it was accepted: the message in memory may serve for it
};

// Recipients of one message at one destination, handed out together. The holder must finish() each of them.
struct Lease {
    MessageId message;
    std::vector<std::uint32_t> ordinals;  // ascending
    std::vector<std::uint16_t> attempts;  // made before, by place
    std::vector<bool> delay_reported;     // by place
    bool fresh = true;                    // all of them are
};

// One destination: its waiting and ready recipients and what is known of it. Belongs to its queue.
class Site {
 public:
    Site(std::string key, std::shared_ptr<const Route> route) : key_(std::move(key)), route_(std::move(route)) {}

    [[nodiscard]] const std::string& key() const { return key_; }
    // The recipients' domain, for MX routes.
    [[nodiscard]] std::string_view domain() const { return std::string_view(key_).substr(0, key_.find('#')); }
    [[nodiscard]] const Route& route() const { return *route_; }
    // The former route lives on while connections use it.
    void set_route(std::shared_ptr<const Route> route) {
        if (route == route_) return;
        if (connections > 0) former_routes_.push_back(std::move(route_));
        route_ = std::move(route);
    }
    // The last connection has ended.
    void forget_former_routes() { former_routes_.clear(); }
    [[nodiscard]] std::size_t ready_count() const { return ready_.size() - ready_begin_; }
    [[nodiscard]] std::size_t waiting_count() const { return waiting_.size(); }
    [[nodiscard]] std::size_t leased_count() const { return leased_; }
    [[nodiscard]] bool is_empty() const { return ready_count() == 0 && waiting_.empty() && leased_ == 0; }

    // What the delivery engine keeps here.
    std::uint32_t connections = 0;        // open or being opened
    std::uint32_t answering = 0;          // of them, those that the server accepted
    std::uint32_t failures_in_a_row = 0;  // rounds of connections that came to nothing
    bool suspended = false;
    Deadline failed_at = Deadline::min();   // when the last such round's back-off began
    Deadline not_before = Deadline::min();  // no new connection before; those that are open go on
    std::string last_problem;               // why the last connection failed; empty after a success

 private:
    friend class DeliveryQueue;
    struct Waiting {
        std::int64_t due;  // milliseconds of the wall clock since 1970
        QueueEntry entry;
    };
    struct Later {
        bool operator()(const Waiting& a, const Waiting& b) const;
    };
    std::string key_;
    std::shared_ptr<const Route> route_;
    std::vector<std::shared_ptr<const Route>> former_routes_;  // one for each reload at most
    std::vector<QueueEntry> ready_;                            // from ready_begin_ on
    std::size_t ready_begin_ = 0;
    std::vector<Waiting> waiting_;        // a heap, earliest first
    std::int64_t armed_due_ = INT64_MAX;  // the time that the queue's index knows of
    std::uint32_t leased_ = 0;
    std::uint32_t index_entries_ = 0;  // places of the index that point here, outdated ones included
};

// Threads: one shard's.
class DeliveryQueue {
 public:
    // The destination of that key, made with `route` if it is new.
    Site& site(std::string_view key, const std::shared_ptr<const Route>& route);
    [[nodiscard]] Site* find(std::string_view key);
    void for_each_site(const std::function<void(Site&)>& visit);
    // Forgets a destination with nothing left; its back-off state goes with it.
    void forget_if_idle(Site& site);

    // One that is leased is not handed out a second time meanwhile: finish() returns it.
    void add(Site& site, QueueEntry entry, WallClock::time_point due, WallClock::time_point now);
    // Moves what is due by `now` to the ready side and calls `ready` once for each destination that got something.
    void wake(WallClock::time_point now, const std::function<void(Site&)>& ready);
    // When wake() has something to do next; nullopt: never.
    [[nodiscard]] std::optional<WallClock::time_point> next_due() const;
    // The oldest ready message of a destination with up to `recipients` of its recipients there; nullopt if nothing is
    // ready but what is leased already.
    [[nodiscard]] std::optional<Lease> lease(Site& site, std::size_t recipients);
    // Ends the lease of recipients of one message; those to be tried again come back by add(). Returns those that were
    // added while they were leased (a person released them): unless the caller knows better, they are due now.
    std::vector<QueueEntry> finish(Site& site, MessageId message, std::span<const std::uint32_t> ordinals);

    // Takes out waiting or ready recipients that `chosen` picks (hold, drop); leased ones stay. Returns how many went.
    std::size_t remove_if(Site& site, const std::function<bool(const QueueEntry&)>& chosen);
    // Makes every waiting recipient that `chosen` picks due now.
    std::size_t retry_if(Site& site, const std::function<bool(const QueueEntry&)>& chosen);

    [[nodiscard]] bool is_leased(const DeliveryId& id) const { return leased_.contains(id); }
    [[nodiscard]] std::size_t size() const { return total_; }
    [[nodiscard]] std::size_t site_count() const { return sites_.size(); }

 private:
    struct KeyHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
    };
    struct Due {
        std::int64_t at;
        Site* site;
        bool operator>(const Due& other) const { return at > other.at; }
    };
    // What was added of a recipient while it was leased: the latest, and how often.
    struct Leased {
        QueueEntry again;
        std::uint32_t count = 0;
    };
    struct DeliveryHash {
        std::size_t operator()(const DeliveryId& id) const {
            return std::hash<MessageId>{}(MessageId{id.message.value + id.ordinal});
        }
    };
    void arm(Site& site);
    static void make_ready(Site& site, QueueEntry entry);

    // The key lives in the Site itself; the map's view points there.
    std::unordered_map<std::string_view, std::unique_ptr<Site>, KeyHash, std::equal_to<>> sites_;
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;  // may hold outdated entries: armed_due_ tells
    std::unordered_map<DeliveryId, Leased, DeliveryHash> leased_;     // of all destinations
    std::size_t total_ = 0;
};

}  // namespace relevo
