// What the service manager (systemd) keeps for us and hears from us. Without one, nothing happens.
#pragma once

#include "core/ports/file_descriptor.h"
#include "core/ports/stream.h"
#include "lib/base/result.h"

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace relevo {

// Listening sockets outlive the process: each one that is opened goes into the service manager's descriptor store
// (FDSTORE=1, sd_notify(3)) and comes back at the next start, so that whoever connects during a restart waits in its
// backlog instead of being refused. Sockets of a .socket unit come the same way. They are known by their address; the
// configuration alone says what is listened on.
// Threads: the main one.
class ServiceManager {
 public:
    // Takes what was handed to this process, and its environment variables away. Errors: io – a descriptor is unusable.
    [[nodiscard]] static Result<ServiceManager> of_this_process();

    // Those that listen on exactly this address; empty: there are none.
    [[nodiscard]] std::vector<FileDescriptor> take(const Endpoint& endpoint);
    // From now on the service manager keeps these sockets, which listen on `endpoint`.
    void keep(const Endpoint& endpoint, std::span<const int> sockets) const;
    // Closes what was handed over and not taken, here and in the store. Returns the addresses.
    std::vector<std::string> close_the_rest();

    void tell_ready() const;
    void tell_reloading() const;
    void tell_stopping() const;
    void tell_alive() const;
    // How often it wants to hear that we are alive: half of its limit. Absent: never.
    [[nodiscard]] std::optional<std::chrono::microseconds> heartbeat() const;

    // Whether standard error is the journal, which takes a line's priority from a prefix (sd-daemon(3)).
    [[nodiscard]] static bool keeps_standard_error();

 private:
    struct Inherited {
        Endpoint endpoint;
        FileDescriptor socket;
    };
    std::vector<Inherited> inherited_;
};

}  // namespace relevo
