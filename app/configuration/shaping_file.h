// Reads what limits mail to each destination from TOML (docs/formats/shaping.md): the file that comes with Relevo, and
// the operator's.
#pragma once

#include "core/shaping/shaping_table.h"
#include "lib/base/result.h"

#include <string_view>

namespace relevo::configuration {

// The table without an operator's file.
[[nodiscard]] shaping::ShapingTable shipped_shaping_table();

// With the operator's file, whose name problems and origins carry. It is taken whole or not at all.
// Errors: invalid – `detail` holds all problems, one a line, as "file:line:column: problem: what to change".
[[nodiscard]] Result<shaping::ShapingTable> parse_shaping(std::string_view toml, std::string_view file_name);

}  // namespace relevo::configuration
