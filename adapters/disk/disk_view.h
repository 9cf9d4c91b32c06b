// Files to read, as a Disk: what was copied, or is kept as it is for a copy, can be opened as a store without a change.
#pragma once

#include "core/ports/disk.h"

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

namespace relevo {

// A file of which the first `size` octets may be read; what follows does not exist here. Opened O_RDONLY, symbolic
// links are not followed. Threads: any. Errors: not_found, refused, io; detail names the path.
[[nodiscard]] Result<std::unique_ptr<DiskFile>> open_to_read(const std::string& path, Octets size = ~Octets{0});

// Named files, each opened anew by its function. They cannot be changed (Errors: refused); files with other names can
// be made, and lie in memory until the view is gone: SQLite wants a log even to read. Threads: any.
class DiskView final : public Disk {
 public:
    using Opener = std::function<Result<std::unique_ptr<DiskFile>>()>;
    static constexpr Octets memory_limit_octets = 64 * mebibyte;  // of each made file; beyond: full

    explicit DiskView(std::map<std::string, Opener, std::less<>> files) : files_(std::move(files)) {}

    Result<std::unique_ptr<DiskFile>> open(std::string_view name, OpenMode mode) override;
    Result<void> remove(std::string_view name) override;
    Result<void> rename(std::string_view from, std::string_view to) override;
    Result<bool> exists(std::string_view name) override;
    Result<std::vector<std::string>> list() override;
    Result<void> sync_folder() override { return {}; }
    Result<Octets> free_space() override { return memory_limit_octets; }

 private:
    struct MadeFile;
    class Handle;
    const std::map<std::string, Opener, std::less<>> files_;
    std::mutex mutex_;
    std::map<std::string, std::shared_ptr<MadeFile>, std::less<>> made_;
};

}  // namespace relevo
