#include "core/routing/egress.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

namespace relevo {
namespace {

using testing::ElementsAre;

std::shared_ptr<const EgressSource> source(std::string name, bool drained = false) {
    EgressSource made;
    made.name = std::move(name);
    made.drained = drained;
    return std::make_shared<const EgressSource>(std::move(made));
}

EgressPool pool(std::string name) {
    EgressPool made;
    made.name = std::move(name);
    made.members.push_back({.source = source("only")});
    return made;
}

EgressPool weighted(std::initializer_list<std::pair<const char*, std::uint32_t>> members) {
    EgressPool made;
    made.name = "weighted";
    for (const auto& [name, weight] : members) made.members.push_back({.source = source(name), .weight = weight});
    return made;
}

// Ids as MessageIdSource makes them: milliseconds in the upper bits, so that most bits of neighbours are the same.
MessageId message(std::int64_t number) {
    return MessageId{((1'764'000'000'000LL + number / 50) << 21U) | (number % 50)};
}

std::map<std::string, double> shares(const EgressPool& pool, int messages,
                                     const std::function<bool(const EgressSource&)>& usable = {}) {
    std::map<std::string, double> found;
    for (int i = 0; i < messages; ++i)
        if (const auto chosen = choose_source(pool, message(i), usable)) found[chosen->name] += 1.0 / messages;
    return found;
}

struct Wanted {
    const char* why;
    std::int64_t tenant = 1;
    mail::MessageStream stream = mail::MessageStream::transactional;
    const char* domain = "example.com";
    const char* route = "default";
    const char* pool_of_route = "";
    const char* wanted = "";
    const char* pool = "";
};

EgressTable table_of_all() {
    EgressPool acme = pool("acme");
    acme.tenants = {TenantId{2}};
    acme.on_request = true;
    EgressPool acme_bulk = pool("acme-bulk");
    acme_bulk.tenants = {TenantId{2}};
    acme_bulk.streams = {mail::MessageStream::bulk};
    EgressPool bulk = pool("bulk");
    bulk.streams = {mail::MessageStream::bulk};
    EgressPool below = pool("below-gmail");
    below.domains = {".gmail.com"};
    EgressPool gmail = pool("gmail");
    gmail.domains = {"gmail.com"};
    EgressPool gmail_again = pool("gmail-again");
    gmail_again.domains = {"gmail.com"};
    EgressPool office = pool("office");
    office.routes = {"office", "branch"};
    EgressPool requested = pool("requested");
    requested.on_request = true;
    return {{source("only")},
            {pool("shared"), acme, acme_bulk, bulk, below, gmail, gmail_again, office, requested},
            "shared"};
}

// S76: a tenant's, a stream's mail keeps to its own addresses.
TEST(EgressTable, TheMostExactPoolTakesTheMail) {
    const EgressTable table = table_of_all();
    const std::vector<Wanted> cases = {
        {.why = "nothing fits", .pool = "shared"},
        {.why = "by stream", .stream = mail::MessageStream::bulk, .pool = "bulk"},
        {.why = "by domain, the first of two", .domain = "gmail.com", .pool = "gmail"},
        {.why = "below a domain", .domain = "mail.gmail.com", .pool = "below-gmail"},
        {.why = "domain before stream", .stream = mail::MessageStream::bulk, .domain = "gmail.com", .pool = "gmail"},
        {.why = "route before domain", .domain = "gmail.com", .route = "branch", .pool = "office"},
        {.why = "tenant before domain", .tenant = 2, .domain = "gmail.com", .pool = "acme"},
        {.why = "tenant before route", .tenant = 2, .route = "office", .pool = "acme"},
        {.why = "tenant and stream", .tenant = 2, .stream = mail::MessageStream::bulk, .pool = "acme-bulk"},
        {.why = "the route's pool wins", .tenant = 2, .pool_of_route = "bulk", .wanted = "acme", .pool = "bulk"},
        {.why = "a route's pool that is gone", .pool_of_route = "gone", .pool = "shared"},
        {.why = "asked for", .domain = "gmail.com", .wanted = "requested", .pool = "requested"},
        {.why = "may not be asked for", .wanted = "bulk", .pool = "shared"},
        {.why = "asked for by its tenant",
         .tenant = 2,
         .stream = mail::MessageStream::bulk,
         .wanted = "acme",
         .pool = "acme"},
        {.why = "asked for by a stranger", .tenant = 3, .wanted = "acme", .pool = "shared"},
        {.why = "asked for, and unknown", .wanted = "nonsense", .pool = "shared"},
    };
    for (const Wanted& wanted : cases) {
        const Route route{.name = wanted.route, .pool = wanted.pool_of_route};
        EXPECT_EQ(table
                      .pool_for({.tenant = TenantId{wanted.tenant},
                                 .stream = wanted.stream,
                                 .domain = wanted.domain,
                                 .route = route,
                                 .wanted = wanted.wanted})
                      .name,
                  wanted.pool)
            << wanted.why;
    }
}

TEST(EgressTable, OfOneSourceHasOnePoolForEverything) {
    EgressSource only;
    only.client_name = "mail.example.com";
    const EgressTable table = EgressTable::of_one(only);
    const Route route{.name = "default"};
    const EgressPool& chosen = table.pool_for({.tenant = {}, .domain = "example.com", .route = route, .wanted = "x"});
    EXPECT_EQ(chosen.name, "default");
    EXPECT_EQ(choose_source(chosen, message(1), {})->client_name, "mail.example.com");
    EXPECT_EQ(table.find_source("default"), choose_source(chosen, message(2), {}).get());
    EXPECT_EQ(table.find_source("other"), nullptr);
}

// RFC 6647 §2.2: a greylisting server knows the client by its address.
TEST(ChooseSource, AMessageKeepsItsSource) {
    const EgressPool pool = weighted({{"a", 1}, {"b", 2}, {"c", 3}});
    for (int i = 0; i < 1000; ++i) {
        const auto first = choose_source(pool, message(i), {});
        for (int attempt = 0; attempt < 3; ++attempt) EXPECT_EQ(choose_source(pool, message(i), {}), first);
    }
}

// Written down, since a restart after an upgrade must not move mail that waits out a greylisting.
TEST(ChooseSource, IsTheSameInEveryBuild) {
    const EgressPool pool = weighted({{"a", 1}, {"b", 1}, {"c", 1}});
    std::string chosen;
    for (int i = 0; i < 24; ++i) chosen += choose_source(pool, message(i), {})->name;
    EXPECT_EQ(chosen, "caabbcbbbabcbcabbbbacacb");
}

TEST(ChooseSource, SharesFollowTheWeights) {
    std::mt19937 chance(7);
    for (int round = 0; round < 20; ++round) {
        EgressPool pool;
        double total = 0;
        std::uniform_int_distribution<std::uint32_t> up_to_20(1, 20);
        const unsigned members = up_to_20(chance);
        for (unsigned i = 0; i < members; ++i) {
            pool.members.push_back({.source = source("source-" + std::to_string(i)), .weight = up_to_20(chance)});
            total += pool.members.back().weight;
        }
        constexpr int messages = 20'000;
        auto found = shares(pool, messages);
        for (const EgressMember& member : pool.members) {
            const double expected = member.weight / total;
            // Five standard deviations of a binomial share.
            EXPECT_NEAR(found[member.source->name], expected,
                        5 * std::sqrt(expected * (1 - expected) / messages) + 1e-9);
        }
    }
}

TEST(ChooseSource, MailOfAnUnusableSourceSpreadsAndNothingElseMoves) {
    const EgressPool pool = weighted({{"a", 5}, {"b", 3}, {"c", 1}, {"d", 1}});
    const auto without_a = [](const EgressSource& source) { return source.name != "a"; };
    std::map<std::string, double> moved;
    int from_a = 0;
    for (int i = 0; i < 20'000; ++i) {
        const auto before = choose_source(pool, message(i), {});
        const auto after = choose_source(pool, message(i), without_a);
        if (before->name != "a") {
            EXPECT_EQ(after, before);
            continue;
        }
        ++from_a;
        ++moved[after->name];
    }
    EXPECT_NEAR(moved["b"] / from_a, 0.6, 0.03);
    EXPECT_NEAR(moved["c"] / from_a, 0.2, 0.03);
    EXPECT_NEAR(moved["d"] / from_a, 0.2, 0.03);
}

TEST(ChooseSource, ANewSourceTakesOnlyItsShare) {
    const EgressPool before = weighted({{"a", 1}, {"b", 1}});
    const EgressPool after = weighted({{"a", 1}, {"b", 1}, {"new", 1}});
    int moved = 0;
    for (int i = 0; i < 10'000; ++i) {
        const auto was = choose_source(before, message(i), {})->name;
        const auto is = choose_source(after, message(i), {})->name;
        if (is == was) continue;
        EXPECT_EQ(is, "new");
        ++moved;
    }
    EXPECT_NEAR(moved, 3333, 250);
}

TEST(ChooseSource, DrainedSourcesTakeNothing) {
    EgressPool pool;
    pool.members = {{.source = source("drained", true), .weight = 100}, {.source = source("open")}};
    EXPECT_THAT(shares(pool, 100), ElementsAre(testing::Pair("open", testing::DoubleNear(1, 1e-9))));
    EXPECT_EQ(choose_source(pool, message(1), [](const EgressSource&) { return false; }), nullptr);
    pool.members.pop_back();
    EXPECT_EQ(choose_source(pool, message(1), {}), nullptr);
}

TEST(EgressSource, BindsTheAddressOfTheTargetsFamily) {
    EgressSource from;
    from.ipv4 = dns::IpAddress::parse("192.0.2.7").value();
    const Endpoint v4{dns::IpAddress::parse("198.51.100.1").value(), 25};
    const Endpoint v6{dns::IpAddress::parse("2001:db8::1").value(), 25};
    EXPECT_TRUE(from.reaches(v4.address));
    EXPECT_FALSE(from.reaches(v6.address)) << "its reputation is that of one address";
    EXPECT_TRUE(dial_options(from, v4, no_deadline).has_source);
    EXPECT_EQ(dial_options(from, v4, no_deadline).source.text(), "192.0.2.7");
    from.ipv6 = dns::IpAddress::parse("::").value();
    EXPECT_TRUE(from.reaches(v6.address));
    EXPECT_FALSE(dial_options(from, v6, no_deadline).has_source) << "the system chooses";
    EXPECT_THAT(from.seen_addresses(), ElementsAre(*from.ipv4));
    from.public_addresses = {dns::IpAddress::parse("203.0.113.9").value()};
    EXPECT_THAT(from.seen_addresses(), ElementsAre(from.public_addresses.front()));
}

}  // namespace
}  // namespace relevo
