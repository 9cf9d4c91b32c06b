#include "app/configuration/problems.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

namespace relevo::configuration {

void Problems::add(Place place, std::string_view text) {
    lines_.push_back({place, fmt::format("{}:{}:{}: {}", file_name_, place.line, place.column, printable(text, 2000))});
}

void Problems::add(std::string_view path, std::string_view text) {
    add(place_of(path), fmt::format("{} {}", path, text));
}

void Problems::add_lines(std::string_view path, std::string_view lines) {
    for (const std::string_view line : split(lines, '\n')) lines_.push_back({place_of(path), std::string(line)});
}

void Problems::add_environment(std::string_view variable, std::string_view text) {
    lines_.push_back({{}, fmt::format("environment: {} {}", printable(variable, 100), printable(text, 2000))});
}

std::string Problems::origin(Place place) const { return fmt::format("{}:{}", file_name_, place.line); }

Place Problems::place_of(std::string_view path) const {
    for (;;) {
        if (const auto found = places_.find(path); found != places_.end()) return found->second;
        const std::size_t dot = path.rfind('.');
        if (dot == std::string_view::npos) return {1, 1};
        path = path.substr(0, dot);
    }
}

std::string Problems::text() const {
    std::vector<const Line*> lines;
    for (const Line& line : lines_) lines.push_back(&line);
    // The address of a line stands for the order of discovery.
    std::ranges::sort(lines, {},
                      [](const Line* line) { return std::tuple(line->place.line, line->place.column, line); });
    std::string text;
    for (const Line* line : lines) text += (text.empty() ? "" : "\n") + line->text;
    return text;
}

}  // namespace relevo::configuration
