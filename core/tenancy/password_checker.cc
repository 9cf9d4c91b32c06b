#include "core/tenancy/password_checker.h"

#include <sodium.h>

#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <variant>
#include <vector>

namespace relevo {

namespace {

using Digest = std::array<std::uint8_t, 32>;

struct DigestHash {
    std::size_t operator()(const Digest& digest) const {
        std::size_t value = 0;  // the digest is random already
        std::memcpy(&value, digest.data(), sizeof value);
        return value;
    }
};

// Right passwords of the last minutes, the oldest forgotten first.
class RememberedSuccesses {
 public:
    RememberedSuccesses(std::size_t limit, std::chrono::minutes lifetime) : limit_(limit), lifetime_(lifetime) {}

    [[nodiscard]] bool contains(const Digest& digest, Clock::time_point now) const {
        const auto found = expiry_.find(digest);
        return found != expiry_.end() && now < found->second;
    }

    void add(const Digest& digest, Clock::time_point now) {
        while (!order_.empty() && (order_.size() >= limit_ || expiry_.at(order_.front()) <= now)) {
            expiry_.erase(order_.front());
            order_.pop_front();
        }
        if (expiry_.emplace(digest, now + lifetime_).second) order_.push_back(digest);
    }

 private:
    std::size_t limit_;
    std::chrono::minutes lifetime_;
    std::unordered_map<Digest, Clock::time_point, DigestHash> expiry_;
    std::deque<Digest> order_;
};

// A password that is overwritten when it is no longer needed.
class Wiped {
 public:
    explicit Wiped(std::string text) : text_(std::move(text)) {}
    Wiped(Wiped&& other) noexcept : text_(std::move(other.text_)) { other.wipe(); }
    Wiped& operator=(Wiped&&) = delete;
    ~Wiped() { wipe(); }
    [[nodiscard]] const std::string& text() const { return text_; }

 private:
    // A short string stays in place when it is moved from.
    void wipe() { sodium_memzero(text_.data(), text_.capacity()); }
    std::string text_;
};

struct Check {
    std::string stored_hash;
    bool is_decoy = false;
    Wiped password;
    Digest digest{};
    Clock::time_point asked_at;
    Completer<Result<bool>> done;
};

struct Making {
    Wiped password;
    std::variant<Completer<Result<StoredSecret>>, Completer<Result<std::string>>> done;
};

}  // namespace

class PasswordChecker::State {
 public:
    State(const RandomSource& random, std::string decoy_hash, PasswordCheckerOptions options)
        : options_(options),
          random_(random),
          decoy_hash_(std::move(decoy_hash)),
          remembered_(options.remembered_limit, options.remembered_for) {
        random(std::as_writable_bytes(std::span(key_)));
        for (unsigned i = 0; i < options.threads; ++i) threads_.emplace_back([this] { work(); });
    }

    ~State() {
        {
            const std::lock_guard lock(mutex_);
            stopping_ = true;
        }
        wakeup_.notify_all();
        for (auto& thread : threads_) thread.join();
        for (auto& check : queue_) check.done(failure(ErrorKind::cancelled, "the server is stopping"));
        for (auto& making : makings_)
            std::visit([](auto& done) { done(failure(ErrorKind::cancelled, "the server is stopping")); }, making.done);
        sodium_memzero(key_.data(), key_.size());
    }

    void check(const std::string& stored_hash, std::string password_text, Clock::time_point now,
               Completer<Result<bool>> done) {
        Wiped password(std::move(password_text));
        const bool is_decoy = stored_hash.empty();
        const std::string& hash = is_decoy ? decoy_hash_ : stored_hash;
        const Digest digest = digest_of(hash, password.text());
        std::unique_lock lock(mutex_);
        if (!is_decoy && remembered_.contains(digest, now)) {
            lock.unlock();
            return done(true);
        }
        if (queue_.size() >= options_.queue_limit) {
            lock.unlock();
            return done(failure(ErrorKind::temporary, "too many logins are being checked"));
        }
        queue_.push_back(Check{hash, is_decoy, std::move(password), digest, now, std::move(done)});
        lock.unlock();
        wakeup_.notify_one();
    }

    void make(Making making) {
        {
            const std::lock_guard lock(mutex_);
            if (makings_.size() < options_.queue_limit) {
                makings_.push_back(std::move(making));
                wakeup_.notify_one();
                return;
            }
        }
        std::visit([](auto& done) { done(failure(ErrorKind::temporary, "too many new passwords are being made")); },
                   making.done);
    }

 private:
    // The length in front keeps (hash, password) pairs apart.
    [[nodiscard]] Digest digest_of(const std::string& hash, const std::string& password) const {
        Digest digest{};
        crypto_generichash_state state;
        const std::uint64_t length = hash.size();
        crypto_generichash_init(&state, key_.data(), key_.size(), digest.size());
        crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&length), sizeof length);
        crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(hash.data()), hash.size());
        crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(password.data()), password.size());
        crypto_generichash_final(&state, digest.data(), digest.size());
        return digest;
    }

    void work() {
        std::unique_lock lock(mutex_);
        for (;;) {
            wakeup_.wait(lock, [this] { return stopping_ || !queue_.empty() || !makings_.empty(); });
            if (stopping_) return;
            if (!makings_.empty()) {
                make_next(lock);
                continue;
            }
            Check check = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            const bool right = verify_password(check.stored_hash, check.password.text()) && !check.is_decoy;
            lock.lock();
            if (right) remembered_.add(check.digest, check.asked_at);
            lock.unlock();
            check.done(right);
            lock.lock();
        }
    }

    void make_next(std::unique_lock<std::mutex>& lock) {
        Making making = std::move(makings_.front());
        makings_.pop_front();
        lock.unlock();
        if (auto* secret = std::get_if<Completer<Result<StoredSecret>>>(&making.done))
            (*secret)(make_secret(making.password.text(), random_));
        else
            std::get<Completer<Result<std::string>>>(making.done)(hash_password(making.password.text()));
        lock.lock();
    }

    const PasswordCheckerOptions options_;
    const RandomSource random_;
    const std::string decoy_hash_;
    std::array<unsigned char, crypto_generichash_KEYBYTES> key_{};
    std::mutex mutex_;  // guards what follows
    std::condition_variable wakeup_;
    bool stopping_ = false;
    std::deque<Check> queue_;
    std::deque<Making> makings_;
    RememberedSuccesses remembered_;
    std::vector<std::thread> threads_;
};

PasswordChecker::PasswordChecker(std::unique_ptr<State> state) : state_(std::move(state)) {}
PasswordChecker::~PasswordChecker() = default;

Result<std::unique_ptr<PasswordChecker>> PasswordChecker::start(const RandomSource& random,
                                                                PasswordCheckerOptions options) {
    if (sodium_init() < 0) return failure(ErrorKind::io, "libsodium does not start: no source of randomness");
    RELEVO_TRY(auto decoy, make_secret(generate_password(random), random));
    return std::unique_ptr<PasswordChecker>(
        new PasswordChecker(std::make_unique<State>(random, std::move(decoy.password_hash), options)));
}

void PasswordChecker::check(const std::string& stored_hash, std::string password, Clock::time_point now,
                            Completer<Result<bool>> done) {
    state_->check(stored_hash, std::move(password), now, std::move(done));
}

void PasswordChecker::make(std::string password, Completer<Result<StoredSecret>> done) {
    state_->make({.password = Wiped(std::move(password)), .done = std::move(done)});
}

void PasswordChecker::hash(std::string password, Completer<Result<std::string>> done) {
    state_->make({.password = Wiped(std::move(password)), .done = std::move(done)});
}

}  // namespace relevo
