// `relevo setup`: from nothing to a server that takes its first message.
#pragma once

#include "app/cli/command_line.h"
#include "app/cli/commands.h"

#include <iosfwd>

namespace relevo::cli {

// Asks on the terminal what the options leave open, unless --yes. Writes the configuration (beside an existing one,
// with
// ".new" at the end of its name), makes the folders, a tenant, its domain and a credential, and prints what to type
// into a mail program.
[[nodiscard]] ExitCode set_up(const ParsedCommand& parsed, Commands& commands, std::ostream& out, std::ostream& errors);

}  // namespace relevo::cli
