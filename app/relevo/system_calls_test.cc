#include "app/relevo/system_calls.h"

#include "app/relevo/privileges.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

namespace relevo {
namespace {

using testing::ExitedWithCode;
using testing::KilledBySignal;

// In the child process of a death test alone: a filter cannot be taken off.
void confine(ChildPrograms programs) {
    if (!forbid_new_privileges() || !filter_system_calls(programs)) _exit(99);
}

[[noreturn]] void end_with(bool is_good) { _exit(is_good ? 0 : 1); }

// security row E15
TEST(SystemCalls, RunningAProgramEndsTheProcess) {
    const auto run_program = [] {
        confine(ChildPrograms::forbidden);
        ::execl("/bin/true", "true", nullptr);
    };
    EXPECT_EXIT(run_program(), KilledBySignal(SIGSYS), "");
}

// security row E15
TEST(SystemCalls, WhatOnlyAnIntruderCallsEndsTheProcess) {
    for (const long number : {SYS_mount, SYS_bpf, SYS_init_module, SYS_kexec_load, SYS_unshare, SYS_process_vm_readv,
                              SYS_io_uring_setup, SYS_add_key}) {
        const auto call = [number] {
            confine(ChildPrograms::forbidden);
            ::syscall(number, 0, 0, 0, 0, 0, 0);
        };
        EXPECT_EXIT(call(), KilledBySignal(SIGSYS), "") << number;
    }
}

TEST(SystemCalls, WhatNobodyKnowsIsNotThere) {
    const auto call = [] {
        confine(ChildPrograms::forbidden);
        end_with(::syscall(SYS_fanotify_init, 0, 0) < 0 && errno == ENOSYS);
    };
    EXPECT_EXIT(call(), ExitedWithCode(0), "");
}

// The log's thread and others may run before: the filter is theirs too.
TEST(SystemCalls, HoldsForThreadsThatRunAlready) {
    const auto call = [] {
        std::atomic<bool> is_confined = false;
        std::thread thread([&] {
            is_confined.wait(false);
            ::syscall(SYS_unshare, 0);
        });
        confine(ChildPrograms::forbidden);
        is_confined = true;
        is_confined.notify_all();
        thread.join();
        _exit(0);
    };
    EXPECT_EXIT(call(), KilledBySignal(SIGSYS), "");
}

TEST(SystemCalls, LeavesFilesSocketsAndThreadsAlone) {
    const auto work = [] {
        confine(ChildPrograms::forbidden);
        std::FILE* file = std::tmpfile();
        const bool has_file = file != nullptr && std::fputs("text", file) >= 0 && ::fsync(::fileno(file)) == 0;
        const int descriptor = ::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool has_run = false;
        std::thread([&] { has_run = true; }).join();
        end_with(has_file && descriptor >= 0 && has_run);
    };
    EXPECT_EXIT(work(), ExitedWithCode(0), "");
}

TEST(SystemCalls, AHookRunsUnderTheSameFilter) {
    const auto run_hook = [] {
        confine(ChildPrograms::allowed);
        end_with(std::system("test \"$(echo in the shell | wc -w)\" = 3") == 0);
    };
    EXPECT_EXIT(run_hook(), ExitedWithCode(0), "");
    const auto trace = [] {
        confine(ChildPrograms::allowed);
        ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    };
    EXPECT_EXIT(trace(), KilledBySignal(SIGSYS), "");
}

}  // namespace
}  // namespace relevo
