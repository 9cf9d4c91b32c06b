// A thread of its own for contents that take long to read: mail from strangers must not hold up a shard.
#pragma once

#include "core/ports/task.h"
#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace relevo {

// Threads: any. Destroying it waits for the content that is being read; those that wait get `cancelled`.
template <class Found>
class ReadingThread {
 public:
    using Read = std::function<Result<Found>(std::string_view content)>;
    // `limit` contents of `limit_octets` in all may wait. `read` is called on the thread.
    ReadingThread(Read read, std::size_t limit, Octets limit_octets)
        : read_(std::move(read)), limit_(limit), limit_octets_(limit_octets), thread_([this] { work(); }) {}
    ReadingThread(const ReadingThread&) = delete;
    ReadingThread& operator=(const ReadingThread&) = delete;
    ~ReadingThread() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wakeup_.notify_all();
        thread_.join();
        for (Waiting& one : queue_) one.done(failure(ErrorKind::cancelled, "the server is stopping"));
    }

    // Errors: those of `read`; full – too much waits; cancelled.
    void read(std::shared_ptr<const std::string> content, Completer<Result<Found>> done) {
        {
            const std::lock_guard lock(mutex_);
            if (queue_.size() < limit_ && octets_ + content->size() <= limit_octets_) {
                octets_ += content->size();
                queue_.push_back({std::move(content), std::move(done)});
                wakeup_.notify_one();
                return;
            }
        }
        done(failure(ErrorKind::full, "too much mail waits to be read"));
    }

 private:
    struct Waiting {
        std::shared_ptr<const std::string> content;
        Completer<Result<Found>> done;
    };

    void work() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wakeup_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (stopping_) return;
            Waiting one = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            Result<Found> found = read_(*one.content);
            const Octets octets = one.content->size();
            one.content.reset();
            one.done(std::move(found));
            lock.lock();
            octets_ -= octets;
        }
    }

    const Read read_;
    const std::size_t limit_;
    const Octets limit_octets_;
    std::mutex mutex_;  // guards what follows
    std::condition_variable wakeup_;
    bool stopping_ = false;
    std::deque<Waiting> queue_;
    Octets octets_ = 0;   // of what waits and what is read
    std::thread thread_;  // last: it uses all the others
};

}  // namespace relevo
