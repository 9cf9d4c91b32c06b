// The tables of reports, sent and received.
#pragma once

#include "core/ports/migration.h"

#include <span>

namespace relevo {

[[nodiscard]] std::span<const Migration> reporting_migrations();

}  // namespace relevo
