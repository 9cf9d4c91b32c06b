// relevo(1): the table of commands as a page for man(1).
#pragma once

#include <string>

namespace relevo::cli {

[[nodiscard]] std::string manual_page();

}  // namespace relevo::cli
