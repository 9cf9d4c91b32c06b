// The hosts that take mail for a destination, in the order to try them (RFC 5321 §5.1, RFC 7505).
#pragma once

#include "core/ports/resolver.h"
#include "core/routing/route.h"
#include "lib/smtp/reply.h"

#include <expected>
#include <random>
#include <string>
#include <vector>

namespace relevo {

// Why no server could be asked. `status` as it goes into a report; nobody has replied yet.
struct RoutingProblem {
    bool permanent = false;
    smtp::EnhancedStatus status;
    std::string text;
};
template <class T>
using Routed = std::expected<T, RoutingProblem>;

struct MailHosts {
    std::vector<std::string> names;  // ASCII; address literals in brackets stand for themselves
    dns::Security security = dns::Security::insecure;
};

struct HostAddresses {
    std::vector<dns::IpAddress> addresses;
    dns::Security security = dns::Security::insecure;  // secure: DNSSEC vouches for all of them
    std::string canonical_name;                        // where CNAMEs led; "" if nowhere
};

struct HostFinderOptions {
    std::string host_name;  // ours: an MX that names us is a loop
    bool use_ipv6 = true;
    bool allow_private_addresses = false;  // for every route; a route may also allow them for itself
    std::size_t host_limit = 20;           // MX hosts looked at per attempt
};

// Threads: one per shard.
class HostFinder {
 public:
    HostFinder(Resolver& resolver, HostFinderOptions options, std::uint64_t seed)
        : resolver_(resolver), options_(std::move(options)), chance_(seed) {}

    // By MX for mail_exchanger, the route's hosts for smarthost and lmtp. `domain` canonical (may hold U-labels, or be
    // an address literal).
    Task<Routed<MailHosts>> hosts_of(const Route& route, std::string domain, Deadline deadline);
    // Addresses to connect to, IPv6 and IPv4 in turn, at most 8. Private and loopback ones are refused unless the route
    // allows them.
    Task<Routed<HostAddresses>> addresses_of(const Route& route, std::string host, Deadline deadline);

 private:
    Task<Routed<MailHosts>> mail_exchangers(std::string domain, Deadline deadline);
    Resolver& resolver_;
    HostFinderOptions options_;
    std::mt19937_64 chance_;
};

}  // namespace relevo
