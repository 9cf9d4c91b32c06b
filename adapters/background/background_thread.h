// The port Background: one thread.
#pragma once

#include "core/ports/background.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace relevo {

// Threads: any. Destroying it runs what still waits.
class BackgroundThread final : public Background {
 public:
    BackgroundThread();
    BackgroundThread(const BackgroundThread&) = delete;
    BackgroundThread& operator=(const BackgroundThread&) = delete;
    ~BackgroundThread() override;
    void post(std::move_only_function<void()> work) override;

 private:
    void run();

    std::mutex mutex_;
    std::condition_variable wakeup_;
    std::deque<std::move_only_function<void()>> queue_;
    bool is_stopping_ = false;
    std::thread thread_;
};

}  // namespace relevo
