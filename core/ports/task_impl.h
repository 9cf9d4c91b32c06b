// Templates of task.h; include that one.
#pragma once

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>

namespace relevo {

template <class T>
void Completer<T>::operator()(T value) {
    boost::asio::post(executor(),
                      [resume = std::move(resume_), value = std::move(value)]() mutable { resume(std::move(value)); });
}

template <class T, class Start>
Task<T> completion_of(Start start) {
    const Executor executor = co_await boost::asio::this_coro::executor;
    co_return co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>, void(T)>(
        [&start, executor](auto handler) {
            start(Completer<T>(
                executor, [handler = std::move(handler)](T value) mutable { std::move(handler)(std::move(value)); }));
        },
        use_task);
}

}  // namespace relevo
