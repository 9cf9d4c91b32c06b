// Prose for terminals.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace relevo::cli {

inline constexpr std::size_t page_width = 100;  // characters

// Lines of at most page_width characters, each ended by a newline: the first begins with `lead`, the others with as
// many blanks. Words longer than a line stand alone on one. `text` is made printable.
[[nodiscard]] std::string paragraph(std::string_view lead, std::string_view text);

}  // namespace relevo::cli
