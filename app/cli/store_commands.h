// The commands that keep the store safe, as rows of the command table.
#pragma once

#include "app/cli/command_table.h"
#include "app/cli/commands.h"
#include "lib/base/result.h"

#include <boost/json/object.hpp>

#include <vector>

namespace relevo::cli {

void add_store_commands(std::vector<CommandSpec>& table);
[[nodiscard]] bool is_store_command(const CommandSpec& command);

// Without the path of the configuration and --json. Errors: invalid – detail names the option and what to write.
[[nodiscard]] Result<StoreOptions> store_options(const CommandSpec& command, const boost::json::object& arguments);

}  // namespace relevo::cli
