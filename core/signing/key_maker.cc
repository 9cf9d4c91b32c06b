#include "core/signing/key_maker.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace relevo {

class KeyMaker::State {
 public:
    explicit State(std::size_t queue_limit) : queue_limit_(queue_limit), thread_([this] { work(); }) {}

    ~State() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wakeup_.notify_all();
        thread_.join();
        for (auto& order : queue_) order.done(failure(ErrorKind::cancelled, "the server is stopping"));
    }

    void make(mailauth::SigningAlgorithm algorithm, Completer<Result<mailauth::SigningKey>> done) {
        std::unique_lock lock(mutex_);
        if (queue_.size() >= queue_limit_) {
            lock.unlock();
            return done(failure(ErrorKind::limit, "too many keys are being made: try again in a minute"));
        }
        queue_.push_back({algorithm, std::move(done)});
        lock.unlock();
        wakeup_.notify_one();
    }

 private:
    struct Order {
        mailauth::SigningAlgorithm algorithm;
        Completer<Result<mailauth::SigningKey>> done;
    };

    void work() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wakeup_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (stopping_) return;
            Order order = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            order.done(mailauth::SigningKey::generate(order.algorithm));
            lock.lock();
        }
    }

    const std::size_t queue_limit_;
    std::mutex mutex_;  // guards what follows
    std::condition_variable wakeup_;
    bool stopping_ = false;
    std::deque<Order> queue_;
    std::thread thread_;
};

KeyMaker::KeyMaker(std::size_t queue_limit) : state_(std::make_unique<State>(queue_limit)) {}
KeyMaker::~KeyMaker() = default;

void KeyMaker::make(mailauth::SigningAlgorithm algorithm, Completer<Result<mailauth::SigningKey>> done) {
    state_->make(algorithm, std::move(done));
}

}  // namespace relevo
