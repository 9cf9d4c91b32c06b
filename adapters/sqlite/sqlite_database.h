// Rows in one SQLite file (architecture D5): write-ahead log, synchronous=FULL unless told otherwise.
#pragma once

#include "core/ports/database.h"
#include "core/ports/disk.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace relevo {

// What a commit waits for.
enum class Synchronous : std::uint8_t {
    full,    // durable when commit() returns
    normal,  // the disk in its own time: a power cut may take the last commits, in their order, and damages nothing
};

// Called with each page (from 1) of the file that differs from its checksum, once, on the thread that read it.
using PageDamage = std::function<void(std::uint32_t page)>;

// Opens or makes `name` (and its log) on the disk, which must outlive the database. What a crash left in the log is
// taken over. Errors: damaged – the text says where; io, full.
[[nodiscard]] Result<std::unique_ptr<Database>> open_sqlite(Disk& disk, const std::string& name = "relevo.db",
                                                            Synchronous synchronous = Synchronous::full,
                                                            PageDamage page_damage = {});

// Do the pages of the file bear checksums (page_seal.h)? Those of new files do, those of earlier releases do not.
// Errors: io.
[[nodiscard]] Result<bool> has_page_checksums(Disk& disk, const std::string& name);
// Writes all of a file anew, with checksums; it takes as much memory, and room on the disk, as the file. Nobody else
// may use it; an interruption changes nothing. Errors: io; full.
[[nodiscard]] Result<void> add_page_checksums(Disk& disk, const std::string& name);

}  // namespace relevo
