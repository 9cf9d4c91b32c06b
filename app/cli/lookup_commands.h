// The commands that look at mail authentication and at bounces, as rows of the command table.
#pragma once

#include "app/cli/command_table.h"
#include "app/cli/commands.h"
#include "lib/base/result.h"

#include <boost/json/object.hpp>

#include <vector>

namespace relevo::cli {

// After "check", which becomes the group of "check auth" beside being a command.
void add_lookup_commands(std::vector<CommandSpec>& table);
[[nodiscard]] bool is_lookup(const CommandSpec& command);

// `configuration` says which DNS servers to ask and which language to speak; nullptr: there is none, and the system's
// servers are asked. Errors: invalid – detail names the option and what to write.
[[nodiscard]] Result<LookupOptions> lookup_options(const CommandSpec& command, const boost::json::object& arguments,
                                                   const Configuration* configuration);

}  // namespace relevo::cli
