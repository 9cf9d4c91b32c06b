#include "app/relevo/system_calls.h"

#include <fmt/format.h>

#include <memory>
#include <seccomp.h>
#include <span>
#include <system_error>

namespace relevo {
namespace {

// Names and not numbers: libseccomp knows them for every processor, and passes over those that one has not.
constexpr const char* allowed[] = {
    // memory
    "brk", "mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise", "msync", "mincore", "mlock", "munlock", "mlock2",
    "membarrier", "memfd_create", "get_mempolicy",
    // threads, and what the C library does with them
    "clone", "clone3", "exit", "exit_group", "futex", "futex_time64", "futex_waitv", "set_robust_list",
    "get_robust_list", "set_tid_address", "rseq", "gettid", "getpid", "getppid", "tgkill", "sched_yield",
    "sched_getaffinity", "sched_setaffinity", "sched_getparam", "sched_getscheduler", "sched_get_priority_max",
    "sched_get_priority_min", "sched_setscheduler", "setpriority", "getcpu", "arch_prctl", "prctl", "restart_syscall",
    "set_thread_area",
    // signals
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_sigpending",
    "rt_sigsuspend", "sigaltstack", "signalfd4", "sigreturn", "pause",
    // time
    "clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64", "clock_nanosleep",
    "clock_nanosleep_time64", "gettimeofday", "time", "times", "nanosleep", "timerfd_create", "timerfd_settime",
    "timerfd_settime64", "timerfd_gettime", "timerfd_gettime64", "alarm", "setitimer", "getitimer",
    // descriptors and waiting
    "read", "readv", "pread64", "preadv", "preadv2", "write", "writev", "pwrite64", "pwritev", "pwritev2", "close",
    "close_range", "dup", "dup2", "dup3", "fcntl", "fcntl64", "ioctl", "pipe", "pipe2", "eventfd2", "epoll_create",
    "epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "epoll_pwait2", "poll", "ppoll", "ppoll_time64",
    "select", "_newselect", "pselect6", "pselect6_time64", "sendfile", "sendfile64", "splice",
    // files
    "open", "openat", "openat2", "creat", "access", "faccessat", "faccessat2", "stat", "stat64", "lstat", "lstat64",
    "fstat", "fstat64", "newfstatat", "fstatat64", "statx", "statfs", "statfs64", "fstatfs", "fstatfs64", "lseek",
    "_llseek", "getdents", "getdents64", "getcwd", "chdir", "fchdir", "readlink", "readlinkat", "mkdir", "mkdirat",
    "rmdir", "unlink", "unlinkat", "rename", "renameat", "renameat2", "link", "linkat", "symlink", "symlinkat", "chmod",
    "fchmod", "fchmodat", "chown", "chown32", "fchown", "fchown32", "fchownat", "lchown", "umask", "truncate",
    "truncate64", "ftruncate", "ftruncate64", "fallocate", "fadvise64", "fadvise64_64", "readahead", "fsync",
    "fdatasync", "sync_file_range", "copy_file_range", "flock", "utime", "utimes", "utimensat", "utimensat_time64",
    "inotify_init1", "inotify_add_watch", "inotify_rm_watch",
    // sockets
    "socket", "socketcall", "socketpair", "bind", "listen", "accept", "accept4", "connect", "shutdown", "getsockname",
    "getpeername", "getsockopt", "setsockopt", "recv", "recvfrom", "recvmsg", "recvmmsg", "recvmmsg_time64", "send",
    "sendto", "sendmsg", "sendmmsg",
    // what the process asks about itself and the machine
    "getuid", "getuid32", "geteuid", "geteuid32", "getgid", "getgid32", "getegid", "getegid32", "getresuid",
    "getresgid", "getgroups", "getgroups32", "getpgrp", "getpgid", "getsid", "getrlimit", "ugetrlimit", "prlimit64",
    "getrusage", "getpriority", "sysinfo", "uname", "getrandom", "capget"};

// Only to run a program, which inherits the filter: what shells, curl and the like do besides.
constexpr const char* for_programs[] = {
    "execve",       "execveat",      "fork",        "vfork",    "wait4",      "waitid",
    "waitpid",      "kill",          "setpgid",     "setsid",   "pidfd_open", "pidfd_send_signal",
    "setrlimit",    "tkill",         "capset",      "getxattr", "lgetxattr",  "fgetxattr",
    "timer_create", "timer_settime", "timer_delete"};

constexpr const char* of_intruders[] = {
    "execve",        "execveat",      "ptrace",          "process_vm_readv",  "process_vm_writev",
    "kcmp",          "bpf",           "perf_event_open", "userfaultfd",       "mount",
    "umount",        "umount2",       "fsmount",         "move_mount",        "open_tree",
    "pivot_root",    "chroot",        "setns",           "unshare",           "init_module",
    "finit_module",  "delete_module", "create_module",   "kexec_load",        "kexec_file_load",
    "reboot",        "swapon",        "swapoff",         "add_key",           "request_key",
    "keyctl",        "iopl",          "ioperm",          "settimeofday",      "clock_settime",
    "adjtimex",      "clock_adjtime", "sethostname",     "setdomainname",     "acct",
    "quotactl",      "mknod",         "mknodat",         "open_by_handle_at", "personality",
    "io_uring_setup"};

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RELEVO_LOOKS_FOR_LEAKS 1  // its search for leaks traces this process at the end
#endif
#endif

bool belongs(const char* name, std::span<const char* const> names) {
    const auto is_same = [name](const char* other) { return std::string_view(name) == other; };
    return std::ranges::any_of(names, is_same);
}

class Filter {
 public:
    Filter() : context_(::seccomp_init(SCMP_ACT_ERRNO(ENOSYS)), ::seccomp_release) {}

    void add(std::span<const char* const> names, std::uint32_t action, std::span<const char* const> except = {}) {
        for (const char* name : names) {
            const int number = ::seccomp_syscall_resolve_name(name);
            if (number == __NR_SCMP_ERROR || belongs(name, except)) continue;  // not on this processor
            note(::seccomp_rule_add(context_.get(), action, number, 0));
        }
    }

    Result<void> load() {
        if (!context_) return failure(ErrorKind::full, "cannot filter system calls: no memory");
        note(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_TSYNC, 1));  // for the threads that are there already
        note(::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2));
        if (problem_ == 0) note(::seccomp_load(context_.get()));
        if (problem_ == 0) return {};
        return failure(ErrorKind::refused, fmt::format("cannot filter system calls: {}; a kernel without seccomp needs "
                                                       "server.filter_system_calls = false",
                                                       std::generic_category().message(problem_)));
    }

 private:
    void note(int result) {
        if (result < 0 && problem_ == 0) problem_ = -result;
    }

    std::unique_ptr<void, void (*)(scmp_filter_ctx)> context_;
    int problem_ = 0;
};

}  // namespace

Result<void> filter_system_calls(ChildPrograms programs) {
    Filter filter;
    filter.add(allowed, SCMP_ACT_ALLOW);
    if (programs == ChildPrograms::allowed) {
        filter.add(for_programs, SCMP_ACT_ALLOW);
        filter.add(of_intruders, SCMP_ACT_KILL_PROCESS, for_programs);
    } else {
#ifdef RELEVO_LOOKS_FOR_LEAKS
        constexpr const char* of_the_search[] = {"ptrace", "wait4"};
        filter.add(of_the_search, SCMP_ACT_ALLOW);
        filter.add(of_intruders, SCMP_ACT_KILL_PROCESS, of_the_search);
#else
        filter.add(of_intruders, SCMP_ACT_KILL_PROCESS);
#endif
    }
    return filter.load();
}

}  // namespace relevo
