#include "adapters/net/readiness.h"

#include <boost/asio/detail/reactor_op.hpp>
#include <boost/version.hpp>

namespace relevo::net {

// Asio offers this only to itself. What is used of it: perform() is called under the descriptor's lock for each edge,
// and once by start_op() if an edge came since the last operation that was "done and exhausted"; complete() is called
// outside of it, without an owner when the loop is taken down.
static_assert(BOOST_VERSION / 100 == 1081, "look whether Asio's reactor still works as this file expects");

class Readiness::Operation final : public boost::asio::detail::reactor_op {
 public:
    explicit Operation(std::unique_ptr<Operation>& home) : reactor_op({}, perform_now, complete_now), home_(home) {}

    std::move_only_function<void()> resume;

 private:
    static status perform_now(reactor_op*) { return done_and_exhausted; }
    static void complete_now(void* owner, boost::asio::detail::scheduler_operation* base,
                             const boost::system::error_code&, std::size_t) {
        std::unique_ptr<Operation> self(static_cast<Operation*>(base));
        auto resume_now = std::exchange(self->resume, nullptr);
        if (owner == nullptr) return;  // the coroutine goes with resume_now, and with it, perhaps, our home
        self->home_ = std::move(self);
        resume_now();
    }

    std::unique_ptr<Operation>& home_;
};

Readiness::Readiness(Executor executor, FileDescriptor descriptor)
    : descriptor_(std::move(descriptor)), reactor_(boost::asio::use_service<Reactor>(executor.context())) {
    reactor_.init_task();
    for (auto& operation : operations_) operation = std::make_unique<Operation>(operation);
    // Fails for want of kernel memory only.
    if (reactor_.register_descriptor(descriptor_.get(), registration_) != 0) close();
}

Readiness::~Readiness() { close(); }

Task<> Readiness::wait(Direction direction) {
    return boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void()>(
        [this, direction](auto handler) {
            Operation* const operation = operations_[static_cast<std::size_t>(direction)].release();
            operation->resume = [handler = std::move(handler)]() mutable { std::move(handler)(); };
            reactor_.start_op(direction == Direction::readable ? Reactor::read_op : Reactor::write_op,
                              descriptor_.get(), registration_, operation, false, true);
        },
        use_task);
}

void Readiness::cancel() {
    if (descriptor_) reactor_.cancel_ops(descriptor_.get(), registration_);
}

void Readiness::close() {
    if (!descriptor_) return;
    reactor_.deregister_descriptor(descriptor_.get(), registration_, true);
    descriptor_.reset();
    reactor_.cleanup_descriptor_data(registration_);
}

}  // namespace relevo::net
