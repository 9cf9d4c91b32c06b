// Makes a store from a backup.
#pragma once

#include "app/backup/manifest.h"
#include "core/ports/migration.h"

#include <span>
#include <string>
#include <vector>

namespace relevo::backup {

enum class RestoredQueue : std::uint8_t {
    held,     // until a person says what is to become of it: it may have been delivered since
    waiting,  // as it was
};

struct RestoreOptions {
    std::string folder;
    std::string name;  // of the backup; empty: the newest
    std::string data_dir;
    RestoredQueue queue = RestoredQueue::held;
};

struct Restored {
    std::string name;
    Manifest manifest;
    std::int64_t held = 0;           // recipients
    std::vector<std::string> files;  // all that was made, folders included
    std::string configuration;       // the folder where files from elsewhere were put; empty: there were none
};

// Into a folder that is missing or empty, or where a restore was interrupted; no server starts there before it is
// complete. Files from outside of data_dir go to data_dir/restored-configuration, under their whole path, for a person
// to put in place. Whatever fails, the folder is left as it was.
// Errors: conflict – the folder is in use or holds something. invalid, not_found, damaged – the backup is, or none.
// unsupported – it, or the store in it, is of a newer Relevo. full, refused.
[[nodiscard]] Result<Restored> restore_backup(const RestoreOptions& options, std::span<const Migration> known);

}  // namespace relevo::backup
