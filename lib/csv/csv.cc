#include "lib/csv/csv.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relevo {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
constexpr std::string_view formula_starts = "=+-@\t\r\n";
// The same characters at full width, which some spreadsheets take for them.
constexpr auto wide_formula_starts = std::to_array<std::string_view>({"＝", "＋", "－", "＠"});

bool begins_formula(std::string_view cell) {
    if (cell.empty()) return false;
    return formula_starts.contains(cell.front()) ||
           std::ranges::any_of(wide_formula_starts, [&](std::string_view start) { return cell.starts_with(start); });
}

// The one that the first line has most of; what stands in quotes does not count.
char separator_of(std::string_view first_line) {
    constexpr std::array candidates{',', ';', '\t'};
    std::array<std::size_t, candidates.size()> counts{};
    bool is_quoted = false;
    for (const char c : first_line) {
        if (c == '"') is_quoted = !is_quoted;
        if (is_quoted) continue;
        for (std::size_t i = 0; i < candidates.size(); ++i)
            if (c == candidates.at(i)) ++counts.at(i);
    }
    return candidates.at(static_cast<std::size_t>(std::ranges::max_element(counts) - counts.begin()));
}

// Takes off what write_csv_row() puts in front.
std::string without_guard(std::string cell) {
    if (cell.size() > 1 && cell.front() == '\'' && begins_formula(std::string_view(cell).substr(1))) cell.erase(0, 1);
    return cell;
}

// Up to the separator, which stays; a quoted one up to its closing quote.
Result<std::string> take_cell(std::string_view& line, char separator) {
    if (!line.starts_with('"')) {
        const std::string_view cell = line.substr(0, line.find(separator));
        line.remove_prefix(cell.size());
        return std::string(trimmed(cell));
    }
    std::string cell;
    for (std::size_t at = 1; at < line.size(); ++at) {
        if (line[at] != '"') {
            cell += line[at];
        } else if (line.substr(at + 1).starts_with('"')) {
            cell += line[at++];
        } else {
            line.remove_prefix(at + 1);
            if (!line.empty() && line.front() != separator)
                return failure(ErrorKind::invalid, "there is something behind the closing quote");
            return cell;
        }
    }
    return failure(ErrorKind::invalid, "a quote is not closed on its line");
}

Result<std::vector<std::string>> cells_of(std::string_view line, char separator, const CsvBounds& bounds) {
    if (line.size() > bounds.line)
        return failure(ErrorKind::limit, fmt::format("the line is longer than {} octets", bounds.line));
    std::vector<std::string> cells;
    for (;;) {
        if (cells.size() == bounds.cells)
            return failure(ErrorKind::limit, fmt::format("the line has more than {} cells", bounds.cells));
        RELEVO_TRY(std::string cell, take_cell(line, separator));
        cells.push_back(without_guard(std::move(cell)));
        if (line.empty()) return cells;
        line.remove_prefix(1);
    }
}

}  // namespace

CsvReader::CsvReader(std::string_view text, CsvBounds bounds)
    : rest_(text.starts_with(byte_order_mark) ? text.substr(byte_order_mark.size()) : text),
      bounds_(bounds),
      separator_(separator_of(rest_.substr(0, std::min(rest_.find('\n'), bounds.line)))) {}

std::optional<CsvRow> CsvReader::next() {
    while (!rest_.empty()) {
        std::string_view line = rest_.substr(0, rest_.find('\n'));
        rest_.remove_prefix(std::min(rest_.size(), line.size() + 1));
        ++line_;
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (trimmed(line).empty()) continue;
        return CsvRow{.line = line_, .cells = cells_of(line, separator_, bounds_)};
    }
    return std::nullopt;
}

std::string write_csv_row(std::span<const std::string> cells) {
    std::string row;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        std::string cell = (begins_formula(cells[i]) ? "'" : "") + cells[i];
        std::ranges::replace_if(cell, [](char c) { return c == '\r' || c == '\n'; }, ' ');
        if (i > 0) row += ',';
        // At the very beginning a reader would take the mark for its own and leave it out.
        const bool needs_quotes = cell.find_first_of("\",;\t") != std::string::npos || trimmed(cell) != cell ||
                                  cell.starts_with(byte_order_mark);
        if (!needs_quotes) {
            row += cell;
            continue;
        }
        row += '"';
        for (const char c : cell) row.append(c == '"' ? 2 : 1, c);
        row += '"';
    }
    return row + "\r\n";
}

}  // namespace relevo
