#include "adapters/memory/resolver.h"
#include "adapters/memory/telemetry.h"
#include "core/spool/spool_fixture.h"
#include "core/transport/dane.h"
#include "core/transport/mta_sts_finder.h"

#include <gmock/gmock.h>

namespace relevo {
namespace {

using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;
using test::SpoolStore;
using testing::ElementsAre;

// --- DANE

constexpr std::string_view digest = "0123456789abcdef0123456789abcdef";

std::string tlsa(std::uint8_t usage, std::uint8_t selector = 1, std::uint8_t matching = 1) {
    return std::string{static_cast<char>(usage), static_cast<char>(selector), static_cast<char>(matching)} +
           std::string(digest);
}

class Dane : public testing::Test {
 protected:
    Result<std::optional<TransportDemand>> find(DaneHost host) {
        return store.run(find_dane(resolver, std::move(host), Clock::now() + seconds(5)));
    }
    SpoolStore store;
    MemoryResolver resolver;
};

TEST_F(Dane, DemandsTheCertificatesThatSignedRecordsName) {
    resolver.data("_25._tcp.mx.example", dns::RecordType::tlsa, tlsa(3))
        .data("_25._tcp.mx.example", dns::RecordType::tlsa, tlsa(2, 0))
        .secure("_25._tcp.mx.example");
    const auto found = find({.name = "mx.example", .canonical_name = "", .destination = "example"});
    ASSERT_TRUE(found.has_value() && found->has_value());
    EXPECT_EQ((*found)->level, TlsDemand::dane);
    EXPECT_EQ((*found)->tlsa.size(), 2U);
    EXPECT_THAT((*found)->names, ElementsAre("mx.example", "example"));  // RFC 7672 §3.2.2
}

TEST_F(Dane, DoesNotBelieveRecordsThatNobodySigned) {
    resolver.data("_25._tcp.mx.example", dns::RecordType::tlsa, tlsa(3));
    const auto found = find({.name = "mx.example", .canonical_name = "", .destination = ""});
    ASSERT_TRUE(found.has_value());
    EXPECT_FALSE(found->has_value());
}

TEST_F(Dane, DemandsTlsOfAnyKindIfNoRecordCanBeUsed) {  // RFC 7672 §2.2
    resolver.data("_25._tcp.mx.example", dns::RecordType::tlsa, tlsa(1)).secure("_25._tcp.mx.example");
    const auto found = find({.name = "mx.example", .canonical_name = "", .destination = ""});
    ASSERT_TRUE(found.has_value() && found->has_value());
    EXPECT_EQ((*found)->level, TlsDemand::encrypted);
}

TEST_F(Dane, LooksWhereAnAliasLeadsBeforeTheName) {  // RFC 7672 §2.2.2
    resolver.data("_25._tcp.mx.example", dns::RecordType::tlsa, tlsa(2)).secure("_25._tcp.mx.example");
    resolver.data("_25._tcp.real.example", dns::RecordType::tlsa, tlsa(3)).secure("_25._tcp.real.example");
    const auto found = find({.name = "mx.example", .canonical_name = "real.example", .destination = ""});
    ASSERT_TRUE(found.has_value() && found->has_value());
    EXPECT_EQ((*found)->tlsa.front().usage, 3);
    EXPECT_THAT((*found)->names, ElementsAre("real.example", "mx.example"));
}

TEST_F(Dane, NeverTakesAFaultForAbsence) {  // RFC 7672 §2.1; security row B4
    resolver.fault("_25._tcp.mx.example", MemoryResolver::Fault::servfail);
    EXPECT_FALSE(find({.name = "mx.example", .canonical_name = "", .destination = ""}).has_value());
}

// --- MTA-STS

// One policy for every domain, or an error.
class Web final : public WebPages {
 public:
    Task<Result<Page>> fetch(PageRequest request) override {
        requests.push_back(request.host + request.path);
        addresses = request.addresses;
        if (before) co_await before();
        co_return answer;
    }
    Result<Page> answer = failure(ErrorKind::refused, "not set");
    std::function<Task<bool>()> before;
    std::vector<std::string> requests;
    std::vector<dns::IpAddress> addresses;
};

Page page(std::string_view mode, std::string_view max_age = "604800") {
    return {.status = 200,
            .content_type = "text/plain; charset=utf-8",
            .body = "version: STSv1\nmode: " + std::string(mode) +
                    "\nmx: *.example.net\nmax_age: " + std::string(max_age) + "\n"};
}

Result<Page> failure_of(ErrorKind kind) { return failure(kind, "as the test wants it"); }

class MtaSts : public testing::Test {
 protected:
    MtaSts() {
        resolver.txt("_mta-sts.example.net", "v=STSv1; id=1;").address("mta-sts.example.net", "11.0.0.7");
        web.answer = page("enforce");
    }
    std::shared_ptr<const tlspolicy::MtaStsPolicy> find() {
        const StsFinding found = store.run(finder().policy_of("example.net"));
        found_failure = found.failure;
        return found.policy;
    }
    MtaStsFinder& finder() {
        if (!finder_)
            finder_.emplace(MtaStsFinder::Ports{.shard = store.shard,
                                                .resolver = resolver,
                                                .pages = web,
                                                .committer = *store.committer,
                                                .log = log,
                                                .cache = *cache},
                            options);
        return *finder_;
    }
    // Everything but the rows is forgotten.
    void restart(WallClock::time_point now = WallClock::now()) {
        finder_.reset();
        store.restart();
        cache = std::make_unique<MtaStsCache>();
        EXPECT_TRUE(store.run(read_rows(*store.committer, [&](Reader& reader) { return cache->load(reader, now); }))
                        .has_value());
    }
    void announce(std::string_view id) {
        resolver.clear();
        resolver.txt("_mta-sts.example.net", "v=STSv1; id=" + std::string(id) + ";");
        resolver.address("mta-sts.example.net", "11.0.0.7");
    }

    SpoolStore store{test::CommitterThreads::none, transport_migrations()};
    MemoryResolver resolver;
    Web web;
    MemoryLog log;
    MtaStsOptions options;
    std::optional<StsFailure> found_failure;  // as find() told
    std::unique_ptr<MtaStsCache> cache = std::make_unique<MtaStsCache>();

 private:
    std::optional<MtaStsFinder> finder_;
};

TEST_F(MtaSts, FetchesAPolicyOnceAndHeedsItAsLongAsItsRecordStands) {
    for (int i = 0; i < 3; ++i) {
        const auto policy = find();
        ASSERT_TRUE(policy);
        EXPECT_EQ(policy->mode, tlspolicy::MtaStsMode::enforce);
    }
    EXPECT_THAT(web.requests, ElementsAre("mta-sts.example.net/.well-known/mta-sts.txt"));
    announce("2");
    web.answer = page("testing");
    EXPECT_EQ(find()->mode, tlspolicy::MtaStsMode::testing);
    EXPECT_EQ(web.requests.size(), 2U);
}

TEST_F(MtaSts, ADomainWithoutARecordIsNotAskedForAPolicy) {
    resolver.clear();
    EXPECT_FALSE(find());
    EXPECT_TRUE(web.requests.empty());
}

// Who can suppress an answer must not be able to switch the policy off (RFC 8461 §5.1, §10.2). Security row B3.
TEST_F(MtaSts, APolicyThatIsKnownCountsWhateverTheDnsAndTheWebServerSay) {
    ASSERT_TRUE(find());
    resolver.clear();
    EXPECT_TRUE(find()) << "no record";
    resolver.fault("_mta-sts.example.net", MemoryResolver::Fault::servfail);
    EXPECT_TRUE(find()) << "no answer";
    announce("2");
    web.answer = failure(ErrorKind::refused, "the certificate is not valid");
    EXPECT_TRUE(find()) << "no page";
    restart();
    EXPECT_TRUE(find()) << "after a restart";
}

TEST_F(MtaSts, APolicyEndsWhenItExpires) {
    ASSERT_TRUE(find());
    restart(WallClock::now() + hours(24 * 8));
    EXPECT_EQ(cache->size(), 0U);
    EXPECT_FALSE(cache->find("example.net", WallClock::now()));
}

TEST_F(MtaSts, AFetchThatFailedIsNotRepeatedAtOnce) {  // RFC 8461 §3.3
    web.answer = Page{.status = 404, .content_type = "text/plain", .body = ""};
    EXPECT_FALSE(find());
    web.answer = page("enforce");
    EXPECT_FALSE(find());
    EXPECT_EQ(web.requests.size(), 1U);
    EXPECT_EQ(log.count("mta_sts.fetch_failed"), 1U);
}

TEST_F(MtaSts, TellsWhyAPolicyThatIsAnnouncedIsNotKnown) {  // RFC 8460 §4.3.2.2
    const std::pair<Result<Page>, TlsResult> cases[] = {
        {Page{.status = 404, .content_type = "text/plain", .body = ""}, TlsResult::sts_policy_fetch_error},
        {failure_of(ErrorKind::closed), TlsResult::sts_policy_fetch_error},
        {failure_of(ErrorKind::refused), TlsResult::sts_webpki_invalid},
        {Page{.status = 200, .content_type = "text/plain", .body = "mode: none"}, TlsResult::sts_policy_invalid}};
    for (const auto& [answer, expected] : cases) {
        restart();
        web.answer = answer;
        for (const std::string_view time : {"the first time", "while it is put off"}) {
            EXPECT_FALSE(find());
            ASSERT_TRUE(found_failure.has_value()) << name_of(expected) << ' ' << time;
            EXPECT_EQ(found_failure->result, expected) << time;
        }
    }
    restart();
    web.answer = page("enforce");
    EXPECT_TRUE(find());
    EXPECT_FALSE(found_failure.has_value());
}

TEST_F(MtaSts, WhatIsNotAPolicyOfTheRightTypeIsNone) {  // RFC 8461 §3.2
    web.answer->content_type = "text/html";
    EXPECT_FALSE(find());
}

TEST_F(MtaSts, ModeNoneEndsWhatWasKnown) {
    ASSERT_TRUE(find());
    announce("2");
    web.answer = page("none");
    EXPECT_FALSE(find());
    restart();
    EXPECT_FALSE(find());
}

TEST_F(MtaSts, IsNotLedIntoThePrivateNetwork) {  // security row B5
    resolver.clear();
    resolver.txt("_mta-sts.example.net", "v=STSv1; id=1;").address("mta-sts.example.net", "10.0.0.7");
    EXPECT_FALSE(find());
    EXPECT_TRUE(web.requests.empty());
}

TEST_F(MtaSts, ConnectionsThatAskAtTheSameTimeShareOneFetch) {
    int found = 0;
    Wakeup answering(store.shard);
    web.before = [&answering] { return answering.wait(); };
    for (int i = 0; i < 5; ++i)
        store.shard.spawn([](MtaStsFinder& asked, int& count) -> Task<> {
            const StsFinding found = co_await asked.policy_of("example.net");
            count += found.policy ? 1 : 0;
        }(finder(), found));
    EXPECT_TRUE(store.run_until([&] { return !web.requests.empty(); }));
    answering.notify_all();
    EXPECT_TRUE(store.run_until([&] { return found == 5; }));
    EXPECT_EQ(web.requests.size(), 1U);
}

TEST(MtaStsCache, IsBounded) {
    MtaStsCache cache({.domains = 2, .octets = 100, .failures = 10});
    const auto policy =
        std::make_shared<const tlspolicy::MtaStsPolicy>(tlspolicy::parse_mta_sts_policy(page("enforce").body).value());
    const auto known = [&](std::size_t octets) {
        return KnownPolicy{
            .record_id = "1", .file = std::string(octets, 'x'), .policy = policy, .fetched_at = WallClock::now()};
    };
    EXPECT_FALSE(cache.put("huge.example", known(200)));
    EXPECT_TRUE(cache.put("a.example", known(10)));
    EXPECT_TRUE(cache.put("b.example", known(10)));
    EXPECT_FALSE(cache.put("c.example", known(10)));
    EXPECT_TRUE(cache.put("a.example", known(20))) << "the one that is there is replaced";
    cache.forget_expired(WallClock::now() + hours(24 * 8));
    EXPECT_EQ(cache.size(), 0U);
    EXPECT_TRUE(cache.put("c.example", known(60)));
}

}  // namespace
}  // namespace relevo
