#include "core/shaping/shaping_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace relevo::shaping {
namespace {

using testing::HasSubstr;

Rule rule(Selectors selectors, std::uint32_t connections, Authority authority = Authority::operators) {
    Rule made{.selectors = std::move(selectors), .authority = authority, .origin = std::to_string(connections)};
    made.values.connections = connections;
    return made;
}

const std::vector<Provider> providers = {{"google", {"google.com", "googlemail.com"}}, {"big", {"example.net"}}};
constexpr ShapingQuery here{.domain = "example.com",
                            .site = "mx.example.net",
                            .provider = "big",
                            .source = "mx1",
                            .pool = "warm",
                            .tenant = ""};

TEST(ShapingTable, KnowsProvidersByTheEndsOfTheirHosts) {
    const ShapingTable table(providers, {});
    EXPECT_EQ(table.provider_of_host("aspmx.l.google.com"), "google");
    EXPECT_EQ(table.provider_of_host("google.com."), "google");
    EXPECT_EQ(table.provider_of_host("Mail.GoogleMail.Com"), "google");
    EXPECT_EQ(table.provider_of_host("evilgoogle.com"), "");
    EXPECT_EQ(table.provider_of_host("com"), "");
    EXPECT_EQ(table.provider_of_host(""), "");
    EXPECT_EQ(table.provider_of_host("..."), "");
    EXPECT_EQ(table.provider_of({}), "");
    EXPECT_EQ(table.provider_of(std::vector<std::string>{"mx.small.example", "mx.google.com"}), "")
        << "mail goes to the first host";
    EXPECT_TRUE(table.knows_provider("big"));
    EXPECT_FALSE(table.knows_provider("small"));
}

// The order of the header, from the weakest to the strongest: each outweighs all before it.
TEST(ShapingTable, TheMoreSpecificRuleWins) {
    const std::vector<Rule> by_strength = {
        rule({}, 1, Authority::built_in),
        rule({}, 2, Authority::shipped),
        rule({}, 3),
        rule({.provider = "big"}, 4, Authority::shipped),
        rule({.provider = "big"}, 5),
        rule({.provider = "big"}, 6),
        rule({.site = "mx.example.net"}, 7),
        rule({.domain = "example.com"}, 8),
        rule({.pool = "warm"}, 9),
        rule({.provider = "big", .pool = "warm"}, 10),
        rule({.source = "mx1"}, 11),
        rule({.provider = "big", .source = "mx1"}, 12),
        rule({.domain = "example.com", .source = "mx1"}, 13),
    };
    for (std::size_t count = 1; count <= by_strength.size(); ++count) {
        const std::vector<Rule> some(by_strength.begin(), by_strength.begin() + static_cast<std::ptrdiff_t>(count));
        EXPECT_EQ(ShapingTable(providers, some).limits(here).connections, count);
    }
}

TEST(ShapingTable, RulesForOthersDoNotCount) {
    const ShapingTable table(
        providers, {rule({.provider = "google"}, 1), rule({.domain = "sub.example.com"}, 2), rule({.source = "mx2"}, 3),
                    rule({.pool = "cold"}, 4), rule({.tenant = "acme"}, 5)});
    EXPECT_EQ(table.limits(here).connections, std::nullopt);
}

TEST(ShapingTable, EachValueComesFromTheStrongestRuleThatHasIt) {
    Rule general = rule({}, 5, Authority::shipped);
    general.values.messages_per_connection = 100;
    Rule special = rule({.provider = "big"}, 7);
    special.values.adaptive = false;
    const Limits limits = ShapingTable(providers, {general, special}).limits(here);
    EXPECT_EQ(limits.connections, 7U);
    EXPECT_EQ(limits.messages_per_connection, 100U);
    EXPECT_EQ(limits.adaptive, false);
}

TEST(ShapingTable, ATenantHasLimitsOfItsOwnBesideTheCommonOnes) {
    const ShapingTable table(providers, {rule({}, 20), rule({.tenant = "acme"}, 4),
                                         rule({.provider = "big", .tenant = "acme"}, 2), rule({.tenant = "other"}, 9)});
    ShapingQuery query = here;
    EXPECT_FALSE(table.tenant_limits(query).has_value());
    query.tenant = "acme";
    EXPECT_EQ(table.limits(query).connections, 20U);
    ASSERT_TRUE(table.tenant_limits(query).has_value());
    EXPECT_EQ(table.tenant_limits(query)->connections, 2U);
    EXPECT_EQ(table.tenant_limits(query)->adaptive, false);
    query.provider = "";
    EXPECT_EQ(table.tenant_limits(query)->connections, 4U);
    query.tenant = "stranger";
    EXPECT_FALSE(table.tenant_limits(query).has_value());
}

TEST(ShapingTable, SitesOfAProviderShareAThrottleUnlessARuleNamesThem) {
    const ShapingTable table(providers, {rule({.domain = "example.com"}, 1), rule({.site = "mx7.example.net"}, 2),
                                         rule({.domain = "example.org", .tenant = "acme"}, 3)});
    const auto key = [&](std::string_view domain, std::string_view site, std::string_view provider) {
        return table.key_of({.domain = domain, .site = site, .provider = provider});
    };
    EXPECT_EQ(key("example.org", "mx.example.net", "big"), "provider:big");
    EXPECT_EQ(key("example.com", "mx.example.net", "big"), "domain:example.com");
    EXPECT_EQ(key("example.org", "mx7.example.net", "big"), "site:mx7.example.net");
    EXPECT_EQ(key("example.org", "mx.small.example", ""), "site:mx.small.example");
}

TEST(ShapingTable, ExplainsEachValueAndWhatItOutweighs) {
    Rule shipped = rule({.provider = "big"}, 20, Authority::shipped);
    shipped.origin = "shipped data, line 12";
    shipped.values.message_rate = Rates{.per_second = 10, .per_day = 5000};
    Rule own = rule({.source = "mx1"}, 3);
    own.origin = "/etc/relevo/shaping.toml, line 40";
    const ShapingTable table(providers, {built_in_rule(), shipped, own});
    const auto values = table.explain(here);
    const auto connections = std::ranges::find(values, "connections", &ExplainedValue::name);
    ASSERT_NE(connections, values.end());
    EXPECT_EQ(connections->value, "3");
    EXPECT_EQ(connections->origin, "/etc/relevo/shaping.toml, line 40 (source mx1)");
    ASSERT_EQ(connections->overrides.size(), 1U);
    EXPECT_EQ(connections->overrides[0].value, "20");
    EXPECT_EQ(connections->overrides[0].origin, "shipped data, line 12 (provider big)");
    EXPECT_EQ(std::ranges::find(values, "message_rate", &ExplainedValue::name)->value, "10/s, 5000/d");
    EXPECT_EQ(std::ranges::find(values, "adaptive", &ExplainedValue::name)->origin, "built-in default (*)");
    EXPECT_EQ(std::ranges::find(values, "tls", &ExplainedValue::name), values.end()) << "nobody says";
}

// Whatever the rules: what is explained is what is in force.
TEST(ShapingTable, ExplainAndLimitsAgree) {
    std::vector<Rule> rules = {built_in_rule()};
    std::uint32_t number = 0;
    for (const std::string_view source : {"", "mx1", "mx2"})
        for (const std::string_view provider : {"", "big", "google"})
            for (const Authority authority : {Authority::operators, Authority::shipped})
                rules.push_back(
                    rule({.provider = std::string(provider), .source = std::string(source)}, ++number, authority));
    const ShapingTable table(providers, rules);
    for (const std::string_view source : {"", "mx1", "mx2", "mx3"})
        for (const std::string_view provider : {"", "big", "google", "none"}) {
            const ShapingQuery query{.domain = "d", .site = "s", .provider = provider, .source = source};
            const auto values = table.explain(query);
            const auto connections = std::ranges::find(values, "connections", &ExplainedValue::name);
            ASSERT_NE(connections, values.end());
            EXPECT_EQ(connections->value, std::to_string(*table.limits(query).connections));
        }
}

}  // namespace
}  // namespace relevo::shaping
