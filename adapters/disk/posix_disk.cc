#include "adapters/disk/posix_disk.h"

#include "core/ports/file_descriptor.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <limits>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace relevo {
namespace {

constexpr std::string_view lock_name = "lock";

ErrorKind kind_of(int number) {
    switch (number) {
        case ENOSPC:
        case EDQUOT:
        case EMFILE:
        case ENFILE: return ErrorKind::full;
        case ENOENT: return ErrorKind::not_found;
        case EEXIST: return ErrorKind::conflict;
        case EACCES:
        case EPERM:
        case EROFS: return ErrorKind::refused;
        default: return ErrorKind::io;
    }
}

std::string text_of(int number) {
    char buffer[256];
    return ::strerror_r(number, buffer, sizeof buffer);
}

std::unexpected<Error> system_failure(std::string_view action, std::string_view name, int number = errno) {
    return failure(kind_of(number), fmt::format("{} {}: {}", action, name, text_of(number)));
}

Result<void> sync_descriptor(int number, Durability durability, std::string_view name, int (*sync)(int)) {
    if (durability == Durability::unsynced_for_tests) return {};
    // Once only: after an error the kernel has dropped the dirty pages, and a second call would report success.
    if (sync(number) != 0) return system_failure("sync", name);
    return {};
}

class PosixFile final : public DiskFile {
 public:
    PosixFile(FileDescriptor descriptor, std::string name, Durability durability)
        : descriptor_(std::move(descriptor)), name_(std::move(name)), durability_(durability) {}

    Result<std::size_t> read_at(Octets offset, std::span<std::byte> into) override {
        std::size_t done = 0;
        while (done < into.size()) {
            const ssize_t count =
                ::pread(descriptor_.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
            if (count == 0) break;
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return system_failure("read", name_);
            done += static_cast<std::size_t>(count);
        }
        return done;
    }

    Result<void> write_at(Octets offset, std::span<const std::byte> octets) override {
        std::size_t done = 0;
        while (done < octets.size()) {
            const ssize_t count = ::pwrite(descriptor_.get(), octets.data() + done, octets.size() - done,
                                           static_cast<off_t>(offset + done));
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return system_failure("write", name_);
            if (count == 0) return system_failure("write", name_, ENOSPC);
            done += static_cast<std::size_t>(count);
        }
        return {};
    }

    Result<void> sync() override { return sync_descriptor(descriptor_.get(), durability_, name_, ::fdatasync); }

    void begin_sync(Octets offset, Octets size) override {
        if (durability_ == Durability::synced)
            (void)::sync_file_range(descriptor_.get(), static_cast<off64_t>(offset), static_cast<off64_t>(size),
                                    SYNC_FILE_RANGE_WRITE);
    }

    Result<void> truncate(Octets size) override {
        while (::ftruncate(descriptor_.get(), static_cast<off_t>(size)) != 0)
            if (errno != EINTR) return system_failure("truncate", name_);
        return {};
    }

    Result<Octets> size() override {
        struct stat status{};
        if (::fstat(descriptor_.get(), &status) != 0) return system_failure("stat", name_);
        return static_cast<Octets>(status.st_size);
    }

    // Zeros are written, not only promised: data that goes where none was written before makes every sync wait for the
    // file system's own bookkeeping (its journal, or the thread that marks extents as written).
    Result<void> allocate(Octets size) override {
        RELEVO_TRY(Octets end, this->size());
        if (end < size && ::fallocate(descriptor_.get(), 0, 0, static_cast<off_t>(size)) != 0)
            return system_failure("allocate", name_);
        static constexpr std::array<std::byte, 64 * 1024> zeros{};
        for (; end < size; end += std::min<Octets>(zeros.size(), size - end))
            RELEVO_CHECK(write_at(end, std::span(zeros).first(std::min<Octets>(zeros.size(), size - end))));
        return {};
    }

 private:
    FileDescriptor descriptor_;
    std::string name_;
    Durability durability_;
};

int flags_of(OpenMode mode) {
    switch (mode) {
        case OpenMode::existing: return O_RDWR;
        case OpenMode::create: return O_RDWR | O_CREAT;
        case OpenMode::create_new: return O_RDWR | O_CREAT | O_EXCL;
    }
    return O_RDWR;
}

class PosixDisk final : public Disk {
 public:
    PosixDisk(std::string path, FileDescriptor folder, FileDescriptor lock, Durability durability)
        : path_(std::move(path)), folder_(std::move(folder)), lock_(std::move(lock)), durability_(durability) {}

    Result<std::unique_ptr<DiskFile>> open(std::string_view name, OpenMode mode) override {
        std::string text(name);
        FileDescriptor descriptor(::openat(folder_.get(), text.c_str(), flags_of(mode) | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (!descriptor) return system_failure("open", name);
        return std::make_unique<PosixFile>(std::move(descriptor), std::move(text), durability_);
    }

    Result<void> remove(std::string_view name) override {
        if (::unlinkat(folder_.get(), std::string(name).c_str(), 0) != 0) return system_failure("remove", name);
        return {};
    }

    Result<void> rename(std::string_view from, std::string_view to) override {
        if (::renameat(folder_.get(), std::string(from).c_str(), folder_.get(), std::string(to).c_str()) != 0)
            return system_failure("rename", from);
        return {};
    }

    Result<bool> exists(std::string_view name) override {
        if (::faccessat(folder_.get(), std::string(name).c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0) return true;
        if (errno == ENOENT) return false;
        return system_failure("look for", name);
    }

    Result<std::vector<std::string>> list() override {
        const int copy = ::openat(folder_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR* const stream = copy < 0 ? nullptr : ::fdopendir(copy);
        if (stream == nullptr) return system_failure("list", path_);
        std::vector<std::string> names;
        errno = 0;
        while (const dirent* const entry = ::readdir(stream)) {
            const std::string_view name = entry->d_name;
            if (name != "." && name != ".." && name != lock_name) names.emplace_back(name);
        }
        const int problem = errno;
        ::closedir(stream);
        if (problem != 0) return system_failure("list", path_, problem);
        std::ranges::sort(names);
        return names;
    }

    Result<void> sync_folder() override { return sync_descriptor(folder_.get(), durability_, path_, ::fsync); }

    Result<Octets> free_space() override {
        RELEVO_TRY(const struct statvfs status, space());
        return static_cast<Octets>(status.f_bavail) * status.f_frsize;
    }

    Result<Octets> total_space() override {
        RELEVO_TRY(const struct statvfs status, space());
        return static_cast<Octets>(status.f_blocks) * status.f_frsize;
    }

 private:
    Result<struct statvfs> space() {
        struct statvfs status{};
        if (::fstatvfs(folder_.get(), &status) != 0) return system_failure("statvfs", path_);
        return status;
    }

    std::string path_;
    FileDescriptor folder_;
    FileDescriptor lock_;
    Durability durability_;
};

// Who holds the lock, for the error text; empty if the file does not say.
std::string pid_in(int lock) {
    char digits[21] = {};
    const ssize_t count = ::pread(lock, digits, sizeof digits - 1, 0);
    const std::string_view text = trimmed(std::string_view(digits, count > 0 ? static_cast<std::size_t>(count) : 0));
    return parse_decimal<std::int64_t>(text) ? std::string(text) : std::string();
}

Result<FileDescriptor> take_lock(int folder, const std::string& path) {
    FileDescriptor lock(
        ::openat(folder, std::string(lock_name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!lock) return system_failure("open", path + "/lock");
    if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return system_failure("lock", path);
        const std::string pid = pid_in(lock.get());
        return failure(ErrorKind::conflict, fmt::format("another Relevo{} is using {}",
                                                        pid.empty() ? "" : fmt::format(" (pid {})", pid), path));
    }
    const std::string pid = fmt::format("{}\n", ::getpid());
    if (::ftruncate(lock.get(), 0) != 0 || ::pwrite(lock.get(), pid.data(), pid.size(), 0) < 0)
        return system_failure("write", path + "/lock");
    return lock;
}

// The name of a folder that was just made must survive too.
Result<void> sync_parent(const std::string& path) {
    const FileDescriptor parent(::open((path + "/..").c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent) return system_failure("open", path + "/..");
    return sync_descriptor(parent.get(), Durability::synced, path + "/..", ::fsync);
}

}  // namespace

Result<std::unique_ptr<Disk>> open_disk(const std::string& path, Durability durability) {
    const bool made = ::mkdir(path.c_str(), 0700) == 0;
    if (!made && errno != EEXIST) return system_failure("make", path);
    FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!folder) return system_failure("open", path);
    if (made && durability == Durability::synced) RELEVO_CHECK(sync_parent(path));
    RELEVO_TRY(FileDescriptor lock, take_lock(folder.get(), path));
    return std::make_unique<PosixDisk>(path, std::move(folder), std::move(lock), durability);
}

}  // namespace relevo
