#include "adapters/background/background_thread.h"

namespace relevo {

BackgroundThread::BackgroundThread() : thread_([this] { run(); }) {}

BackgroundThread::~BackgroundThread() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
    }
    wakeup_.notify_all();
    thread_.join();
}

void BackgroundThread::post(std::move_only_function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        queue_.push_back(std::move(work));
    }
    wakeup_.notify_all();
}

void BackgroundThread::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        wakeup_.wait(lock, [this] { return is_stopping_ || !queue_.empty(); });
        if (queue_.empty()) return;
        std::move_only_function<void()> work = std::move(queue_.front());
        queue_.pop_front();
        lock.unlock();
        work();
        work = nullptr;  // what it holds goes before the next waits
        lock.lock();
    }
}

}  // namespace relevo
