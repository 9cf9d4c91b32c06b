#include "core/setup/parallel.h"

#include <algorithm>

namespace relevo::setup {
namespace {

// Shared: whoever waits may be destroyed with its shard before those that work.
struct Progress {
    explicit Progress(Shard& shard, std::vector<Task<>> given) : tasks(std::move(given)), ended(shard) {}
    std::vector<Task<>> tasks;
    std::size_t next = 0;
    std::size_t workers = 0;
    Wakeup ended;
};

Task<> work(std::shared_ptr<Progress> progress) {
    while (progress->next < progress->tasks.size()) co_await std::move(progress->tasks[progress->next++]);
    --progress->workers;
    progress->ended.notify_all();
}

}  // namespace

Task<> run_together(Shard& shard, std::vector<Task<>> tasks, std::size_t limit) {
    const auto progress = std::make_shared<Progress>(shard, std::move(tasks));
    progress->workers = std::min(limit, progress->tasks.size());
    for (std::size_t worker = progress->workers; worker > 0; --worker) shard.spawn(work(progress));
    while (progress->workers > 0) co_await progress->ended.wait();
}

}  // namespace relevo::setup
