// The MTA-STS policy of a domain (RFC 8461), as a sender has to find it.
#pragma once

#include "core/ports/committer.h"
#include "core/ports/log.h"
#include "core/ports/resolver.h"
#include "core/ports/web_pages.h"
#include "core/transport/mta_sts_cache.h"

#include <map>
#include <memory>
#include <string>

namespace relevo {

struct MtaStsOptions {
    bool allow_private_addresses = false;  // of web servers (security row B5)
    std::chrono::milliseconds dns_time{10'000};
    std::chrono::milliseconds fetch_time{10'000};  // mail waits for it; §3.3 proposes a minute at most
    std::chrono::minutes failed_fetch_pause{5};    // §3.3
    std::chrono::hours refresh_after{24};          // a policy that is used is fetched anew, or it would run out
};

struct StsFinding {
    std::shared_ptr<const tlspolicy::MtaStsPolicy> policy;  // null: none is known, or it says "none"
    std::optional<StsFailure> failure;                      // there is one, but it is not known
};

// Threads: one per shard; the cache is shared.
class MtaStsFinder {
 public:
    struct Ports {
        Shard& shard;
        Resolver& resolver;
        WebPages& pages;
        Committer& committer;
        Log& log;
        MtaStsCache& cache;
    };
    MtaStsFinder(Ports ports, MtaStsOptions options) : ports_(ports), options_(options) {}

    // `domain`: A-labels, lower case. A policy that is known counts until it expires, whatever the DNS or the web
    // server say meanwhile (§5.1). Waits at most for the DNS and one fetch.
    [[nodiscard]] Task<StsFinding> policy_of(std::string domain);

 private:
    struct Fetch {
        explicit Fetch(Shard& shard) : ended(shard) {}
        bool done = false;
        Wakeup ended;
    };
    Task<> fetch_once(std::string domain, std::string record_id);
    Task<Result<KnownPolicy>> fetch(std::string domain, std::string record_id);
    Task<> remember(std::string domain, KnownPolicy policy);

    Ports ports_;
    MtaStsOptions options_;
    std::map<std::string, std::shared_ptr<Fetch>> fetches_;  // under way
};

}  // namespace relevo
