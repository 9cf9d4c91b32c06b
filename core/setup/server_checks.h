// What could keep this server's mail from being accepted, seen from the network.
#pragma once

#include "core/ports/stream.h"
#include "core/setup/blocklist.h"
#include "core/setup/check_item.h"

#include <string>
#include <vector>

namespace relevo::setup {

struct OwnListener {
    std::string name;  // "submission-587"
    Endpoint endpoint;
    bool is_implicit_tls = false;
    bool takes_logins = false;
    bool expects_proxy = false;  // begins with a PROXY header: cannot be tried from here
};

// Where to connect to for a listener: those on every address are tried through loopback.
[[nodiscard]] Endpoint reachable(Endpoint endpoint);

// Where mail leaves from, as others see it.
struct SourceFacts {
    std::string name;       // "default"
    std::string ehlo_name;  // A-labels
    std::vector<dns::IpAddress> addresses;
    bool is_proxied = false;  // without addresses nothing is known; else they are those of the host name
};

struct ServerFacts {
    std::string host_name;
    std::vector<SourceFacts> sources;
    bool validates = false;  // the resolver has a trust anchor
    std::vector<OwnListener> listeners;
    std::vector<std::string> outbound_domains;  // whose MX hosts show whether port 25 is open
    std::uint16_t outbound_port = 25;
    bool allow_private_addresses = false;
    BlocklistOptions blocklists;
    Deadline deadline = no_deadline;
};

// The addresses that mail leaves from, of all sources: those that the operator named, else those of the host name in
// the DNS.
Task<std::vector<dns::IpAddress>> egress_addresses(Resolver& resolver, ServerFacts facts);

// Each address of each source: PTR record, its way back, and whether it is the name that we say in EHLO, which must
// have an address itself.
Task<std::vector<CheckItem>> check_names(Resolver& resolver, ServerFacts facts);
// The resolver answers and validates.
Task<std::vector<CheckItem>> check_resolver(Resolver& resolver, ServerFacts facts);
// A mail server of each domain greets us.
Task<std::vector<CheckItem>> check_outbound(Resolver& resolver, Dialer& dialer, ServerFacts facts);
// Each listener refuses to relay for a stranger, in all the classic forms. No message is ever sent: after each RCPT
// comes RSET.
Task<std::vector<CheckItem>> check_relaying(Dialer& dialer, ServerFacts facts);

// All of the above and the blocklists, several at a time.
Task<std::vector<CheckItem>> check_server(Shard& shard, Resolver& resolver, Dialer& dialer, ServerFacts facts);

}  // namespace relevo::setup
