// The text of address_lists.tsv; the build makes the source from it.
#pragma once

#include <string_view>

namespace relevo::addresscheck {

[[nodiscard]] std::string_view built_in_lists();

}  // namespace relevo::addresscheck
