#include "core/statistics/counts.h"

#include "lib/base/text.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace relevo {
namespace {
constexpr std::size_t first_delay = 32;  // stored
}

std::string_view name_of(Counted thing) {
    constexpr std::array<std::string_view, counted_things> names{
        "accepted",     "recipients",    "delivered",      "deferred",      "bounced_hard",
        "bounced_soft", "bounced_block", "expired",        "suppressed",    "dropped",
        "complained",   "opened_human",  "opened_machine", "clicked_human", "clicked_machine",
        "unsubscribed", "delivered_tls", "queue_depth",    "queue_looks"};
    return names.at(static_cast<std::size_t>(thing));
}

std::chrono::milliseconds Counts::delay_bound(std::size_t step) {
    static const auto bounds = [] {
        std::array<std::chrono::milliseconds, delay_steps> made{};
        for (std::size_t i = 0; i < delay_steps; ++i)
            made.at(i) = std::chrono::milliseconds(std::llround(100.0 * std::pow(2.0, static_cast<double>(i) / 2)));
        return made;
    }();
    return bounds.at(step);
}

std::size_t Counts::delay_step(std::chrono::milliseconds delay) {
    std::size_t step = 0;
    while (step + 1 < delay_steps && delay > delay_bound(step)) ++step;
    return step;
}

void Counts::add(const CountsChange& change) {
    for (const auto& [thing, amount] : std::span(change.things_).first(change.size_)) add(thing, amount);
    if (change.delay_step_) ++delays_.at(*change.delay_step_);
}

void Counts::add(const Counts& other) {
    std::ranges::transform(things_, other.things_, things_.begin(), std::plus());
    std::ranges::transform(delays_, other.delays_, delays_.begin(), std::plus());
}

std::int64_t Counts::bounced() const {
    return of(Counted::bounced_hard) + of(Counted::bounced_soft) + of(Counted::bounced_block);
}

std::optional<double> Counts::queue_mean() const {
    if (of(Counted::queue_looks) <= 0) return std::nullopt;
    return static_cast<double>(of(Counted::queue_depth)) / static_cast<double>(of(Counted::queue_looks));
}

std::optional<std::chrono::milliseconds> Counts::delay_quantile(double share) const {
    const std::int64_t all = std::accumulate(delays_.begin(), delays_.end(), std::int64_t{0});
    if (all <= 0) return std::nullopt;
    const auto wanted = std::max<std::int64_t>(1, std::llround(std::ceil(share * static_cast<double>(all))));
    std::int64_t seen = 0;
    for (std::size_t step = 0; step < delay_steps; ++step) {
        seen += delays_.at(step);
        if (seen >= wanted) return delay_bound(step);
    }
    return delay_bound(delay_steps - 1);
}

std::string Counts::text() const {
    std::string text;
    const auto append = [&](std::size_t number, std::int64_t count) {
        if (count == 0) return;
        if (!text.empty()) text += ' ';
        text.append(std::to_string(number)).append("=").append(std::to_string(count));
    };
    for (std::size_t i = 0; i < things_.size(); ++i) append(i, things_.at(i));
    for (std::size_t i = 0; i < delays_.size(); ++i) append(first_delay + i, delays_.at(i));
    return text;
}

Result<Counts> Counts::parse(std::string_view text) {
    Counts counts;
    if (text.empty()) return counts;
    for (const std::string_view pair : split(text, ' ')) {
        const auto sign = pair.find('=');
        const auto number = parse_decimal<std::size_t>(pair.substr(0, sign));
        const auto count =
            sign == std::string_view::npos ? std::nullopt : parse_decimal<std::int64_t>(pair.substr(sign + 1));
        if (!number || !count)
            return failure(ErrorKind::damaged, "a row of statistics is damaged: " + printable(text, 100));
        if (*number < counted_things)
            counts.things_.at(*number) = *count;
        else if (*number >= first_delay && *number < first_delay + delay_steps)
            counts.delays_.at(*number - first_delay) = *count;
    }
    return counts;
}

}  // namespace relevo
