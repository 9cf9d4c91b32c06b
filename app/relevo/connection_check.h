// `relevo check connection`: what programs on this machine meet at a mail server.
#pragma once

#include "app/cli/commands.h"
#include "app/lookups/report.h"

namespace relevo {

// Tries ports and kinds of encryption, all at once. Errors: not_found – the host has no address.
[[nodiscard]] Result<lookups::Report> check_connection(const cli::LookupOptions& options);

}  // namespace relevo
