// The port ZoneServers: a libunbound of its own for each zone that is looked into.
#pragma once

#include "adapters/resolver/unbound_resolver.h"

#include <cstdint>

namespace relevo::resolver {

// Threads: any; each resolver belongs to the shard that made it.
class UnboundZoneServers final : public ZoneServers {
 public:
    // `options` as for the resolver that everybody uses: for names outside of the zone (the target of a CNAME).
    // `port` of the zones' servers; other than 53 only for trying things.
    UnboundZoneServers(UnboundOptions options, std::uint16_t port) : options_(std::move(options)), port_(port) {}
    Result<std::unique_ptr<Resolver>> ask_at(Shard& shard, std::string zone,
                                             std::vector<dns::IpAddress> servers) override;

 private:
    UnboundOptions options_;
    std::uint16_t port_;
};

}  // namespace relevo::resolver
