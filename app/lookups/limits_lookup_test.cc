#include "app/lookups/limits_lookup.h"

#include <boost/json/serialize.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace relevo::lookups {
namespace {

using testing::AllOf;
using testing::HasSubstr;

class LimitsLookup : public testing::Test {
 protected:
    ~LimitsLookup() override { std::filesystem::remove(file); }
    void write(std::string_view toml) { std::ofstream(file) << toml; }
    std::string file = testing::TempDir() + "limits_lookup_test.toml";
    std::unique_ptr<DnsSource> dns =
        dns_from_text("example.com. MX 20 backup.example.net.\nexample.com. MX 10 aspmx.l.google.com.\n").value();
    cli::LookupOptions options = [] {
        cli::LookupOptions about;
        about.subject = "Example.COM";
        return about;
    }();
};

TEST_F(LimitsLookup, FindsTheProviderByTheFirstMailServer) {
    const Report report = report_on_limits(options, *dns).value();
    EXPECT_EQ(report.json.at("provider"), "google");
    EXPECT_FALSE(report.has_problem);
    EXPECT_THAT(report.text, AllOf(HasSubstr("example.com: aspmx.l.google.com (provider google)"),
                                   HasSubstr("message_rate = 100/s: shipped data, line "),
                                   HasSubstr("instead of 1.5: built-in default")));
}

TEST_F(LimitsLookup, ShowsTheLineOfTheOperatorsFile) {
    write("\n[[rule]]\nsource = \"mx2\"\nconnections = 2\n[[rule]]\ntenant = \"acme\"\nmessage_rate = \"5/h\"\n");
    options.limits_file = file;
    options.source = "mx2";
    EXPECT_THAT(report_on_limits(options, *dns).value().text,
                HasSubstr("connections = 2: " + file + ", line 2 (source mx2)"));
    options.tenant = "acme";
    const Report of_tenant = report_on_limits(options, *dns).value();
    EXPECT_EQ(of_tenant.json.at("values").as_array().size(), 1U);
    options.tenant = "other";
    EXPECT_THAT(report_on_limits(options, *dns).value().text, HasSubstr("Nothing limits tenant other"));
}

TEST_F(LimitsLookup, TakesMailServersFromTheCommandInstead) {
    options.mail_hosts = {"mx00.ionos.es"};
    EXPECT_EQ(report_on_limits(options, *dns).value().json.at("provider"), "ionos");
}

TEST_F(LimitsLookup, NamesTheMistakesOfTheFile) {
    write("[default]\nconections = 1\n");
    options.limits_file = file;
    const auto report = report_on_limits(options, *dns);
    ASSERT_FALSE(report.has_value());
    EXPECT_THAT(report.error().detail, HasSubstr(":2:1: unknown value \"conections\""));
}

TEST_F(LimitsLookup, ADomainWithoutMxIsItsOwnServer) {  // RFC 5321 §5.1
    options.subject = "small.example";
    const Report report = report_on_limits(options, *dns_from_text("small.example. A 192.0.2.1\n").value()).value();
    EXPECT_THAT(report.text, HasSubstr("small.example: small.example (no provider that Relevo knows)"));
    EXPECT_EQ(report.json.at("provider"), nullptr);
}

}  // namespace
}  // namespace relevo::lookups
