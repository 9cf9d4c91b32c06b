// Delivers what is due: one engine per shard, with the destinations whose names hash to it (architecture D7, §5.5-5.7).
#pragma once

#include "core/delivery/connection.h"
#include "core/delivery/outcome.h"
#include "core/delivery/reporting.h"
#include "core/delivery/status.h"
#include "core/delivery/suspects.h"
#include "core/delivery/tenant_share.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/ports/resolver.h"
#include "core/ports/stream.h"
#include "core/queue/clock_leaps.h"
#include "core/queue/delivery_queue.h"
#include "core/routing/egress.h"
#include "core/routing/host_finder.h"
#include "core/shaping/shaping_table.h"
#include "core/shaping/throttle.h"
#include "core/spool/spool.h"
#include "core/transport/dane.h"
#include "core/transport/mta_sts_finder.h"

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <shared_mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace relevo {

struct DeliveryOptions {
    std::string host_name;  // reports come from here
    bool use_ipv6 = true;
    bool allow_private_addresses = false;
    bool use_dane = true;                  // RFC 7672, where DNSSEC vouches for a destination
    std::uint32_t connection_limit = 500;  // in all; divided among the shards
    std::uint32_t messages_per_connection = 100;
    std::uint32_t recipients_per_transaction = 100;
    std::chrono::seconds idle_timeout{5};  // an idle connection is kept this long
    // After a connection that failed; doubles up to 15 minutes. Neither is longer than the waits of the route's retry
    // schedule: the first, and the longest.
    std::chrono::milliseconds first_back_off{30'000};
    DeliveryTimeouts timeouts;
    Octets fresh_content_limit =
        64 * mebibyte;  // content of accepted mail kept in memory until its first attempt; divided among the shards
    std::vector<Endpoint> own_endpoints;  // where we listen ourselves: never connected to
    std::size_t full_return_limit_octets = 64 * 1024;
    // A destination's mail servers are looked up again afterwards; answers live as long as their owners say.
    std::chrono::milliseconds bearings_last{60'000};
    // Most answers come within a second; a destination that needs longer than this goes on among the slow ones.
    std::chrono::milliseconds quick_look_up{5'000};
};

struct DeliveryMetrics {
    explicit DeliveryMetrics(Metrics& metrics);
    // Replies that delivered nothing, and their lack, by class.
    Counter& replies(bounces::BounceClass kind) { return *replies_[static_cast<std::size_t>(kind)]; }
    // What became of recipients that left from a source: as many series as the configuration names sources.
    struct OfSource {
        Counter &delivered, &deferred, &failed;
    };
    [[nodiscard]] OfSource of_source(std::string_view source);
    Counter &delivered, &deferred, &failed, &expired, &connections_opened, &connections_failed, &reports;
    Counter &dane_met, &dane_unmet, &mta_sts_met, &mta_sts_unmet;
    Gauge &connections, &queue;
    Histogram& delivery_seconds;  // acceptance to delivery

 private:
    Metrics& metrics_;
    std::vector<Counter*> replies_;
};

// Recipients of one message for one destination, on their way into a queue.
struct QueuedRecipients {
    std::string destination;
    std::shared_ptr<const Route> route;
    MailFlow flow;
    MessageId message;
    std::vector<std::uint32_t> ordinals;
    std::uint16_t attempts = 0;
    bool delay_reported = false;
    WallClock::time_point due;
    std::shared_ptr<const Message> fresh;  // with content in memory, if there is one
};

// One recipient of a message in the spool.
struct WaitingRecipient {
    DeliveryId id;
    MailFlow flow;
    std::string_view domain;
    std::uint16_t attempts = 0;
    bool delay_reported = false;
    WallClock::time_point due;
};

class DeliveryEngine;

// Sends each recipient to the engine of its destination: the one that the destination's name hashes to, until its mail
// servers are known; then the one that its site hashes to, so that everything about a site is on one shard. Threads:
// any.
class Dispatcher {
 public:
    void set_engines(std::vector<DeliveryEngine*> engines) { engines_ = std::move(engines); }
    void set_routes(std::shared_ptr<const RouteTable> routes) { routes_.store(std::move(routes)); }
    // Sources with their pools, and what limits them. Set before the engines start; afterwards they are told to look
    // at them anew.
    void set_egress(std::shared_ptr<const EgressTable> egress, std::shared_ptr<const shaping::ShapingTable> shaping);
    [[nodiscard]] std::shared_ptr<const EgressTable> egress() const { return egress_.load(); }
    [[nodiscard]] std::shared_ptr<const shaping::ShapingTable> shaping() const { return shaping_.load(); }
    // Sites that a person suspended, "site:mx.example.net" or "provider:google": their mail waits, also that of
    // destinations that lead there later.
    void set_suspended_sites(std::set<std::string> suspended);
    [[nodiscard]] bool is_suspended(std::string_view site, std::string_view provider) const;
    // A message that was just accepted; due now.
    void enqueue(std::shared_ptr<const Message> message);
    void enqueue(const WaitingRecipient& recipient);
    [[nodiscard]] QueuedRecipients queued(const WaitingRecipient& recipient) const;
    [[nodiscard]] DeliveryEngine& engine_of(std::string_view destination) const;
    [[nodiscard]] const std::vector<DeliveryEngine*>& engines() const { return engines_; }
    // What tenants ask of TLS for their mail; empty: nothing. Set before the engines start.
    void set_tls_of_tenants(std::function<mail::TlsWish(TenantId)> tls_of) { tls_of_ = std::move(tls_of); }
    // Where a recipient would go.
    [[nodiscard]] std::pair<std::string, std::shared_ptr<const Route>> destination_of(std::string_view recipient_domain,
                                                                                      const MailFlow& flow) const;
    // A person stops mail to a destination, or lets it go on, whatever is asked of TLS for it. Threads: one at a time.
    void suspend(const std::string& destination, bool suspended);
    [[nodiscard]] bool is_suspended(std::string_view usual_destination) const;

    // For engines. The one that everything with a shaping key belongs to.
    [[nodiscard]] DeliveryEngine& engine_of_site(std::string_view shaping_key) const;
    // A destination moves there: by the engine that has it, before it hands it over.
    void set_home(const std::string& destination, DeliveryEngine& engine);
    // Nothing of it is left in that engine.
    void forget_home(const std::string& destination);

 private:
    [[nodiscard]] std::size_t place_of(std::string_view name) const {
        return std::hash<std::string_view>{}(name) % engines_.size();
    }
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view key) const { return std::hash<std::string_view>{}(key); }
    };
    std::vector<DeliveryEngine*> engines_;
    std::atomic<std::shared_ptr<const RouteTable>> routes_;
    std::atomic<std::shared_ptr<const EgressTable>> egress_;
    std::atomic<std::shared_ptr<const shaping::ShapingTable>> shaping_;
    using Names = std::set<std::string, std::less<>>;
    std::atomic<std::shared_ptr<const std::set<std::string>>> suspended_sites_ =
        std::make_shared<const std::set<std::string>>();
    std::atomic<std::shared_ptr<const Names>> suspended_ = std::make_shared<const Names>();  // destinations
    std::function<mail::TlsWish(TenantId)> tls_of_;
    mutable std::shared_mutex homes_mutex_;
    std::unordered_map<std::string, DeliveryEngine*, Hash, std::equal_to<>> homes_;  // that are not where names hash to
};

// Threads: its shard's, except where it says otherwise.
class DeliveryEngine {
 public:
    struct Ports {
        Shard& shard;
        Spool& spool;
        Resolver& resolver;
        Dialer& dialer;
        Log& log;
        DeliveryMetrics& metrics;
        Dispatcher& dispatcher;
        MessageIdSource& ids;
        // Why servers refuse, in their words; may be exchanged while we run.
        const std::atomic<std::shared_ptr<const bounces::PatternTable>>& patterns;
        std::function<mail::Language(TenantId)> language_of;
        // A destination, by its shaping key, has closed for the address of a source; empty: nobody listens.
        std::function<void(const std::string& source, const std::string& shaping_key)> source_closed = {};
        // A tenant's turns in a round, and its name for the rules of the shaping table; empty: all alike, no such
        // rules.
        std::function<std::uint32_t(TenantId)> weight_of = {};
        std::function<std::string(TenantId)> tenant_name = {};
        // The pace of a tenant that is slowed down, recipients a minute to each site; 0: it is not. Empty: nobody is.
        std::function<std::uint32_t(TenantId)> slow_rate_of = {};
        // What became of a recipient is written.
        std::function<void(const Message&, const AttemptResult&)> concluded = {};
        MtaStsFinder* mta_sts = nullptr;  // null: MTA-STS (RFC 8461) is not heeded
        // Header fields to put in front of a report: its signature. Empty: reports go out unsigned.
        std::function<std::string(std::string_view content, WallClock::time_point now)> sign_report = {};
        // Where attempts leave a trace for the next process, and what the one before left; null: none does. They
        // outlive the shards.
        AttemptTrace* trace = nullptr;
        Suspects* suspects = nullptr;
        // Called before each attempt with a message's content, for tests of crashes alone; empty otherwise.
        std::function<void(const Message&)> before_attempt = {};
        // What became of TLS with a mail server of a domain, once for each connection and domain that uses it; empty:
        // nobody counts. Takes microseconds.
        std::function<void(TlsSession)> tls_session = {};
    };
    DeliveryEngine(Ports ports, DeliveryOptions options, unsigned shards);
    ~DeliveryEngine();

    [[nodiscard]] Shard& shard() { return ports_.shard; }
    // Begins to deliver. Threads: any.
    void start();
    // Stops opening connections and taking new messages; `done` is called when every running transaction has ended and
    // its outcome is written, or at the deadline. Threads: any.
    void drain(Deadline deadline, std::function<void()> done);

    // Threads: any.
    void enqueue(QueuedRecipients recipients);
    // The same on this shard, before start(): for recovery.
    void restore(const QueuedRecipients& recipients);

    // A destination that another engine had; its entries are not counted yet. Threads: any.
    struct Moved {
        std::string key;
        std::shared_ptr<const Route> route;
        std::shared_ptr<const Bearings> bearings;
        bool suspended = false;
        struct Entry {
            DeliveryQueue::Taken taken;
            MailFlow flow;
        };
        std::vector<Entry> entries;
    };
    void adopt(Moved moved);
    // The tables of sources and limits have changed. Threads: any.
    void refresh();
    // Other sites are suspended than before. Threads: any.
    void refresh_suspensions();

    // For people; on this shard. `key`: of a destination.
    [[nodiscard]] std::vector<DestinationStatus> destinations();
    [[nodiscard]] std::optional<DestinationStatus> destination(std::string_view key);
    [[nodiscard]] std::vector<SiteStatus> sites();
    // The keys of up to `most` destinations that lead to a site.
    [[nodiscard]] std::vector<std::string> destinations_of(std::string_view site, std::size_t most);
    // Those of `ids` that are being delivered.
    [[nodiscard]] std::set<DeliveryId> leased_of(const std::vector<DeliveryId>& ids) const;
    // Where destinations lead, as far as that is known.
    [[nodiscard]] std::map<std::string, std::string> sites_of(const std::set<std::string>& destinations);
    // Those of `ids` that wait for their turn at a site. `destinations`: their keys. Looks once through all that waits
    // there.
    [[nodiscard]] std::map<DeliveryId, Standing> standings(const std::set<DeliveryId>& ids,
                                                           const std::set<std::string>& destinations);
    // What waits, by flow; and since when, at each of `destinations`. Looks once through the whole queue.
    [[nodiscard]] QueueTally tally(const std::set<std::string>& destinations);
    // What is known of paths, of those without a lane too. Empty: of any source, of any shaping key.
    [[nodiscard]] std::vector<ThrottleReport> throttles(std::string_view source = {},
                                                        std::string_view shaping_key = {}) const;
    // A person says that servers take mail again: what was learned of them, blocks, pauses and back-offs are forgotten.
    // Empty source: of all. Returns how many throttles and lanes there were.
    std::size_t forget_learned(std::string_view shaping_key, std::string_view site, std::string_view source);
    void suspend(std::string_view key, bool suspended);

    // --- what outlives the process: on this shard, or before start()
    void restore_throttle(const KeptThrottle& kept);
    // What is not yet written as it is now, up to `most`; the rest comes next time. Throttles that have nothing to
    // remember are forgotten on the way.
    [[nodiscard]] ThrottleChanges take_throttle_changes(std::size_t most);
    // The last changes were not written: all count as unwritten.
    void throttles_not_written();
    // Rows changed by a person: take them out (hold, drop), or make them due now (retry). A leased recipient is
    // finished first; one that is enqueued again meanwhile follows it.
    void remove(std::string_view key, const std::set<DeliveryId>& chosen);
    void retry(std::string_view key, const std::set<DeliveryId>& chosen);

 private:
    struct Fresh {
        std::shared_ptr<const Message> message;
        std::size_t remaining = 0;
    };
    // A lease with its message and the clock of its attempt.
    struct Work {
        Lease lease;
        std::shared_ptr<const Message> message;
        Deadline started;
        bool was_handed_over = false;  // a server heard of it
        Suspects::Turn turn = {};
        AttemptTrace::Mark mark = {};
    };
    struct Opened {
        std::unique_ptr<Connection> connection;
        RoutingProblem problem;      // if there is none
        bool busy = false;           // the server is there, but took no connection now (4yz)
        bool replied = false;        // and the problem is what it said
        bool source_failed = false;  // another source may do better: ours cannot connect, or is refused for what it is
        bool concerns_destination = false;  // what the destination demands failed; others may use the server
        std::optional<TlsResult> tls;       // what came of it, if it came so far
        std::string tls_problem;
        std::optional<PeerFacts> peer;
        std::string transcript;
    };
    // An idle connection waits here; schedule() puts a lease in.
    struct IdleSlot {
        IdleSlot(Shard& shard, Connection& idle) : connection(idle), wakeup(shard) {}
        Connection& connection;
        std::optional<Lease> lease;
        Wakeup wakeup;
    };
    // One unwritten outcome per connection at most: that bounds what a crash can send twice.
    struct PendingRecord {
        explicit PendingRecord(Shard& shard) : done(shard) {}
        bool busy = false;
        Wakeup done;
    };
    struct AttemptEnd {
        std::vector<AttemptResult> results;
        std::optional<PeerFacts> peer;
        std::string transcript;
    };

    // Keeps a destination in the queue while a coroutine works on it.
    class Hold {
     public:
        Hold(DeliveryEngine& engine, Destination& destination)
            : engine_(engine), is_alive_(engine.is_alive_), destination_(destination) {
            ++destination_.users;
        }
        ~Hold() {
            if (!is_alive_.expired()) engine_.let_go(destination_);
        }
        Hold(const Hold&) = delete;
        Hold& operator=(const Hold&) = delete;

     private:
        DeliveryEngine& engine_;
        std::weak_ptr<const bool> is_alive_;  // a shard destroys its coroutines after the engine has gone
        Destination& destination_;
    };
    // Questions about destinations: those under way, and the destinations that wait for one to end. A destination whose
    // answer takes long goes on among the slow ones, so that dead name servers hold up nobody else (security row R12).
    struct LookUps {
        std::uint32_t running = 0;
        std::deque<std::string> waiting;
    };
    // What to look at again at a certain time.
    struct Probe {
        std::string key;
        bool is_site = false;  // else a destination
        std::string source;
    };

    // engine.cc: what runs when
    Task<> keep_time();
    void look_at_clock();
    // For how long it has been tried, after look_at_clock(); until then we kept it ourselves.
    [[nodiscard]] std::chrono::milliseconds tried_for(const Message& message) const;
    void probe(const Probe& due);
    void schedule(Lane& lane);
    void schedule_starved();
    void end_an_idle_connection();
    bool offer_to_idle(Lane& lane);
    [[nodiscard]] bool has_room_for_connection(Lane& lane);
    void back_off(BackOff& state, const Route& route, const Probe& probe, const std::string& problem, Deadline began);
    void pause(Lane& lane);
    void look_again(Lane& lane, Deadline time);
    void connect_not_before(BackOff& state, const Probe& probe, Deadline time);
    void leave(Lane& lane, TenantId tenant);
    void wait_for_share(Lane& lane);
    void schedule_beyond_share();
    [[nodiscard]] bool is_done(const Site& site) const;
    void forget_if_done(Site& site);
    void forget(Site& site);
    void finished_one();

    // engine_tenants.cc: what limits one tenant's mail
    [[nodiscard]] shaping::Throttle* throttle_of(const Site& site, TenantId tenant);
    void forget_tenant_throttles();
    [[nodiscard]] std::size_t room_for(Lane& lane, const ReadyEntry& ready);
    void sent_of_tenant(Lane& lane, const Lease& lease);

    // engine_shaping.cc: from where, and how much
    [[nodiscard]] Lane* lane_for(Destination& destination, const EgressTable& egress, const QueueEntry& entry);
    void equip(Lane& lane);
    [[nodiscard]] std::string shaping_key_of(const Destination& destination, std::string_view site) const;
    void refused(Lane& lane, const shaping::Permission& permission);
    void overflow(Lane& lane, Deadline until);
    void wake_throttled(const std::shared_ptr<shaping::Throttle>& throttle);
    [[nodiscard]] bool may_send(Lane& lane);
    void hear(Lane& lane, const Work& work, shaping::Time began, const std::vector<AttemptResult>& results,
              const PeerFacts& peer);
    void tell_if_blocked(const Lane& lane);
    void hear_failure(Lane& lane, const Destination& destination, Opened& opened);
    [[nodiscard]] std::uint32_t recipients_per_transaction(const Lane& lane) const;
    [[nodiscard]] DeliveryTimeouts timeouts_of(const Lane& lane) const;
    void look_at_sources_anew();

    // engine_destinations.cc: from destinations to sites
    void schedule(Destination& destination);
    void look_up(Destination& destination);
    Task<> find_in_background(Destination& destination, LookUps& look_ups);
    Task<> find_one(Destination& destination, bool is_slow);
    [[nodiscard]] Destination* next_to_find(LookUps& look_ups);
    Task<std::optional<RoutingProblem>> find(Destination& destination, Deadline deadline);
    bool settle(Destination& destination);
    void place(Destination& destination);
    void schedule_lanes(const Site& site);
    void move_home(Destination& destination, DeliveryEngine& home);
    void let_go(Destination& destination);
    [[nodiscard]] bool is_ours(const Destination& destination) const;
    void forget_if_done(Destination& destination);
    void forget(Destination& destination);
    void take_in(const QueuedRecipients& recipients);
    void add(Destination& destination, QueueEntry entry, WallClock::time_point due);
    [[nodiscard]] std::vector<QueueEntry> finish(Destination& destination, MessageId message,
                                                 std::span<const std::uint32_t> ordinals);
    void finish_unattempted(Destination& destination, MessageId message, std::span<const std::uint32_t> ordinals);
    void wake_for(std::string_view destination);
    void release_fresh(MessageId message, std::size_t recipients);
    [[nodiscard]] bool has_fresh_bearings(const Destination& destination) const {
        return destination.bearings && Clock::now() < destination.bearings->asked_at + options_.bearings_last;
    }
    [[nodiscard]] static Probe probe_of(const Destination& destination) { return {.key = destination.key()}; }
    [[nodiscard]] static Probe probe_of(const Lane& lane) {
        return {.key = lane.site().key(), .is_site = true, .source = lane.source_name()};
    }

    // engine_status.cc: for people, and for the next process
    [[nodiscard]] static std::optional<WallClock::time_point> wall_time(Deadline time);
    [[nodiscard]] DestinationStatus status_of(const Destination& destination) const;
    [[nodiscard]] std::optional<Hindered> hindrance_of(const Lane& lane) const;
    [[nodiscard]] std::optional<Hindered> hindrance_of(const Site& site, TenantId tenant);
    [[nodiscard]] bool lacks_a_source(const Destination& destination) const;

    // engine_connect.cc: opening a connection
    Task<Opened> open_connection(Lane& lane, Destination& destination);
    Task<Opened> open_host(Lane& lane, Destination& destination, std::shared_ptr<const Bearings> bearings,
                           std::string host, Deadline deadline);
    [[nodiscard]] static TransportDemand local_demand(Lane& lane, const Destination& destination);
    Task<Routed<TransportDemand>> demand_for(Lane& lane, Destination& destination,
                                             std::shared_ptr<const Bearings> bearings, std::string host,
                                             HostAddresses addresses, Deadline deadline, TlsStory& failed);
    Task<Opened> open_address(Lane& lane, std::shared_ptr<const Route> route, std::string host, dns::IpAddress address,
                              TransportDemand demand);
    Task<Opened> open_address(Lane& lane, std::shared_ptr<const Route> route, std::string host, dns::IpAddress address,
                              TransportDemand demand, smtp::ClientTls tls);
    void count_demand(const Destination& destination, const Bearings& bearings, const TransportDemand& demand,
                      const Opened& opened);
    void count_tested_policy(const Destination& destination, const Bearings& bearings, const PeerFacts& peer,
                             bool is_verified);
    // Mail to this destination may go over that connection to its site.
    [[nodiscard]] static bool meets(const Connection& connection, const Destination& destination);
    [[nodiscard]] static bool is_certain(const Destination& destination, std::string_view host);
    static bool outweighs(const RoutingProblem& problem, const RoutingProblem& other);
    static Opened nothing_tried();
    bool is_own(const Stream& stream) const;
    [[nodiscard]] smtp::ClientTls tls_for(const Route& route, const std::string& host, const TransportDemand& demand);

    // engine_sessions.cc: what became of TLS, for the owners of destinations
    static constexpr std::string_view unnamed_host = "the policy does not name this host";
    static void note_tls(Opened& opened, const Connection& connection, smtp::ClientTls tls);
    [[nodiscard]] bool is_told(const Destination& destination) const;
    void tell_session(const Destination& destination, const Bearings& bearings, const PeerFacts& peer,
                      const TlsStory& story, TlsFault fault);
    void tell_opened(const Destination& destination, const Bearings& bearings, const TransportDemand& demand,
                     const Opened& opened);
    void begin_with(const Destination& destination, Connection& connection);

    // engine_serve.cc: who works off which lane
    Task<> serve(Lane& lane, Lease lease);
    Task<> serve_first(Lane& lane, Work work, Deadline began);
    Task<> fail(Lane& lane, Work work, Opened opened, Deadline began);
    Task<> serve_without_connection(Destination& destination);
    Task<> work_through(Lane& lane, Connection& connection, std::optional<Lease> lease);
    Task<std::optional<Lease>> wait_for_work(Lane& lane, Connection& connection);
    [[nodiscard]] std::optional<Lease> lease_for(Lane& lane, const Connection& connection);
    [[nodiscard]] bool begin_first(Lane& lane, Lease& lease);
    void put_back(Lease& lease, std::size_t kept, WallClock::time_point due);
    [[nodiscard]] bool begin_attempt(Work& work);
    Task<std::optional<Work>> load(Lease lease);
    Task<> set_aside(Lease lease, std::string reason);
    AttemptEnd end_by(const Work& work, const Opened& opened) const;
    Task<> share_failure(Lane& lane, RoutingProblem problem);
    Task<> share_failure(Destination& destination, RoutingProblem problem);
    Task<bool> fail_one(std::optional<Lease> lease, RoutingProblem problem);

    // engine_attempt.cc: messages over a connection, and what became of them
    Task<> attempt(Lane& lane, Connection& connection, Work work, std::shared_ptr<PendingRecord> pending);
    static bool ended_before_it_began(const Connection& connection);
    Task<> conclude(Work work, AttemptEnd end);
    void wait_for_retry(const WaitingRecipient& recipient);
    Task<> conclude_in_background(Work work, AttemptEnd end, std::shared_ptr<PendingRecord> pending);
    DeliveryOutcome outcome_for(const Work& work, std::size_t place, AttemptResult& result, const AttemptEnd& end,
                                double chance, ReportableResult& reportable);
    Task<std::vector<std::shared_ptr<const Message>>> write_outcomes(std::shared_ptr<const Message> message,
                                                                     std::vector<DeliveryOutcome> outcomes,
                                                                     std::vector<Submission> reports);
    Task<> pause_before_writing_again();
    void log_outcome(const Message& message, const AttemptResult& result, const std::string& recipient,
                     const Destination& destination, const std::optional<PeerFacts>& peer);
    void count(const Message& message, const AttemptResult& result);

    Ports ports_;
    DeliveryOptions options_;
    DeliveryQueue queue_;
    HostFinder finder_;
    std::unordered_map<MessageId, Fresh> fresh_;
    Octets fresh_octets_ = 0;
    std::uint32_t connections_ = 0;
    std::uint32_t connection_limit_;
    TenantShare share_;
    std::unordered_map<Lane*, std::deque<IdleSlot*>> idle_;
    std::multimap<Deadline, Probe> probes_;
    std::vector<Lane*> starved_;
    std::deque<Lane*> beyond_share_;  // lanes whose tenants have as many connections as they may
    // By source and shaping key; and the lanes that wait until one of them lets something go.
    using PathKey = std::pair<std::string, std::string>;
    struct Kept {
        std::shared_ptr<shaping::Throttle> throttle;
        std::optional<shaping::ThrottleState> written;  // as the store has it
    };
    std::map<PathKey, Kept> throttles_;
    std::unordered_map<std::string, DeliveryMetrics::OfSource> source_counters_;
    PathKey written_up_to_;  // where take_throttle_changes() goes on
    std::unordered_map<shaping::Throttle*, std::vector<Lane*>> throttled_;
    // By tenant and shaping key. No throttle: no rule is for them.
    struct TenantThrottle {
        std::shared_ptr<shaping::Throttle> throttle;
        std::uint32_t generation = 0;  // of the table that said so
    };
    std::map<std::pair<TenantId, std::string>, TenantThrottle> tenant_throttles_;
    std::uint32_t table_generation_ = 1;
    LookUps quick_look_ups_, slow_look_ups_;
    // Hosts whose STARTTLS failed: until when not to try it, and what was wrong.
    struct WithoutTls {
        Deadline until;
        std::optional<TlsResult> result;
        std::string problem;
    };
    std::map<std::string, WithoutTls> without_tls_;
    Wakeup clock_;
    std::optional<WallClock::time_point> clock_set_for_;
    ClockLeaps leaps_;
    std::mt19937_64 chance_;
    Wakeup drain_;  // told when it begins
    bool draining_ = false;
    std::size_t running_ = 0;  // coroutines that serve a destination or write an outcome
    std::function<void()> drained_;
    std::shared_ptr<const bool> is_alive_ = std::make_shared<const bool>(true);
};

}  // namespace relevo
