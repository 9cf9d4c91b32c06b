// The text of shaping.toml; the build makes the source from it. app/configuration reads it.
#pragma once

#include <string_view>

namespace relevo::shaping {

[[nodiscard]] std::string_view shipped_shaping();

}  // namespace relevo::shaping
