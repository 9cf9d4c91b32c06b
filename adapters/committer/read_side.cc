#include "adapters/committer/read_side.h"

#include "adapters/committer/writer.h"

namespace relevo {
namespace {

constexpr std::size_t most_unsafe = 64;

}  // namespace

void GroupCommitter::ReadSide::add(std::move_only_function<Result<void>(Reader&)> work, Completer<Result<void>> done) {
    push([this, work = std::move(work), done = std::move(done)](const std::optional<Error>& refusal) mutable {
        if (refusal) return done(std::unexpected(*refusal));
        auto result = database_.read([&](Reader& reader) { return work(reader); });
        if (!writer_.is_flushing()) return done(std::move(result));
        unsafe_.emplace_back(std::move(done), std::move(result));
        if (unsafe_.size() >= most_unsafe) answer();
    });
}

void GroupCommitter::ReadSide::add(MessageId id, ContentLocation location, Completer<Result<std::string>> done) {
    push([this, id, location, done = std::move(done)](const std::optional<Error>& refusal) mutable {
        if (refusal) return done(std::unexpected(*refusal));
        done(contents_.read(id, location));
    });
}

void GroupCommitter::ReadSide::push(Job job) {
    std::unique_lock lock(mutex_);
    std::optional<Error> refusal;
    if (stopping_) refusal = Error{ErrorKind::closed, "the store is closing"};
    if (queue_.size() >= waiting_limit_) refusal = Error{ErrorKind::limit, "too many reads wait for the disk"};
    if (refusal) {
        lock.unlock();
        return job(refusal);
    }
    const bool was_empty = queue_.empty();
    queue_.push_back(std::move(job));
    lock.unlock();
    if (was_empty) wake_.notify_one();
}

void GroupCommitter::ReadSide::start() {
    thread_ = std::thread([this] { run(); });
}

void GroupCommitter::ReadSide::stop() {
    {
        const std::lock_guard guard(mutex_);
        if (stopping_) return;
        stopping_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
    while (run_once()) {
    }
}

void GroupCommitter::ReadSide::run() {
    while (true) {
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (stopping_) return;
        }
        run_once();
    }
}

bool GroupCommitter::ReadSide::run_once() {
    std::deque<Job> jobs;
    {
        const std::lock_guard guard(mutex_);
        jobs.swap(queue_);
    }
    for (Job& job : jobs) job(std::nullopt);
    answer();
    return !jobs.empty();
}

// One wait for many: a flush takes longer than most reads.
void GroupCommitter::ReadSide::answer() {
    if (unsafe_.empty()) return;
    const auto safe = writer_.await_flush();
    for (auto& [done, result] : unsafe_) answers_.add(std::move(done), result.has_value() ? safe : std::move(result));
    unsafe_.clear();
    answers_.post();
}

}  // namespace relevo
