// Computations that need the DNS without asking it themselves: coroutines that suspend at each question. Whoever runs
// one brings the answers: the server from its resolver, a test from a table (architecture D3).
#pragma once

#include "lib/dns/record.h"

#include <coroutine>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace relevo::dns {

struct Question {
    std::string name;  // ASCII, without final dot
    RecordType type = RecordType::a;
    friend bool operator==(const Question&, const Question&) = default;
};

namespace inquiry {

// What the innermost running coroutine and whoever drives the outermost exchange.
struct Exchange {
    Question question;
    std::optional<Result<Answer>> answer;
    std::coroutine_handle<> waiting;  // for the answer
};

struct PromiseBase {
    Exchange* exchange = nullptr;
    std::coroutine_handle<> caller;  // the coroutine that awaits this one; none for the outermost

    struct Finish {
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> done) const noexcept {
            const auto next = done.promise().caller;
            return next ? next : std::noop_coroutine();
        }
        void await_resume() const noexcept {}
    };

    [[nodiscard]] std::suspend_always initial_suspend() const noexcept { return {}; }
    [[nodiscard]] Finish final_suspend() const noexcept { return {}; }
    [[noreturn]] void unhandled_exception() const noexcept { std::terminate(); }
};

struct Ask {
    Question question;
    Exchange* exchange = nullptr;

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> asker) {
        exchange = asker.promise().exchange;
        exchange->question = std::move(question);
        exchange->waiting = asker;
    }
    Result<Answer> await_resume() const {
        Result<Answer> answer = std::move(*exchange->answer);
        exchange->answer.reset();
        return answer;
    }
};

}  // namespace inquiry

// Inside an Inquiry: `co_await ask("example.com", RecordType::txt)` gives Result<Answer>. What the answer may be is the
// contract of the port Resolver: an empty Answer means that there is no such record; a fault is an Error (temporary,
// timeout; invalid for a malformed name), never "does not exist".
[[nodiscard]] inline inquiry::Ask ask(std::string name, RecordType type) { return {{std::move(name), type}}; }

// A lazy coroutine that ends with a T and may await ask() and other inquiries. Parameters by value, or by reference to
// what outlives it. Abandoning one in the middle is allowed: destroying it frees everything.
//     while (const Question* question = inquiry.next()) inquiry.answer(look_up(*question));
//     T result = std::move(inquiry).take();
// Threads: one at a time.
template <class T>
class [[nodiscard]] Inquiry {
 public:
    struct promise_type : inquiry::PromiseBase {
        std::optional<T> value;
        Inquiry get_return_object() { return Inquiry(std::coroutine_handle<promise_type>::from_promise(*this)); }
        template <class Value>
        void return_value(Value&& given) {
            value.emplace(std::forward<Value>(given));
        }
    };

    Inquiry(Inquiry&& other) noexcept
        : coroutine_(std::exchange(other.coroutine_, {})), exchange_(std::move(other.exchange_)) {}
    Inquiry& operator=(Inquiry&&) = delete;
    ~Inquiry() {
        if (coroutine_) coroutine_.destroy();
    }

    // Runs up to the next question. nullptr: it ended, take() the result. The question is valid until the next call.
    [[nodiscard]] const Question* next() {
        if (!exchange_) {
            exchange_ = std::make_unique<inquiry::Exchange>();
            coroutine_.promise().exchange = exchange_.get();
            coroutine_.resume();
        } else if (exchange_->answer) {
            std::exchange(exchange_->waiting, {}).resume();
        }
        return coroutine_.done() ? nullptr : &exchange_->question;
    }
    // The answer to the question that next() gave.
    void answer(Result<Answer> answer) { exchange_->answer.emplace(std::move(answer)); }
    // Once, after next() gave nullptr.
    [[nodiscard]] T take() && { return std::move(*coroutine_.promise().value); }

    auto operator co_await() && { return Nested{coroutine_}; }

 private:
    struct Nested {
        std::coroutine_handle<promise_type> coroutine;
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        template <class Promise>
        std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> caller) {
            coroutine.promise().exchange = caller.promise().exchange;
            coroutine.promise().caller = caller;
            return coroutine;
        }
        T await_resume() { return std::move(*coroutine.promise().value); }
    };

    explicit Inquiry(std::coroutine_handle<promise_type> coroutine) : coroutine_(coroutine) {}
    std::coroutine_handle<promise_type> coroutine_;
    std::unique_ptr<inquiry::Exchange> exchange_;  // of the outermost one only; its address must not change
};

// Runs an inquiry to its end with answers that are there at once: `source(const Question&)` gives Result<Answer>.
template <class T, class Source>
[[nodiscard]] T run(Inquiry<T> inquiry, Source&& source) {
    while (const Question* question = inquiry.next()) inquiry.answer(source(*question));
    return std::move(inquiry).take();
}

}  // namespace relevo::dns
