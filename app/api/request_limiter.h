// How many requests one key, user or stranger may make, so that a program that runs wild does not crowd out the others.
#pragma once

#include "core/ports/task.h"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

namespace relevo::api {

// Tokens that come back at a steady rate (a leaky bucket, kept as the time when it is empty again). Threads: any.
class RequestLimiter {
 public:
    struct Verdict {
        bool is_allowed = true;
        std::uint32_t remaining = 0;          // at once
        std::chrono::seconds retry_after{0};  // 1 or more if not allowed
    };
    // `burst` requests at once, `rate` a second in the long run. rate 0: no limit.
    RequestLimiter(std::uint32_t rate, std::uint32_t burst) : rate_(rate), burst_(burst) {}
    [[nodiscard]] Verdict take(const std::string& who, Clock::time_point now);
    [[nodiscard]] std::uint32_t rate() const { return rate_; }
    [[nodiscard]] std::uint32_t burst() const { return burst_; }

 private:
    void forget_idle(Clock::time_point now);

    const std::uint32_t rate_;
    const std::uint32_t burst_;
    std::mutex mutex_;
    std::unordered_map<std::string, Clock::time_point> full_at_;  // when all tokens are back
    Clock::time_point swept_at_{};
};

}  // namespace relevo::api
