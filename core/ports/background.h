// Work that blocks, away from shards: files that are no store, programs of the operator. Implemented by
// adapters/background.
#pragma once

#include "core/ports/task.h"

#include <functional>

namespace relevo {

// Threads: any.
class Background {
 public:
    virtual ~Background() = default;
    // Runs `work` on a thread of its own, one after the other.
    virtual void post(std::move_only_function<void()> work) = 0;
};

// Runs `work` there and returns what it returns, on the shard of the caller.
template <class T>
Task<T> in_background(Background& background, std::function<T()> work) {
    co_return co_await completion_of<T>(
        [&](Completer<T> done) { background.post([work, done = std::move(done)]() mutable { done(work()); }); });
}

}  // namespace relevo
