// Suppressed addresses to and from CSV files.
#pragma once

#include "app/cli/performer.h"

#include <boost/json/object.hpp>

#include <iosfwd>

namespace relevo::cli {

// Sends the rows of a file in portions. `arguments`: "file", "tenant", perhaps "reason". Returns what became of them:
// added, replaced, kept, and problems by line (the first 1,000; "broken" counts all). Errors: the file cannot be read,
// is larger than 64 MiB or has no column of addresses; a portion was refused as a whole (the text says where to go on).
[[nodiscard]] Result<boost::json::value> import_list(RequestPerformer& performer, const CommandSpec& command,
                                                     const boost::json::object& arguments);
// Asks page after page. Errors: the request's.
[[nodiscard]] Result<void> export_list(RequestPerformer& performer, const CommandSpec& command,
                                       boost::json::object arguments, std::ostream& output);

}  // namespace relevo::cli
