// The tables of delivery: what was learned of paths, and the sources that are drained.
#pragma once

#include "core/ports/migration.h"

#include <span>

namespace relevo {

[[nodiscard]] std::span<const Migration> delivery_migrations();

}  // namespace relevo
