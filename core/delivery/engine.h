// Delivers what is due: one engine per shard, with the destinations whose names hash to it (architecture D7, §5.5-5.7).
#pragma once

#include "core/delivery/connection.h"
#include "core/delivery/outcome.h"
#include "core/delivery/reporting.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/ports/resolver.h"
#include "core/ports/stream.h"
#include "core/queue/delivery_queue.h"
#include "core/routing/host_finder.h"
#include "core/spool/spool.h"
#include "core/transport/dane.h"
#include "core/transport/mta_sts_finder.h"

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace relevo {

struct DeliveryOptions {
    std::string host_name;    // reports come from here
    std::string client_name;  // EHLO; defaults to host_name
    dns::IpAddress source;    // local address to send from
    bool has_source = false;
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
};

struct DeliveryMetrics {
    explicit DeliveryMetrics(Metrics& metrics);
    // Replies that delivered nothing, and their lack, by class.
    Counter& replies(bounces::BounceClass kind) { return *replies_[static_cast<std::size_t>(kind)]; }
    Counter &delivered, &deferred, &failed, &expired, &connections_opened, &connections_failed, &reports;
    Counter &dane_met, &dane_unmet, &mta_sts_met, &mta_sts_unmet;
    Gauge &connections, &queue;
    Histogram& delivery_seconds;  // acceptance to delivery

 private:
    std::vector<Counter*> replies_;
};

// A destination as `queue summary` and `queue why` show it.
struct SiteStatus {
    std::string key;
    std::string route;
    std::size_t ready = 0, waiting = 0, active = 0;
    std::uint32_t connections = 0;
    bool suspended = false;
    std::string last_problem;
    std::optional<WallClock::time_point> next_connection;  // backing off until then
};

// Recipients of one message for one destination, on their way into a queue.
struct QueuedRecipients {
    std::string site;
    std::shared_ptr<const Route> route;
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
    TenantId tenant;
    std::string_view domain;
    std::uint16_t attempts = 0;
    bool delay_reported = false;
    WallClock::time_point due;
};

class DeliveryEngine;

// Sends each recipient to the engine of its destination. Threads: any.
class Dispatcher {
 public:
    void set_engines(std::vector<DeliveryEngine*> engines) { engines_ = std::move(engines); }
    void set_routes(std::shared_ptr<const RouteTable> routes) { routes_.store(std::move(routes)); }
    // A message that was just accepted; due now.
    void enqueue(std::shared_ptr<const Message> message);
    void enqueue(const WaitingRecipient& recipient);
    [[nodiscard]] QueuedRecipients queued(const WaitingRecipient& recipient) const;
    [[nodiscard]] DeliveryEngine& engine_of(std::string_view site) const;
    [[nodiscard]] const std::vector<DeliveryEngine*>& engines() const { return engines_; }
    // Where a recipient would go.
    [[nodiscard]] std::pair<std::string, std::shared_ptr<const Route>> site_of(std::string_view recipient_domain,
                                                                               TenantId tenant) const;

 private:
    std::vector<DeliveryEngine*> engines_;
    std::atomic<std::shared_ptr<const RouteTable>> routes_;
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
        MtaStsFinder* mta_sts = nullptr;  // null: MTA-STS (RFC 8461) is not heeded
        // Header fields to put in front of a report: its signature. Empty: reports go out unsigned.
        std::function<std::string(std::string_view content, WallClock::time_point now)> sign_report = {};
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

    // For people; on this shard.
    [[nodiscard]] std::vector<SiteStatus> sites();
    [[nodiscard]] std::optional<SiteStatus> site(std::string_view key);
    // Those of `ids` that are being delivered.
    [[nodiscard]] std::set<DeliveryId> leased_of(const std::vector<DeliveryId>& ids) const;
    void suspend(std::string_view site, bool suspended);
    // Rows changed by a person: take them out (hold, drop), or make them due now (retry). A leased recipient is
    // finished first; one that is enqueued again meanwhile follows it.
    void remove(std::string_view site, const std::set<DeliveryId>& chosen);
    void retry(std::string_view site, const std::set<DeliveryId>& chosen);

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
    };
    struct Opened {
        std::unique_ptr<Connection> connection;
        RoutingProblem problem;  // if there is none
        bool busy = false;       // the server is there, but took no connection now (4yz)
        std::optional<PeerFacts> peer;
        std::string transcript;
    };
    // An idle connection waits here; schedule() puts a lease in.
    struct IdleSlot {
        explicit IdleSlot(Shard& shard) : wakeup(shard) {}
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

    // engine.cc: what runs when
    Task<> keep_time();
    void schedule(Site& site);
    void probe(Site& site);
    void schedule_starved();
    void end_an_idle_connection();
    void take_in(const QueuedRecipients& recipients);
    void back_off(Site& site, const std::string& problem, Deadline began);
    void pause(Site& site);
    void connect_not_before(Site& site, Deadline time);
    void leave(Site& site);
    void forget_if_done(Site& site);
    void finished_one();
    Task<> pause_before_writing_again();
    void add(Site& site, QueueEntry entry, WallClock::time_point due);
    [[nodiscard]] std::vector<QueueEntry> finish(Site& site, MessageId message,
                                                 std::span<const std::uint32_t> ordinals);
    void finish_unattempted(Site& site, MessageId message, std::span<const std::uint32_t> ordinals);
    void wake_for(std::string_view site);
    void release_fresh(MessageId message, std::size_t recipients);
    [[nodiscard]] SiteStatus status_of(const Site& site) const;

    // engine_connect.cc: finding and opening a connection
    // What is known of a destination before its hosts are tried.
    struct Destination {
        dns::Security security = dns::Security::insecure;        // of its MX records
        std::shared_ptr<const tlspolicy::MtaStsPolicy> mta_sts;  // null: none
    };
    Task<Opened> open_connection(Site& site);
    Task<Destination> destination_of(Site& site, const MailHosts& hosts);
    Task<Opened> open_host(Site& site, Destination destination, std::string host, Deadline deadline);
    Task<Routed<TransportDemand>> demand_for(Site& site, Destination destination, std::string host,
                                             HostAddresses addresses, Deadline deadline);
    Task<Opened> open_address(Site& site, std::string host, dns::IpAddress address, TransportDemand demand);
    Task<Opened> open_address(Site& site, std::string host, dns::IpAddress address, TransportDemand demand,
                              smtp::ClientTls tls);
    void count_demand(const Site& site, const Destination& destination, const std::string& host,
                      const TransportDemand& demand, const Opened& opened);
    static bool outweighs(const RoutingProblem& problem, const RoutingProblem& other);
    static Opened nothing_tried();
    bool is_own(const Stream& stream) const;
    [[nodiscard]] smtp::ClientTls tls_for(const Route& route, const std::string& host, const TransportDemand& demand);

    // engine_attempt.cc: messages over a connection, and what became of them
    Task<> serve(Site& site, Lease lease);
    Task<> serve_without_connection(Site& site, Lease lease);
    Task<> work_through(Site& site, Connection& connection, std::optional<Lease> lease);
    Task<std::optional<Lease>> wait_for_work(Site& site);
    void put_back(Site& site, Lease& lease, std::size_t kept, WallClock::time_point due);
    Task<std::optional<Work>> load(Site& site, Lease lease);
    Task<> set_aside(Site& site, Lease lease, std::string reason);
    Task<> attempt(Site& site, Connection& connection, Work work, std::shared_ptr<PendingRecord> pending);
    Task<> share_failure(Site& site, RoutingProblem problem);
    static bool ended_before_it_began(const Connection& connection);
    AttemptEnd end_by(const Work& work, const Opened& opened) const;
    Task<> conclude(Site& site, Work work, AttemptEnd end);
    void wait_for_retry(const WaitingRecipient& recipient);
    Task<> conclude_in_background(Site& site, Work work, AttemptEnd end, std::shared_ptr<PendingRecord> pending);
    DeliveryOutcome outcome_for(const Site& site, const Work& work, std::size_t place, AttemptResult& result,
                                const AttemptEnd& end, double chance, ReportableResult& reportable);
    Task<std::vector<std::shared_ptr<const Message>>> write_outcomes(std::shared_ptr<const Message> message,
                                                                     std::vector<DeliveryOutcome> outcomes,
                                                                     std::vector<Submission> reports);
    void log_outcome(const Message& message, const AttemptResult& result, const std::string& recipient,
                     const Site& site, const std::optional<PeerFacts>& peer);
    void count(const Message& message, const AttemptResult& result);

    Ports ports_;
    DeliveryOptions options_;
    DeliveryQueue queue_;
    HostFinder finder_;
    std::unordered_map<MessageId, Fresh> fresh_;
    Octets fresh_octets_ = 0;
    std::uint32_t connections_ = 0;
    std::uint32_t connection_limit_;
    std::unordered_map<Site*, std::deque<IdleSlot*>> idle_;
    std::multimap<Deadline, std::string> probes_;  // when to look at a destination again that backs off
    std::vector<Site*> starved_;
    std::map<std::string, Deadline> without_tls_;  // hosts whose STARTTLS failed, until when not to try it
    Wakeup clock_;
    std::optional<WallClock::time_point> clock_set_for_;
    std::mt19937_64 chance_;
    Wakeup drain_;  // told when it begins
    bool draining_ = false;
    std::size_t running_ = 0;  // coroutines that serve a destination or write an outcome
    std::function<void()> drained_;
};

}  // namespace relevo
