// Performs the commands that look at mail authentication and at bounces.
#pragma once

#include "app/cli/commands.h"
#include "app/lookups/report.h"
#include "lib/base/result.h"

namespace relevo::lookups {

// Prints what was found; returns the exit code: 0 all is well, 1 a problem was found, 2 wrong usage.
[[nodiscard]] int look_up(const cli::LookupOptions& options);
// The same for what somebody else has found.
[[nodiscard]] int print_report(const cli::LookupOptions& options, const Result<Report>& report);

}  // namespace relevo::lookups
