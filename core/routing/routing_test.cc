#include "adapters/memory/resolver.h"
#include "core/routing/host_finder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace relevo {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::UnorderedElementsAre;

Route rule(std::string name, std::vector<std::string> domains, std::vector<TenantId> tenants = {}) {
    return {.name = std::move(name), .domains = std::move(domains), .tenants = std::move(tenants)};
}

struct Found {
    const char* domain;
    std::int64_t tenant;
    const char* route;
};

TEST(RouteTable, TheMoreExactDomainWinsThenTheFirstRule) {
    const RouteTable table({rule("all", {"*"}), rule("below", {".example.com"}), rule("deeper", {".sub.example.com"}),
                            rule("exact", {"example.com", "www.sub.example.com"}), rule("late", {"example.com"}),
                            rule("acme", {"partner.example"}, {TenantId{1}}), rule("others", {"partner.example"})},
                           rule("default", {}));
    for (const Found& found :
         {Found{"example.com", 1, "exact"}, Found{"www.example.com", 1, "below"},
          Found{"a.sub.example.com", 1, "deeper"}, Found{"sub.example.com", 1, "below"},
          Found{"www.sub.example.com", 1, "exact"}, Found{"notexample.com", 1, "all"}, Found{"example.org", 1, "all"},
          Found{"partner.example", 1, "acme"}, Found{"partner.example", 2, "others"}})
        EXPECT_EQ(table.find(found.domain, TenantId{found.tenant}).name, found.route) << found.domain;
}

TEST(RouteTable, FallsBackToTheDefault) {
    const RouteTable table({rule("acme", {"*"}, {TenantId{1}})}, rule("default", {}));
    EXPECT_EQ(table.find("example.com", TenantId{1}).name, "acme");
    EXPECT_EQ(table.find("example.com", TenantId{2}).name, "default");
    EXPECT_EQ(RouteTable({}, rule("default", {})).find("", TenantId{}).name, "default");
}

TEST(RouteTable, LongSuffixesNeverOutweighAnExactName) {
    std::string label(60, 'a');
    const std::string suffix = "." + label + "." + label + "." + label + "." + label;  // 244 octets
    const RouteTable table({rule("suffix", {suffix}), rule("exact", {"x" + suffix})}, rule("default", {}));
    EXPECT_EQ(table.find("x" + suffix, TenantId{}).name, "exact");
}

TEST(SiteKey, IsTheDomainOrTheRoute) {
    EXPECT_EQ(destination_key(rule("default", {}), "example.com"), "example.com");
    EXPECT_EQ(destination_key(rule("acme", {}, {TenantId{1}}), "example.com"), "example.com#acme")
        << "its limits may differ from those of the others";
    for (const RouteKind kind :
         {RouteKind::smarthost, RouteKind::lmtp, RouteKind::bounce, RouteKind::discard, RouteKind::hold}) {
        Route route = rule("office", {"*"});
        route.kind = kind;
        EXPECT_EQ(destination_key(route, "example.com"), "route:office") << name_of(kind);
    }
}

TEST(RouteHosts, ComeFirstByTheirWeights) {
    Route route = rule("provider", {"*"});
    route.hosts = {{.host = "a", .port = 587, .weight = 6},
                   {.host = "b", .port = 2525, .weight = 3},
                   {.host = "c", .weight = 1},
                   {.host = "last", .weight = 0},
                   {.host = "also-last", .weight = 0}};
    std::mt19937_64 chance(1);
    std::map<std::string, int> first, second_after_a, last;
    constexpr int rounds = 20'000;
    for (int round = 0; round < rounds; ++round) {
        const std::vector<std::string> order = route.hosts_in_order(chance);
        ASSERT_THAT(order, UnorderedElementsAre("a", "b", "c", "last", "also-last"))
            << "all of them: the rest is failover";
        ++first[order[0]];
        if (order[0] == "a") ++second_after_a[order[1]];
        ++last[order[4]];
    }
    EXPECT_NEAR(first["a"], 0.6 * rounds, 400);
    EXPECT_NEAR(first["b"], 0.3 * rounds, 400);
    EXPECT_NEAR(first["c"], 0.1 * rounds, 400);
    EXPECT_NEAR(second_after_a["b"], 0.75 * first["a"], 400) << "what failed passes its share on by weight";
    EXPECT_NEAR(last["last"], 0.5 * rounds, 500) << "those of weight 0 stand behind, in any order";
    EXPECT_EQ(route.port_of("b"), 2525);
    EXPECT_EQ(route.port_of("unknown"), 25);
}

TEST(RouteHosts, OneAloneStandsForItself) {
    Route route = rule("office", {"*"});
    route.host = "mail.office.example";
    std::mt19937_64 chance(1);
    EXPECT_THAT(route.hosts_in_order(chance), ElementsAre("mail.office.example"));
}

// RFC 5321 §4.5.4.1: half an hour between tries is reached, the first ones come sooner.
TEST(RetrySchedule, RepeatsItsLastDelay) {
    const RetrySchedule schedule = RetrySchedule::standard();
    EXPECT_EQ(schedule.delay_after(1, 0.5), minutes(1));
    EXPECT_EQ(schedule.delay_after(2, 0.5), minutes(5));
    EXPECT_EQ(schedule.delay_after(7, 0.5), hours(4));
    EXPECT_EQ(schedule.delay_after(8, 0.5), hours(4));
    EXPECT_EQ(schedule.delay_after(65'535, 0.5), hours(4));
    EXPECT_EQ(schedule.delay_after(0, 0.5), minutes(1)) << "no attempt counts as one";
    EXPECT_GE(schedule.expire_after, hours(96));
}

TEST(RetrySchedule, VariesEachDelayByItsShare) {
    RetrySchedule schedule;
    schedule.delays = {seconds(100)};
    schedule.jitter = 0.2;
    EXPECT_EQ(schedule.longest_delay(), seconds(120));
    EXPECT_EQ(schedule.delay_after(1, 0.0), seconds(80));
    EXPECT_EQ(schedule.delay_after(1, 0.5), seconds(100));
    EXPECT_LT(schedule.delay_after(1, 0.999), seconds(120));
    EXPECT_GT(schedule.delay_after(1, 0.999'999), seconds(119));
    schedule.jitter = 0;
    EXPECT_EQ(schedule.delay_after(1, 0.9), seconds(100));
}

class HostFinderTest : public testing::Test {
 protected:
    template <class T>
    Routed<T> run(Task<Routed<T>> task) {
        std::optional<Routed<T>> answer;
        shard.spawn([](Task<Routed<T>> inner, std::optional<Routed<T>>& into) -> Task<> {
            into = co_await std::move(inner);
        }(std::move(task), answer));
        shard.context().restart();
        shard.context().run();
        return std::move(*answer);
    }
    Routed<MailHosts> hosts(std::string domain) {
        return run(finder().hosts_of(route, std::move(domain), Clock::now() + seconds(5)));
    }
    Routed<std::vector<dns::IpAddress>> addresses(std::string host) {
        auto found = run(finder().addresses_of(route, std::move(host), Clock::now() + seconds(5)));
        if (!found.has_value()) return std::unexpected(std::move(found).error());
        return std::move(found->addresses);
    }
    std::vector<std::string> texts(const Routed<std::vector<dns::IpAddress>>& found) {
        std::vector<std::string> all;
        if (found.has_value())
            for (const dns::IpAddress& address : *found) all.push_back(address.text());
        return all;
    }
    HostFinder& finder() {
        finder_ = std::make_unique<HostFinder>(resolver, options, seed++);
        return *finder_;
    }
    Shard shard{0};
    MemoryResolver resolver;
    HostFinderOptions options{.host_name = "relay.example"};
    Route route;
    std::uint64_t seed = 1;

 private:
    std::unique_ptr<HostFinder> finder_;
};

// RFC 5321 §5.1: by preference, equal ones in random order "to spread the load".
TEST_F(HostFinderTest, SortsByPreferenceAndSpreadsEqualOnes) {
    resolver.mx("example.com", 20, "c.example.com").mx("example.com", 10, "a.example.com");
    resolver.mx("example.com", 10, "b.example.com");
    std::set<std::string> first;
    for (int i = 0; i < 50; ++i) {
        const auto found = hosts("example.com").value().names;
        ASSERT_THAT(found, SizeIs(3));
        EXPECT_EQ(found[2], "c.example.com");
        first.insert(found[0]);
    }
    EXPECT_THAT(first, UnorderedElementsAre("a.example.com", "b.example.com"));
}

// RFC 5321 §5.1: records of our own preference and higher-numbered ones "MUST be discarded from consideration".
TEST_F(HostFinderTest, LooksNoFurtherThanItself) {
    resolver.mx("example.com", 10, "a.example.com").mx("example.com", 20, "RELAY.example");
    resolver.mx("example.com", 30, "c.example.com");
    EXPECT_THAT(hosts("example.com").value().names, ElementsAre("a.example.com"));
}

TEST_F(HostFinderTest, HostsOfOurOwnPreferenceAreLeftOutToo) {
    resolver.mx("example.com", 10, "a.example.com");
    for (const char* equal : {"relay.example", "b.example.com", "c.example.com", "d.example.com"})
        resolver.mx("example.com", 20, equal);
    for (int i = 0; i < 20; ++i) EXPECT_THAT(hosts("example.com").value().names, ElementsAre("a.example.com"));
}

TEST_F(HostFinderTest, LooksAtNoMoreHostsThanItsLimit) {
    options.host_limit = 5;
    for (int i = 0; i < 30; ++i)
        resolver.mx("example.com", static_cast<std::uint16_t>(i), "mx" + std::to_string(i) + ".example.com");
    EXPECT_THAT(hosts("example.com").value().names, SizeIs(5));
}

// RFC 7505 §3: a null MX among others is not one.
TEST_F(HostFinderTest, ANullMxBesideOthersIsPassedOver) {
    resolver.mx("example.com", 0, ".").mx("example.com", 10, "a.example.com");
    EXPECT_THAT(hosts("example.com").value().names, ElementsAre("a.example.com"));
}

TEST_F(HostFinderTest, SmarthostsAndLiteralsNeedNoMx) {
    EXPECT_THAT(hosts("[192.0.2.1]").value().names, ElementsAre("[192.0.2.1]"));
    route.kind = RouteKind::smarthost;
    route.host = "smart.example";
    EXPECT_THAT(hosts("example.com").value().names, ElementsAre("smart.example"));
    EXPECT_TRUE(resolver.questions().empty());
}

TEST_F(HostFinderTest, UnderstandsEveryFormOfAnAddress) {
    options.allow_private_addresses = true;
    EXPECT_THAT(texts(addresses("[192.0.2.1]")), ElementsAre("192.0.2.1"));
    EXPECT_THAT(texts(addresses("[IPv6:2001:db8::1]")), ElementsAre("2001:db8::1"));
    EXPECT_THAT(texts(addresses("127.0.0.1")), ElementsAre("127.0.0.1"));
    EXPECT_TRUE(resolver.questions().empty());
}

TEST_F(HostFinderTest, TakesTurnsBetweenIpv6AndIpv4) {
    resolver.address("mx.example", "11.0.0.1").address("mx.example", "11.0.0.2").address("mx.example", "2600::1");
    const auto found = addresses("mx.example").value();
    ASSERT_THAT(found, SizeIs(3));
    EXPECT_FALSE(found[0].is_v4());
    EXPECT_TRUE(found[1].is_v4());
    options.use_ipv6 = false;
    EXPECT_THAT(texts(addresses("mx.example")), UnorderedElementsAre("11.0.0.1", "11.0.0.2"));
}

TEST_F(HostFinderTest, GivesAtMostEightAddresses) {
    for (int i = 1; i < 30; ++i) resolver.address("mx.example", "11.0.0." + std::to_string(i));
    EXPECT_THAT(addresses("mx.example").value(), SizeIs(8));
}

TEST_F(HostFinderTest, DropsPrivateAddressesAmongPublicOnes) {
    for (const char* ip : {"10.0.0.1", "127.0.0.1", "169.254.1.1", "::1", "fe80::1", "::ffff:10.0.0.1", "11.0.0.1"})
        resolver.address("mx.example", ip);
    EXPECT_THAT(texts(addresses("mx.example")), ElementsAre("11.0.0.1"));
}

TEST_F(HostFinderTest, AFaultOfOneFamilyDoesNotHideTheOther) {
    resolver.address("mx.example", "11.0.0.1");
    resolver.fault("mx.example", dns::RecordType::aaaa, MemoryResolver::Fault::servfail);
    EXPECT_THAT(texts(addresses("mx.example")), ElementsAre("11.0.0.1"));
    resolver.clear();
    resolver.address("mx.example", "2600::1");
    resolver.fault("mx.example", dns::RecordType::a, MemoryResolver::Fault::servfail);
    const auto found = addresses("mx.example");
    if (found.has_value())
        EXPECT_THAT(texts(found), ElementsAre("2600::1"));
    else
        EXPECT_FALSE(found.error().permanent);
}

TEST_F(HostFinderTest, ATimeOutIsTemporary) {
    resolver.fault("slow.example", MemoryResolver::Fault::timeout);
    const auto found = run(finder().hosts_of(route, "slow.example", Clock::now() + milliseconds(20)));
    ASSERT_FALSE(found.has_value());
    EXPECT_FALSE(found.error().permanent);
    EXPECT_THAT(found.error().text, HasSubstr("slow.example"));
}

}  // namespace
}  // namespace relevo
