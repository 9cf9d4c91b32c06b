#include "app/cli/table.h"

#include "lib/base/text.h"

#include <algorithm>

namespace relevo::cli {
namespace {

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

constexpr std::size_t cell_limit = 60;
constexpr std::size_t last_cell_limit = 200;

void append_row(std::string& text, const std::vector<std::string>& row, const std::vector<std::size_t>& widths) {
    for (std::size_t i = 0; i < row.size(); ++i) {
        text += row[i];
        if (i + 1 < row.size()) text.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    text += '\n';
}

}  // namespace

std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::ranges::count_if(text, begins_character));
}

std::string shortened(std::string_view text, std::size_t limit) {
    if (width_of(text) <= limit) return std::string(text);
    std::size_t characters = 0, end = 0;
    for (; end < text.size(); ++end)
        if (begins_character(text[end]) && characters++ == limit - 1) break;
    return std::string(text.substr(0, end)) + "…";
}

void Table::add(std::vector<std::string> row) {
    row.resize(header_.size());
    for (std::size_t i = 0; i < row.size(); ++i)
        row[i] = shortened(printable(row[i], 1000), i + 1 == row.size() ? last_cell_limit : cell_limit);
    rows_.push_back(std::move(row));
}

std::string Table::text() const {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < header_.size(); ++i) {
        std::size_t width = width_of(header_[i]);
        for (const auto& row : rows_) width = std::max(width, width_of(row[i]));
        widths.push_back(width);
    }
    std::string text;
    append_row(text, header_, widths);
    for (const auto& row : rows_) append_row(text, row, widths);
    return text;
}

}  // namespace relevo::cli
