// MTA-STS policies that are known (RFC 8461 §3.3, §5.1). One for the process.
#pragma once

#include "core/ports/database.h"
#include "core/ports/migration.h"
#include "core/ports/task.h"
#include "core/transport/tls_session.h"
#include "lib/tlspolicy/mta_sts.h"

#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace relevo {

[[nodiscard]] std::span<const Migration> transport_migrations();

// A policy as it was fetched.
struct KnownPolicy {
    std::string record_id;  // of the record that announced it
    std::string file;       // as it was fetched
    std::shared_ptr<const tlspolicy::MtaStsPolicy> policy;
    WallClock::time_point fetched_at;
    [[nodiscard]] WallClock::time_point expires_at() const { return fetched_at + policy->max_age; }
};

struct MtaStsCacheLimits {
    std::size_t domains = 100'000;
    Octets octets = 64 * mebibyte;  // of policy files
    std::size_t failures = 10'000;  // domains whose policy could not be fetched
};

// Threads: any.
class MtaStsCache {
 public:
    explicit MtaStsCache(MtaStsCacheLimits limits = {}) : limits_(limits) {}

    // Nothing once it has expired.
    [[nodiscard]] std::optional<KnownPolicy> find(const std::string& domain, WallClock::time_point now) const;
    // False: there is no room, so it will not be remembered.
    bool put(const std::string& domain, KnownPolicy policy);
    void forget_expired(WallClock::time_point now);
    [[nodiscard]] std::size_t size() const;

    // A failed fetch is not repeated before `until` (§3.3 asks for a limit); of whatever policy the record announces.
    void put_off(const std::string& domain, WallClock::time_point until, StsFailure failure);
    // The failure that it is put off for; nothing: it may be fetched.
    [[nodiscard]] std::optional<StsFailure> put_off_for(const std::string& domain, WallClock::time_point now) const;

    // At start, from the rows.
    Result<void> load(Reader& reader, WallClock::time_point now);

 private:
    struct Entry {
        KnownPolicy known;
        Octets octets = 0;
    };
    mutable std::mutex mutex_;
    const MtaStsCacheLimits limits_;
    std::unordered_map<std::string, Entry> entries_;
    struct PutOff {
        WallClock::time_point until;
        StsFailure failure;
    };
    std::unordered_map<std::string, PutOff> put_off_;
    Octets octets_ = 0;
};

[[nodiscard]] Result<void> save_policy(Transaction& transaction, std::string_view domain, const KnownPolicy& policy);
[[nodiscard]] Result<void> drop_expired_policies(Transaction& transaction, WallClock::time_point now);

}  // namespace relevo
