// What waits for delivery on one shard: when each recipient is due, grouped by destination; what may go now, by site
// and source. Pure data, no I/O; the spool's rows are the truth and this is rebuilt from them at start.
#pragma once

#include "core/queue/destination.h"
#include "core/queue/site.h"

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

// Threads: one shard's.
class DeliveryQueue {
 public:
    // The destination of that key, made with `route` if it is new.
    Destination& destination(std::string_view key, const std::shared_ptr<const Route>& route);
    [[nodiscard]] Destination* find(std::string_view key);
    void for_each_destination(const std::function<void(Destination&)>& visit);
    // Forgets a destination with nothing left; its back-off goes with it. False: something refers to it.
    bool forget_if_idle(Destination& destination);

    // The site of that key, made if it is new.
    Site& site(std::string_view key);
    [[nodiscard]] Site* find_site(std::string_view key);
    void for_each_site(const std::function<void(Site&)>& visit);
    // Leads a destination to a site; what was ready at its former one is due again.
    void lead(Destination& destination, Site& site);
    // Forgets a site that nothing leads to and nobody is connected to.
    bool forget_if_idle(Site& site);

    [[nodiscard]] std::uint32_t flow(const MailFlow& flow);
    [[nodiscard]] const MailFlow& flow(std::uint32_t index) const { return flows_[index]; }

    // One that is leased is not handed out a second time meanwhile: finish() returns it.
    void add(Destination& destination, QueueEntry entry, WallClock::time_point due, WallClock::time_point now);
    // Moves what is due by `now` to the due side and calls `due` once for each destination that got something, or has
    // nothing left.
    void wake(WallClock::time_point now, const std::function<void(Destination&)>& due);
    // The wall clock leapt by so much: retries wait as long as they would have, what was never tried waits for its time
    // of day.
    void shift_retries(std::chrono::milliseconds leap);
    // When wake() has something to do next; nullopt: never.
    [[nodiscard]] std::optional<WallClock::time_point> next_due() const;

    // Puts what is due into the lanes of its site, each recipient into the one that `lane_of` names; null leaves it
    // due.
    void place(Destination& destination, const std::function<Lane*(const QueueEntry&)>& lane_of);
    // Takes what is ready in the lanes of its site back to the due side.
    void unplace(Destination& destination);
    // Takes what is ready in one lane back to the due sides of its destinations; `due` is called for each of them.
    void unplace(Lane& lane, const std::function<void(Destination&)>& due);

    // How many recipients may go together with this one, itself included; 0: it may not go now.
    using Room = std::function<std::size_t(const ReadyEntry&)>;
    // The message whose turn it is, of those that there is room for, with so many of its recipients there; nullopt if
    // there is none but what is leased already.
    [[nodiscard]] std::optional<Lease> lease(Lane& lane, const Room& room);
    // Whether there is one.
    [[nodiscard]] bool may_lease(Lane& lane, const Room& room);
    // How many turns a tenant has in a round, 1 to 1000. Until it is set: one each.
    void weigh_by(std::function<std::uint32_t(TenantId)> weight) { weight_ = std::move(weight); }
    // The same of what is due and in no lane.
    [[nodiscard]] std::optional<Lease> lease_due(Destination& destination, std::size_t recipients);
    // Ends the lease of recipients of one message; those to be tried again come back by add(). Returns those that were
    // added while they were leased (a person released them): unless the caller knows better, they are due now.
    std::vector<QueueEntry> finish(Destination& destination, MessageId message,
                                   std::span<const std::uint32_t> ordinals);

    // Takes out recipients that are not leased and that `chosen` picks (hold, drop). Returns how many went.
    std::size_t remove_if(Destination& destination, const std::function<bool(const QueueEntry&)>& chosen);
    // Makes every waiting recipient that `chosen` picks due now.
    std::size_t retry_if(Destination& destination, const std::function<bool(const QueueEntry&)>& chosen);
    // Takes out everything that is not leased, each with the time that it is due: it goes to another shard's queue.
    struct Taken {
        QueueEntry entry;
        WallClock::time_point due;
    };
    [[nodiscard]] std::vector<Taken> take_all(Destination& destination, WallClock::time_point now);

    [[nodiscard]] bool is_leased(const DeliveryId& id) const { return leased_.contains(id); }
    [[nodiscard]] std::size_t size() const { return total_; }
    [[nodiscard]] std::size_t destination_count() const { return destinations_.size(); }
    [[nodiscard]] std::size_t site_count() const { return sites_.size(); }

 private:
    struct KeyHash {
        using is_transparent = void;
        std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
    };
    template <class T>
    using ByKey = std::unordered_map<std::string_view, std::unique_ptr<T>, KeyHash, std::equal_to<>>;
    struct Due {
        std::int64_t at;
        Destination* destination;
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
    struct FlowHash {
        std::size_t operator()(const MailFlow& flow) const {
            return std::hash<std::int64_t>{}(flow.tenant.value * 4 + static_cast<std::int64_t>(flow.stream) * 2 +
                                             (flow.tls_optional ? 1 : 0)) ^
                   std::hash<std::string>{}(flow.pool);
        }
    };
    void arm(Destination& destination);
    [[nodiscard]] bool extend(Lease& lease, const QueueEntry& entry);

    // The keys live in the values themselves; the maps' views point there.
    ByKey<Destination> destinations_;
    ByKey<Site> sites_;
    std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;  // may hold outdated entries: armed_due_ tells
    std::unordered_map<DeliveryId, Leased, DeliveryHash> leased_;     // of all destinations
    std::vector<MailFlow> flows_;
    std::unordered_map<MailFlow, std::uint32_t, FlowHash> flow_index_;
    std::size_t total_ = 0;
    std::function<std::uint32_t(TenantId)> weight_ = [](TenantId) { return 1U; };
};

}  // namespace relevo
