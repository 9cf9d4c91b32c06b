// The DNS through libunbound: recursive or forwarding, validating, asynchronous.
#pragma once

#include "core/ports/resolver.h"

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

namespace relevo::resolver {

inline constexpr std::string_view system_trust_anchor_file = "/usr/share/dns/root.key";  // package dns-root-data

// Asks the servers at `address` about everything below `zone`.
struct Stub {
    std::string zone{};
    std::string address{};  // "192.0.2.53" or "127.0.0.1@5353"
};

struct UnboundOptions {
    // Ask these recursive servers ("192.0.2.53", "127.0.0.1@5353") instead of the root servers. Their AD bit is not
    // believed: libunbound validates by itself.
    std::vector<std::string> forwarders{};
    std::string resolv_conf{};  // take the forwarders from this file; "" does not
    std::vector<Stub> stubs{};
    // Keys of the root zone. A file that does not exist turns validation off: see validates().
    std::string trust_anchor_file{system_trust_anchor_file};
    std::vector<std::string> trust_anchors{};  // "example. DS 12345 13 2 …"
    // Reserved names (RFC 6761, RFC 6303) that shall be asked for like any other: "test.", "10.in-addr.arpa."
    std::vector<std::string> open_zones{};
    std::size_t parallel_queries = 1000;  // further questions wait
    std::size_t cache_entries = 10000;    // per shard
};

// What a resolver answers by itself unless it is told that somebody near serves it (RFC 6303, RFC 6761): names inside a
// network, and the names of its addresses. For UnboundOptions::open_zones.
[[nodiscard]] std::vector<std::string> zones_of_private_networks();

// Owns libunbound's context and its thread; answers arrive on one shard and are posted to the one that asked.
// Each shard has its own view with a small cache in front, so that a hot name costs no hop. Several coroutines with
// the same question share one query. Answers are kept for their TTL, an hour at most, five minutes if they are empty.
// Threads: make() and view() before the shards run; views on their shards. Views must not be used after this is gone.
class UnboundResolver {
 public:
    // `home` watches libunbound's descriptor. Errors: invalid – an option is malformed: detail says which; io.
    [[nodiscard]] static Result<std::unique_ptr<UnboundResolver>> make(Shard& home, UnboundOptions options);
    ~UnboundResolver();

    // The port for one shard. Made once per shard, lives as long as its user.
    [[nodiscard]] std::unique_ptr<Resolver> view(Shard& shard);
    // There is a trust anchor: DNSSEC is checked (DANE needs it).
    [[nodiscard]] bool validates() const;

 private:
    class Engine;
    class View;
    explicit UnboundResolver(std::shared_ptr<Engine> engine);
    std::shared_ptr<Engine> engine_;  // with the coroutine that watches, and answers under way
};

}  // namespace relevo::resolver
