// Takes connections on an address and hands each, as a Stream, to a callback on the shard that accepted it.
#pragma once

#include "adapters/net/shard_sockets.h"
#include "adapters/net/tls_context.h"
#include "core/ports/file_descriptor.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/ports/stream.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace relevo::net {

struct ListenerOptions {
    Endpoint endpoint{};                      // port 0: the system chooses, see Listener::endpoint()
    std::shared_ptr<TlsServerContext> tls{};  // null: its streams cannot start TLS
    // Said to a connection that cannot be served (no descriptor left, or over the limit), before it is closed.
    std::string refusal = "421 4.3.2 Too many connections, try again later\r\n";
    unsigned connection_limit = 20000;  // open connections of this listener, all shards together
    // Listening sockets of this address that the service manager has opened or kept (LISTEN_FDS), instead of opening
    // any. The listener serves all of them, however many shards there are.
    std::vector<FileDescriptor> inherited{};
    Log* log = nullptr;           // "listener.descriptors_exhausted", at most once a minute
    Counter* accepted = nullptr;  // may be null, as may the next one
    Counter* refused = nullptr;   // turned away with `refusal`
};

// One socket per shard (SO_REUSEPORT). The kernel spreads connections over them by chance, which leaves a few clients
// that keep theirs with one busy shard and one idle one: the shard with the fewest connections of this listener serves
// each. A connection waits in the socket that the kernel chose, so none that has been inherited is left out. Threads:
// open(), start(), stop() any; must be destroyed before its shards.
class Listener {
 public:
    using Accept = std::function<void(Shard&, std::unique_ptr<Stream>)>;

    // Binds and listens at once, so that privileges may be dropped before start(). Errors: conflict – the address is
    // in use: detail names it and, if it can be told, the process that holds it. refused – no right to bind.
    [[nodiscard]] static Result<std::unique_ptr<Listener>> open(std::vector<std::shared_ptr<ShardSockets>> shards,
                                                                ListenerOptions options);
    ~Listener();

    // `accept` runs on the shard of the connection, concurrently on several; it must not throw.
    void start(Accept accept);
    // No new connections from now on; those that are there go on.
    void stop();

    [[nodiscard]] Endpoint endpoint() const { return endpoint_; }
    [[nodiscard]] unsigned connections() const;
    // The listening sockets, for a service manager that is to keep them. Before stop().
    [[nodiscard]] std::vector<int> descriptors() const;

 private:
    class Acceptor;
    struct Place;
    struct Shared;
    Listener() = default;

    Endpoint endpoint_;
    std::shared_ptr<Shared> shared_;  // with the coroutines that accept
    std::vector<std::shared_ptr<Acceptor>> acceptors_;
};

}  // namespace relevo::net
