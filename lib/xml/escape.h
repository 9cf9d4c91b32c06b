// Text as it may stand in XML and HTML.
#pragma once

#include <string>
#include <string_view>

namespace relevo::xml {

// In an element or between quotes. Control characters, which XML 1.0 §2.2 does not allow, are left out; line ends and
// tabs stay.
[[nodiscard]] std::string escaped(std::string_view text);

}  // namespace relevo::xml
