#include "core/tenancy/password_checker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <thread>

namespace relevo {
namespace {

using namespace std::chrono_literals;

// Runs checks and takes their answers on a shard, as sessions do.
class PasswordCheckerTest : public testing::Test {
 protected:
    PasswordCheckerTest() : thread_([this] { shard_.run(); }) {}
    ~PasswordCheckerTest() override {
        shard_.stop();
        thread_.join();
    }

    std::future<Result<bool>> start_check(PasswordChecker& checker, const std::string& hash, std::string password,
                                          Clock::time_point now = Clock::now()) {
        auto promise = std::make_shared<std::promise<Result<bool>>>();  // shared with the completer
        auto answer = promise->get_future();
        checker.check(hash, std::move(password), now,
                      Completer<Result<bool>>(shard_.executor(), [promise](Result<bool> right) mutable {
                          promise->set_value(std::move(right));
                      }));
        return answer;
    }
    bool check(const std::string& hash, std::string password, Clock::time_point now = Clock::now()) {
        return start_check(*checker_, hash, std::move(password), now).get().value();
    }
    Clock::duration time_of_check(const std::string& hash, const std::string& password) {
        const auto start = Clock::now();
        (void)check(hash, password, start);
        return Clock::now() - start;
    }

    RandomSource random_ = system_random();
    std::string password_ = generate_password(random_);
    std::string hash_ = make_secret(password_, random_).value().password_hash;
    Shard shard_{0};
    std::thread thread_;
    std::unique_ptr<PasswordChecker> checker_ = PasswordChecker::start(random_).value();
};

TEST_F(PasswordCheckerTest, MakesASecretOnAThreadOfItsOwn) {
    std::promise<Result<StoredSecret>> promise;
    std::thread::id answered_on;
    checker_->make(password_, Completer<Result<StoredSecret>>(shard_.executor(), [&](Result<StoredSecret> made) {
                       answered_on = std::this_thread::get_id();
                       promise.set_value(std::move(made));
                   }));
    const auto made = promise.get_future().get();
    ASSERT_TRUE(made.has_value());
    EXPECT_EQ(answered_on, thread_.get_id()) << "the answer comes back to the shard";
    EXPECT_TRUE(check(made->password_hash, password_));
}

TEST_F(PasswordCheckerTest, TellsRightFromWrong) {
    EXPECT_TRUE(check(hash_, password_));
    EXPECT_TRUE(check(hash_, password_));
    EXPECT_FALSE(check(hash_, password_ + "x"));
    EXPECT_FALSE(check(hash_, ""));
    EXPECT_FALSE(check("", password_));
    EXPECT_FALSE(check("", ""));
    EXPECT_FALSE(check("not a hash", password_));
}

TEST_F(PasswordCheckerTest, RemembersARightPasswordForTenMinutes) {
    const auto now = Clock::now();
    const auto first = time_of_check(hash_, password_);
    auto again = Clock::duration::max();
    for (int i = 0; i < 20; ++i) again = std::min(again, time_of_check(hash_, password_));
    EXPECT_LT(again * 5, first);
    EXPECT_TRUE(check(hash_, password_, now + 11min));  // forgotten, so it is hashed once more, and still right
}

TEST_F(PasswordCheckerTest, ForgetsThePasswordWhenTheStoredHashChanges) {
    EXPECT_TRUE(check(hash_, password_));
    const std::string changed = make_secret(generate_password(random_), random_).value().password_hash;
    EXPECT_FALSE(check(changed, password_));
}

// Security row A13: an unknown user costs what a wrong password costs.
TEST_F(PasswordCheckerTest, TakesAsLongForAnUnknownUser) {
    std::vector<Clock::duration> known, unknown;
    for (int i = 0; i < 15; ++i) {
        known.push_back(time_of_check(hash_, "wrong password"));
        unknown.push_back(time_of_check("", "wrong password"));
    }
    std::ranges::sort(known);
    std::ranges::sort(unknown);
    const double ratio = static_cast<double>(known[7].count()) / static_cast<double>(unknown[7].count());
    EXPECT_GT(ratio, 0.6);
    EXPECT_LT(ratio, 1.6);
}

TEST_F(PasswordCheckerTest, RefusesMoreThanItsQueueHolds) {
    const auto small = PasswordChecker::start(random_, {.threads = 1, .queue_limit = 2}).value();
    std::vector<std::future<Result<bool>>> answers;
    for (int i = 0; i < 50; ++i) answers.push_back(start_check(*small, hash_, "wrong " + std::to_string(i)));
    int refused = 0;
    for (auto& answer : answers) {
        const auto right = answer.get();
        if (!right.has_value()) {
            EXPECT_EQ(right.error().kind, ErrorKind::temporary);
            ++refused;
        }
    }
    EXPECT_GE(refused, 40);
    EXPECT_LT(refused, 50);
}

TEST_F(PasswordCheckerTest, CancelsWhatWaitsWhenItStops) {
    auto stopping = PasswordChecker::start(random_, {.threads = 1}).value();
    std::vector<std::future<Result<bool>>> answers;
    for (int i = 0; i < 20; ++i) answers.push_back(start_check(*stopping, hash_, "wrong " + std::to_string(i)));
    stopping.reset();
    for (auto& answer : answers) ASSERT_EQ(answer.wait_for(5s), std::future_status::ready);
    EXPECT_EQ(answers.back().get().error().kind, ErrorKind::cancelled);
}

}  // namespace
}  // namespace relevo
