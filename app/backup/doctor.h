// Is everything of this server's store as it should be?
#pragma once

#include "app/backup/examination.h"
#include "app/configuration/configuration.h"

namespace relevo::backup {

// The store as examine_store() does it, at one moment, whether the server runs or not; that nobody else may read it,
// that the keys in it can be opened, and that the disk has room. Changes nothing. Errors: whatever keeps it from coming
// to an end; then nothing is known.
[[nodiscard]] Result<Examination> examine_host(const Configuration& configuration, std::span<const Migration> known);

}  // namespace relevo::backup
