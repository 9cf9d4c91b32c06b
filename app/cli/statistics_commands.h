// The commands that tell what became of mail, and find it.
#pragma once

#include "app/cli/command_table.h"

#include <vector>

namespace relevo::cli {

void add_statistics_commands(std::vector<CommandSpec>& table);

}  // namespace relevo::cli
