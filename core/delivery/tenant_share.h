// How many of a shard's connections one tenant may have, so that no tenant can take them all: three quarters while
// others send too. Somebody whose destinations do not answer would otherwise keep everybody's places for minutes.
#pragma once

#include "core/ports/task.h"
#include "lib/base/identifier.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <unordered_map>

namespace relevo {

// Threads: one shard's. Memory: one entry for each tenant with a connection.
class TenantShare {
 public:
    // Another tenant counts so long after its last message: its next one should find a place.
    static constexpr std::chrono::minutes remembered{60};

    explicit TenantShare(std::uint32_t connections)
        : cap_(std::max(1U, connections - std::min(connections, std::max(1U, connections / 4)))) {}

    // Mail of this tenant came in.
    void seen(TenantId tenant, Deadline now) {
        if (latest_.tenant != tenant) other_ = latest_;
        latest_ = {tenant, now};
    }
    // Whether a connection may be opened for its mail; the place itself is the caller's matter.
    [[nodiscard]] bool may_open(TenantId tenant, Deadline now) const {
        const auto found = connections_.find(tenant);
        if (found == connections_.end() || found->second < cap_) return true;
        const Seen& another = latest_.tenant == tenant ? other_ : latest_;
        return another.at == Deadline::min() || now - another.at > remembered;
    }
    void opened(TenantId tenant) { ++connections_[tenant]; }
    void closed(TenantId tenant) {
        const auto found = connections_.find(tenant);
        if (--found->second == 0) connections_.erase(found);
    }

 private:
    struct Seen {
        TenantId tenant;
        Deadline at = Deadline::min();
    };
    std::uint32_t cap_;
    std::unordered_map<TenantId, std::uint32_t> connections_;  // by whose mail they were opened for
    Seen latest_, other_;                                      // the two tenants seen last
};

}  // namespace relevo
