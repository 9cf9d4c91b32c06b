// The tables of keys, users, sessions, tokens and answers; audit tables are made by day.
#pragma once

#include "core/ports/migration.h"

#include <span>

namespace relevo {

// After tenancy_migrations(): ids come from its sequence.
[[nodiscard]] std::span<const Migration> accounts_migrations();

}  // namespace relevo
