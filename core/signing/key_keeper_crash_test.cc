// Keys through crashes: the process dies before or after each of its transactions, and starts again.
#include "adapters/memory/resolver.h"
#include "adapters/memory/telemetry.h"
#include "core/signing/key_fixture.h"
#include "core/signing/key_keeper.h"
#include "core/signing/publication.h"
#include "core/tenancy/administration.h"

#include <boost/asio/executor_work_guard.hpp>
#include <gmock/gmock.h>

#include <map>
#include <set>

namespace relevo {
namespace {

using namespace std::chrono_literals;

enum class Death : std::uint8_t { before_commit, after_commit };

// Rows of the store at once, in the caller's thread; dies at one transaction, and from then on does nothing.
class MortalCommitter final : public Committer {
 public:
    MortalCommitter(test::KeyStore& store, std::size_t dies_at, Death death)
        : store_(store), dies_at_(dies_at), death_(death) {}
    void commit(CommitRequest request, Completer<Result<void>> done) override {
        const bool dies = ++commits_ == dies_at_;
        if (is_dead_ || (dies && death_ == Death::before_commit)) {
            is_dead_ = true;
            return done(failure(ErrorKind::cancelled, "the power is cut"));
        }
        auto committed = store_.write([&](Transaction& rows) { return request.rows(rows, {}); });
        if (dies) {
            is_dead_ = true;
            committed = failure(ErrorKind::cancelled, "the power is cut");
        }
        done(std::move(committed));
    }
    void read(std::move_only_function<Result<void>(Reader&)> work, Completer<Result<void>> done) override {
        if (is_dead_) return done(failure(ErrorKind::cancelled, "the power is cut"));
        done(store_.read([&](Reader& reader) { return work(reader); }));
    }
    void read_content(MessageId, ContentLocation, Completer<Result<std::string>> done) override {
        done(failure(ErrorKind::internal, "there is no content"));
    }
    void drop_content(ContentLocation) override {}
    [[nodiscard]] bool is_dead() const { return is_dead_; }
    [[nodiscard]] std::size_t commits() const { return commits_; }

 private:
    test::KeyStore& store_;
    std::size_t dies_at_;
    Death death_;
    std::size_t commits_ = 0;
    bool is_dead_ = false;
};

// A domain from its first signatures to the end of a rotation, with one death on the way.
class Life {
 public:
    Life(std::size_t dies_at, Death death) : committer_(store_, dies_at, death) {
        const TenantId tenant =
            store_.write([](Transaction& rows) { return create_tenant(rows, "Acme", {}, {}); }).value();
        domain_ = store_
                      .write([&](Transaction& rows) {
                          return create_domain(rows,
                                               {.tenant = tenant,
                                                .name = "example.com",
                                                .subdomains = Subdomains::excluded,
                                                .ownership = Ownership::trusted,
                                                .challenge = "k3yy"},
                                               {});
                      })
                      .value();
        for (const mailauth::SigningKey& key : first_keys()) {
            const std::string selector(1, key.algorithm() == mailauth::SigningAlgorithm::rsa_sha256 ? 'r' : 'e');
            const KeyRow row =
                sealed_row(store_.vault, key, domain_, "example.com", selector, WallClock::now()).value();
            EXPECT_TRUE(store_.write([&](Transaction& rows) { return insert_key(rows, row); }).has_value());
        }
        options_.rotation.keep_published = 0s;  // withdrawn by the round after the one that retires
        start();
    }

    void make_keys() {
        perform([this] {
            return run(
                add_keys(current(), store_.vault, maker_, domain_, "example.com", options_.rotation, WallClock::now()));
        });
    }
    void round() {
        run([](KeyKeeper& keeper) -> Task<bool> {
            co_await keeper.round([] { return false; });
            co_return true;
        }(*keeper_));
        restart_if_dead();
        check();
    }
    void publish(mailauth::SigningAlgorithm algorithm) {
        for (const KeyRow& key : keys())
            if (key.algorithm == algorithm && key.state != KeyState::withdrawn &&
                published_.insert(key.selector).second)
                resolver_.txt(record_host(key.selector, key.name), key.record);
    }
    // "e:active r:active 2 withdrawn"
    [[nodiscard]] std::string text() {
        std::set<std::string> living;
        std::size_t withdrawn = 0;
        for (const KeyRow& key : keys()) {
            if (key.state == KeyState::withdrawn)
                ++withdrawn;
            else
                living.insert(key.selector.substr(0, 1) + ":" + std::string(name_of(key.state)));
        }
        std::string text;
        for (const std::string& key : living) text += key + " ";
        return text + std::to_string(withdrawn) + " withdrawn";
    }
    [[nodiscard]] std::size_t commits() const { return committer_.commits(); }
    [[nodiscard]] bool has_died() const { return committer_.is_dead(); }

 private:
    // The same for all lives, because making them takes a moment.
    static const std::vector<mailauth::SigningKey>& first_keys() {
        static const std::vector<mailauth::SigningKey> made{
            mailauth::SigningKey::generate(mailauth::SigningAlgorithm::rsa_sha256).value(),
            mailauth::SigningKey::generate(mailauth::SigningAlgorithm::ed25519_sha256).value()};
        return made;
    }
    [[nodiscard]] Committer& current() { return committer_.is_dead() ? afterlife_ : committer_; }
    void start() {
        keeper_ = std::make_unique<KeyKeeper>(
            KeyKeeper::Ports{.shard = shard_,
                             .committer = current(),
                             .resolver = resolver_,
                             .vault = store_.vault,
                             .maker = maker_,
                             .log = log_,
                             .metrics = metrics_,
                             .changed = []() -> Task<Result<void>> { co_return Result<void>(); }},
            options_);
    }
    // Memory is lost, rows are not.
    void restart_if_dead() {
        if (!committer_.is_dead() || is_restarted_) return;
        is_restarted_ = true;
        check();
        start();
    }
    // Whoever asked for it asks again when no answer came.
    template <class Work>
    void perform(Work work) {
        auto done = work();
        restart_if_dead();
        if (!done.has_value()) EXPECT_TRUE(work().has_value());
        check();
    }
    template <class T>
    T run(Task<T> task) {
        std::optional<T> result;
        shard_.spawn([](Task<T> inner, std::optional<T>& into) -> Task<> { into = co_await std::move(inner); }(
                                                                   std::move(task), result));
        shard_.context().restart();
        const auto guard = boost::asio::make_work_guard(shard_.context());
        for (const Deadline until = Clock::now() + 60s; !result && Clock::now() < until;)
            shard_.context().run_one_for(10ms);
        return *std::move(result);
    }
    std::vector<KeyRow> keys() {
        return store_.read([](Reader& reader) { return list_keys(reader); }).value();
    }

    // What must hold at every moment.
    void check() {
        std::map<mailauth::SigningAlgorithm, int> active;
        std::set<std::string> selectors;
        for (const KeyRow& key : keys()) {
            selectors.insert(key.selector);
            if (key.state == KeyState::withdrawn) {
                EXPECT_EQ(key.sealed, "") << "nothing is left of a withdrawn key";
                EXPECT_TRUE(key.retired_at != WallClock::time_point{}) << "it had retired before";
                continue;
            }
            const auto der = store_.vault.open(key.sealed, vault_context(key));
            ASSERT_TRUE(der.has_value()) << "no key is lost before it is withdrawn";
            EXPECT_EQ(mailauth::SigningKey::from_der(*der)->record(), key.record);
            if (key.state != KeyState::active) continue;
            EXPECT_TRUE(published_.contains(key.selector)) << "it signs, so its record is in the DNS";
            EXPECT_EQ(++active[key.algorithm], 1) << "one key of an algorithm signs";
        }
        EXPECT_TRUE(std::ranges::includes(selectors, selectors_)) << "no row is ever lost";
        for (const auto algorithm : signed_with_) EXPECT_EQ(active[algorithm], 1) << "what signs once, always signs";
        for (const auto& [algorithm, count] : active)
            if (count > 0) signed_with_.insert(algorithm);
        selectors_ = std::move(selectors);
    }

    test::KeyStore store_;
    Shard shard_{0};
    MortalCommitter committer_;
    MortalCommitter afterlife_{store_, 0, Death::before_commit};
    MemoryResolver resolver_;
    KeyMaker maker_;
    MemoryLog log_;
    MemoryMetrics numbers_;
    KeyKeeperMetrics metrics_{numbers_};
    KeyKeeperOptions options_;
    DomainId domain_;
    std::unique_ptr<KeyKeeper> keeper_;
    bool is_restarted_ = false;
    std::set<std::string> published_;
    std::set<std::string> selectors_;                   // at the last check
    std::set<mailauth::SigningAlgorithm> signed_with_;  // once
};

void live(Life& life) {
    using mailauth::SigningAlgorithm;
    life.round();
    life.publish(SigningAlgorithm::rsa_sha256);
    life.round();
    life.publish(SigningAlgorithm::ed25519_sha256);
    life.round();
    life.make_keys();
    life.publish(SigningAlgorithm::ed25519_sha256);
    life.round();
    life.publish(SigningAlgorithm::rsa_sha256);
    for (int i = 0; i < 4; ++i) life.round();  // one may be lost to the death
    EXPECT_THAT(life.text(), testing::StartsWith("e:active r:active "));
}

// security row R3: whatever transaction is the last, the next start goes on from there.
TEST(KeyKeeperCrash, LosesNoKeyAndNeverSignsWithTwoOfOneAlgorithm) {
    std::size_t commits = 0;
    {
        Life life(0, Death::before_commit);
        live(life);
        commits = life.commits();
        EXPECT_FALSE(life.has_died());
        EXPECT_EQ(life.text(), "e:active r:active 2 withdrawn");
    }
    EXPECT_GE(commits, 6U) << "each begins to sign, their successors are made, seen, switched, the old ones withdrawn";
    for (std::size_t dies_at = 1; dies_at <= commits; ++dies_at)
        for (const Death death : {Death::before_commit, Death::after_commit}) {
            SCOPED_TRACE("transaction " + std::to_string(dies_at) +
                         (death == Death::before_commit ? ", before it" : ", after it"));
            Life life(dies_at, death);
            live(life);
            EXPECT_TRUE(life.has_died());
        }
}

}  // namespace
}  // namespace relevo
