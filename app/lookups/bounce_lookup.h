// Why mail came back: `relevo bounce classify`.
#pragma once

#include "app/cli/commands.h"
#include "app/lookups/report.h"
#include "lib/base/result.h"

namespace relevo::lookups {

// Each of `options.files` is a mail that came back or the reply of a server. A problem is found if one cannot be read
// or is no bounce; the others are told all the same. Errors: invalid – the pattern file; detail names its line. io,
// limit – it cannot be read.
[[nodiscard]] Result<Report> report_on_bounces(const cli::LookupOptions& options);

}  // namespace relevo::lookups
