#include "core/tenancy/failure_table.h"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

namespace relevo {

namespace {

// What is lost if the entry goes: an address with a success first of all, then many failures, then recent ones.
std::uint64_t weight_of(const FailureEntry& entry) {
    if (entry.is_used == 0) return 0;
    const std::uint32_t last_seen = std::max(entry.last_failed_at, entry.last_succeeded_at);
    const std::uint64_t known = entry.last_succeeded_at != 0 || entry.pending != 0 ? 1 : 0;
    return 1 + (known << 62) + (std::uint64_t{entry.failures} << 34) + last_seen;
}

}  // namespace

FailureTable::FailureTable(std::size_t capacity, const HashKey& key)
    : key_(key), bucket_count_(std::bit_ceil(std::max(capacity, bucket_size)) / bucket_size) {
    // calloc leaves pages unmapped until they are written; new FailureEntry[] would touch them all.
    static_assert(std::is_trivially_copyable_v<FailureEntry>);
    entries_.reset(static_cast<FailureEntry*>(std::calloc(bucket_count_ * bucket_size, sizeof(FailureEntry))));
    if (!entries_) throw std::bad_alloc();
}

std::span<FailureEntry, FailureTable::bucket_size> FailureTable::bucket_of(std::uint64_t subject) {
    static_assert(crypto_shorthash_KEYBYTES == std::tuple_size_v<HashKey> && crypto_shorthash_BYTES == 8);
    std::uint64_t hash = 0;
    crypto_shorthash(reinterpret_cast<unsigned char*>(&hash), reinterpret_cast<const unsigned char*>(&subject),
                     sizeof subject, key_.data());
    return std::span<FailureEntry, bucket_size>(entries_.get() + (hash & (bucket_count_ - 1)) * bucket_size,
                                                bucket_size);
}

FailureEntry* FailureTable::find(std::uint64_t subject) {
    for (auto& entry : bucket_of(subject))
        if (entry.is_used != 0 && entry.subject == subject) return &entry;
    return nullptr;
}

FailureEntry& FailureTable::get(std::uint64_t subject) {
    if (FailureEntry* found = find(subject)) return *found;
    auto& victim = *std::ranges::min_element(bucket_of(subject), {}, weight_of);
    victim = FailureEntry{.subject = subject, .is_used = 1};
    return victim;
}

void FailureTable::for_each(const std::function<void(const FailureEntry&)>& visit) const {
    for (const auto& entry : std::span(entries_.get(), bucket_count_ * bucket_size))
        if (entry.is_used != 0) visit(entry);
}

}  // namespace relevo
