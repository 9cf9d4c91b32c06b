// The tables of LAN mode that are not by day.
#pragma once

#include "core/ports/migration.h"

#include <span>

namespace relevo {

[[nodiscard]] std::span<const Migration> lan_migrations();

}  // namespace relevo
