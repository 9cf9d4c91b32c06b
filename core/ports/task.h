// Coroutines and the shards that they run on. The only header through which core sees Asio.
#pragma once

#include "lib/base/result.h"

#include <boost/asio/async_result.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

namespace relevo {

using Executor = boost::asio::io_context::executor_type;

// A lazy coroutine on one shard. Parameters by value, or by reference to what outlives the call.
template <class T = void>
using Task = boost::asio::awaitable<T, Executor>;

inline constexpr boost::asio::use_awaitable_t<Executor> use_task;

using Clock = std::chrono::steady_clock;      // intervals and deadlines
using WallClock = std::chrono::system_clock;  // dates that people and rows see
using Deadline = Clock::time_point;
inline constexpr Deadline no_deadline = Deadline::max();

// One thread with one event loop (architecture D7). Sessions and ready queues live and die on their shard; other
// threads reach it by post() alone.
class Shard {
 public:
    explicit Shard(unsigned index) : index_(index) {}
    Shard(const Shard&) = delete;
    Shard& operator=(const Shard&) = delete;

    [[nodiscard]] unsigned index() const { return index_; }
    [[nodiscard]] boost::asio::io_context& context() { return context_; }
    [[nodiscard]] Executor executor() { return context_.get_executor(); }

    // Runs `work` on this shard's thread soon. Threads: any.
    void post(std::move_only_function<void()> work);
    // Starts a coroutine; an exception that leaves it ends the process (a bug). Threads: any.
    void spawn(Task<> task);
    // Runs until stop(). Threads: the one that becomes the shard's.
    void run();
    // Threads: any.
    void stop();

 private:
    unsigned index_;
    boost::asio::io_context context_{1};
};

// Suspends until `start` has called its argument with a value, from any thread; resumes on the coroutine's own shard.
//     auto reply = co_await completion_of<Result<Reply>>([&](auto complete) { server.ask(std::move(complete)); });
// The completer may be moved, must be called exactly once, and resumes by post(), never inside the call.
template <class T>
class Completer {
 public:
    Completer() = default;
    Completer(Executor executor, std::move_only_function<void(T)> resume)
        : executor_(executor), resume_(std::move(resume)) {}
    void operator()(T value);
    // The shard to resume on, and the bare resumption, for a caller that posts many at once.
    [[nodiscard]] Executor executor() const { return *executor_; }
    [[nodiscard]] std::move_only_function<void(T)> release() { return std::move(resume_); }
    explicit operator bool() const { return static_cast<bool>(resume_); }

 private:
    std::optional<Executor> executor_;
    std::move_only_function<void(T)> resume_;
};

template <class T, class Start>
Task<T> completion_of(Start start);

// Waits on this shard. Resumes at `deadline` or a little later.
Task<> sleep_until(Deadline deadline);
inline Task<> sleep_for(Clock::duration duration) { return sleep_until(Clock::now() + duration); }

// Lets coroutines of one shard wait for something that another coroutine of the same shard brings about.
class Wakeup {
 public:
    explicit Wakeup(Shard& shard);
    ~Wakeup();
    // True after notify(), false at the deadline. Several may wait; notify_one() wakes the longest waiting,
    // notify_all() each.
    Task<bool> wait(Deadline deadline = no_deadline);
    void notify_one();
    void notify_all();

 private:
    struct State;
    struct Waiter;
    std::shared_ptr<State> state_;  // with the coroutines that wait, which may outlive this
};

}  // namespace relevo

#include "core/ports/task_impl.h"  // IWYU pragma: keep
