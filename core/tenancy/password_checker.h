// Checks passwords against argon2id hashes, and makes those, on threads of its own: each takes about 20 ms.
#pragma once

#include "core/ports/task.h"
#include "core/tenancy/secret.h"
#include "lib/base/result.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

namespace relevo {

struct PasswordCheckerOptions {
    unsigned threads = 2;
    std::size_t queue_limit = 500;           // checks that wait; at 20 ms each that is 5 s on two threads
    std::size_t remembered_limit = 100'000;  // successes, about 100 octets each
    std::chrono::minutes remembered_for{10};
};

// A right password is remembered as a BLAKE2b hash under a key of this process, so that the next login costs
// microseconds. The stored hash is part of what is hashed: a changed password is unknown at once. A wrong password, and
// every password of an unknown user, costs one full argon2id (security row A13).
// Threads: any. Destroying it waits for checks that run; those that wait get `cancelled`.
class PasswordChecker {
 public:
    // Errors: full – no memory for argon2id.
    [[nodiscard]] static Result<std::unique_ptr<PasswordChecker>> start(const RandomSource& random,
                                                                        PasswordCheckerOptions options = {});
    ~PasswordChecker();

    // Completes with whether `password` belongs to `stored_hash`; empty stands for an unknown user: the same work, and
    // always false. Errors: temporary – too many checks wait: answer 454 4.7.0. cancelled.
    void check(const std::string& stored_hash, std::string password, Clock::time_point now,
               Completer<Result<bool>> done);

    // Completes with what is kept of a new password. Errors: temporary – too many wait. cancelled. Those of
    // make_secret().
    void make(std::string password, Completer<Result<StoredSecret>> done);
    // The same for a login that knows no SCRAM. Errors: temporary, cancelled; those of hash_password().
    void hash(std::string password, Completer<Result<std::string>> done);

 private:
    class State;
    explicit PasswordChecker(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// The same for coroutines.
inline Task<Result<bool>> check_password(PasswordChecker& checker, std::string stored_hash, std::string password) {
    co_return co_await completion_of<Result<bool>>([&](Completer<Result<bool>> done) {
        checker.check(stored_hash, std::move(password), Clock::now(), std::move(done));
    });
}

inline Task<Result<StoredSecret>> make_secret(PasswordChecker& checker, std::string password) {
    co_return co_await completion_of<Result<StoredSecret>>(
        [&](Completer<Result<StoredSecret>> done) { checker.make(std::move(password), std::move(done)); });
}

inline Task<Result<std::string>> hash_password(PasswordChecker& checker, std::string password) {
    co_return co_await completion_of<Result<std::string>>(
        [&](Completer<Result<std::string>> done) { checker.hash(std::move(password), std::move(done)); });
}

}  // namespace relevo
