// The commands about webhooks, as rows of the command table.
#pragma once

#include "app/cli/command_table.h"

#include <vector>

namespace relevo::cli {

void add_webhook_commands(std::vector<CommandSpec>& table);

}  // namespace relevo::cli
