#include "app/relevo/privileges.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <grp.h>
#include <linux/capability.h>
#include <optional>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <system_error>
#include <unistd.h>

namespace relevo {
namespace {

constexpr rlim_t descriptors_wanted = 1'048'576;

struct SystemUser {
    uid_t user;
    gid_t group;
};

std::string reason() { return std::generic_category().message(errno); }

// Nobody to become: not root, or no user configured.
Result<std::optional<SystemUser>> configured_user(const ServerSettings& server) {
    if (::geteuid() != 0 || server.user.empty()) return std::optional<SystemUser>();
    const passwd* entry = ::getpwnam(server.user.c_str());  // NOLINT(concurrency-mt-unsafe): before any thread starts
    if (entry == nullptr)
        return failure(ErrorKind::not_found,
                       fmt::format("server.user: there is no user \"{0}\"; make one with: adduser --system --group {0}",
                                   server.user));
    SystemUser user{entry->pw_uid, entry->pw_gid};
    if (!server.group.empty()) {
        const group* found = ::getgrnam(server.group.c_str());  // NOLINT(concurrency-mt-unsafe)
        if (found == nullptr)
            return failure(ErrorKind::not_found, fmt::format("server.group: there is no group \"{}\"", server.group));
        user.group = found->gr_gid;
    }
    return std::optional<SystemUser>(user);
}

Result<void> prepare_folder(const std::string& path, mode_t mode, const std::optional<SystemUser>& user) {
    std::error_code problem;
    const bool existed = std::filesystem::exists(path, problem);
    std::filesystem::create_directories(path, problem);
    if (problem) return failure(ErrorKind::io, fmt::format("cannot make the folder {}: {}", path, problem.message()));
    if (!existed && ::chmod(path.c_str(), mode) != 0)
        return failure(ErrorKind::io, fmt::format("cannot set the mode of {}: {}", path, reason()));
    if (user && ::chown(path.c_str(), user->user, user->group) != 0)
        return failure(ErrorKind::io, fmt::format("cannot give {} to its user: {}", path, reason()));
    if (!user && ::access(path.c_str(), W_OK | X_OK) != 0)
        return failure(
            ErrorKind::refused,
            fmt::format("the folder {} cannot be written: {}; give it to the user that runs Relevo", path, reason()));
    return {};
}

// While we still may (CAP_SETPCAP): afterwards not even a program that root starts could have them again.
void empty_bounding_set() {
    for (unsigned long capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability)
        if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) return;
}

Result<void> give_up_capabilities() {
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 && errno != EINVAL)
        return failure(ErrorKind::refused, fmt::format("cannot give up ambient capabilities: {}", reason()));
    __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
    const std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> none{};
    // The C library has no function for it.
    if (::syscall(SYS_capset, &header, none.data()) != 0)
        return failure(ErrorKind::refused, fmt::format("cannot give up capabilities: {}", reason()));
    return {};
}

}  // namespace

Result<void> prepare_folders(const ServerSettings& server) {
    RELEVO_TRY(const std::optional<SystemUser> user, configured_user(server));
    RELEVO_CHECK(prepare_folder(server.data_dir, 0700, user));
    return prepare_folder(server.run_dir, 0750, user);
}

Result<void> give_to_user(const ServerSettings& server, const std::vector<std::string>& files) {
    RELEVO_TRY(const std::optional<SystemUser> user, configured_user(server));
    if (!user) return {};
    for (const std::string& file : files)
        if (::chown(file.c_str(), user->user, user->group) != 0)
            return failure(ErrorKind::io, fmt::format("cannot give {} to its user: {}", file, reason()));
    return {};
}

Result<void> forbid_new_privileges() {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return failure(ErrorKind::refused, fmt::format("cannot forbid new privileges: {}", reason()));
    return {};
}

Result<void> drop_privileges(const ServerSettings& server) {
    ::umask(0027);
    RELEVO_TRY(const std::optional<SystemUser> user, configured_user(server));
    empty_bounding_set();
    if (user) {
        if (::setgroups(0, nullptr) != 0 || ::setresgid(user->group, user->group, user->group) != 0 ||
            ::setresuid(user->user, user->user, user->user) != 0)
            return failure(ErrorKind::refused, fmt::format("cannot become user {}: {}", server.user, reason()));
        if (::setuid(0) == 0)
            return failure(ErrorKind::internal, "privileges could be regained after they were dropped");
    }
    return give_up_capabilities();
}

Result<void> raise_descriptor_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return failure(ErrorKind::io, fmt::format("cannot read the limit of open files: {}", reason()));
    limit.rlim_cur = std::min(limit.rlim_max, descriptors_wanted);
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
        return failure(ErrorKind::io, fmt::format("cannot raise the limit of open files: {}", reason()));
    return {};
}

}  // namespace relevo
