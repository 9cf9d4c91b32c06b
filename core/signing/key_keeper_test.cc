#include "core/signing/key_keeper.h"

#include "adapters/memory/resolver.h"
#include "adapters/memory/telemetry.h"
#include "core/signing/key_fixture.h"
#include "core/signing/publication.h"
#include "core/tenancy/administration.h"

#include <boost/asio/executor_work_guard.hpp>
#include <gmock/gmock.h>

namespace relevo {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

// Rows of the store at once, in the caller's thread.
class ImmediateCommitter final : public Committer {
 public:
    explicit ImmediateCommitter(test::KeyStore& store) : store_(store) {}
    void commit(CommitRequest request, Completer<Result<void>> done) override {
        done(store_.write([&](Transaction& rows) { return request.rows(rows, {}); }));
    }
    void read(std::move_only_function<Result<void>(Reader&)> work, Completer<Result<void>> done) override {
        done(store_.read([&](Reader& reader) { return work(reader); }));
    }
    void read_content(MessageId, ContentLocation, Completer<Result<std::string>> done) override {
        done(failure(ErrorKind::internal, "there is no content"));
    }
    void drop_content(ContentLocation) override {}

 private:
    test::KeyStore& store_;
};

class KeyKeeperTest : public testing::Test {
 protected:
    KeyKeeperTest() {
        tenant_ = store_.write([](Transaction& rows) { return create_tenant(rows, "Acme", {}, {}); }).value();
        keeper_ = std::make_unique<KeyKeeper>(KeyKeeper::Ports{.shard = shard_,
                                                               .committer = committer_,
                                                               .resolver = resolver_,
                                                               .vault = store_.vault,
                                                               .maker = maker_,
                                                               .log = log_,
                                                               .metrics = metrics_,
                                                               .changed = [this]() -> Task<Result<void>> {
                                                                   ++changes_;
                                                                   co_return Result<void>();
                                                               }},
                                              KeyKeeperOptions{.rotation = {}, .service_domain = "relay.example"});
    }

    DomainId add(const std::string& name, Ownership ownership = Ownership::trusted) {
        return store_
            .write([&](Transaction& rows) {
                return create_domain(rows,
                                     {.tenant = tenant_,
                                      .name = name,
                                      .subdomains = Subdomains::excluded,
                                      .ownership = ownership,
                                      .challenge = "k3yy"},
                                     {});
            })
            .value();
    }
    template <class T>
    T run(Task<T> task) {
        std::optional<T> result;
        bool ended = false;
        shard_.spawn([](Task<T> inner, std::optional<T>& into, bool& end) -> Task<> {
            into = co_await std::move(inner);
            end = true;
        }(std::move(task), result, ended));
        shard_.context().restart();
        const auto guard = boost::asio::make_work_guard(shard_.context());
        for (const Deadline until = Clock::now() + 60s; !ended && Clock::now() < until;)
            shard_.context().run_one_for(10ms);
        EXPECT_TRUE(ended);
        return std::move(*result);
    }
    void round() {
        run([](KeyKeeper& keeper) -> Task<bool> {
            co_await keeper.round([] { return false; });
            co_return true;
        }(*keeper_));
    }
    std::vector<KeyRow> keys() {
        return store_.read([](Reader& reader) { return list_keys(reader); }).value();
    }
    // "example.com r:next e:next, relay.example …", in the order of names.
    std::string states() {
        std::map<std::string, std::string> by_domain;
        for (const KeyRow& key : keys())
            by_domain[key.name] += " " + key.selector.substr(0, 1) + ":" + std::string(name_of(key.state));
        std::string text;
        for (const auto& [name, states] : by_domain) text += (text.empty() ? "" : ", ") + name + states;
        return text;
    }
    void publish_all() {
        for (const KeyRow& key : keys())
            if (key.state == KeyState::next) resolver_.txt(record_host(key.selector, key.name), key.record);
    }
    Ownership ownership(DomainId domain) {
        return store_.read([&](Reader& reader) { return domain_by_id(reader, domain); })->ownership;
    }

    test::KeyStore store_;
    Shard shard_{0};
    ImmediateCommitter committer_{store_};
    MemoryResolver resolver_;
    KeyMaker maker_;
    MemoryLog log_;
    MemoryMetrics numbers_;
    KeyKeeperMetrics metrics_{numbers_};
    TenantId tenant_;
    int changes_ = 0;
    std::unique_ptr<KeyKeeper> keeper_;
};

TEST_F(KeyKeeperTest, MakesKeysForDomainsAndServiceAndSignsOnceTheyAreSeen) {
    add("example.com");
    round();
    EXPECT_EQ(states(), "example.com r:next e:next, relay.example r:next e:next");
    EXPECT_GT(changes_, 0);
    round();
    EXPECT_EQ(states(), "example.com r:next e:next, relay.example r:next e:next");
    publish_all();
    round();
    EXPECT_EQ(states(), "example.com r:active e:active, relay.example r:active e:active");
    round();
    EXPECT_EQ(numbers_.level("relevo_dkim_domains{state=signing}"), 2);
}

TEST_F(KeyKeeperTest, ChangesNothingWhileTheDnsFails) {
    add("example.com");
    round();
    publish_all();
    for (const KeyRow& key : keys())
        resolver_.fault(record_host(key.selector, key.name), key.algorithm == mailauth::SigningAlgorithm::rsa_sha256
                                                                 ? MemoryResolver::Fault::servfail
                                                                 : MemoryResolver::Fault::bogus);
    const int before = changes_;
    round();
    EXPECT_EQ(states(), "example.com r:next e:next, relay.example r:next e:next");
    EXPECT_EQ(changes_, before);
}

TEST_F(KeyKeeperTest, WarnsOfARecordThatVanishedAndSignsOn) {
    const DomainId domain = add("example.com");
    round();
    publish_all();
    round();
    resolver_.clear();
    EXPECT_TRUE(run(keeper_->visit(domain)).has_value());
    EXPECT_EQ(log_.count("warning dkim.record_missing domain=example.com"), 2U);
    EXPECT_TRUE(run(keeper_->visit(domain)).has_value());
    EXPECT_EQ(log_.count("dkim.record_missing"), 2U);
    EXPECT_THAT(states(), HasSubstr("example.com r:active e:active"));
}

TEST_F(KeyKeeperTest, TakesTheChallengeOrAKeyForProofAndNothingElse) {
    const DomainId by_challenge = add("one.example", Ownership::pending);
    const DomainId by_key = add("two.example", Ownership::pending);
    const DomainId by_nothing = add("three.example", Ownership::pending);
    round();
    resolver_.txt("_relevo-challenge.one.example", "relevo-verification=k3yy");
    resolver_.txt("_relevo-challenge.three.example", "relevo-verification=other");
    for (const KeyRow& key : keys())
        if (key.name == "two.example") resolver_.txt(record_host(key.selector, key.name), key.record);
    EXPECT_TRUE(run(keeper_->visit(by_challenge))->is_proven);
    round();
    EXPECT_EQ(ownership(by_challenge), Ownership::verified);
    EXPECT_EQ(ownership(by_key), Ownership::verified);
    EXPECT_EQ(ownership(by_nothing), Ownership::pending);
    const auto visit = run(keeper_->visit(by_nothing)).value();
    EXPECT_FALSE(visit.is_proven);
    EXPECT_EQ(visit.findings.at(0).presence, Presence::different);
    EXPECT_EQ(visit.findings.at(0).texts, std::vector<std::string>{"relevo-verification=other"});
}

// security row E12: what the vault was given is in no line of the log.
TEST_F(KeyKeeperTest, LogsNoPrivateKey) {
    add("example.com");
    round();
    publish_all();
    round();
    for (const KeyRow& key : keys()) {
        const std::string der = store_.vault.open(key.sealed, vault_context(key)).value();
        for (const std::string& line : log_.lines()) {
            EXPECT_THAT(line, Not(HasSubstr(der.substr(der.size() - 16))));
            EXPECT_THAT(line, Not(HasSubstr(key.sealed)));
        }
    }
}

}  // namespace
}  // namespace relevo
