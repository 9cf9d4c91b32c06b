#include "app/configuration/configuration.h"

#include "app/configuration/reference.h"
#include "app/configuration/value.h"
#include "lib/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace relevo {
namespace {

using configuration::parse_duration;
using configuration::parse_size;
using configuration::write_value;
using std::chrono::seconds;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

constexpr std::string_view listener = "[[listener]]\naddress = \"127.0.0.1:2587\"\n";

Configuration parsed(std::string_view toml, const Environment& environment = {}) {
    auto result = parse_configuration(std::string(listener) + std::string(toml), "relevo.toml", environment);
    EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().detail);
    return result.value_or(Configuration{});
}

// The problems of `toml`, which starts at line 3.
std::string problems_of(std::string_view toml, const Environment& environment = {}) {
    const auto result = parse_configuration(std::string(listener) + std::string(toml), "relevo.toml", environment);
    EXPECT_FALSE(result.has_value()) << "accepted: " << toml;
    return result ? "" : result.error().detail;
}

std::string contents_of(const std::filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    return text.str();
}

TEST(Configuration, HasDefaultsThatFollowTheStandard) {
    const Configuration configuration = parsed("");
    EXPECT_EQ(configuration.limits.command_timeout, seconds(300));     // RFC 5321 §4.5.3.2.7
    EXPECT_EQ(configuration.delivery.data_end_timeout, seconds(600));  // §4.5.3.2.6
    EXPECT_GE(configuration.limits.recipients, 100U);                  // §4.5.3.1.8
    EXPECT_EQ(configuration.queue.retry_schedule.back(), seconds(4 * 3600));
    EXPECT_EQ(configuration.listeners.at(0).name, "submission-2587");
    EXPECT_EQ(configuration.control_socket(), "/run/relevo/control.sock");
}

TEST(Configuration, ReadsEverySection) {
    const Configuration configuration = parsed(R"(
proxy_networks = "192.0.2.0/24"
role = "submission"
[server]
host_name = "Mail.Example.COM."
language = "es"
[limits]
message_size = "10MiB"
[tls]
minimum_version = "1.3"
[queue]
retry_schedule = ["30s", "1h30min"]
jitter = 0
[[route]]
name = "office"
domains = ["Example.org", ".example.org"]
kind = "smarthost"
host = "relay.example.net"
tls = "required"
user = "relay"
password = "opensesame"
[[route]]
name = "rest"
domains = "*"
kind = "hold"
[dns]
servers = ["127.0.0.1@5353", "::1"]
[log]
level = "debug"
[metrics]
address = "127.0.0.1:9090"
)");
    EXPECT_EQ(configuration.server.host_name, "mail.example.com");
    EXPECT_EQ(configuration.server.language, mail::Language::spanish);
    EXPECT_EQ(configuration.limits.message_size, 10 * mebibyte);
    EXPECT_EQ(configuration.tls.minimum_version, TlsVersion::tls1_3);
    EXPECT_THAT(configuration.queue.retry_schedule, ElementsAre(seconds(30), seconds(5400)));
    EXPECT_EQ(configuration.queue.jitter, 0);
    ASSERT_EQ(configuration.routes.size(), 2U);
    EXPECT_THAT(configuration.routes[0].domains, ElementsAre("example.org", ".example.org"));
    EXPECT_EQ(configuration.routes[0].password.value, "opensesame");
    EXPECT_EQ(configuration.routes[1].kind, RouteMethod::hold);
    EXPECT_EQ(configuration.listeners[0].proxy_networks.size(), 1U);
    EXPECT_EQ(configuration.metrics.address.at(0).text(), "127.0.0.1:9090");
    EXPECT_EQ(configuration.origins.at("server.language"), "relevo.toml:8");
    EXPECT_FALSE(configuration.origins.contains("server.data_dir"));
}

struct Mistake {
    std::string_view toml;
    std::string_view problem;
};
void PrintTo(const Mistake& mistake, std::ostream* out) { *out << mistake.toml; }

class EachMistake : public testing::TestWithParam<Mistake> {};

TEST_P(EachMistake, IsNamedWithItsPlaceAndItsRemedy) {
    const std::string problems = problems_of(GetParam().toml);
    EXPECT_THAT(problems, HasSubstr(std::string(GetParam().problem)));
    EXPECT_THAT(problems, StartsWith("relevo.toml:"));
}

INSTANTIATE_TEST_SUITE_P(
    Configuration, EachMistake,
    testing::Values(
        Mistake{"[limits]\nrecipient = 5",
                "relevo.toml:4:1: unknown setting \"recipient\" in limits: did you mean \"recipients\"?"},
        Mistake{"[limit]\nx = 5", "relevo.toml:3:2: unknown section \"limit\": did you mean \"limits\"?"},
        Mistake{"[server]\nmessage_size = \"1MiB\"",
                "unknown setting \"message_size\" in server: it belongs to [limits]"},
        Mistake{"colour = 1", "relevo.toml:3:1: unknown setting \"colour\" in listener[0]: remove it"},
        Mistake{"[limits]\nrecipients = \"many\"",
                "relevo.toml:4:1: limits.recipients is \"many\": must be a whole number"},
        Mistake{"[limits]\nrecipients = 99", "limits.recipients is 99: must be from 100 to 100000"},
        Mistake{"[limits]\nrecipients = -1", "limits.recipients is -1: must be from 100 to 100000"},
        Mistake{"[limits]\nmessage_size = \"50MB\"", "limits.message_size is \"50MB\": must be a size with its unit"},
        Mistake{"[limits]\nmessage_size = \"1KiB\"", "must be from \"64KiB\" to \"1TiB\""},
        Mistake{"[limits]\ncommand_timeout = 30", "limits.command_timeout is 30: must be a duration with its unit"},
        Mistake{"[limits]\ncommand_timeout = \"30\"", "must be a duration with its unit"},
        Mistake{"[limits]\ncommand_timeout = \"2d\"", "must be from \"1s\" to \"1h\""},
        Mistake{"[limits]\ncommand_timeout = \"99999999999999999999s\"", "must be a duration with its unit"},
        Mistake{"[queue]\njitter = 0.9", "queue.jitter is 0.9: must be from 0 to 0.5"},
        Mistake{"[queue]\njitter = nan", "queue.jitter is nan: must be from 0 to 0.5"},
        Mistake{"[queue]\nretry_schedule = []", "queue.retry_schedule is empty"},
        Mistake{"[queue]\ndelay_warning_after = \"5d\"", "queue.delay_warning_after is not before expire_after"},
        Mistake{"tls = \"strtls\"",
                "listener[0].tls is \"strtls\": must be one of none, starttls, implicit; did you mean \"starttls\"?"},
        Mistake{"tls = true", "listener[0].tls is true: must be one of none"},
        Mistake{"networks = \"10.1.2.3/8\"", "listener[0].networks is \"10.1.2.3/8\": must be a network"},
        Mistake{"tls = \"none\"", "listener[0].auth is \"required\" but nobody can log in without TLS"},
        Mistake{"auth = \"none\"", "is \"none\" for a submission listener open to everybody"},
        Mistake{"[[listener]]\nrole = \"relay\"", "relevo.toml:3:1: listener[1].address is missing"},
        Mistake{"[[listener]]\naddress = \"127.0.0.1:2587\"",
                "relevo.toml:4:1: listener[1].address \"127.0.0.1:2587\" is taken by listener[0].address"},
        Mistake{"[[listener]]\naddress = \"0.0.0.0:2587\"",
                "\"0.0.0.0:2587\" is taken by listener[0].address (\"127.0.0.1:2587\")"},
        Mistake{"[[listener]]\naddress = \"localhost:25\"", "must be an IP address and a port"},
        Mistake{"[[listener]]\naddress = \"::1:25\"", "must be an IP address and a port"},
        Mistake{"[[listener]]\naddress = \"127.0.0.1:99999\"", "must be an IP address and a port"},
        Mistake{"[metrics]\naddress = \"127.0.0.1:2587\"",
                "metrics.address \"127.0.0.1:2587\" is taken by listener[0].address"},
        Mistake{"[tls]\ncertificate = \"a.pem\"", "tls.key is missing although there is a certificate"},
        Mistake{"[tls]\n[[tls.certificates]]\nkey = \"a.pem\"", "tls.certificates[0].certificate is missing"},
        Mistake{"[tls]\ncertificates = 5", "begin each section with [[tls.certificates]]"},
        Mistake{"[server]\nhost_name = \"not a name\"", "server.host_name \"not a name\" is not a domain name"},
        Mistake{"[server]\ndata_dir = \"a\\u0000b\"", "must be a text without control characters"},
        Mistake{"[route]\nname = \"x\"", "\"route\" is a section: begin each section with [[route]]"},
        Mistake{"[[route]]\ndomains = \"*\"", "route[0].name is missing"},
        Mistake{"[[route]]\nname = \"x\"", "route[0].domains is missing"},
        Mistake{"[[route]]\nname = \"x\"\ndomains = \"*\"\nkind = \"smarthost\"", "route[0].host is missing"},
        Mistake{"[[route]]\nname = \"x\"\ndomains = \"*\"\nhost = \"a.example\"",
                "route[0].host has no use with kind = \"mx\""},
        Mistake{"[[route]]\nname = \"x\"\ndomains = \"*\"\nkind = \"smarthost\"\nhost = \"a.example\"\nuser = "
                "\"u\"\npassword = \"p\"",
                "route[0].tls is \"opportunistic\", which could send the password in clear"},
        Mistake{"[[route]]\nname = \"x\"\ndomains = \"*\"\nverify = true", "route[0].verify needs TLS"},
        Mistake{"[[route]]\nname = \"default\"\ndomains = \"*\"", "the name of the built-in route"},
        Mistake{"[dns]\nservers = \"ns.example\"", "dns.servers \"ns.example\" is no resolver"},
        Mistake{"[delivery]\nconnections_per_site = 600", "is more than connections_total"},
        Mistake{"[tracking]\nurl = \"https://a.example/x\"",
                "tracking.url \"https://a.example/x\" is not scheme and host"},
        Mistake{"[tracking]\nurl = \"ftp://a.example\"", "is not scheme and host alone"},
        Mistake{"[tracking]\nopens = true", "tracking.url is missing: say where links go"},
        Mistake{"[tracking]\nurl = \"https://a.example\"\nstreams = \"some\"",
                "must be one of all, bulk, transactional"},
        Mistake{"[verification]\nseal = true", "verification.seal needs signing.service_domain"},
        Mistake{"[server]\nuser = \"a\"\nuser = \"b\"", "relevo.toml:5:8: not TOML"}, Mistake{"[server", "not TOML"},
        Mistake{"[=]", "relevo.toml:3:2: not TOML: a section has no name"},
        Mistake{"[[ \x06]]", "a section has no name"},
        Mistake{"[limits] # ñ\ncontraseña = 'ñ'", "relevo.toml:4:9: not TOML"}));

TEST(Configuration, ListsAllProblemsInTheOrderOfTheFile) {
    const std::string problems = problems_of("colour = 1\n[limits]\nrecipients = 0\n[server]\nshards = 1000\n");
    const auto lines = split(problems, '\n');
    ASSERT_EQ(lines.size(), 3U) << problems;
    EXPECT_THAT(std::string(lines[0]), StartsWith("relevo.toml:3:1: "));
    EXPECT_THAT(std::string(lines[1]), StartsWith("relevo.toml:5:1: "));
    EXPECT_THAT(std::string(lines[2]), StartsWith("relevo.toml:7:1: "));
}

TEST(Configuration, AsksForAListener) {
    const auto result = parse_configuration("", "relevo.toml");
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().detail, "relevo.toml:1:1: no [[listener]] section: add one, or no mail can come in");
}

TEST(Configuration, RefusesAFileOverTheSizeLimit) {  // security F22
    EXPECT_THAT(problems_of(std::string(1024 * 1024, '#')), HasSubstr("larger than 1 MiB"));
}

TEST(Configuration, NeverPrintsASecret) {  // security E12
    EXPECT_THAT(problems_of("[[route]]\nname = \"x\"\ndomains = \"*\"\npassword = 8675309"), Not(HasSubstr("8675309")));
    const Configuration configuration = parsed(
        "[[route]]\nname = \"x\"\ndomains = \"*\"\nkind = \"smarthost\"\nhost = \"a.example\"\ntls = \"required\"\n"
        "user = \"u\"\npassword = \"opensesame\"");
    EXPECT_THAT(write_configuration(configuration), Not(HasSubstr("opensesame")));
    EXPECT_THAT(write_sample(configuration, mail::Language::english), Not(HasSubstr("opensesame")));
    for (const SettingInForce& setting : settings_in_force(configuration))
        EXPECT_THAT(setting.value, Not(HasSubstr("opensesame"))) << setting.path;
}

// --- environment

TEST(Configuration, TakesOverridesFromTheEnvironment) {
    const Configuration configuration = parsed("[server]\nhost_name = \"file.example\"",
                                               {
                                                   {"RELEVO_SERVER__HOST_NAME", "environment.example"},
                                                   {"RELEVO_DELIVERY__IPV6", "false"},
                                                   {"RELEVO_LIMITS__RECIPIENTS", "200"},
                                                   {"RELEVO_QUEUE__RETRY_SCHEDULE", "1min, 2min"},
                                                   {"RELEVO_DNS__SERVERS", "[\"127.0.0.1\"]"},
                                                   {"RELEVO_TESTDATA", "no setting: it has no double underscore"},
                                               });
    EXPECT_EQ(configuration.server.host_name, "environment.example");
    EXPECT_FALSE(configuration.delivery.ipv6);
    EXPECT_EQ(configuration.limits.recipients, 200U);
    EXPECT_THAT(configuration.queue.retry_schedule, ElementsAre(seconds(60), seconds(120)));
    EXPECT_THAT(configuration.dns.servers, ElementsAre("127.0.0.1"));
    EXPECT_EQ(configuration.origins.at("server.host_name"), "environment RELEVO_SERVER__HOST_NAME");
}

TEST(Configuration, NamesAWrongVariable) {
    EXPECT_EQ(problems_of("", {{"RELEVO_SERVER__HOSTNAME", "x"}}),
              "environment: RELEVO_SERVER__HOSTNAME is unknown: did you mean RELEVO_SERVER__HOST_NAME?");
    EXPECT_EQ(problems_of("", {{"RELEVO_SERVER__SHARDS", "many"}}),
              "environment: RELEVO_SERVER__SHARDS is \"many\": must be a whole number, without quotes");
}

// --- files

class ConfigurationFiles : public testing::Test {
 protected:
    ConfigurationFiles() {
        std::string name = (std::filesystem::temp_directory_path() / "relevo-configuration-XXXXXX").string();
        folder_ = mkdtemp(name.data());
    }
    ~ConfigurationFiles() override { std::filesystem::remove_all(folder_); }
    std::string write(std::string_view name, std::string_view text) {
        std::ofstream(folder_ / name) << text;
        return folder_ / name;
    }
    std::filesystem::path folder_;
};

TEST_F(ConfigurationFiles, GiveSecretsAndHostName) {
    write("password", "opensesame\r\nsecond line\n");
    const std::string path = write(
        "relevo.toml",
        std::string(listener) +
            "[[route]]\nname = \"x\"\ndomains = \"*\"\nkind = \"smarthost\"\nhost = \"a.example\"\ntls = \"required\"\n"
            "user = \"u\"\npassword_file = \"$CREDENTIALS_DIRECTORY/password\"\n[dns]\ntrust_anchor_file = \"\"\n");
    const auto configuration = load_configuration(path, {{"CREDENTIALS_DIRECTORY", folder_.string()}});
    ASSERT_TRUE(configuration.has_value()) << configuration.error().detail;
    EXPECT_EQ(configuration->routes[0].password.value, "opensesame");
    EXPECT_FALSE(configuration->server.host_name.empty());
}

TEST_F(ConfigurationFiles, ThatCannotBeReadAreAllNamed) {
    const std::string path =
        write("relevo.toml", std::string(listener) +
                                 "[tls]\ncertificate = \"/nonexistent/cert.pem\"\nkey = \"/nonexistent/key.pem\"\n"
                                 "[dns]\ntrust_anchor_file = \"\"\n");
    const auto configuration = load_configuration(path, {});
    ASSERT_FALSE(configuration.has_value());
    EXPECT_THAT(configuration.error().detail,
                HasSubstr(path + ":4:1: tls.certificate \"/nonexistent/cert.pem\" cannot be read"));
    EXPECT_THAT(configuration.error().detail,
                HasSubstr(path + ":5:1: tls.key \"/nonexistent/key.pem\" cannot be read"));
}

TEST_F(ConfigurationFiles, GiveLimitsForDestinations) {
    const std::string own = write("shaping.toml", "[provider.google]\nconnections = 3\n");
    const std::string path = write("relevo.toml", std::string(listener) + "[delivery]\nshaping = \"" + own +
                                                      "\"\n[dns]\ntrust_anchor_file = \"\"\n");
    const auto configuration = load_configuration(path, {});
    ASSERT_TRUE(configuration.has_value()) << configuration.error().detail;
    EXPECT_EQ(configuration->shaping->limits({.provider = "google"}).connections, 3U);
    write("shaping.toml", "[provider.google]\nconections = 3\n[defualt]\n");
    const auto wrong = load_configuration(path, {});
    ASSERT_FALSE(wrong.has_value());
    EXPECT_THAT(wrong.error().detail, HasSubstr(own + ":2:1: unknown value \"conections\""));
    EXPECT_THAT(wrong.error().detail, HasSubstr(own + ":3:2: unknown section \"defualt\""));
    std::filesystem::remove(own);
    const auto missing = load_configuration(path, {});
    ASSERT_FALSE(missing.has_value());
    EXPECT_THAT(missing.error().detail, HasSubstr("delivery.shaping \"" + own + "\" cannot be read"));
    // A device that never ends is read up to the limit.
    const auto endless =
        load_configuration(write("relevo.toml", std::string(listener) + "[delivery]\nshaping = \"/dev/zero\"\n"), {});
    ASSERT_FALSE(endless.has_value());
    EXPECT_THAT(endless.error().detail, HasSubstr("larger than 1 MiB"));
}

TEST_F(ConfigurationFiles, MustExist) {
    const auto configuration = load_configuration(folder_ / "none.toml", {});
    ASSERT_FALSE(configuration.has_value());
    EXPECT_EQ(configuration.error().kind, ErrorKind::not_found);
    EXPECT_THAT(configuration.error().detail, HasSubstr("run `relevo setup`"));
}

// --- reference

TEST(ConfigurationReference, IsThePageInTheManual) {
    for (const auto& [name, language] : {std::pair("configuration.md", mail::Language::english),
                                         std::pair("configuration.es.md", mail::Language::spanish)}) {
        const auto path = std::filesystem::path(RELEVO_SOURCE_DIR) / "docs" / name;
        const std::string page = configuration_reference(language);
        if (std::getenv("RELEVO_UPDATE_DOCS") != nullptr) std::ofstream(path, std::ios::binary) << page;
        EXPECT_EQ(contents_of(path), page) << "run with RELEVO_UPDATE_DOCS=1 to write the page anew";
    }
}

TEST(ConfigurationReference, SampleIsShortAndValid) {
    const std::string sample = write_sample(sample_configuration(), mail::Language::english);
    const auto configuration = parse_configuration(sample, "sample");
    ASSERT_TRUE(configuration.has_value()) << configuration.error().detail;
    EXPECT_LE(configuration->origins.size(), 15U);
    EXPECT_EQ(configuration->listeners.size(), 3U);
    EXPECT_EQ(configuration->listeners[1].tls, ListenerTls::implicit);
}

TEST(ConfigurationReference, WhatIsShownParsesToTheSameValues) {
    const Configuration configuration = parsed(
        "[server]\nhost_name = \"a.example\"\ndata_dir = \"/a \\\"quoted\\\" \\\\ folder\"\n[[tls.certificates]]\n"
        "certificate = \"a\"\nkey = \"b\"\n[[route]]\nname = \"x\"\ndomains = [\"a.example\", \"*\"]\n");
    const auto again = parse_configuration(write_configuration(configuration), "shown");
    ASSERT_TRUE(again.has_value()) << again.error().detail;
    const auto first = settings_in_force(configuration);
    const auto second = settings_in_force(*again);
    ASSERT_EQ(first.size(), second.size());
    for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i].value, second[i].value) << first[i].path;
}

TEST(ConfigurationReference, TellsWhatAReloadCannotChange) {
    const Configuration before = parsed("[server]\nshards = 1\n[log]\nlevel = \"info\"\n");
    const Configuration after = parsed("[server]\nshards = 2\n[log]\nlevel = \"debug\"\n");
    EXPECT_THAT(changes_that_need_restart(before, after), ElementsAre("server.shards"));
    EXPECT_THAT(changes_that_need_restart(before, before), ElementsAre());
}

// --- values

TEST(ConfigurationValues, WriteAndReadDurations) {
    EXPECT_EQ(parse_duration("1h30min").value(), seconds(5400));
    EXPECT_EQ(parse_duration("2w").value(), seconds(14 * 86400));
    EXPECT_EQ(write_value(seconds(5400)), "\"90min\"");
    EXPECT_EQ(write_value(seconds(0)), "\"0s\"");
    for (const std::string_view wrong : {"", "5", "min", "5m", "5 min", "-5s", "5.5h", "1h-1s", "99999999999999999d"})
        EXPECT_FALSE(parse_duration(wrong).has_value()) << wrong;
}

TEST(ConfigurationValues, WriteAndReadSizes) {
    EXPECT_EQ(parse_size("50MiB").value(), 50 * mebibyte);
    EXPECT_EQ(write_value(Octets{1536}), "\"1536B\"");
    EXPECT_EQ(write_value(Octets{65536}), "\"64KiB\"");
    for (const std::string_view wrong : {"", "5", "5MB", "5 MiB", "1MiB2KiB", "-1B", "99999999TiB"})
        EXPECT_FALSE(parse_size(wrong).has_value()) << wrong;
}

TEST(Configuration, KeepsTheDiskReserveThatWasAskedFor) {
    const auto usual = parsed("");
    EXPECT_EQ(usual.disk_reserve_on(100 * 1024 * mebibyte), 256 * mebibyte);
    EXPECT_EQ(usual.disk_reserve_on(2000 * mebibyte), 100 * mebibyte);
    EXPECT_EQ(usual.disk_reserve_on(128 * mebibyte), 32 * mebibyte);
    const auto asked = parsed("[queue]\ndisk_reserve = \"300MiB\"\n");
    EXPECT_EQ(asked.disk_reserve_on(128 * mebibyte), 300 * mebibyte) << "not less because the disk is small";
}

}  // namespace
}  // namespace relevo
