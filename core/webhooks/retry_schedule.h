// When a delivery is attempted again.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

namespace relevo {

// After each failed attempt; three days in all.
inline constexpr std::array<std::chrono::seconds, 9> webhook_retries = {
    std::chrono::seconds(5), std::chrono::minutes(5), std::chrono::minutes(30),
    std::chrono::hours(2),   std::chrono::hours(5),   std::chrono::hours(10),
    std::chrono::hours(14),  std::chrono::hours(20),  std::chrono::hours(24)};

// `attempts` that failed, 1 or more. Nothing: it is a dead letter.
[[nodiscard]] constexpr std::optional<std::chrono::seconds> webhook_retry_after(std::int64_t attempts) {
    if (attempts < 1 || attempts > static_cast<std::int64_t>(webhook_retries.size())) return std::nullopt;
    return webhook_retries[static_cast<std::size_t>(attempts - 1)];
}

}  // namespace relevo
