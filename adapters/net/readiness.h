// When a descriptor can be read or written, as the shard's event loop tells it.
#pragma once

#include "adapters/net/socket.h"
#include "core/ports/task.h"

#include <boost/asio/detail/reactor.hpp>

#include <array>
#include <memory>

namespace relevo::net {

enum class Direction : std::uint8_t { readable, writable };

// A descriptor in the event loop, registered once and edge-triggered: a wait costs no system call, while Asio's own
// async_wait() makes one each time.
// A wait ends when the descriptor has become ready since the wait before it ended, or at once if it did in between.
// So: try first, wait only when nothing is left (EAGAIN, or known otherwise), try again. The first wait of a direction
// ends at once, and any wait may end for nothing.
// Threads: the shard's.
class Readiness {
 public:
    // If the loop cannot take it, the descriptor is closed.
    Readiness(Executor executor, FileDescriptor descriptor);
    Readiness(const Readiness&) = delete;
    Readiness& operator=(const Readiness&) = delete;
    ~Readiness();  // no wait may be under way, unless the loop itself ends

    [[nodiscard]] int descriptor() const { return descriptor_.get(); }  // -1: closed
    // One at a time and direction; not after close().
    Task<> wait(Direction direction);
    // Ends the waits in both directions.
    void cancel();
    // The same, and closes the descriptor.
    void close();

 private:
    using Reactor = boost::asio::detail::reactor;
    class Operation;

    FileDescriptor descriptor_;
    Reactor& reactor_;
    Reactor::per_descriptor_data registration_{};
    // Not in use at the moment, by direction. One that is belongs to the event loop, which may outlive this.
    std::array<std::unique_ptr<Operation>, 2> operations_;
};

}  // namespace relevo::net
