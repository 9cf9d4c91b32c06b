#include "adapters/resolver/zone_servers.h"

#include <fmt/format.h>

namespace relevo::resolver {
namespace {

// libunbound and the view on it, as one thing to hold.
class OwnedResolver final : public Resolver {
 public:
    OwnedResolver(Shard& shard, std::unique_ptr<UnboundResolver> resolver)
        : resolver_(std::move(resolver)), view_(resolver_->view(shard)) {}
    Task<Result<dns::Answer>> query(std::string name, dns::RecordType type, Deadline deadline) override {
        return view_->query(std::move(name), type, deadline);
    }

 private:
    std::unique_ptr<UnboundResolver> resolver_;
    std::unique_ptr<Resolver> view_;
};

}  // namespace

Result<std::unique_ptr<Resolver>> UnboundZoneServers::ask_at(Shard& shard, std::string zone,
                                                             std::vector<dns::IpAddress> servers) {
    UnboundOptions options = options_;
    options.parallel_queries = 64;
    options.cache_entries = 256;
    for (const dns::IpAddress& server : servers)
        options.stubs.push_back({.zone = zone, .address = fmt::format("{}@{}", server.text(), port_)});
    RELEVO_TRY(auto resolver, UnboundResolver::make(shard, std::move(options)));
    return std::make_unique<OwnedResolver>(shard, std::move(resolver));
}

}  // namespace relevo::resolver
