#include "app/configuration/configuration.h"
#include "app/configuration/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace relevo {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr std::string_view listener = "[[listener]]\naddress = \"127.0.0.1:2587\"\n";

Result<Configuration> read(std::string_view toml) {
    return parse_configuration(std::string(listener) + std::string(toml), "relevo.toml");
}

constexpr std::string_view two_sources = R"(
[delivery]
pool = "shared"
[[source]]
name = "mx1"
addresses = ["192.0.2.1", "2001:db8::1"]
ehlo_name = "MX1.example.com."
[[source]]
name = "far"
addresses = "198.51.100.7"
public_addresses = "203.0.113.7"
proxy = "socks5"
proxy_address = "10.0.0.1:1080"
proxy_user = "relevo"
proxy_password = "opensesame"
drained = true
[[pool]]
name = "shared"
sources = ["mx1:3", "far"]
[[pool]]
name = "acme"
sources = "far"
tenants = "acme"
domains = [".Example.org", "*"]
streams = ["bulk"]
routes = ["office"]
on_request = true
[[route]]
name = "office"
domains = "example.net"
kind = "smarthost"
host = "relay.example.net"
pool = "acme"
)";

TEST(EgressConfiguration, ReadsSourcesAndPools) {
    const auto configuration = read(two_sources);
    ASSERT_TRUE(configuration.has_value()) << configuration.error().detail;
    const SourceSettings& first = configuration->sources.at(0);
    EXPECT_EQ(first.addresses.size(), 2U);
    EXPECT_EQ(first.ehlo_name, "mx1.example.com");
    EXPECT_FALSE(first.drained);
    const SourceSettings& second = configuration->sources.at(1);
    EXPECT_EQ(second.proxy, SourceProxy::socks5);
    EXPECT_EQ(second.proxy_address.front().text(), "10.0.0.1:1080");
    EXPECT_TRUE(second.drained);
    EXPECT_THAT(configuration->pools.at(0).sources, ElementsAre(WeightedName{"mx1", 3}, WeightedName{"far", 1}));
    const PoolSettings& acme = configuration->pools.at(1);
    EXPECT_THAT(acme.domains, ElementsAre(".example.org", "*"));
    EXPECT_THAT(acme.streams, ElementsAre(mail::MessageStream::bulk));
    EXPECT_TRUE(acme.on_request);
    EXPECT_EQ(configuration->routes.at(0).pool, "acme");
    EXPECT_EQ(configuration->delivery.pool, "shared");
}

TEST(EgressConfiguration, IsWrittenAsItIsReadAndHidesThePassword) {
    const auto configuration = read(two_sources);
    ASSERT_TRUE(configuration.has_value());
    const std::string written = write_configuration(*configuration);
    EXPECT_THAT(written, HasSubstr(R"(sources = ["mx1:3", "far"])"));
    EXPECT_THAT(written, HasSubstr(R"x(proxy_password = "(hidden)")x"));
    EXPECT_THAT(written, testing::Not(HasSubstr("opensesame")));
}

TEST(EgressConfiguration, OldFilesNeedNone) {
    const auto configuration = read("[delivery]\nsource_addresses = \"192.0.2.1\"\nehlo_name = \"mx.example.com\"\n");
    ASSERT_TRUE(configuration.has_value()) << configuration.error().detail;
    EXPECT_THAT(configuration->sources, IsEmpty());
    EXPECT_THAT(configuration->pools, IsEmpty());
}

// What a person mistypes is named with its line and with what to change.
TEST(EgressConfiguration, NamesWhatIsWrong) {
    const std::string source = "[[source]]\nname = \"a\"\n";
    const std::string pool = "[[pool]]\nname = \"p\"\nstreams = \"bulk\"\n";
    const std::string both = source + pool + "sources = \"a\"\n";
    const std::pair<std::string, const char*> cases[] = {
        {"[[source]]\naddresses = \"192.0.2.1\"\n", "source[0].name is missing"},
        {source, R"("a" is in no pool)"},
        {pool + "sources = \"default\"\n[[source]]\nname = \"default\"\n",
         "is \"default\", the name of the built-in source"},
        {"[[pool]]\nname = \"default\"\nsources = \"default\"\n", "is \"default\", the name of the built-in pool"},
        {pool + "sources = [\"a b\"]\n[[source]]\nname = \"a b\"\n", R"("a b" is no name)"},
        {both + source, R"("a" is used twice: give each source)"},
        {both + pool + "sources = \"a\"\n", R"("p" is used twice: give each pool)"},
        {source + pool + "sources = \"b\"\n", R"("b" is no source)"},
        {"[[source]]\nname = \"gateway\"\n" + pool + "sources = [\"gatway\", \"gateway\"]\n",
         R"(did you mean "gateway"?)"},
        {source + pool + "sources = [\"a\", \"a:2\"]\n", R"("a" stands there twice)"},
        {source + pool + "sources = \"a:0\"\n", "a weight from 1 to 10000"},
        {source + pool + "sources = \"a:10001\"\n", "a weight from 1 to 10000"},
        {source + pool + "sources = \"a:many\"\n", R"(such as "a:3")"},
        {pool, "pool[0].sources is missing"},
        {both + "routes = \"nowhere\"\n", R"("nowhere" is no route)"},
        {both + "domains = \"not a domain\"\n", R"("not a domain" is not a domain name)"},
        {source + "[[pool]]\nname = \"p\"\nsources = \"a\"\nstreams = [\"bulky\"]\n", R"(did you mean "bulk"?)"},
        {source + "[[pool]]\nname = \"p\"\nsources = \"a\"\n", R"("p" takes no mail)"},
        {both + "[delivery]\npool = \"q\"\n", R"(delivery.pool "q" is no pool)"},
        {both + "[[route]]\nname = \"r\"\ndomains = \"*\"\npool = \"q\"\n", R"(route[0].pool "q" is no pool)"},
        {both + "[[source]]\nname = \"b\"\naddresses = [\"192.0.2.1\", \"192.0.2.2\"]\n",
         "two addresses of one family"},
        {both + "[[source]]\nname = \"b\"\nproxy_address = \"192.0.2.1:1080\"\n", "has no use without a proxy"},
        {both + "[[source]]\nname = \"b\"\nproxy = \"socks5\"\n", "proxy_address is missing"},
        {both + "[[source]]\nname = \"b\"\nproxy = \"haproxy\"\nproxy_address = \"192.0.2.1:2525\"\n",
         "which of its addresses to send from"},
        {both +
             "[[source]]\nname = \"b\"\nproxy = \"socks5\"\nproxy_address = \"192.0.2.1:1080\"\nproxy_user = \"u\"\n",
         "go together"},
        {both + "[[source]]\nname = \"b\"\nproxy_user = \"u\"\nproxy_password = \"p\"\n",
         "only with proxy = \"socks5\""},
        {both + "[[source]]\nname = \"b\"\npublic_addresses = \"0.0.0.0\"\n", "an address that nobody sees"},
        {"[[source]]\nname = \"a\"\naddresses = \"192.0.2.1\"\n[[source]]\nname = \"b\"\naddresses = \"192.0.2.1\"\n" +
             pool + "sources = [\"a\", \"b\"]\n",
         R"(192.0.2.1 is an address of source "a" too)"},
    };
    for (const auto& [toml, problem] : cases) {
        const auto configuration = read(toml);
        ASSERT_FALSE(configuration.has_value()) << toml;
        EXPECT_THAT(configuration.error().detail, HasSubstr(problem)) << toml;
    }
}

TEST(RouteHostsConfiguration, AreReadAndWritten) {
    const auto configuration = read(R"(
[[route]]
name = "provider"
domains = "*"
kind = "smarthost"
port = 587
hosts = [{ host = "A.example.com", weight = 3 }, { host = "192.0.2.9", port = 2525, weight = 0 }]
)");
    ASSERT_TRUE(configuration.has_value()) << configuration.error().detail;
    EXPECT_THAT(configuration->routes.at(0).hosts,
                ElementsAre(HostSettings{"a.example.com", 0, 3}, HostSettings{"192.0.2.9", 2525, 0}));
    EXPECT_THAT(
        write_configuration(*configuration),
        HasSubstr(
            R"(hosts = [{ host = "a.example.com", weight = 3 }, { host = "192.0.2.9", port = 2525, weight = 0 }])"));
}

TEST(RouteHostsConfiguration, NameWhatIsWrong) {
    const std::string route = "[[route]]\nname = \"r\"\ndomains = \"*\"\nkind = \"smarthost\"\n";
    const std::pair<std::string, const char*> cases[] = {
        {route + "hosts = [{ host = \"a.example\" }]\nhost = \"b.example\"\n", "stands beside hosts"},
        {route + "host = \"a.example\"\ntls = \"required\"\npin = \"sha256:12\"\n", "is no pin: write sha256: and"},
        {route + "host = \"a.example\"\npin = \"sha256:" + std::string(64, 'a') + "\"\n", "tls = \"required\""},
        {route + "host = \"a.example\"\ntls = \"required\"\nverify = true\npin = \"sha256:" + std::string(64, 'a') +
             "\"\n",
         "stands beside verify"},
        {route + "hosts = [\"a.example\"]\n", "a table such as { host ="},
        {route + "hosts = [{ name = \"a.example\" }]\n", "has \"name\", which is none of host, port, weight"},
        {route + "hosts = [{ port = 25 }]\n", "has an entry without host"},
        {route + "hosts = [{ host = \"a.example\", port = 0 }]\n", "has a port that is 0"},
        {route + "hosts = [{ host = \"a.example\" }, { host = \"A.example\" }]\n", "names \"a.example\" twice"},
        {route + "hosts = [{ host = \"a.example\", weight = 0 }]\n", "has only weights of 0"},
        {"[[route]]\nname = \"r\"\ndomains = \"*\"\nhosts = [{ host = \"a.example\" }]\n", "has no use with kind"},
    };
    for (const auto& [toml, problem] : cases) {
        const auto configuration = read(toml);
        ASSERT_FALSE(configuration.has_value()) << toml;
        EXPECT_THAT(configuration.error().detail, HasSubstr(problem)) << toml;
    }
}

TEST(EgressConfiguration, ReadsTheProxysPasswordFromItsFile) {
    const std::string folder = testing::TempDir();
    std::ofstream(folder + "/proxy-password") << "opensesame\r\nnot this\n";
    std::ofstream(folder + "/egress.toml") << listener << "[[source]]\nname = \"a\"\nproxy = \"socks5\"\n"
                                           << "proxy_address = \"10.0.0.1:1080\"\nproxy_user = \"u\"\n"
                                           << "proxy_password_file = \"" << folder << "/proxy-password\"\n"
                                           << "[[pool]]\nname = \"p\"\nsources = \"a\"\nstreams = \"bulk\"\n";
    const auto configuration = load_configuration(folder + "/egress.toml", {});
    ASSERT_TRUE(configuration.has_value()) << configuration.error().detail;
    EXPECT_EQ(configuration->sources.at(0).proxy_password.value, "opensesame");
}

}  // namespace
}  // namespace relevo
