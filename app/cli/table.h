// Columns for people. Every cell is made printable, so that nothing a mail server said can steer the terminal (security
// E13).
#pragma once

#include <string>
#include <vector>

namespace relevo::cli {

class Table {
 public:
    explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
    void add(std::vector<std::string> row);
    [[nodiscard]] bool empty() const { return rows_.empty(); }
    // Two spaces between columns; the last one is not filled up. Cells over 60 characters are cut, the last column's
    // over 200.
    [[nodiscard]] std::string text() const;

 private:
    std::vector<std::string> header_;
    std::vector<std::vector<std::string>> rows_;
};

// Characters that a terminal shows, if each is one cell wide.
[[nodiscard]] std::size_t width_of(std::string_view text);
// At most `limit` characters, the last one "…" if something was cut.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t limit);

}  // namespace relevo::cli
