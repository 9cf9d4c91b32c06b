// `relevo dkim sign`: a DKIM signature for a message in a file.
#pragma once

#include "app/cli/commands.h"
#include "app/lookups/report.h"
#include "lib/base/result.h"

#include <chrono>

namespace relevo::lookups {

// The text is the message with the signature in front, its lines ending as those of the file do; the JSON is the field
// and the record to publish. Errors: invalid – the domain, the selector or the key. io, limit – a file cannot be read.
[[nodiscard]] Result<Report> sign_file(const cli::LookupOptions& options, std::chrono::system_clock::time_point now);

}  // namespace relevo::lookups
