#include "adapters/disk/shared_page.h"

#include "core/ports/file_descriptor.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace relevo {
namespace {

std::unexpected<Error> file_failure(std::string_view action, const std::string& path, int number) {
    char buffer[256];
    const ErrorKind kind = number == ENOSPC || number == EDQUOT                     ? ErrorKind::full
                           : number == EACCES || number == EPERM || number == EROFS ? ErrorKind::refused
                                                                                    : ErrorKind::io;
    return failure(kind, fmt::format("{} {}: {}", action, path, ::strerror_r(number, buffer, sizeof buffer)));
}

}  // namespace

Result<std::unique_ptr<SharedPage>> SharedPage::open(const std::string& path, Octets size) {
    const FileDescriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file) return file_failure("open", path, errno);
    if (::ftruncate(file.get(), static_cast<off_t>(size)) != 0) return file_failure("resize", path, errno);
    if (const int problem = ::posix_fallocate(file.get(), 0, static_cast<off_t>(size)); problem != 0)
        return file_failure("make room for", path, problem);
    void* const address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
    if (address == MAP_FAILED) return file_failure("map", path, errno);
    return std::unique_ptr<SharedPage>(new SharedPage({static_cast<std::byte*>(address), size}));
}

SharedPage::~SharedPage() { ::munmap(octets_.data(), octets_.size()); }

}  // namespace relevo
