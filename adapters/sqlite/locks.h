// What the connections of this process share about one database file. No other process can: the folder is locked.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <vector>

namespace relevo::sqlite {

// The five lock levels of a database file (https://sqlite.org/lockingv3.html), for connections of one process.
// Threads: any. Results are SQLite's codes.
class FileLocks {
 public:
    // Raises `held` of one connection to `wanted`, or says SQLITE_BUSY.
    int lock(int& held, int wanted);
    int unlock(int& held, int wanted);
    bool reserved();

 private:
    std::mutex mutex_;
    int shared_ = 0;         // connections at SHARED or above
    bool reserved_ = false;  // one connection at RESERVED or above
    bool pending_ = false;   // no new SHARED
};

// The WAL index: 32 KiB regions in this process's memory instead of a -shm file (as SQLite's own "unix-excl" does), and
// its eight locks. Gone when the last connection closes; SQLite then rebuilds it from the log. Threads: any.
class WalIndex {
 public:
    static constexpr int lock_count = 8;
    // Which locks one connection holds.
    struct Held {
        unsigned shared = 0, exclusive = 0;
    };
    // Null in `region` if it does not exist and `extend` is false.
    int map(int index, int size, bool extend, volatile void** region);
    int lock(Held& held, int first, int count, int flags);
    void release(Held& held);

 private:
    std::mutex mutex_;
    std::vector<std::unique_ptr<std::byte[]>> regions_;
    std::array<int, lock_count> holders_{};  // -1: one, exclusively
};

}  // namespace relevo::sqlite
