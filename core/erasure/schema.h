// What is being erased.
#pragma once

#include "core/ports/migration.h"

#include <span>

namespace relevo {

[[nodiscard]] std::span<const Migration> erasure_migrations();

}  // namespace relevo
