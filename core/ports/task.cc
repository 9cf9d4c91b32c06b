#include "core/ports/task.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>

#include <deque>

namespace relevo {
namespace {
using Timer = boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor>;
}

void Shard::post(std::move_only_function<void()> work) { boost::asio::post(executor(), std::move(work)); }

void Shard::spawn(Task<> task) {
    boost::asio::co_spawn(executor(), std::move(task), [](const std::exception_ptr& escaped) {
        if (escaped) std::terminate();
    });
}

void Shard::run() {
    const auto guard = boost::asio::make_work_guard(context_);
    context_.run();
}

void Shard::stop() { context_.stop(); }

Task<> sleep_until(Deadline deadline) {
    Timer timer(co_await boost::asio::this_coro::executor, deadline);
    boost::system::error_code ignored;
    co_await timer.async_wait(boost::asio::redirect_error(use_task, ignored));
}

struct Wakeup::State {
    explicit State(Executor state_executor) : executor(state_executor) {}
    Executor executor;
    std::deque<Waiter*> waiters;
};

// Lives in the coroutine that waits, which may be destroyed instead of resumed when its shard ends.
struct Wakeup::Waiter {
    explicit Waiter(std::shared_ptr<State> wakeup_state) : state(std::move(wakeup_state)), timer(state->executor) {
        state->waiters.push_back(this);
    }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;
    ~Waiter() {
        if (!notified) std::erase(state->waiters, this);
    }
    std::shared_ptr<State> state;
    Timer timer;
    bool notified = false;
};

Wakeup::Wakeup(Shard& shard) : state_(std::make_shared<State>(shard.executor())) {}
Wakeup::~Wakeup() = default;

Task<bool> Wakeup::wait(Deadline deadline) {
    Waiter waiter(state_);
    waiter.timer.expires_at(deadline);
    boost::system::error_code ignored;
    co_await waiter.timer.async_wait(boost::asio::redirect_error(use_task, ignored));
    co_return waiter.notified;
}

void Wakeup::notify_one() {
    if (state_->waiters.empty()) return;
    Waiter* waiter = state_->waiters.front();
    state_->waiters.pop_front();
    waiter->notified = true;
    waiter->timer.cancel();
}

void Wakeup::notify_all() {
    while (!state_->waiters.empty()) notify_one();
}

}  // namespace relevo
