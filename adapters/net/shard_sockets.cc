#include "adapters/net/shard_sockets.h"

#include <csignal>

namespace relevo::net {

std::shared_ptr<ShardSockets> ShardSockets::make(Shard& shard) {
    std::signal(SIGPIPE, SIG_IGN);
    return std::shared_ptr<ShardSockets>(new ShardSockets(shard));
}

void ShardSockets::add(Swept& swept) {
    swept.place_ = swept_.size();
    swept_.push_back(&swept);
    if (is_sweeping_) return;
    is_sweeping_ = true;
    shard_.spawn(sweep_while_open(shared_from_this()));
}

void ShardSockets::remove(Swept& swept) {
    swept_[swept.place_] = swept_.back();
    swept_[swept.place_]->place_ = swept.place_;
    swept_.pop_back();
    closed_.notify_one();
}

Task<> ShardSockets::wait_for_room(Deadline deadline) { co_await closed_.wait(deadline); }

Task<> ShardSockets::sweep_while_open(std::shared_ptr<ShardSockets> sockets) {
    while (!sockets->swept_.empty()) {
        co_await sleep_for(sweep_interval);
        const Deadline now = Clock::now();
        for (Swept* swept : sockets->swept_) swept->sweep(now);
    }
    sockets->is_sweeping_ = false;
}

}  // namespace relevo::net
