// How many messages a credential or a network may send per hour and per day.
#pragma once

#include "core/ports/database.h"
#include "core/ports/task.h"
#include "core/tenancy/model.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

namespace relevo {

// Whose messages are counted: a credential's or a network grant's.
enum class SenderKind : std::uint8_t { credential = 1, network_grant = 2 };
struct SenderKey {
    SenderKind kind = SenderKind::credential;
    std::int64_t id = 0;
    friend bool operator==(const SenderKey&, const SenderKey&) = default;
};
[[nodiscard]] SenderKey sender_key(const Identity& identity);
struct SenderKeyHash {
    std::size_t operator()(const SenderKey& key) const {
        return std::hash<CredentialId>{}(CredentialId{key.id * 4 + static_cast<std::int64_t>(key.kind)});
    }
};

// A count over a sliding time, in slots: exact to one slot, and never more than the limit in any stretch of the
// window's length.
template <std::int64_t slot_seconds, std::size_t slots_per_window>
class SlidingCount {
 public:
    [[nodiscard]] std::uint64_t total(std::int64_t now_seconds) const;
    void add(std::int64_t at_seconds, std::uint32_t count);
    void remove(std::int64_t at_seconds, std::uint32_t count);
    // The second at which `wanted` more fit under `limit`; now_seconds if they do already. If wanted > limit, they
    // never do: then when the window is empty.
    [[nodiscard]] std::int64_t room_at(std::int64_t now_seconds, std::uint64_t limit, std::uint64_t wanted) const;

 private:
    // One more than fit in the window: the oldest slot counts until it has left it entirely.
    static constexpr std::int64_t slots = static_cast<std::int64_t>(slots_per_window) + 1;
    [[nodiscard]] bool is_current(std::int64_t slot, std::int64_t now_slot) const {
        return slot > now_slot - slots && slot <= now_slot;
    }
    std::array<std::uint32_t, static_cast<std::size_t>(slots)> counts_{};
    std::int64_t newest_ = 0;  // slot number
};

struct UsageRow {
    SenderKey sender;
    std::int64_t hour = 0;  // hours since 1970
    std::uint32_t messages = 0;
};

// Counts messages, not recipients. About 250 octets per sender that was active within a day. Threads: any.
class RateLimiter {
 public:
    enum class Window : std::uint8_t { hour, day };
    struct Refusal {
        Window window = Window::hour;
        std::uint32_t limit = 0;
        WallClock::time_point room_at;  // whole minutes, rounded up
    };
    // nullopt: one more message fits. Counts nothing; to refuse early, at MAIL.
    [[nodiscard]] std::optional<Refusal> check(SenderKey sender, RateLimits limits, WallClock::time_point now) const;
    // Counts one message if it fits. To be called when its content begins, so that messages under way count.
    [[nodiscard]] std::optional<Refusal> take(SenderKey sender, RateLimits limits, WallClock::time_point now);
    // The message was not accepted in the end. `taken_at`: the time given to take().
    void give_back(SenderKey sender, WallClock::time_point taken_at);

    // What was used before a restart. The minute inside an hour is lost: an hour counts as if all of it came at its
    // end, so limits hold strictly and free up at most an hour late.
    void restore(const std::vector<UsageRow>& rows, WallClock::time_point now);
    // Forgets senders without messages within a day; now and then.
    void forget_idle(WallClock::time_point now);
    [[nodiscard]] std::size_t senders() const;

 private:
    struct Usage {
        SlidingCount<300, 12> hour;
        SlidingCount<3600, 24> day;
    };
    [[nodiscard]] static std::optional<Refusal> refusal(const Usage& usage, RateLimits limits, std::int64_t now);

    mutable std::mutex mutex_;
    std::unordered_map<SenderKey, Usage, SenderKeyHash> usage_;
};

// --- rows; threads as of the Transaction or Reader

[[nodiscard]] std::int64_t hour_of(WallClock::time_point time);
// Adds to the hour's count; inside the transaction that accepts the message.
[[nodiscard]] Result<void> record_usage(Transaction& transaction, SenderKey sender, std::int64_t hour,
                                        std::uint32_t messages);
[[nodiscard]] inline Result<void> record_usage(Transaction& transaction, CredentialId credential, std::int64_t hour,
                                               std::uint32_t messages) {
    return record_usage(transaction, SenderKey{SenderKind::credential, credential.value}, hour, messages);
}
// The last 25 hours.
[[nodiscard]] Result<std::vector<UsageRow>> load_usage(Reader& reader, WallClock::time_point now);
[[nodiscard]] Result<void> drop_usage_before(Transaction& transaction, std::int64_t hour);

}  // namespace relevo
