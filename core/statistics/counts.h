// The numbers of one row of statistics: how often each thing happened, and how long deliveries took.
#pragma once

#include "lib/base/result.h"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace relevo {

// Stored numbers: never renumber.
enum class Counted : std::uint8_t {
    accepted = 0,    // messages
    recipients = 1,  // of them; all that follows is by recipient
    delivered = 2,
    deferred = 3,      // attempts
    bounced_hard = 4,  // refused at once, or later by a report of the server that had taken it
    bounced_soft = 5,
    bounced_block = 6,
    expired = 7,
    suppressed = 8,
    dropped = 9,
    complained = 10,
    opened_human = 11,
    opened_machine = 12,
    clicked_human = 13,
    clicked_machine = 14,
    unsubscribed = 15,
    delivered_tls = 16,  // of those delivered
    queue_depth = 17,    // recipients that waited, summed over all looks: of the whole server alone
    queue_looks = 18,    // looks at the queue
};
inline constexpr std::size_t counted_things = 19;
[[nodiscard]] std::string_view name_of(Counted thing);

class CountsChange;

class Counts {
 public:
    // Step i holds what took at most 100 ms × √2^i; the last one all above, which is over a day.
    static constexpr std::size_t delay_steps = 42;
    [[nodiscard]] static std::chrono::milliseconds delay_bound(std::size_t step);
    [[nodiscard]] static std::size_t delay_step(std::chrono::milliseconds delay);

    void add(Counted thing, std::int64_t amount = 1) { things_.at(static_cast<std::size_t>(thing)) += amount; }
    void add_delay(std::chrono::milliseconds delay) { ++delays_.at(delay_step(delay)); }
    void add(const Counts& other);
    void add(const CountsChange& change);
    [[nodiscard]] std::int64_t of(Counted thing) const { return things_.at(static_cast<std::size_t>(thing)); }
    [[nodiscard]] std::int64_t bounced() const;
    // The time within which that share of deliveries (0 to 1) was done: the bound of its step, so at most √2 times too
    // long. Nothing: nothing was delivered.
    [[nodiscard]] std::optional<std::chrono::milliseconds> delay_quantile(double share) const;
    // How many recipients waited on average. Nothing: nobody looked.
    [[nodiscard]] std::optional<double> queue_mean() const;
    [[nodiscard]] bool is_empty() const { return *this == Counts(); }

    // "0=12 2=11 32=3": numbers that are not 0 by their stored number; steps of delays follow from 32.
    [[nodiscard]] std::string text() const;
    // Numbers that a newer Relevo counts are passed over. Errors: damaged – the row.
    [[nodiscard]] static Result<Counts> parse(std::string_view text);
    friend bool operator==(const Counts&, const Counts&) = default;

 private:
    std::array<std::int64_t, counted_things> things_{};
    std::array<std::int64_t, delay_steps> delays_{};
};

// The few numbers that one event adds to each row that it is counted in.
class CountsChange {
 public:
    static constexpr std::size_t things_limit = 2;
    void add(Counted thing, std::int64_t amount = 1) { things_.at(size_++) = {thing, amount}; }
    void add_delay(std::chrono::milliseconds delay) { delay_step_ = Counts::delay_step(delay); }

 private:
    friend class Counts;
    std::array<std::pair<Counted, std::int64_t>, things_limit> things_{};
    std::size_t size_ = 0;
    std::optional<std::size_t> delay_step_;
};

}  // namespace relevo
