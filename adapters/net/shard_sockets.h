// What the sockets of one shard share: the buffer that they read into and the clock that ends their waits.
#pragma once

#include "core/ports/task.h"

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace relevo::net {

inline constexpr std::size_t scratch_octets = 65536;
// How much later than its deadline a wait may end.
inline constexpr std::chrono::milliseconds sweep_interval{250};

// Something whose waits have deadlines.
class Swept {
 public:
    virtual ~Swept() = default;
    // Ends the waits whose deadline has come.
    virtual void sweep(Deadline now) = 0;

 private:
    friend class ShardSockets;
    std::size_t place_ = 0;
};

// No timer per operation: every 250 ms one pass over all streams, and none while there is no stream. Shared by its
// streams, because coroutines that hold streams are destroyed with the shard's loop, after their listener.
// Threads: the shard's.
class ShardSockets : public std::enable_shared_from_this<ShardSockets> {
 public:
    // Also makes the process ignore SIGPIPE: OpenSSL writes without MSG_NOSIGNAL.
    [[nodiscard]] static std::shared_ptr<ShardSockets> make(Shard& shard);

    [[nodiscard]] Shard& shard() { return shard_; }
    // What was read stays here until the next suspension.
    [[nodiscard]] std::span<std::byte> scratch() { return scratch_; }
    void add(Swept& swept);
    void remove(Swept& swept);
    [[nodiscard]] std::size_t open() const { return swept_.size(); }
    // Waits for a socket of this shard to close, for who found no descriptor or memory left; others of the process may
    // free some too, so look again at the deadline.
    Task<> wait_for_room(Deadline deadline);

 private:
    explicit ShardSockets(Shard& shard) : shard_(shard), closed_(shard) {}
    static Task<> sweep_while_open(std::shared_ptr<ShardSockets> sockets);

    Shard& shard_;
    bool is_sweeping_ = false;
    Wakeup closed_;
    std::vector<Swept*> swept_;
    std::array<std::byte, scratch_octets> scratch_;
};

}  // namespace relevo::net
