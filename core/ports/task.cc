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
    struct Waiter {
        explicit Waiter(Executor executor) : timer(executor) {}
        Timer timer;
        bool notified = false;
    };
    Executor executor;
    std::deque<Waiter*> waiters;
};

Wakeup::Wakeup(Shard& shard) : state_(new State{shard.executor(), {}}) {}
Wakeup::~Wakeup() = default;

Task<bool> Wakeup::wait(Deadline deadline) {
    State::Waiter waiter(state_->executor);
    waiter.timer.expires_at(deadline);
    state_->waiters.push_back(&waiter);
    boost::system::error_code ignored;
    co_await waiter.timer.async_wait(boost::asio::redirect_error(use_task, ignored));
    if (!waiter.notified) std::erase(state_->waiters, &waiter);
    co_return waiter.notified;
}

void Wakeup::notify_one() {
    if (state_->waiters.empty()) return;
    State::Waiter* waiter = state_->waiters.front();
    state_->waiters.pop_front();
    waiter->notified = true;
    waiter->timer.cancel();
}

void Wakeup::notify_all() {
    while (!state_->waiters.empty()) notify_one();
}

}  // namespace relevo
