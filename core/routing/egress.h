// Where mail leaves from: the addresses, names and proxies that destinations see, in weighted pools (S76: a tenant's or
// a stream's reputation is its own).
#pragma once

#include "core/ports/stream.h"
#include "core/routing/route.h"
#include "lib/base/identifier.h"
#include "lib/dns/record.h"
#include "lib/mail/message_stream.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// One identity that destinations know: an address of each family, the name given in EHLO, and the way there.
struct EgressSource {
    std::string name;
    // Local address of each family. Absent: the source sends nothing in that family. Unspecified (0.0.0.0, ::): the
    // system chooses. Behind a proxy nothing is bound here: it is the address that the proxy sends from.
    std::optional<dns::IpAddress> ipv4, ipv6;
    std::vector<dns::IpAddress> public_addresses;  // what destinations see, where NAT makes that differ
    std::string client_name;                       // EHLO, ASCII
    std::optional<EgressProxy> proxy;
    bool drained = false;  // takes no new mail

    [[nodiscard]] bool reaches(const dns::IpAddress& target) const {
        return (target.is_v4() ? ipv4 : ipv6).has_value();
    }
    // What the world should see: the public addresses, else the local ones that are not the system's choice.
    [[nodiscard]] std::vector<dns::IpAddress> seen_addresses() const;
};
// How to connect from a source. Only where it reaches(target.address).
[[nodiscard]] DialOptions dial_options(const EgressSource& source, Endpoint target, Deadline deadline);

struct EgressMember {
    std::shared_ptr<const EgressSource> source;  // shared: connections keep theirs when a reload replaces the table
    std::uint32_t weight = 1;                    // 1..10,000: share of the pool's messages
};

struct EgressPool {
    std::string name;
    std::vector<EgressMember> members;  // 1..member_limit
    // Whose mail takes this pool by itself. Each list that is not empty must fit; all empty: only what names the pool.
    std::vector<TenantId> tenants;
    std::vector<std::string> routes;
    std::vector<std::string> domains;  // of recipients: "example.com", ".example.com" (below it), "*"
    std::vector<mail::MessageStream> streams;
    bool on_request = false;  // a message may ask for it by name, if it is of one of `tenants` (where they are named)

    static constexpr std::size_t member_limit = 256;
    [[nodiscard]] bool has_selectors() const {
        return !tenants.empty() || !routes.empty() || !domains.empty() || !streams.empty();
    }
};

// What is known of some recipients of a message when their pool is chosen.
struct EgressRequest {
    TenantId tenant;
    mail::MessageStream stream = mail::MessageStream::transactional;
    std::string_view domain;  // the recipients', canonical
    const Route& route;
    std::string_view wanted;  // the pool that the message's header asks for; "": none
};

// Immutable once built; replaced whole on reload. Threads: any.
class EgressTable {
 public:
    // `fallback` names the one of `pools` for mail that no other takes. Every pool has members, and each name is there
    // only once.
    EgressTable(std::vector<std::shared_ptr<const EgressSource>> sources, std::vector<EgressPool> pools,
                std::string_view fallback);
    // One source "default" in one pool "default".
    [[nodiscard]] static EgressTable of_one(EgressSource source);

    // The first that there is of:
    //   1. the pool that the route names: a smarthost may know only that one;
    //   2. the one that the message asks for, if it is on_request and open to the message's tenant;
    //   3. of those whose selectors all fit, the most exact: one that names the tenant before any that does not; then
    //   one
    //      that names the route; then the domain, as exactly as routes are compared; then the stream; then the first;
    //   4. the fallback.
    [[nodiscard]] const EgressPool& pool_for(const EgressRequest& request) const;
    // Those that messages of this tenant may ask for.
    [[nodiscard]] std::vector<std::string> pools_on_request(TenantId tenant) const;
    [[nodiscard]] const EgressPool* find_pool(std::string_view name) const;
    [[nodiscard]] const EgressSource* find_source(std::string_view name) const;
    [[nodiscard]] std::span<const std::shared_ptr<const EgressSource>> sources() const { return sources_; }
    [[nodiscard]] std::span<const EgressPool> pools() const { return pools_; }
    [[nodiscard]] const EgressPool& fallback() const { return pools_[fallback_]; }

 private:
    std::vector<std::shared_ptr<const EgressSource>> sources_;
    std::vector<EgressPool> pools_;
    std::size_t fallback_ = 0;
};

// The source that a message of this pool leaves from, by weighted rendezvous hashing: the same one for each attempt (a
// greylisting server waits for the address it saw, RFC 6647 §2.2), after a restart and on every machine; shares follow
// the weights; what an unusable source would have sent spreads over the others by their weights, and only that moves.
// Drained sources, and those that `usable` (where given) refuses, are passed over. Null: none is left.
[[nodiscard]] std::shared_ptr<const EgressSource> choose_source(const EgressPool& pool, MessageId message,
                                                                const std::function<bool(const EgressSource&)>& usable);

}  // namespace relevo
