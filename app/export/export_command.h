// `relevo export`: performed and printed.
#pragma once

#include "app/cli/commands.h"
#include "core/ports/migration.h"

#include <span>

namespace relevo::exporting {

// Returns the exit code.
[[nodiscard]] int perform(const cli::StoreOptions& options, const Configuration& configuration,
                          std::span<const Migration> migrations);

}  // namespace relevo::exporting
