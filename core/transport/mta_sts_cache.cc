#include "core/transport/mta_sts_cache.h"

#include <array>

namespace relevo {
namespace {

// `expires_at` in milliseconds since 1970, as `fetched_at` is.
constexpr std::string_view initial_schema = R"sql(
CREATE TABLE mta_sts_policy (
    domain TEXT PRIMARY KEY,
    record_id TEXT NOT NULL,
    file TEXT NOT NULL,
    fetched_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX mta_sts_policy_expiry ON mta_sts_policy (expires_at);
)sql";

constexpr std::array migrations = {Migration{"transport", 1, initial_schema}};

std::int64_t column_of(WallClock::time_point time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

std::span<const Migration> transport_migrations() { return migrations; }

std::optional<KnownPolicy> MtaStsCache::find(const std::string& domain, WallClock::time_point now) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(domain);
    if (found == entries_.end() || found->second.known.expires_at() <= now) return std::nullopt;
    return found->second.known;
}

bool MtaStsCache::put(const std::string& domain, KnownPolicy policy) {
    const std::lock_guard lock(mutex_);
    put_off_.erase(domain);
    if (const auto old = entries_.find(domain); old != entries_.end()) {
        octets_ -= old->second.octets;
        entries_.erase(old);
    }
    const Octets octets = domain.size() + policy.file.size();
    if (entries_.size() >= limits_.domains || octets_ + octets > limits_.octets) return false;
    octets_ += octets;
    entries_.emplace(domain, Entry{.known = std::move(policy), .octets = octets});
    return true;
}

void MtaStsCache::forget_expired(WallClock::time_point now) {
    const std::lock_guard lock(mutex_);
    std::erase_if(entries_, [&](const auto& entry) {
        if (entry.second.known.expires_at() > now) return false;
        octets_ -= entry.second.octets;
        return true;
    });
    std::erase_if(put_off_, [&](const auto& entry) { return entry.second.until <= now; });
}

std::size_t MtaStsCache::size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

void MtaStsCache::put_off(const std::string& domain, WallClock::time_point until, StsFailure failure) {
    const std::lock_guard lock(mutex_);
    if (put_off_.size() >= limits_.failures) put_off_.clear();
    put_off_[domain] = {.until = until, .failure = std::move(failure)};
}

std::optional<StsFailure> MtaStsCache::put_off_for(const std::string& domain, WallClock::time_point now) const {
    const std::lock_guard lock(mutex_);
    const auto found = put_off_.find(domain);
    if (found == put_off_.end() || found->second.until <= now) return std::nullopt;
    return found->second.failure;
}

Result<void> MtaStsCache::load(Reader& reader, WallClock::time_point now) {
    return reader.query("SELECT domain, record_id, file, fetched_at FROM mta_sts_policy WHERE expires_at > $1",
                        {column_of(now)}, [&](const Row& row) -> Result<void> {
                            auto policy = tlspolicy::parse_mta_sts_policy(row.text(2));
                            if (!policy.has_value()) return {};  // of a release that read more than this one
                            put(std::string(row.text(0)),
                                {.record_id = std::string(row.text(1)),
                                 .file = std::string(row.text(2)),
                                 .policy = std::make_shared<const tlspolicy::MtaStsPolicy>(*std::move(policy)),
                                 .fetched_at = WallClock::time_point(std::chrono::milliseconds(row.integer(3)))});
                            return {};
                        });
}

Result<void> save_policy(Transaction& transaction, std::string_view domain, const KnownPolicy& policy) {
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO mta_sts_policy (domain, record_id, file, fetched_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5) ON CONFLICT (domain) DO UPDATE SET"
        " record_id = excluded.record_id, file = excluded.file, fetched_at = excluded.fetched_at,"
        " expires_at = excluded.expires_at",
        {domain, policy.record_id, policy.file, column_of(policy.fetched_at), column_of(policy.expires_at())}));
    return {};
}

Result<void> drop_expired_policies(Transaction& transaction, WallClock::time_point now) {
    RELEVO_CHECK(transaction.execute("DELETE FROM mta_sts_policy WHERE expires_at <= $1", {column_of(now)}));
    return {};
}

}  // namespace relevo
