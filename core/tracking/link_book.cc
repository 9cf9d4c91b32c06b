#include "core/tracking/link_book.h"

#include <sodium.h>

#include <array>
#include <cstring>

namespace relevo {
namespace {
constexpr std::size_t entry_overhead_octets = 100;
}  // namespace

TrackedLinkId LinkBook::id_of(TenantId tenant, std::string_view url) {
    std::array<unsigned char, crypto_generichash_BYTES_MIN> hash{};
    const std::string input = std::to_string(tenant.value) + " " + std::string(url);
    crypto_generichash(hash.data(), hash.size(), reinterpret_cast<const unsigned char*>(input.data()), input.size(),
                       nullptr, 0);
    std::uint64_t id = 0;
    std::memcpy(&id, hash.data(), sizeof id);
    id &= 0x7FFF'FFFF'FFFF'FFFF;
    return TrackedLinkId{static_cast<std::int64_t>(id == 0 ? 1 : id)};
}

std::vector<TrackedLink> LinkBook::unwritten(TenantId tenant, std::vector<TrackedLink> links, std::int64_t day) {
    std::unordered_set<TrackedLinkId> seen;
    std::erase_if(links, [&](const TrackedLink& link) { return !seen.insert(link.id).second; });
    const std::lock_guard lock(mutex_);
    if (written_day_ == day)
        std::erase_if(links, [&](const TrackedLink& link) { return written_.contains({tenant, link.id}); });
    return links;
}

Result<void> LinkBook::write(Transaction& transaction, TenantId tenant, const std::vector<TrackedLink>& links,
                             std::int64_t day) {
    for (const TrackedLink& link : links)
        RELEVO_CHECK(
            transaction.execute("INSERT INTO tracked_link (tenant_id, id, url, last_day) VALUES ($1, $2, $3, $4)"
                                " ON CONFLICT (tenant_id, id) DO UPDATE SET last_day = excluded.last_day"
                                " WHERE tracked_link.last_day < excluded.last_day",
                                {tenant.value, link.id.value, std::string_view(link.url), day}));
    return {};
}

void LinkBook::note_written(TenantId tenant, const std::vector<TrackedLink>& links, std::int64_t day) {
    const std::lock_guard lock(mutex_);
    if (written_day_ != day || written_.size() + links.size() > remembered_links) written_.clear();
    written_day_ = day;
    for (const TrackedLink& link : links) written_.insert({tenant, link.id});
}

Task<Result<std::string>> LinkBook::find(Committer& committer, TenantId tenant, TrackedLinkId id) {
    const Key key{tenant, id};
    {
        const std::lock_guard lock(mutex_);
        if (const auto known = found_.find(key); known != found_.end()) co_return known->second;
    }
    std::string url;
    RELEVO_CO_CHECK(co_await read_rows(committer, [&](Reader& reader) -> Result<void> {
        return reader.query("SELECT url FROM tracked_link WHERE tenant_id = $1 AND id = $2", {tenant.value, id.value},
                            [&](const Row& row) -> Result<void> {
                                url = row.text(0);
                                return {};
                            });
    }));
    if (url.empty()) co_return failure(ErrorKind::not_found, "the link is forgotten");
    const std::lock_guard lock(mutex_);
    const std::size_t octets = url.size() + entry_overhead_octets;
    if (found_octets_ + octets > remembered_octets) {
        found_.clear();
        found_octets_ = 0;
    }
    if (found_.emplace(key, url).second) found_octets_ += octets;
    co_return url;
}

Result<void> LinkBook::forget_before(Transaction& transaction, std::int64_t day) {
    RELEVO_CHECK(
        transaction.execute("DELETE FROM tracked_link WHERE (tenant_id, id) IN"
                            " (SELECT tenant_id, id FROM tracked_link WHERE last_day < $1 LIMIT 5000)",
                            {day}));
    return {};
}

}  // namespace relevo
