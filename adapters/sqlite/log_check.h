// Is anything of a log of SQLite lost? SQLite itself cannot tell a log that was damaged from one that a power cut tore.
#pragma once

#include "core/ports/disk.h"
#include "lib/base/result.h"

#include <string>
#include <vector>

namespace relevo {

// Looks at the log of database `name` as https://sqlite.org/fileformat2.html §4 describes it, a line for each thing
// that is wrong; empty: it is whole, or there is none. Frames behind one that cannot be read are told: what was
// committed with them is lost. After a power cut they may be those of the last commits, which nobody was told of.
// Nobody else may use the file. Changes nothing. Errors: io.
[[nodiscard]] Result<std::vector<std::string>> problems_of_log(Disk& disk, const std::string& name);

}  // namespace relevo
