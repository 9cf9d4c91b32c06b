#include "app/relevo/service_manager.h"

#include "adapters/net/socket.h"

#include <fmt/format.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <sys/stat.h>
#include <unistd.h>

namespace relevo {
namespace {

// The store knows descriptors by names, in which a colon may not be.
std::string name_in_store(const Endpoint& endpoint) {
    std::string name = "listener-" + endpoint.text();
    std::ranges::replace(name, ':', '_');
    return name;
}

}  // namespace

Result<ServiceManager> ServiceManager::of_this_process() {
    ServiceManager manager;
    const int count = ::sd_listen_fds(1);  // which closes them on exec and clears the environment
    if (count < 0)
        return failure(ErrorKind::io,
                       fmt::format("cannot take the sockets of the service manager: {}", net::text_of_errno(-count)));
    for (int number = SD_LISTEN_FDS_START; number < SD_LISTEN_FDS_START + count; ++number) {
        FileDescriptor socket(number);
        const Endpoint endpoint = net::local_endpoint(number);
        manager.inherited_.push_back({endpoint, std::move(socket)});
    }
    return manager;
}

std::vector<FileDescriptor> ServiceManager::take(const Endpoint& endpoint) {
    std::vector<FileDescriptor> sockets;
    for (Inherited& one : inherited_)
        if (one.endpoint == endpoint && ::sd_is_socket(one.socket.get(), AF_UNSPEC, SOCK_STREAM, 1) > 0)
            sockets.push_back(std::move(one.socket));
    std::erase_if(inherited_, [](const Inherited& one) { return !one.socket; });
    return sockets;
}

void ServiceManager::keep(const Endpoint& endpoint, std::span<const int> sockets) const {
    const std::string state = "FDSTORE=1\nFDNAME=" + name_in_store(endpoint);
    ::sd_pid_notify_with_fds(0, 0, state.c_str(), sockets.data(), static_cast<unsigned>(sockets.size()));
}

std::vector<std::string> ServiceManager::close_the_rest() {
    std::vector<std::string> addresses;
    for (const Inherited& one : std::exchange(inherited_, {})) {
        if (std::ranges::find(addresses, one.endpoint.text()) != addresses.end()) continue;
        ::sd_notify(0, ("FDSTOREREMOVE=1\nFDNAME=" + name_in_store(one.endpoint)).c_str());
        addresses.push_back(one.endpoint.text());
    }
    return addresses;
}

void ServiceManager::tell_ready() const { ::sd_notify(0, "READY=1\nSTATUS=Takes and delivers mail"); }

void ServiceManager::tell_reloading() const {
    // Type=notify-reload (systemd 253) asks for the time as well.
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    ::sd_notify(0, fmt::format("RELOADING=1\nMONOTONIC_USEC={}", now.tv_sec * 1'000'000 + now.tv_nsec / 1000).c_str());
}

void ServiceManager::tell_stopping() const { ::sd_notify(0, "STOPPING=1\nSTATUS=Ends what it has begun"); }

void ServiceManager::tell_alive() const { ::sd_notify(0, "WATCHDOG=1"); }

std::optional<std::chrono::microseconds> ServiceManager::heartbeat() const {
    std::uint64_t limit = 0;
    if (::sd_watchdog_enabled(0, &limit) <= 0 || limit == 0) return std::nullopt;
    return std::chrono::microseconds(std::max<std::uint64_t>(limit / 2, 1));
}

bool ServiceManager::keeps_standard_error() {
    const char* journal = std::getenv("JOURNAL_STREAM");  // NOLINT(concurrency-mt-unsafe): before any thread starts
    struct stat status{};
    if (journal == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
    return fmt::format("{}:{}", status.st_dev, status.st_ino) == journal;
}

}  // namespace relevo
