// What becomes of a damaged store: docs/decisions/0009.
#pragma once

#include "app/configuration/configuration.h"
#include "core/ports/log.h"

#include <boost/json/object.hpp>

namespace relevo {

// Looks at the database of the store and, if it is damaged, makes a new one of every row that can be read; the damaged
// one goes to data_dir/damaged-TIME, with names of all segment files (hard links), so that no content is lost with
// its row, and with what is told here as report.json. Takes the store's lock.
// The result is that of "store.repair" in docs/control-protocol.md. An interrupted repair is taken up again.
// Errors: conflict – a server runs. io – nothing can be read; nothing was changed then. full.
[[nodiscard]] Result<boost::json::object> repair_store(const Configuration& configuration, Log& log);

}  // namespace relevo
