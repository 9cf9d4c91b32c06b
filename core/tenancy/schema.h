// The tables of tenants, domains, credentials and what is remembered of logins and usage.
#pragma once

#include "core/ports/migration.h"

#include <span>

namespace relevo {

[[nodiscard]] std::span<const Migration> tenancy_migrations();

}  // namespace relevo
