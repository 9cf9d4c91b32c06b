// Makes a backup.
#pragma once

#include "app/backup/examination.h"
#include "app/configuration/configuration.h"

#include <chrono>

namespace relevo::backup {

struct CreateOptions {
    std::string folder;
    std::string configuration_path;
    std::size_t keep = 0;          // so many backups stay; 0: all
    bool full = false;             // nothing is taken over from earlier ones
    Octets rate = 128 * mebibyte;  // octets read from the store in a second; 0: no limit
};

struct Created {
    std::string name;
    Examination examination;  // of the backup, read back
    std::size_t files = 0;
    Octets octets = 0, written = 0;     // of the files; of those that were new
    std::size_t removed = 0;            // old backups
    std::string not_removed;            // why old ones stayed; empty: they did not
    std::string not_recorded;           // why monitoring does not learn of it; empty: it does
    std::vector<std::string> left_out;  // named files that could not be read, with the reason
    std::chrono::milliseconds time{0};
};

// The store at one moment, with or without a running server, and the files that the configuration names. The backup
// counts once it was read back and found whole; before, the folder is as it was. A content that is damaged in the store
// is so in the backup, and a finding.
// Errors: damaged – the database is; nothing was changed. full, conflict, refused, as hold_store() and
// BackupWriter::open().
[[nodiscard]] Result<Created> create_backup(const Configuration& configuration, const CreateOptions& options,
                                            std::span<const Migration> known);

}  // namespace relevo::backup
