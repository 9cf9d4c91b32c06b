// Every file operation of the store goes through here, SQLite's included, so that a simulator can cut the power at any
// call (security row R3).
#pragma once

#include "lib/base/octets.h"
#include "lib/base/result.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Threads: one file may be used from several threads at once (positioned reads and writes).
class DiskFile {
 public:
    virtual ~DiskFile() = default;
    // Reads up to into.size() octets; fewer only at the end of the file.
    virtual Result<std::size_t> read_at(Octets offset, std::span<std::byte> into) = 0;
    // Writes all or fails. Errors: full – no space (ENOSPC, EDQUOT). io.
    virtual Result<void> write_at(Octets offset, std::span<const std::byte> octets) = 0;
    // Data and size survive a power cut afterwards. After a failure nothing written since the last success may be
    // trusted, even if a second sync() succeeds (Linux drops dirty pages): write it again elsewhere.
    virtual Result<void> sync() = 0;
    // A hint: what was written in this range begins its way to the disk, so that sync() has less to wait for. Promises
    // nothing.
    virtual void begin_sync(Octets offset, Octets size) { static_cast<void>(offset), static_cast<void>(size); }
    virtual Result<void> truncate(Octets size) = 0;
    virtual Result<Octets> size() = 0;
    // A hint: makes room for the file to grow to `size` octets, so that later syncs have less to write. What lies past
    // the written octets reads as zeros. Errors are harmless: the write that needs the room reports them.
    virtual Result<void> allocate(Octets size) {
        static_cast<void>(size);
        return {};
    }
};

enum class OpenMode : std::uint8_t { existing, create, create_new };

// Paths are relative to the store's folder, one level: "segment-000001", "relevo.db-wal".
class Disk {
 public:
    virtual ~Disk() = default;
    virtual Result<std::unique_ptr<DiskFile>> open(std::string_view name, OpenMode mode) = 0;
    virtual Result<void> remove(std::string_view name) = 0;
    virtual Result<void> rename(std::string_view from, std::string_view to) = 0;  // replaces `to`
    virtual Result<bool> exists(std::string_view name) = 0;
    virtual Result<std::vector<std::string>> list() = 0;
    // Names made, removed or renamed before survive a power cut afterwards.
    virtual Result<void> sync_folder() = 0;
    virtual Result<Octets> free_space() = 0;
    // Size of the whole file system, used or not.
    virtual Result<Octets> total_space() { return free_space(); }
};

}  // namespace relevo
