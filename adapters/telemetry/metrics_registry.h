// Metrics of the process, and their text for Prometheus (exposition format 0.0.4).
#pragma once

#include "core/ports/metrics.h"

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>

namespace relevo::telemetry {

inline constexpr std::string_view metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

// Threads: any. The lock guards registration and rendering only; counting takes none.
class MetricsRegistry final : public Metrics {
 public:
    Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {}) override;
    Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {}) override;
    Histogram& histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                         const Labels& labels = {}) override;

    // All of them, and what the system tells of this process: memory, processor time, descriptors.
    [[nodiscard]] std::string render() const;

 private:
    using Instrument = std::variant<std::unique_ptr<Counter>, std::unique_ptr<Gauge>, std::unique_ptr<Histogram>>;
    struct Family {
        std::string help;
        std::map<std::string, Instrument> series;  // by labels as text: `a="x",b="y"`
    };
    // The instrument of that name and labels; asserts that a name is used for one kind only.
    template <class T, class... Arguments>
    T& find_or_make(std::string_view name, std::string_view help, const Labels& labels, Arguments... arguments);
    static void render_family(std::string& out, const std::string& name, const Family& family);

    mutable std::mutex mutex_;
    std::map<std::string, Family, std::less<>> families_;
};

}  // namespace relevo::telemetry
