#include "core/feedback/suppression_index.h"

#include "core/tenancy/administration.h"

#include <sodium.h>

#include <cstring>
#include <mutex>
#include <string>

namespace relevo {
namespace {
static_assert(crypto_shorthash_KEYBYTES == 16 && crypto_shorthash_BYTES == sizeof(std::uint64_t));
constexpr std::int64_t page_rows = 10'000;
}  // namespace

SuppressionIndex::SuppressionIndex(const RandomSource& random) { random(std::as_writable_bytes(std::span(hash_key_))); }

SuppressionIndex::Key SuppressionIndex::key_of(TenantId tenant, std::string_view comparable_address) const {
    const std::string text = std::to_string(tenant.value) + ":" + std::string(comparable_address);
    Key key = 0;
    crypto_shorthash(reinterpret_cast<unsigned char*>(&key), reinterpret_cast<const unsigned char*>(text.data()),
                     text.size(), hash_key_.data());
    return key;
}

Result<void> SuppressionIndex::load(Reader& reader, WallClock::time_point now) {
    Entries fresh;
    SuppressionPlace after;
    for (bool more = true; more;) {
        RELEVO_TRY(const auto page, list_suppressions(reader, {}, after, page_rows, now));
        for (const Suppression& one : page)
            fresh.insert_or_assign(key_of(one.tenant, one.address), Entry{one.expires_at, one.reason});
        more = std::ssize(page) == page_rows;
        if (more) after = {page.back().tenant, page.back().address};
    }
    const std::unique_lock lock(mutex_);
    entries_ = std::move(fresh);
    return {};
}

void SuppressionIndex::put(const Suppression& suppression) {
    const Key key = key_of(suppression.tenant, suppression.address);
    const std::unique_lock lock(mutex_);
    entries_.insert_or_assign(key, Entry{suppression.expires_at, suppression.reason});
}

void SuppressionIndex::erase(TenantId tenant, std::string_view comparable_address) {
    const Key key = key_of(tenant, comparable_address);
    const std::unique_lock lock(mutex_);
    entries_.erase(key);
}

void SuppressionIndex::forget_expired(WallClock::time_point now) {
    const std::unique_lock lock(mutex_);
    std::erase_if(entries_, [&](const auto& entry) {
        return entry.second.expires_at != never_expires && entry.second.expires_at <= now;
    });
}

std::optional<SuppressionReason> SuppressionIndex::find(TenantId tenant, const mail::Address& address,
                                                        WallClock::time_point now) const {
    {
        const std::shared_lock lock(mutex_);
        if (entries_.empty()) return std::nullopt;
    }
    const auto comparable = comparable_address(address);
    if (!comparable.has_value()) return std::nullopt;
    const Key key = key_of(tenant, *comparable);
    const std::shared_lock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return std::nullopt;
    if (found->second.expires_at != never_expires && found->second.expires_at <= now) return std::nullopt;
    return found->second.reason;
}

std::size_t SuppressionIndex::size() const {
    const std::shared_lock lock(mutex_);
    return entries_.size();
}

}  // namespace relevo
