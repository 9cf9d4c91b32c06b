// Looks at this server and its domains from outside: what `relevo domain dns` and `relevo check` show, and what the
// running server repeats by itself.
#pragma once

#include "app/configuration/configuration.h"
#include "core/ports/committer.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/routing/host_finder.h"
#include "core/setup/address_names.h"
#include "core/setup/connection_trial.h"
#include "core/setup/domain_checks.h"
#include "core/setup/server_checks.h"
#include "core/setup/status_book.h"
#include "lib/addresscheck/address_check.h"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace relevo {

// What a look needs of its surroundings.
struct InspectionPorts {
    Shard& shard;
    Resolver& resolver;
    ZoneServers& zone_servers;
    Dialer& dialer;
    WebPages& pages;
    bool validates = false;  // the resolver checks DNSSEC
};

struct ListingState {
    enum class Kind : std::uint8_t { unknown, clean, listed };
    Kind kind = Kind::unknown;  // unknown: no list has answered
    std::string where;          // listed: addresses and lists, in words
};

// Threads: the shard's; configure() any.
class Inspection {
 public:
    Inspection(InspectionPorts ports, std::shared_ptr<const Configuration> configuration)
        : ports_(ports), configuration_(std::move(configuration)) {}
    // After a reload.
    void configure(std::shared_ptr<const Configuration> configuration) { configuration_ = std::move(configuration); }

    // `facts` as domain_facts() gives them; what the DNS knows about this server is added here.
    Task<setup::DnsPlan> plan(setup::DomainFacts facts);
    // The same without asking about the domain: no status, nothing merged.
    Task<setup::DnsPlan> bare_plan(setup::DomainFacts facts);
    Task<setup::DomainReport> check_domain(setup::DomainFacts facts);
    // `listeners` that run; empty if no server does.
    Task<std::vector<setup::CheckItem>> check_server(std::vector<setup::OwnListener> listeners);

    // What programs meet at each listener that takes logins and is not behind a balancer, by each kind of encryption.
    Task<std::vector<setup::ConnectionFinding>> try_connections(std::vector<setup::OwnListener> listeners);

    // How each of these domains (A-labels) takes mail.
    Task<std::map<std::string, addresscheck::DomainMail>> mail_of(std::set<std::string> domains);

    // PTR records of each, and what leads back, in their order.
    Task<std::vector<Result<setup::AddressNames>>> names_of(std::vector<dns::IpAddress> addresses);

    // Whether a blocklist that is taken seriously names one of these addresses.
    Task<ListingState> listing_of(std::vector<dns::IpAddress> addresses, Deadline deadline);
    // The mail servers of a domain, as delivery would find them.
    Task<Routed<MailHosts>> hosts_of(const Route& route, std::string domain);

    [[nodiscard]] std::shared_ptr<const Configuration> configuration() const { return configuration_.load(); }

 private:
    [[nodiscard]] setup::ServerFacts server_facts(Deadline deadline) const;
    [[nodiscard]] setup::DnsViewOptions view_options(Deadline deadline) const;
    [[nodiscard]] setup::BlocklistOptions blocklists() const;
    Task<setup::DomainFacts> with_egress(setup::DomainFacts facts, Deadline deadline);

    InspectionPorts ports_;
    std::atomic<std::shared_ptr<const Configuration>> configuration_;
};

// Checks every domain again and again, spread over checks.interval, and tells what has changed: an event for each look
// that found something else, a log line for each change, and how many checks stand how as metrics. Threads: the
// shard's.
class DomainWatch {
 public:
    struct Ports {
        Shard& shard;
        Inspection& inspection;
        // All domains as they are at the time.
        std::function<Task<Result<std::vector<setup::DomainFacts>>>()> domains;
        Committer& committer;
        EventWriter& events;
        Log& log;
        Metrics& metrics;
    };
    explicit DomainWatch(Ports ports);
    // Until stop().
    Task<> run();
    // The settings may have changed: begins anew with those of now.
    void reconsider() { changed_.notify_all(); }
    void stop();
    // A look at a domain, whoever asked for it.
    Task<> note(setup::DomainFacts domain, std::vector<setup::CheckItem> items);

 private:
    // One round over all domains, spread over `interval`; ends early when the settings change.
    Task<> round(Clock::duration interval);
    void tell(const std::string& domain, const std::vector<setup::StatusChange>& changes);

    Ports ports_;
    Gauge& ok_;
    Gauge& warnings_;
    Gauge& failures_;
    Counter& changes_;
    Wakeup changed_;
    bool stopping_ = false;
};

}  // namespace relevo
