#include "app/configuration/shaping_file.h"

#include "core/shaping/shipped_shaping.h"
#include "lib/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::configuration {
namespace {

using shaping::ShapingQuery;
using shaping::ShapingTable;
using std::chrono::seconds;
using testing::HasSubstr;
using testing::StartsWith;

ShapingTable table_of(std::string_view toml) {
    auto table = parse_shaping(toml, "/etc/relevo/shaping.toml");
    EXPECT_TRUE(table.has_value()) << (table ? "" : table.error().detail);
    return table ? *std::move(table) : shipped_shaping_table();
}

std::string problems_of(std::string_view toml) {
    const auto table = parse_shaping(toml, "shaping.toml");
    EXPECT_FALSE(table.has_value()) << "accepted: " << toml;
    return table ? "" : table.error().detail;
}

TEST(ShapingFile, TheShippedOneIsWellFormedAndNamesTheWellKnown) {
    ASSERT_FALSE(shipped_shaping_table().rules().empty());
    const auto alone = parse_shaping("", "f");
    ASSERT_TRUE(alone.has_value()) << alone.error().detail;
    EXPECT_GT(alone->rules().size(), 40U);
    const auto provider_of = [&](const std::string& host) {
        return std::string(alone->provider_of(std::vector<std::string>{host}));
    };
    EXPECT_EQ(provider_of("aspmx.l.google.com"), "google");
    EXPECT_EQ(provider_of("ALT1.ASPMX.L.GOOGLE.COM."), "google");
    EXPECT_EQ(provider_of("example-com.mail.protection.outlook.com"), "microsoft");
    EXPECT_EQ(provider_of("mta5.am0.yahoodns.net"), "yahoo");
    EXPECT_EQ(provider_of("mx01.mail.icloud.com"), "apple");
    EXPECT_EQ(provider_of("mx00.ionos.es"), "ionos");
    EXPECT_EQ(provider_of("mx.telefonica.net"), "telefonica");
    EXPECT_EQ(provider_of("mx1.mail.ovh.net"), "ovh");
    EXPECT_EQ(provider_of("mx-eu.mail.am0.yahoodns.net"), "yahoo");
    EXPECT_EQ(provider_of("mx.example.com"), "");
    EXPECT_EQ(provider_of("notgoogle.com"), "") << "an end of the name, by whole labels";
    EXPECT_EQ(provider_of(""), "");
}

TEST(ShapingFile, SaysOfEveryProviderHowManyConnectionsItGets) {
    const ShapingTable table = shipped_shaping_table();
    for (const shaping::Rule& rule : table.rules()) {
        if (rule.selectors.provider.empty()) continue;
        EXPECT_TRUE(rule.values.connections.has_value()) << rule.selectors.provider;
        EXPECT_TRUE(rule.values.message_rate.has_value()) << rule.selectors.provider;
        EXPECT_THAT(rule.origin, StartsWith("shipped data, line ")) << rule.selectors.provider;
    }
    EXPECT_EQ(table.limits({.provider = "yahoo"}).messages_per_connection, 20U);
    EXPECT_EQ(table.limits({.provider = "google"}).warm_up_full, 100'000U) << "from [default]";
}

TEST(ShapingFile, ReadsEveryKindOfValue) {
    const ShapingTable table = table_of(R"(
[default]
connections = 7
message_rate = ["10/s", "500/min", "20000/h", "100000/d"]
connection_rate = "60/min"
tls = "required"
tls_keys = ["sha256:0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A0A"]
adaptive = false
first_back_off = "1min"
longest_back_off = "1h"
command_timeout = "30s"
warm_up_start = 50
warm_up_factor = 1.4
warm_up_deferred = 0.2
)");
    const shaping::Limits limits = table.limits({.domain = "example.com", .site = "mx.example.com"});
    EXPECT_EQ(limits.connections, 7U);
    EXPECT_EQ(limits.message_rate,
              (shaping::Rates{.per_second = 10, .per_minute = 500, .per_hour = 20'000, .per_day = 100'000}));
    EXPECT_EQ(limits.connection_rate, (shaping::Rates{.per_minute = 60}));
    EXPECT_EQ(limits.tls, shaping::TlsMode::required);
    EXPECT_EQ(limits.tls_keys, (shaping::KeyPins{{std::string(32, '\n')}}));
    EXPECT_EQ(shaping::text_of(*limits.tls_keys),
              "sha256:0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a");
    EXPECT_EQ(limits.adaptive, false);
    EXPECT_EQ(limits.first_back_off, seconds(60));
    EXPECT_EQ(limits.command_timeout, seconds(30));
    EXPECT_EQ(limits.connect_timeout, std::nullopt) << "nobody says: delivery's counts";
    EXPECT_EQ(limits.warm_up_start, 50U);
    EXPECT_EQ(limits.warm_up_factor, 1.4);
}

TEST(ShapingFile, AnOperatorExtendsAndOutweighsWhatComesWithRelevo) {
    const ShapingTable table = table_of(R"(
[provider.google]
connections = 3
[provider.neighbours]
mx = ["mail.neighbours.example"]
message_rate = []
[[rule]]
provider = ["google", "yahoo"]
source = "mx2"
connections = 1
)");
    EXPECT_EQ(table.limits({.provider = "google"}).connections, 3U);
    EXPECT_EQ(table.limits({.provider = "google"}).messages_per_connection, 100U) << "the shipped one stays";
    EXPECT_EQ(table.limits({.provider = "google", .source = "mx2"}).connections, 1U);
    EXPECT_EQ(table.limits({.provider = "yahoo", .source = "mx2"}).connections, 1U);
    EXPECT_EQ(table.provider_of(std::vector<std::string>{"a.mail.neighbours.example"}), "neighbours");
    EXPECT_EQ(table.limits({.provider = "neighbours"}).message_rate, shaping::Rates{}) << "no limit";
}

struct Mistake {
    std::string_view toml;
    std::string_view problem;
};
void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.toml; }
class EachShapingMistake : public testing::TestWithParam<Mistake> {};

TEST_P(EachShapingMistake, IsNamedWithItsPlaceAndItsRemedy) {
    const std::string problems = problems_of(GetParam().toml);
    EXPECT_THAT(problems, HasSubstr(std::string(GetParam().problem)));
    EXPECT_THAT(problems, StartsWith("shaping.toml:"));
}

INSTANTIATE_TEST_SUITE_P(
    ShapingFile, EachShapingMistake,
    testing::Values(
        Mistake{"[default]\nconections = 1",
                "shaping.toml:2:1: unknown value \"conections\" in default: did you mean \"connections\"?"},
        Mistake{"[defaults]\nconnections = 1", "unknown section \"defaults\": did you mean [default]?"},
        Mistake{"[provider.gogle]\nconnections = 1", "unknown provider \"gogle\": did you mean \"google\"?"},
        Mistake{"[provider.mine]\nconnections = 1", "unknown provider \"mine\""},
        Mistake{"[provider.mine]\nmx = [\"com\"]\n", "must be the end of host names"},
        Mistake{"[provider.mine]\nmx = [\"bad host.example\"]\n", "must be the end of host names"},
        Mistake{"provider = 5", "write it as [provider.NAME]"},
        Mistake{"[provider]\ngoogle = 5", "begin the section with [provider.NAME]"},
        Mistake{"[[rule]]\nconnections = 5", "what it is for"}, Mistake{"[[rule]]\nsource = \"mx1\"", "holds no value"},
        Mistake{"[[rule]]\ndomain = \"a.example\"\nprovider = \"google\"\nconnections = 1",
                "more than one of domain, site and provider"},
        Mistake{"[[rule]]\nsource = \"a\"\npool = \"b\"\nconnections = 1", "both source and pool"},
        Mistake{"[[rule]]\ndomain = \"not a domain\"\nconnections = 1", "is no domain"},
        Mistake{"[[rule]]\nprovider = \"googel\"\nconnections = 1", "did you mean \"google\"?"},
        Mistake{"[[rule]]\nprovider = []\nconnections = 1", "is an empty list"},
        Mistake{"[rule]\nprovider = \"google\"\nconnections = 1", "write it as [[rule]]"},
        Mistake{"[default]\nmessage_rate = \"10\"", "must be a rate such as"},
        Mistake{"[default]\nmessage_rate = \"0/s\"", "must be a rate such as"},
        Mistake{"[default]\nmessage_rate = \"10/m\"", "must be a rate such as"},
        Mistake{"[default]\nmessage_rate = [\"10/s\", \"20/s\"]", "must be a rate such as"},
        Mistake{"[default]\nmessage_rate = 10", "must be a rate such as"},
        Mistake{"[default]\nconnections = 0", "must be from 1 to 10000"},
        Mistake{"[default]\ntls = \"verifed\"", "did you mean \"verified\"?"},
        Mistake{"[default]\ntls_keys = \"sha256:12\"", "64 hexadecimal digits"},
        Mistake{"[default]\ntls_keys = []", "64 hexadecimal digits"},
        Mistake{"[default]\ntls_keys = [1]", "64 hexadecimal digits"},
        Mistake{"[[rule]]\ntenant = \"acme\"\ntls = \"verified\"", "relevo tenant set --tls"},
        Mistake{"[default]\nfirst_back_off = \"1h\"\nlongest_back_off = \"1min\"", "lower the first"},
        Mistake{"[default]\nwarm_up_factor = 0.5", "must be from 1 to 10"}, Mistake{"[default", "not TOML"}));

TEST(ShapingFile, NamesAllMistakesAtOnce) {
    EXPECT_EQ(split(problems_of("[default]\nconnections = 0\nmessage_rate = \"x\"\ntsl = 1\n"), '\n').size(), 3U);
}

}  // namespace
}  // namespace relevo::configuration
