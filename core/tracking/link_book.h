// Where the links in messages lead: rows, so that a redirect goes only where a message of the tenant's did (security
// row E6), and what is remembered of them.
#pragma once

#include "core/ports/committer.h"
#include "core/tracking/token.h"

#include <mutex>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace relevo {

struct TrackedLink {
    TrackedLinkId id;
    std::string url;
};

// Threads: any, but where it says otherwise.
class LinkBook {
 public:
    static constexpr std::size_t remembered_links = 100'000;              // written today
    static constexpr std::size_t remembered_octets = 16UL * 1024 * 1024;  // of URLs that were looked up

    // The same for the same URL of the same tenant, whenever it is asked.
    [[nodiscard]] static TrackedLinkId id_of(TenantId tenant, std::string_view url);

    // Those of `links` that must be written on that day, without repetitions.
    [[nodiscard]] std::vector<TrackedLink> unwritten(TenantId tenant, std::vector<TrackedLink> links, std::int64_t day);
    // Threads: the committer's.
    [[nodiscard]] static Result<void> write(Transaction& transaction, TenantId tenant,
                                            const std::vector<TrackedLink>& links, std::int64_t day);
    // They are durable.
    void note_written(TenantId tenant, const std::vector<TrackedLink>& links, std::int64_t day);

    // Where it leads. Errors: not_found; those of the store.
    Task<Result<std::string>> find(Committer& committer, TenantId tenant, TrackedLinkId id);

    // Forgets links that no mail has had since before that day, some thousand at a time. Threads: the committer's.
    [[nodiscard]] static Result<void> forget_before(Transaction& transaction, std::int64_t day);

 private:
    struct Key {
        TenantId tenant;
        TrackedLinkId id;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const {
            return std::hash<std::int64_t>()(key.id.value ^ (key.tenant.value << 40));
        }
    };

    std::mutex mutex_;  // guards all that follows
    std::int64_t written_day_ = 0;
    std::unordered_set<Key, KeyHash> written_;
    std::size_t found_octets_ = 0;
    std::unordered_map<Key, std::string, KeyHash> found_;
};

}  // namespace relevo
