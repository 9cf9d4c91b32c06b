// The control channel: a Unix socket on which tools of the same machine ask one line and get one line.
#pragma once

#include "adapters/net/shard_sockets.h"
#include "core/ports/stream.h"
#include "lib/base/octets.h"

#include <functional>
#include <memory>
#include <string>
#include <sys/types.h>

namespace relevo::net {

// Who asks, as the kernel says (SO_PEERCRED).
struct ControlPeer {
    uid_t user = 0;
    gid_t group = 0;
    pid_t process = 0;
};

// Gets a request without its newline; the answer must not have one in it either (JSON has none).
using ControlHandler = std::function<Task<std::string>(ControlPeer, std::string)>;

struct ControlOptions {
    std::string path{};
    mode_t mode = 0600;  // 0660: its group may ask too
    Octets request_limit_octets = mebibyte;
    unsigned connection_limit = 32;
    std::chrono::seconds idle_limit{300};
    ControlHandler handler{};
};

// Threads: the shard's; open() before it runs.
class ControlListener {
 public:
    // Replaces the socket that a dead process has left. Errors: conflict – another process answers there, or the path
    // is no socket. invalid – the path is too long (107 octets). io.
    [[nodiscard]] static Result<std::unique_ptr<ControlListener>> open(std::shared_ptr<ShardSockets> sockets,
                                                                       ControlOptions options);
    ~ControlListener();  // removes the socket
    void start();

 private:
    class Acceptor;
    explicit ControlListener(std::shared_ptr<Acceptor> acceptor);
    std::shared_ptr<Acceptor> acceptor_;  // with its coroutines
};

// Asks from another process and waits for the answer. Errors: not_found – nobody listens there; refused – no right;
// timeout; closed; io.
[[nodiscard]] Result<std::string> ask_control(const std::string& path, std::string_view request,
                                              std::chrono::seconds patience);

}  // namespace relevo::net
