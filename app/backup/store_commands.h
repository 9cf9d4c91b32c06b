// `relevo backup …` and `relevo doctor`: performed and printed.
#pragma once

#include "app/cli/commands.h"
#include "core/ports/migration.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace relevo::backup {

struct StoreCommandPorts {
    std::span<const Migration> migrations;
    // As root: gives files to the user that the server runs as.
    std::function<Result<void>(const std::vector<std::string>&)> give_to_user;
};

// Returns the exit code. `configuration` is nullptr where it could not be read; then data_dir must be named.
[[nodiscard]] int perform(const cli::StoreOptions& options, const Configuration* configuration,
                          const StoreCommandPorts& ports);

}  // namespace relevo::backup
