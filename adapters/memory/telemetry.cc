#include "adapters/memory/telemetry.h"

#include <fmt/format.h>

#include <algorithm>

namespace relevo {
namespace {

std::string_view name_of_level(Level level) {
    switch (level) {
        case Level::debug: return "debug";
        case Level::info: return "info";
        case Level::warning: return "warning";
        case Level::error: break;
    }
    return "error";
}

std::string series_of(std::string_view name, const Labels& labels) {
    std::string series(name);
    for (const Label& label : labels)
        series += fmt::format("{}{}={}", series.size() == name.size() ? "{" : ",", label.name, label.value);
    return labels.empty() ? series : series + "}";
}

template <class Map, class... Arguments>
auto& find_or_make(Map& map, std::string_view name, const Labels& labels, Arguments... arguments) {
    auto& entry = map[series_of(name, labels)];
    if (!entry) entry = std::make_unique<typename Map::mapped_type::element_type>(arguments...);
    return *entry;
}

}  // namespace

void MemoryLog::write(Level level, std::string_view event, std::initializer_list<Field> fields) {
    std::string line = fmt::format("{} {}", name_of_level(level), event);
    for (const Field& field : fields)
        std::visit([&](const auto& value) { line += fmt::format(" {}={}", field.name, value); }, field.value);
    const std::lock_guard lock(mutex_);
    lines_.push_back(std::move(line));
}

std::vector<std::string> MemoryLog::lines() const {
    const std::lock_guard lock(mutex_);
    return lines_;
}

std::size_t MemoryLog::count(std::string_view text) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count_if(
        lines_, [text](const std::string& line) { return line.find(text) != std::string::npos; }));
}

Counter& MemoryMetrics::counter(std::string_view name, std::string_view, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    return find_or_make(counters_, name, labels);
}

Gauge& MemoryMetrics::gauge(std::string_view name, std::string_view, const Labels& labels) {
    const std::lock_guard lock(mutex_);
    return find_or_make(gauges_, name, labels);
}

Histogram& MemoryMetrics::histogram(std::string_view name, std::string_view, std::span<const double> bounds,
                                    const Labels& labels) {
    const std::lock_guard lock(mutex_);
    return find_or_make(histograms_, name, labels, bounds);
}

std::uint64_t MemoryMetrics::counted(const std::string& series) const {
    const std::lock_guard lock(mutex_);
    const auto found = counters_.find(series);
    return found == counters_.end() ? 0 : found->second->value();
}

std::int64_t MemoryMetrics::level(const std::string& series) const {
    const std::lock_guard lock(mutex_);
    const auto found = gauges_.find(series);
    return found == gauges_.end() ? 0 : found->second->value();
}

}  // namespace relevo
