#include "adapters/https/background_pages.h"

#include "adapters/https/page.h"

#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>

namespace relevo::https {

class BackgroundPages::State {
 public:
    State(std::size_t waiting_limit, std::size_t threads) : waiting_limit_(waiting_limit), pool_(threads) {}
    // Each fetch that is still waiting runs, and ends at once.
    ~State() {
        stopping_ = true;
        pool_.join();
    }

    void fetch(PageRequest request, Completer<Result<Page>> done) {
        if (++waiting_ > waiting_limit_) {
            --waiting_;
            return done(failure(ErrorKind::full, "too many pages are being fetched: try again in a minute"));
        }
        const auto deadline = std::chrono::steady_clock::now() + request.time_limit;
        boost::asio::post(pool_, [this, deadline, request = std::move(request), done = std::move(done)]() mutable {
            Result<Page> page = fetch_until(std::move(request), deadline);
            --waiting_;
            done(std::move(page));
        });
    }

 private:
    Result<Page> fetch_until(PageRequest request, std::chrono::steady_clock::time_point deadline) {
        request.time_limit =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        if (stopping_) return failure(ErrorKind::cancelled, "the server is stopping");
        if (request.time_limit.count() <= 0) return failure(ErrorKind::timeout, "other pages took too long");
        return fetch_page(request, &stopping_);
    }

    const std::size_t waiting_limit_;
    std::atomic<bool> stopping_ = false;
    std::atomic<std::size_t> waiting_ = 0;
    boost::asio::thread_pool pool_;
};

BackgroundPages::BackgroundPages(std::size_t waiting_limit, std::size_t threads)
    : state_(std::make_unique<State>(waiting_limit, threads)) {}
BackgroundPages::~BackgroundPages() = default;

Task<Result<Page>> BackgroundPages::fetch(PageRequest request) {
    co_return co_await completion_of<Result<Page>>(
        [&](Completer<Result<Page>> done) { state_->fetch(std::move(request), std::move(done)); });
}

}  // namespace relevo::https
