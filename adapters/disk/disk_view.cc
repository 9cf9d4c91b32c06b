#include "adapters/disk/disk_view.h"

#include "core/ports/file_descriptor.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace relevo {
namespace {

std::unexpected<Error> unchangeable(std::string_view name) {
    return failure(ErrorKind::refused, fmt::format("{} is only to be read", name));
}

std::unexpected<Error> system_failure(std::string_view action, const std::string& path) {
    const ErrorKind kind = errno == ENOENT                     ? ErrorKind::not_found
                           : errno == EACCES || errno == EPERM ? ErrorKind::refused
                                                               : ErrorKind::io;
    char buffer[256];
    return failure(kind, fmt::format("{} {}: {}", action, path, ::strerror_r(errno, buffer, sizeof buffer)));
}

class FileToRead final : public DiskFile {
 public:
    FileToRead(FileDescriptor descriptor, std::string path, Octets size)
        : descriptor_(std::move(descriptor)), path_(std::move(path)), size_(size) {}

    Result<std::size_t> read_at(Octets offset, std::span<std::byte> into) override {
        if (offset >= size_) return std::size_t{0};
        into = into.first(std::min<Octets>(into.size(), size_ - offset));
        std::size_t done = 0;
        while (done < into.size()) {
            const ssize_t count =
                ::pread(descriptor_.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
            if (count == 0) break;
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return system_failure("read", path_);
            done += static_cast<std::size_t>(count);
        }
        return done;
    }
    Result<void> write_at(Octets, std::span<const std::byte>) override { return unchangeable(path_); }
    Result<void> sync() override { return {}; }
    Result<void> truncate(Octets) override { return unchangeable(path_); }
    Result<Octets> size() override {
        struct stat status{};
        if (::fstat(descriptor_.get(), &status) != 0) return system_failure("stat", path_);
        return std::min(size_, static_cast<Octets>(status.st_size));
    }

 private:
    FileDescriptor descriptor_;
    std::string path_;
    Octets size_;
};

}  // namespace

Result<std::unique_ptr<DiskFile>> open_to_read(const std::string& path, Octets size) {
    FileDescriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
    if (!descriptor) return system_failure("open", path);
    return std::make_unique<FileToRead>(std::move(descriptor), path, size);
}

struct DiskView::MadeFile {
    std::mutex mutex;
    std::string octets;
};

class DiskView::Handle final : public DiskFile {
 public:
    explicit Handle(std::shared_ptr<MadeFile> file) : file_(std::move(file)) {}

    Result<std::size_t> read_at(Octets offset, std::span<std::byte> into) override {
        const std::lock_guard guard(file_->mutex);
        if (offset >= file_->octets.size()) return std::size_t{0};
        const std::size_t count = std::min<Octets>(into.size(), file_->octets.size() - offset);
        std::memcpy(into.data(), file_->octets.data() + offset, count);
        return count;
    }
    Result<void> write_at(Octets offset, std::span<const std::byte> octets) override {
        const std::lock_guard guard(file_->mutex);
        if (offset > memory_limit_octets - std::min(memory_limit_octets, Octets{octets.size()}))
            return failure(ErrorKind::full, "too much to keep in memory");
        if (file_->octets.size() < offset + octets.size()) file_->octets.resize(offset + octets.size());
        std::memcpy(file_->octets.data() + offset, octets.data(), octets.size());
        return {};
    }
    Result<void> sync() override { return {}; }
    Result<void> truncate(Octets size) override {
        const std::lock_guard guard(file_->mutex);
        if (size > memory_limit_octets) return failure(ErrorKind::full, "too much to keep in memory");
        file_->octets.resize(size);
        return {};
    }
    Result<Octets> size() override {
        const std::lock_guard guard(file_->mutex);
        return Octets{file_->octets.size()};
    }

 private:
    std::shared_ptr<MadeFile> file_;
};

Result<std::unique_ptr<DiskFile>> DiskView::open(std::string_view name, OpenMode mode) {
    if (const auto found = files_.find(name); found != files_.end()) {
        if (mode == OpenMode::create_new) return failure(ErrorKind::conflict, fmt::format("{} exists", name));
        return found->second();
    }
    const std::lock_guard guard(mutex_);
    auto found = made_.find(name);
    if (found == made_.end() && mode == OpenMode::existing)
        return failure(ErrorKind::not_found, fmt::format("there is no {}", name));
    if (found != made_.end() && mode == OpenMode::create_new)
        return failure(ErrorKind::conflict, fmt::format("{} exists", name));
    if (found == made_.end()) found = made_.emplace(name, std::make_shared<MadeFile>()).first;
    return std::make_unique<Handle>(found->second);
}

Result<void> DiskView::remove(std::string_view name) {
    if (files_.contains(name)) return unchangeable(name);
    const std::lock_guard guard(mutex_);
    const auto found = made_.find(name);
    if (found == made_.end()) return failure(ErrorKind::not_found, fmt::format("there is no {}", name));
    made_.erase(found);
    return {};
}

Result<void> DiskView::rename(std::string_view from, std::string_view) { return unchangeable(from); }

Result<bool> DiskView::exists(std::string_view name) {
    const std::lock_guard guard(mutex_);
    return files_.contains(name) || made_.contains(name);
}

Result<std::vector<std::string>> DiskView::list() {
    std::vector<std::string> names;
    for (const auto& [name, opener] : files_) names.push_back(name);
    const std::lock_guard guard(mutex_);
    for (const auto& [name, file] : made_) names.push_back(name);
    std::ranges::sort(names);
    return names;
}

}  // namespace relevo
