// Numbers that a monitoring system reads: counters, gauges, histograms. Each is registered once, at start, and then
// costs one relaxed atomic addition. Implemented by adapters/telemetry and, for tests, adapters/memory.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

namespace relevo {

// Only grows. Threads: any.
class Counter {
 public:
    void add(std::uint64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
    // A cache line of its own: neighbours are counted by other shards.
    alignas(64) std::atomic<std::uint64_t> value_{0};
};

// Goes up and down. Threads: any.
class Gauge {
 public:
    void set(std::int64_t value) { value_.store(value, std::memory_order_relaxed); }
    void add(std::int64_t amount = 1) { value_.fetch_add(amount, std::memory_order_relaxed); }
    void subtract(std::int64_t amount = 1) { value_.fetch_sub(amount, std::memory_order_relaxed); }
    [[nodiscard]] std::int64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
    alignas(64) std::atomic<std::int64_t> value_{0};
};

// How often a value fell under each bound; seconds or octets. Threads: any.
class Histogram {
 public:
    // `bounds` are upper limits, ascending; what lies above the last one is counted too.
    explicit Histogram(std::span<const double> bounds)
        : bounds_(bounds.begin(), bounds.end()), buckets_(bounds.size() + 1) {}

    void observe(double value) {
        const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), value);
        buckets_[static_cast<std::size_t>(bound - bounds_.begin())].fetch_add(1, std::memory_order_relaxed);
        sum_.fetch_add(value, std::memory_order_relaxed);
    }
    [[nodiscard]] std::span<const double> bounds() const { return bounds_; }
    // Values in bucket `index` alone (not cumulative); index bounds().size() is what lies above the last bound.
    [[nodiscard]] std::uint64_t count(std::size_t index) const {
        return buckets_[index].load(std::memory_order_relaxed);
    }
    [[nodiscard]] double sum() const { return sum_.load(std::memory_order_relaxed); }

 private:
    std::vector<double> bounds_;
    std::deque<std::atomic<std::uint64_t>> buckets_;
    std::atomic<double> sum_{0};
};

// Both words are ours and few: never text from a peer, or the number of series has no bound.
struct Label {
    std::string_view name;
    std::string_view value;
};
using Labels = std::vector<Label>;

// Registration, at start; the same name and labels give the same object again. References live as long as this does.
// Names and units as Prometheus has them: "relevo_messages_accepted_total", "relevo_attempt_duration_seconds".
// Threads: any.
class Metrics {
 public:
    virtual ~Metrics() = default;
    [[nodiscard]] virtual Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {}) = 0;
    [[nodiscard]] virtual Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {}) = 0;
    [[nodiscard]] virtual Histogram& histogram(std::string_view name, std::string_view help,
                                               std::span<const double> bounds, const Labels& labels = {}) = 0;
};

}  // namespace relevo
