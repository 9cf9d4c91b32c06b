// Rows in one SQLite file (architecture D5): write-ahead log, synchronous=FULL.
#pragma once

#include "core/ports/database.h"
#include "core/ports/disk.h"

#include <memory>
#include <string>

namespace relevo {

// Opens or makes `name` (and its log) on the disk, which must outlive the database. What a crash left in the log is
// taken over. Errors: io – unreadable or damaged: the text says so; full.
[[nodiscard]] Result<std::unique_ptr<Database>> open_sqlite(Disk& disk, const std::string& name = "relevo.db");

}  // namespace relevo
