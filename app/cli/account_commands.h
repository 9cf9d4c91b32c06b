// The commands about users, API keys, sessions and the audit log, as rows of the command table.
#pragma once

#include "app/cli/command_table.h"

#include <vector>

namespace relevo::cli {

void add_account_commands(std::vector<CommandSpec>& table);

}  // namespace relevo::cli
