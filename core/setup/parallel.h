// Several coroutines of one shard at the same time.
#pragma once

#include "core/ports/task.h"

#include <vector>

namespace relevo::setup {

// Runs all of `tasks` on `shard`, at most `limit` of them at once, and returns when each has ended. What they refer to
// must live as long as this call. Threads: the shard's.
Task<> run_together(Shard& shard, std::vector<Task<>> tasks, std::size_t limit = 16);

// Puts what `task` returns into `place`, which must live until it has ended.
template <class T>
Task<> into(T& place, Task<T> task) {
    place = co_await std::move(task);
}

}  // namespace relevo::setup
