// Tables of this module.
#pragma once

#include "core/ports/migration.h"

#include <span>

namespace relevo {

// Behind tenancy_migrations() and history_migrations().
[[nodiscard]] std::span<const Migration> webhooks_migrations();

}  // namespace relevo
