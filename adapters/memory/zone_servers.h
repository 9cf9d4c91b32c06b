// The port ZoneServers over a table, for tests and simulations.
#pragma once

#include "adapters/memory/resolver.h"

#include <string>
#include <utility>
#include <vector>

namespace relevo {

// What the zones' own servers say may differ from what resolvers still remember: `published` is the former.
// Threads: one shard's.
class MemoryZoneServers final : public ZoneServers {
 public:
    explicit MemoryZoneServers(MemoryResolver& published) : published_(published) {}

    Result<std::unique_ptr<Resolver>> ask_at(Shard& /*shard*/, std::string zone,
                                             std::vector<dns::IpAddress> servers) override {
        std::string asked = std::move(zone);
        for (const dns::IpAddress& server : servers) asked += " " + server.text();
        asked_.push_back(std::move(asked));
        return std::make_unique<Forwarding>(published_);
    }
    // Every call so far, as "zone address address".
    [[nodiscard]] const std::vector<std::string>& asked() const { return asked_; }

 private:
    class Forwarding final : public Resolver {
     public:
        explicit Forwarding(MemoryResolver& to) : to_(to) {}
        Task<Result<dns::Answer>> query(std::string name, dns::RecordType type, Deadline deadline) override {
            return to_.query(std::move(name), type, deadline);
        }

     private:
        MemoryResolver& to_;
    };
    MemoryResolver& published_;
    std::vector<std::string> asked_;
};

}  // namespace relevo
