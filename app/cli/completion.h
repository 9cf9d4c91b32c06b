// Scripts that complete the words of a command line, made from the table of commands.
#pragma once

#include "lib/base/result.h"

#include <string>
#include <string_view>

namespace relevo::cli {

// `shell`: bash, zsh or fish. The script completes groups, commands, options, and names of files where an option takes
// one. Errors: invalid – another shell.
[[nodiscard]] Result<std::string> completion_script(std::string_view shell);

}  // namespace relevo::cli
