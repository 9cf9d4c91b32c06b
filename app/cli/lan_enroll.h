// `relevo lan enroll`: from nothing to an office's smarthost that hands mail up to a central relay.
#pragma once

#include "app/cli/command_line.h"
#include "app/cli/commands.h"

#include <iosfwd>

namespace relevo::cli {

// Looks at the central relay, writes the configuration (beside an existing one, with ".new" at the end of its name)
// and the password, enrols with the token, makes the folders, the tenant and its domains. What was written is removed
// if the relay refuses the token.
[[nodiscard]] ExitCode enroll_office(const ParsedCommand& parsed, Commands& commands, std::ostream& out,
                                     std::ostream& errors);

}  // namespace relevo::cli
