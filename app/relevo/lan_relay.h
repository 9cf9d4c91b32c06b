// An office's first talk with the central relay.
#pragma once

#include "app/cli/commands.h"

#include <string>

namespace relevo {

// As cli::Commands says. Each takes at most half a minute.
[[nodiscard]] Result<cli::LanTrust> look_at_relay(const cli::LanRelay& relay);
[[nodiscard]] Result<void> log_in_at_relay(const cli::LanRelay& relay, cli::LanTrust trust, const std::string& login,
                                           const std::string& password);

}  // namespace relevo
