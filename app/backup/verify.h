// Reads a backup whole.
#pragma once

#include "app/backup/backup_folder.h"
#include "app/backup/examination.h"

namespace relevo::backup {

struct Verified {
    std::string name;
    Manifest manifest;
    std::vector<std::string> damage;  // of files, by name; empty: every octet is as it was written
    Examination examination;          // of the store in it, if nothing of that is damaged
};

// Every block against its checksum, then the store that they make up. `name`: empty: the newest backup. Changes
// nothing. Errors: not_found, invalid – no backup, or its manifest is damaged. unsupported – of a newer Relevo.
// refused, io.
[[nodiscard]] Result<Verified> verify_backup(const std::string& folder, const std::string& name,
                                             std::span<const Migration> known);

}  // namespace relevo::backup
