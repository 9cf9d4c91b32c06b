// The `relevo` command.
#pragma once

#include "app/cli/commands.h"

namespace relevo::cli {

// Parses, performs, prints; returns the exit code of the process: 0 done, 1 a problem was found, 2 wrong usage, 3 the
// server cannot be reached.
[[nodiscard]] int run(int argc, char** argv, Commands& commands);

}  // namespace relevo::cli
