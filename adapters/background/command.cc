#include "adapters/background/command.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace relevo {
namespace {

struct Actions {
    Actions() { posix_spawn_file_actions_init(&value); }
    ~Actions() { posix_spawn_file_actions_destroy(&value); }
    Actions(const Actions&) = delete;
    Actions& operator=(const Actions&) = delete;
    posix_spawn_file_actions_t value{};
};
struct Attributes {
    Attributes() { posix_spawnattr_init(&value); }
    ~Attributes() { posix_spawnattr_destroy(&value); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;
    posix_spawnattr_t value{};
};

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> all;
    for (std::string& word : words) all.push_back(word.data());
    all.push_back(nullptr);
    return all;
}

// In a process group of its own, so that what it starts ends with it; no signal blocked, all as at the start.
Result<pid_t> start(const CommandRequest& request, int output) {
    Actions actions;
    posix_spawn_file_actions_addopen(&actions.value, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions.value, output, STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&actions.value, output, STDERR_FILENO);
    posix_spawn_file_actions_addclosefrom_np(&actions.value, STDERR_FILENO + 1);
    Attributes attributes;
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes.value, &none);
    posix_spawnattr_setsigdefault(&attributes.value, &all);
    posix_spawnattr_setpgroup(&attributes.value, 0);
    posix_spawnattr_setflags(&attributes.value, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
    std::vector<std::string> words = request.words;
    std::vector<std::string> environment{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
    for (const auto& [name, value] : request.environment) environment.push_back(name + "=" + value);
    pid_t process = 0;
    const int problem = ::posix_spawn(&process, words.front().c_str(), &actions.value, &attributes.value,
                                      pointers(words).data(), pointers(environment).data());
    if (problem != 0)
        return failure(ErrorKind::io, fmt::format("{} cannot be run: {}", words.front(), std::strerror(problem)));
    return process;
}

// Keeps the end of what was written. False: there will be no more.
bool take_output(int pipe, std::string& output) {
    std::array<char, 4096> octets{};
    const ssize_t count = ::read(pipe, octets.data(), octets.size());
    if (count < 0) return errno == EINTR || errno == EAGAIN;
    output.append(octets.data(), static_cast<std::size_t>(count));
    if (output.size() > CommandRunner::output_limit_octets)
        output.erase(0, output.size() - CommandRunner::output_limit_octets);
    return count > 0;
}

enum class End : std::uint8_t { by_itself, too_late, cancelled };

// Until the program has ended, or must be.
End watch(int process, int pipe, int cancelled, std::chrono::steady_clock::time_point deadline, std::string& output) {
    bool writes = true;
    for (;;) {
        std::array<pollfd, 3> waiting{{{process, POLLIN, 0}, {cancelled, POLLIN, 0}, {writes ? pipe : -1, POLLIN, 0}}};
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        const int ready =
            ::poll(waiting.data(), waiting.size(), static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
        if (ready < 0 && errno != EINTR) return End::cancelled;
        if (ready == 0) return End::too_late;
        if (ready < 0) continue;
        if (waiting[1].revents != 0) return End::cancelled;
        if (waiting[2].revents != 0) writes = take_output(pipe, output);
        if (waiting[0].revents != 0 && waiting[2].revents == 0) return End::by_itself;
    }
}

}  // namespace

CommandRunner::CommandRunner() : cancelled_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void CommandRunner::cancel() {
    const std::uint64_t one = 1;
    static_cast<void>(::write(cancelled_.get(), &one, sizeof one));
}

Result<void> CommandRunner::run(const CommandRequest& request) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0)
        return failure(ErrorKind::io, fmt::format("no pipe for a program: {}", std::strerror(errno)));
    const FileDescriptor output(ends[0]);
    FileDescriptor input(ends[1]);
    static_cast<void>(::fcntl(output.get(), F_SETFL, O_NONBLOCK));
    RELEVO_TRY(const pid_t process, start(request, input.get()));
    input.reset();
    const FileDescriptor handle(static_cast<int>(::syscall(SYS_pidfd_open, process, 0)));
    std::string text;
    End end = End::cancelled;
    if (handle)
        end = watch(handle.get(), output.get(), cancelled_.get(), std::chrono::steady_clock::now() + request.time_limit,
                    text);
    if (end != End::by_itself) ::kill(-process, SIGKILL);
    int status = 0;
    while (::waitpid(process, &status, 0) < 0 && errno == EINTR) continue;
    const std::string& name = request.words.front();
    if (end == End::cancelled) return failure(ErrorKind::cancelled, "the server is stopping");
    if (end == End::too_late)
        return failure(ErrorKind::timeout, fmt::format("{} was not done after {} s and was ended", name,
                                                       request.time_limit.count() / 1000));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
    const std::string how =
        WIFEXITED(status) ? fmt::format("status {}", WEXITSTATUS(status)) : fmt::format("signal {}", WTERMSIG(status));
    std::ranges::replace(text, '\n', ' ');  // one line of the log
    const std::string said = printable(trimmed(text), output_limit_octets);
    return failure(ErrorKind::refused,
                   fmt::format("{} ended with {}{}", name, how, said.empty() ? "" : " and said: " + said));
}

}  // namespace relevo
