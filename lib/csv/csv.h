// Rows of comma separated values (RFC 4180), a line each.
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct CsvBounds {
    std::size_t cells = 100;
    Octets line = 64 * kibibyte;
};

// A line with what it holds, or why it cannot be read. Errors: invalid – quotes. limit.
struct CsvRow {
    std::size_t line = 0;  // of the text, from 1
    Result<std::vector<std::string>> cells;
};

// Reads `text`, which must outlive it. Line ends are LF or CRLF; empty lines are passed over. No cell holds a line end.
class CsvReader {
 public:
    explicit CsvReader(std::string_view text, CsvBounds bounds = {});
    // nullopt: the text is over.
    [[nodiscard]] std::optional<CsvRow> next();
    [[nodiscard]] char separator() const { return separator_; }

 private:
    std::string_view rest_;
    CsvBounds bounds_;
    char separator_;
    std::size_t line_ = 0;
};

// One line with its CRLF. Line ends inside a cell become spaces. What a spreadsheet would compute (a cell that begins
// with one of = + - @, tab or CR) begins with an apostrophe instead (security row E8).
[[nodiscard]] std::string write_csv_row(std::span<const std::string> cells);

}  // namespace relevo
