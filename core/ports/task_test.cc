#include "core/ports/task.h"

#include <gtest/gtest.h>

#include <thread>

namespace relevo {
namespace {

Task<> answer_from_another_thread(Shard& shard, int& seen, std::thread& other) {
    seen = co_await completion_of<int>([&](Completer<int> complete) {
        other = std::thread([complete = std::move(complete)]() mutable { complete(42); });
    });
    shard.stop();
}

TEST(Task, ResumesOnItsShardWhenAnotherThreadCompletes) {
    Shard shard(0);
    int seen = 0;
    std::thread other;
    shard.spawn(answer_from_another_thread(shard, seen, other));
    shard.run();
    other.join();
    EXPECT_EQ(seen, 42);
}

Task<> wait_twice(Shard& shard, Wakeup& wakeup, bool& notified, bool& timed_out) {
    notified = co_await wakeup.wait(Clock::now() + std::chrono::seconds(10));
    timed_out = !co_await wakeup.wait(Clock::now() + std::chrono::milliseconds(1));
    shard.stop();
}

TEST(Wakeup, TellsANotificationFromTheDeadline) {
    Shard shard(0);
    Wakeup wakeup(shard);
    bool notified = false;
    bool timed_out = false;
    shard.spawn(wait_twice(shard, wakeup, notified, timed_out));
    shard.post([&] { wakeup.notify_one(); });
    shard.run();
    EXPECT_TRUE(notified);
    EXPECT_TRUE(timed_out);
}

Task<> wait_until_told(Wakeup& wakeup) { (void)co_await wakeup.wait(); }

struct NotifiesAtItsEnd {
    Wakeup& wakeup;
    ~NotifiesAtItsEnd() { wakeup.notify_all(); }
};
Task<> notify_when_destroyed(Wakeup& wakeup) {
    const NotifiesAtItsEnd last{wakeup};
    co_await sleep_until(no_deadline);
}

TEST(Wakeup, ForgetsCoroutinesThatTheirShardDestroyed) {
    for (const bool waiter_first : {true, false}) {
        auto shard = std::make_unique<Shard>(0);
        auto wakeup = std::make_unique<Wakeup>(*shard);
        if (waiter_first) shard->spawn(wait_until_told(*wakeup));
        shard->spawn(notify_when_destroyed(*wakeup));
        if (!waiter_first) shard->spawn(wait_until_told(*wakeup));
        shard->context().poll();
        shard.reset();
        wakeup.reset();
    }
}

}  // namespace
}  // namespace relevo
