// Makes signing keys on a thread of its own: RSA takes up to some hundred milliseconds, which no shard can spare.
#pragma once

#include "core/ports/task.h"
#include "lib/mailauth/signing_key.h"

#include <cstddef>
#include <memory>

namespace relevo {

// Threads: any. Destroying it waits for the key in progress; what waits gets `cancelled`.
class KeyMaker {
 public:
    explicit KeyMaker(std::size_t queue_limit = 1000);
    ~KeyMaker();
    // Errors: limit – too many are waiting. cancelled. internal – OpenSSL has no randomness.
    void make(mailauth::SigningAlgorithm algorithm, Completer<Result<mailauth::SigningKey>> done);

 private:
    class State;
    std::unique_ptr<State> state_;
};

// The same for coroutines.
inline Task<Result<mailauth::SigningKey>> make_key(KeyMaker& maker, mailauth::SigningAlgorithm algorithm) {
    co_return co_await completion_of<Result<mailauth::SigningKey>>(
        [&](Completer<Result<mailauth::SigningKey>> done) { maker.make(algorithm, std::move(done)); });
}

}  // namespace relevo
