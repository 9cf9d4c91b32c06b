// The commands about plans, as rows of the command table.
#pragma once

#include "app/cli/command_table.h"

#include <vector>

namespace relevo::cli {

void add_plan_commands(std::vector<CommandSpec>& table);

}  // namespace relevo::cli
