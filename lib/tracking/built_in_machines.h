// The text of machines.tsv; the build makes the source from it.
#pragma once

#include <string_view>

namespace relevo::tracking {

[[nodiscard]] std::string_view built_in_machines();

}  // namespace relevo::tracking
