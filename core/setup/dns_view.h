// The DNS of one zone from two sides: what its own servers publish, and what everybody's resolvers still remember.
#pragma once

#include "core/ports/resolver.h"
#include "core/setup/words.h"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace relevo::setup {

// Answers to one question from both sides. Where the zone's servers could not be asked, `published` is `remembered`.
struct Observation {
    Result<dns::Answer> published;
    Result<dns::Answer> remembered;
    bool is_authoritative = false;
};

// For one question: a name whose servers are dead must not use up the time of the others.
inline constexpr std::chrono::seconds question_time{6};
[[nodiscard]] inline Deadline question_deadline(Deadline whole) {
    return std::min(whole, Clock::now() + question_time);
}

struct DnsViewOptions {
    bool allow_private_addresses = false;  // of name servers
    Deadline deadline = no_deadline;       // for all questions together
};

// Threads: one shard's. Lives for one look at a domain.
class DnsView {
 public:
    // `zone_servers` may be null: then everything comes from the resolver.
    DnsView(Shard& shard, Resolver& resolver, ZoneServers* zone_servers, DnsViewOptions options)
        : shard_(shard), resolver_(resolver), zone_servers_(zone_servers), options_(options) {}

    // Finds the zone that `domain` lies in and its servers. Once, before see(). Never fails: without servers the
    // resolver answers alone, and why_not_authoritative() says why.
    Task<> find_zone(std::string domain);

    Task<Observation> see(std::string name, dns::RecordType type);
    // Addresses of one of its servers: two of each kind at most, and none that may not be asked.
    Task<std::vector<dns::IpAddress>> addresses_of(std::string name_server);
    // From the resolver alone: for names of others.
    Task<Result<dns::Answer>> ask(std::string name, dns::RecordType type);

    [[nodiscard]] const std::string& zone() const { return zone_; }  // "" if not found
    [[nodiscard]] const std::vector<std::string>& name_servers() const { return name_servers_; }
    [[nodiscard]] const Words& why_not_authoritative() const { return why_not_; }
    [[nodiscard]] Shard& shard() { return shard_; }
    // A stranger's zone must not make us connect inside our own network (security row B5).
    [[nodiscard]] bool may_connect_to(const dns::IpAddress& address) const {
        return options_.allow_private_addresses || !address.is_special();
    }
    [[nodiscard]] Deadline deadline() const { return options_.deadline; }

 private:
    Task<std::vector<dns::IpAddress>> server_addresses();

    Shard& shard_;
    Resolver& resolver_;
    ZoneServers* zone_servers_;
    DnsViewOptions options_;
    std::string zone_;
    std::vector<std::string> name_servers_;
    std::unique_ptr<Resolver> direct_;
    Words why_not_;
};

// The records of an answer as people write them: TXT texts, "10 mx.example.com", addresses, names.
[[nodiscard]] std::vector<std::string> texts_of(const dns::Answer& answer);

}  // namespace relevo::setup
