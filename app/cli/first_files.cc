#include "app/cli/first_files.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

namespace relevo::cli {
namespace {

std::string reason() { return std::strerror(errno); }

}  // namespace

Result<FirstFiles> FirstFiles::of_user(const std::string& user, const std::string& data_dir) {
    FirstFiles files;
    if (user.empty()) return files;
    const passwd* entry = getpwnam(user.c_str());
    if (entry == nullptr)
        return failure(ErrorKind::not_found,
                       fmt::format("there is no user \"{0}\": make it with `useradd --system --home-dir {1} --shell "
                                   "/usr/sbin/nologin {0}`, or name another with --user",
                                   user, data_dir));
    files.user_ = user;
    files.user_id_ = entry->pw_uid;
    files.group_id_ = entry->pw_gid;
    return files;
}

Result<std::string> FirstFiles::write_configuration(const std::string& path, const std::string& text) const {
    const std::filesystem::path whole(path);
    std::error_code problem;
    if (whole.has_parent_path()) std::filesystem::create_directories(whole.parent_path(), problem);
    if (create(path, text, 0640, Owner::ourselves)) return path;
    if (errno != EEXIST) return failure(ErrorKind::io, fmt::format("{}: {}", path, reason()));
    if (create(path + ".new", text, 0640, Owner::ourselves)) return path + ".new";
    return failure(ErrorKind::conflict,
                   fmt::format("{}.new: {}: compare it with {} and move it away", path, reason(), path));
}

Result<void> FirstFiles::write_secret(const std::string& path, const std::string& text) const {
    if (create(path, text, 0600, Owner::user)) return {};
    return failure(errno == EEXIST ? ErrorKind::conflict : ErrorKind::io, fmt::format("{}: {}", path, reason()));
}

bool FirstFiles::create(const std::string& path, const std::string& text, mode_t mode, Owner owner) const {
    const int descriptor = open(path.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, mode);
    if (descriptor < 0) return false;
    const uid_t owner_id = owner == Owner::user ? user_id_ : geteuid();
    const bool complete = write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                          (user_id_ == 0 || fchown(descriptor, owner_id, group_id_) == 0) && fsync(descriptor) == 0;
    const int saved = errno;
    close(descriptor);
    if (!complete) unlink(path.c_str());
    errno = saved == EEXIST ? EIO : saved;
    return complete;
}

Result<void> FirstFiles::make_folder(const std::string& folder, mode_t mode) const {
    std::error_code problem;
    const bool made = std::filesystem::create_directories(folder, problem);
    if (problem) return failure(ErrorKind::io, fmt::format("{}: {}", folder, problem.message()));
    if (made && chmod(folder.c_str(), mode) != 0)
        return failure(ErrorKind::io, fmt::format("{}: {}", folder, reason()));
    if (made && user_id_ != 0 && chown(folder.c_str(), user_id_, group_id_) != 0)
        return failure(ErrorKind::io, fmt::format("{}: {}", folder, reason()));
    return {};
}

Result<void> FirstFiles::become_user() const {
    if (user_id_ == 0 || geteuid() != 0) return {};
    if (initgroups(user_.c_str(), group_id_) != 0 || setgid(group_id_) != 0 || setuid(user_id_) != 0)
        return failure(ErrorKind::refused, fmt::format("cannot become {}: {}", user_, reason()));
    return {};
}

}  // namespace relevo::cli
