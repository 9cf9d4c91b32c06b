#include "adapters/telemetry/metrics_registry.h"

#include "adapters/telemetry/process_metrics.h"

#include <fmt/format.h>

#include <cassert>
#include <iterator>

namespace relevo::telemetry {
namespace {

void append_escaped(std::string& out, std::string_view text, bool in_quotes) {
    for (const char c : text) {
        if (c == '\n')
            out += "\\n";
        else if (c == '\\' || (in_quotes && c == '"'))
            out += {'\\', c};
        else
            out += c;
    }
}

std::string text_of(const Labels& labels) {
    std::string text;
    for (const Label& label : labels) {
        if (!text.empty()) text += ',';
        text += label.name;
        text += "=\"";
        append_escaped(text, label.value, true);
        text += '"';
    }
    return text;
}

std::string in_braces(const std::string& labels) { return labels.empty() ? labels : "{" + labels + "}"; }

struct RenderSeries {
    std::string& out;
    const std::string& name;
    const std::string& labels;

    void operator()(const std::unique_ptr<Counter>& counter) const { line("", in_braces(labels), counter->value()); }
    void operator()(const std::unique_ptr<Gauge>& gauge) const { line("", in_braces(labels), gauge->value()); }
    void operator()(const std::unique_ptr<Histogram>& histogram) const {
        const std::string separator = labels.empty() ? "" : ",";
        std::uint64_t cumulative = 0;
        for (std::size_t index = 0; index < histogram->bounds().size(); ++index) {
            cumulative += histogram->count(index);
            line("_bucket", fmt::format("{{{}{}le=\"{}\"}}", labels, separator, histogram->bounds()[index]),
                 cumulative);
        }
        cumulative += histogram->count(histogram->bounds().size());
        line("_bucket", fmt::format("{{{}{}le=\"+Inf\"}}", labels, separator), cumulative);
        line("_sum", in_braces(labels), histogram->sum());
        line("_count", in_braces(labels), cumulative);
    }
    template <class Number>
    void line(std::string_view suffix, const std::string& braces, Number value) const {
        fmt::format_to(std::back_inserter(out), "{}{}{} {}\n", name, suffix, braces, value);
    }
};

}  // namespace

template <class T, class... Arguments>
T& MetricsRegistry::find_or_make(std::string_view name, std::string_view help, const Labels& labels,
                                 Arguments... arguments) {
    const std::lock_guard lock(mutex_);
    auto family = families_.find(name);
    if (family == families_.end()) family = families_.emplace(std::string(name), Family{std::string(help), {}}).first;
    auto& series = family->second.series;
    auto found = series.find(text_of(labels));
    if (found == series.end()) found = series.emplace(text_of(labels), std::make_unique<T>(arguments...)).first;
    assert(std::holds_alternative<std::unique_ptr<T>>(found->second));
    return *std::get<std::unique_ptr<T>>(found->second);
}

Counter& MetricsRegistry::counter(std::string_view name, std::string_view help, const Labels& labels) {
    return find_or_make<Counter>(name, help, labels);
}

Gauge& MetricsRegistry::gauge(std::string_view name, std::string_view help, const Labels& labels) {
    return find_or_make<Gauge>(name, help, labels);
}

Histogram& MetricsRegistry::histogram(std::string_view name, std::string_view help, std::span<const double> bounds,
                                      const Labels& labels) {
    return find_or_make<Histogram>(name, help, labels, bounds);
}

void MetricsRegistry::render_family(std::string& out, const std::string& name, const Family& family) {
    constexpr std::string_view types[] = {"counter", "gauge", "histogram"};
    out += "# HELP " + name + " ";
    append_escaped(out, family.help, false);
    fmt::format_to(std::back_inserter(out), "\n# TYPE {} {}\n", name, types[family.series.begin()->second.index()]);
    for (const auto& [labels, instrument] : family.series) std::visit(RenderSeries{out, name, labels}, instrument);
}

std::string MetricsRegistry::render() const {
    std::string out;
    {
        const std::lock_guard lock(mutex_);
        for (const auto& [name, family] : families_) render_family(out, name, family);
    }
    render_process(out);
    return out;
}

}  // namespace relevo::telemetry
