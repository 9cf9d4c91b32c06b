// The store's folder on a local file system.
#pragma once

#include "core/ports/disk.h"

#include <string>

namespace relevo {

// `unsynced_for_tests` leaves out every fsync: the negative control of the crash tests, which must then lose mail.
enum class Durability : std::uint8_t { synced, unsynced_for_tests };

// Makes the folder (mode 0700) if it is missing, and takes its lock for as long as the disk lives. Threads: any.
// Errors: conflict – another process has it: "another Relevo (pid 123) is using /var/lib/relevo". io, full, refused
// (permissions).
[[nodiscard]] Result<std::unique_ptr<Disk>> open_disk(const std::string& path,
                                                      Durability durability = Durability::synced);

}  // namespace relevo
