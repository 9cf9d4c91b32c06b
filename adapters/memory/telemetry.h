// A log and metrics that tests can look into.
#pragma once

#include "core/ports/log.h"
#include "core/ports/metrics.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Keeps each line as "warning tls.reload_failed file=/a.pem days=3". Threads: any.
class MemoryLog final : public Log {
 public:
    [[nodiscard]] bool enabled(Level) const override { return true; }
    void write(Level level, std::string_view event, std::initializer_list<Field> fields) override;

    [[nodiscard]] std::vector<std::string> lines() const;
    // Lines that contain `text`.
    [[nodiscard]] std::size_t count(std::string_view text) const;

 private:
    mutable std::mutex mutex_;
    std::vector<std::string> lines_;
};

// Threads: any.
class MemoryMetrics final : public Metrics {
 public:
    Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {}) override;
    Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {}) override;
    Histogram& histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                         const Labels& labels = {}) override;
    // By "name" or "name{label=value,…}"; 0 if there is none.
    [[nodiscard]] std::uint64_t counted(const std::string& series) const;
    [[nodiscard]] std::int64_t level(const std::string& series) const;

 private:
    mutable std::mutex mutex_;
    std::map<std::string, std::unique_ptr<Counter>> counters_;
    std::map<std::string, std::unique_ptr<Gauge>> gauges_;
    std::map<std::string, std::unique_ptr<Histogram>> histograms_;
};

}  // namespace relevo
