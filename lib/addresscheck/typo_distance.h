// How many slips of the fingers lie between two short texts.
#pragma once

#include <cstddef>
#include <string_view>

namespace relevo::addresscheck {

// Octets inserted, left out, replaced, or two neighbours swapped (Damerau-Levenshtein, no part edited twice); `limit` +
// 1 if there are more than `limit`. Costs at most (2 × limit + 1) steps for each octet; texts of over 64 octets are
// never near unless they are the same.
[[nodiscard]] std::size_t typo_distance(std::string_view a, std::string_view b, std::size_t limit);

}  // namespace relevo::addresscheck
