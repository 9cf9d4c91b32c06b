// Notices that commits are gone with the log of relevo.db: SQLite takes a log that is missing, or damaged, for one that
// ends there.
#pragma once

#include "core/ports/disk.h"
#include "lib/base/result.h"

#include <string>
#include <vector>

namespace relevo::backup {

// There while relevo.db has a log that must not be missing: made after the log, removed before it goes.
inline constexpr const char* log_expected_name = "log-expected";

// What is wrong with the log, a line each; empty: nothing. Before the database is opened. Changes nothing. Errors: io.
[[nodiscard]] Result<std::vector<std::string>> problems_of_store_log(Disk& disk);
// After the first commit since the database was opened: from then on the log is never empty.
[[nodiscard]] Result<void> expect_log(Disk& disk);
// Before the database is closed in order, or opened by who moves the log at once.
[[nodiscard]] Result<void> stop_expecting_log(Disk& disk);

// Before a damaged log is used, and its room: a copy of it, and names (hard links) of all segments, in
// data_dir/damaged-TIME. Returns that folder. Errors: io, full.
[[nodiscard]] Result<std::string> keep_damaged_log(const std::string& data_dir);

}  // namespace relevo::backup
