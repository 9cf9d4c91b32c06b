// The table of this module.
#pragma once

#include "core/ports/migration.h"

#include <span>

namespace relevo {

[[nodiscard]] std::span<const Migration> signing_migrations();

}  // namespace relevo
