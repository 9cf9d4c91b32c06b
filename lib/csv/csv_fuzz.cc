// Any text ends, each line is told once and in order, and what was written is read again as it was. Security row E8.
#include "lib/csv/csv.h"

#include <algorithm>
#include <cstdlib>

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

void check_written(const std::vector<std::string>& cells) {
    const std::string row = relevo::write_csv_row(cells);
    require(row.find('\n') == row.size() - 1);
    if (row.find_first_not_of(" \t\r\n,") == std::string::npos) return;  // an empty line is passed over
    const auto again = relevo::CsvReader(row, {.cells = 1000, .line = relevo::mebibyte}).next();
    require(again && again->cells.has_value());
    if (cells.size() < 2 || std::ranges::any_of(cells, [](const std::string& cell) {
            return cell.find_first_of(";\t\r'") != std::string::npos;  // may look like other separators or a guard
        }))
        return;
    require(*again->cells == cells);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
    relevo::CsvReader reader({reinterpret_cast<const char*>(data), size}, {.cells = 20, .line = 500});
    std::size_t line = 0;
    while (const auto row = reader.next()) {
        require(row->line > line);
        line = row->line;
        if (!row->cells.has_value()) {
            require(!row->cells.error().detail.empty());
            continue;
        }
        require(!row->cells->empty() && row->cells->size() <= 20);
        check_written(*row->cells);
    }
    return 0;
}
