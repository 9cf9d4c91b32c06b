// Counts failures per subject in a fixed amount of memory.
#pragma once

#include "core/ports/task.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <memory>
#include <span>

namespace relevo {

// What is known about one subject (an address, an account, or a pair of both). Times in seconds since 1970.
struct FailureEntry {
    std::uint64_t subject = 0;
    std::uint32_t last_failed_at = 0;
    std::uint32_t last_succeeded_at = 0;  // 0: never
    std::uint32_t last_started_at = 0;
    std::uint16_t failures = 0;
    std::uint8_t pending = 0;  // attempts that began and have no result yet
    std::uint8_t is_used = 0;
};
static_assert(sizeof(FailureEntry) == 24);

// A set-associative table: a keyed hash chooses a bucket of eight entries; in a full bucket the entry that matters
// least makes room, so a flood of new subjects costs no memory and nobody can choose whom it displaces. Pages that were
// never touched cost nothing. Threads: none.
class FailureTable {
 public:
    using HashKey = std::array<std::uint8_t, 16>;
    // `capacity` is rounded up to a power of two, at least 8.
    FailureTable(std::size_t capacity, const HashKey& key);

    // nullptr: unknown.
    [[nodiscard]] FailureEntry* find(std::uint64_t subject);
    // The entry of the subject, made if needed.
    [[nodiscard]] FailureEntry& get(std::uint64_t subject);
    void for_each(const std::function<void(const FailureEntry&)>& visit) const;
    [[nodiscard]] std::size_t memory_octets() const { return bucket_count_ * bucket_size * sizeof(FailureEntry); }

 private:
    static constexpr std::size_t bucket_size = 8;
    struct Release {
        void operator()(FailureEntry* entries) const { std::free(entries); }
    };
    [[nodiscard]] std::span<FailureEntry, bucket_size> bucket_of(std::uint64_t subject);

    HashKey key_;
    std::size_t bucket_count_;
    std::unique_ptr<FailureEntry[], Release> entries_;
};

}  // namespace relevo
