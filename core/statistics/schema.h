// The tables of this module.
#pragma once

#include "core/ports/migration.h"

namespace relevo {

[[nodiscard]] std::span<const Migration> statistics_migrations();

}  // namespace relevo
