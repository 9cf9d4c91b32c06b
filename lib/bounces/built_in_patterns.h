// The text of bounce_patterns.tsv; the build makes the source from it.
#pragma once

#include <string_view>

namespace relevo::bounces {

[[nodiscard]] std::string_view built_in_patterns();

}  // namespace relevo::bounces
