#include "adapters/sqlite/locks.h"

#include <sqlite3.h>

#include <utility>

namespace relevo::sqlite {

int FileLocks::lock(int& held, int wanted) {
    const std::lock_guard guard(mutex_);
    if (held >= wanted) return SQLITE_OK;
    if (held == SQLITE_LOCK_NONE) {
        if (pending_) return SQLITE_BUSY;
        ++shared_;
        held = SQLITE_LOCK_SHARED;
    }
    if (wanted >= SQLITE_LOCK_RESERVED && held < SQLITE_LOCK_RESERVED) {
        if (reserved_) return SQLITE_BUSY;
        reserved_ = true;
        held = SQLITE_LOCK_RESERVED;
    }
    if (wanted == SQLITE_LOCK_EXCLUSIVE) {
        pending_ = true;
        held = SQLITE_LOCK_PENDING;
        if (shared_ > 1) return SQLITE_BUSY;
        held = SQLITE_LOCK_EXCLUSIVE;
    }
    return SQLITE_OK;
}

int FileLocks::unlock(int& held, int wanted) {
    const std::lock_guard guard(mutex_);
    if (held <= wanted) return SQLITE_OK;
    if (held >= SQLITE_LOCK_PENDING) pending_ = false;
    if (held >= SQLITE_LOCK_RESERVED) reserved_ = false;
    if (wanted == SQLITE_LOCK_NONE) --shared_;
    held = wanted;
    return SQLITE_OK;
}

bool FileLocks::reserved() {
    const std::lock_guard guard(mutex_);
    return reserved_;
}

int WalIndex::map(int index, int size, bool extend, volatile void** region) {
    const std::lock_guard guard(mutex_);
    const auto wanted = static_cast<std::size_t>(index);
    *region = nullptr;
    if (wanted >= regions_.size() && !extend) return SQLITE_OK;
    while (wanted >= regions_.size()) regions_.push_back(std::make_unique<std::byte[]>(static_cast<std::size_t>(size)));
    *region = regions_[wanted].get();
    return SQLITE_OK;
}

int WalIndex::lock(Held& held, int first, int count, int flags) {
    const std::lock_guard guard(mutex_);
    const unsigned mask = ((1U << count) - 1U) << first;
    const auto each = [&](auto&& action) {
        for (int slot = first; slot < first + count; ++slot)
            action(holders_[static_cast<std::size_t>(slot)], 1U << slot);
    };
    if ((flags & SQLITE_SHM_UNLOCK) != 0) {
        each([&](int& holders, unsigned bit) {
            if ((held.exclusive & bit) != 0) holders = 0;
            if ((held.shared & bit) != 0) --holders;
        });
        held.exclusive &= ~mask;
        held.shared &= ~mask;
        return SQLITE_OK;
    }
    const bool exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    if (((exclusive ? held.exclusive : held.shared) & mask) == mask) return SQLITE_OK;
    bool free = true;
    each([&](const int& holders, unsigned) { free = free && (exclusive ? holders == 0 : holders >= 0); });
    if (!free) return SQLITE_BUSY;
    each([&](int& holders, unsigned) { holders = exclusive ? -1 : holders + 1; });
    (exclusive ? held.exclusive : held.shared) |= mask;
    return SQLITE_OK;
}

void WalIndex::release(Held& held) { lock(held, 0, lock_count, SQLITE_SHM_UNLOCK); }

}  // namespace relevo::sqlite
