// Recipients that a person must look at before they get anything.
#pragma once

#include "core/ports/disk.h"
#include "lib/base/identifier.h"
#include "lib/base/result.h"

#include <cstdint>
#include <functional>
#include <string>

namespace relevo::backup {

// Holds what waits in the database, which has the tables of this release, as Spool::hold_for_review() does. Nobody else
// may use the file. Returns the number of recipients. Errors: io, full.
[[nodiscard]] Result<std::int64_t> hold_for_review(Disk& disk, const std::string& database_name,
                                                   const std::string& reason,
                                                   const std::function<bool(DeliveryId)>& is_wanted);

}  // namespace relevo::backup
