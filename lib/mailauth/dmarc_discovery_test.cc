#include "lib/mailauth/dmarc_discovery.h"

#include "lib/mailauth/dmarc_test_zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::mailauth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(DmarcDiscovery, AsksEightNamesOfALongOne) {  // RFC 9989 §4.10, its own example
    TestZone zone;
    (void)zone.run(discover_dmarc("a.b.c.d.e.f.g.h.i.j.mail.example.com"));
    EXPECT_THAT(zone.asked,
                ElementsAre("_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com", "_dmarc.g.h.i.j.mail.example.com",
                            "_dmarc.h.i.j.mail.example.com", "_dmarc.i.j.mail.example.com", "_dmarc.j.mail.example.com",
                            "_dmarc.mail.example.com", "_dmarc.example.com", "_dmarc.com"));
}

TEST(DmarcDiscovery, AsksEachNameOfAShortOne) {  // RFC 9989 §4.10 step 4: x < 8, and the edge of it
    TestZone seven;
    (void)seven.run(discover_dmarc("1.2.3.4.5.6.com"));
    EXPECT_EQ(seven.asked.size(), 7U);
    TestZone eight;
    (void)eight.run(discover_dmarc("1.2.3.4.5.6.7.com"));
    EXPECT_EQ(eight.asked.size(), 8U);
    EXPECT_EQ(eight.asked[1], "_dmarc.2.3.4.5.6.7.com");
    TestZone one;
    EXPECT_EQ(one.run(discover_dmarc("localhost")).organizational_domain, "localhost");
    EXPECT_THAT(one.asked, ElementsAre("_dmarc.localhost"));
}

struct OrganizationCase {
    const char* name;
    std::map<std::string, std::vector<std::string>> texts;
    const char* domain;
    const char* organization;
    const char* policy_domain;
};

TEST(DmarcDiscovery, FindsTheOrganizationAndItsPolicy) {  // RFC 9989 §4.10.1, §4.10.2
    const std::string p = "v=DMARC1; p=reject";
    const OrganizationCase cases[] = {
        {"the shortest name with a record",
         {{"_dmarc.mail.example.com", {p}}, {"_dmarc.example.com", {p}}},
         "a.mail.example.com",
         "example.com",
         "example.com"},
        {"psd=n ends the walk",
         {{"_dmarc.mail.example.com", {p + "; psd=n"}}, {"_dmarc.example.com", {p}}},
         "a.mail.example.com",
         "mail.example.com",
         "mail.example.com"},
        {"psd=y: one label below", {{"_dmarc.com", {p + "; psd=y"}}}, "a.mail.example.com", "example.com", "com"},
        {"psd=y in the middle",
         {{"_dmarc.example.com", {p + "; psd=y"}}},
         "a.mail.example.com",
         "mail.example.com",
         "example.com"},
        {"psd=y at the start is no one label below", {{"_dmarc.bank", {p + "; psd=y"}}}, "bank", "bank", "bank"},
        {"own record before the organisation's",
         {{"_dmarc.a.example.com", {p}}, {"_dmarc.example.com", {p}}},
         "a.example.com",
         "example.com",
         "a.example.com"},
        {"a record between is nobody's policy",
         {{"_dmarc.mail.example.com", {p}}, {"_dmarc.example.com", {p}}},
         "x.mail.example.com",
         "example.com",
         "example.com"},
        {"no record: the domain itself", {}, "a.example.com", "a.example.com", ""},
        {"a public suffix's record does not stand in for an organisation's",
         {{"_dmarc.example.com", {p}}, {"_dmarc.com", {p + "; psd=y"}}},
         "a.example.com",
         "example.com",
         "example.com"},
        {"several records at one name are none",
         {{"_dmarc.example.com", {p, "v=DMARC1; p=none"}}},
         "a.example.com",
         "a.example.com",
         ""},
        {"other texts beside one record",
         {{"_dmarc.example.com", {"v=spf1 -all", p, "hello"}}},
         "example.com",
         "example.com",
         "example.com"},
    };
    for (const OrganizationCase& one : cases) {
        TestZone zone{.texts = one.texts};
        const auto discovery = zone.run(discover_dmarc(one.domain));
        EXPECT_EQ(discovery.organizational_domain, one.organization) << one.name;
        EXPECT_EQ(discovery.policy_domain, one.policy_domain) << one.name;
        EXPECT_EQ(discovery.record.has_value(), *one.policy_domain != '\0') << one.name;
        EXPECT_THAT(discovery.fault, IsEmpty()) << one.name;
        EXPECT_EQ(discovery.steps.size(), zone.asked.size()) << one.name;
    }
}

TEST(DmarcDiscovery, KnowsNothingWhenTheDnsFailsOnTheWay) {
    for (const char* name : {"_dmarc.a.example.com", "_dmarc.example.com"}) {
        TestZone zone{.texts = {{"_dmarc.com", {"v=DMARC1; p=reject; psd=y"}}}, .faulty = {name}};
        const auto discovery = zone.run(discover_dmarc("a.example.com"));
        EXPECT_FALSE(discovery.record.has_value()) << name;
        EXPECT_THAT(discovery.fault, HasSubstr("no name server answered")) << name;
    }
    TestZone zone{.texts = {{"_dmarc.example.com", {"v=DMARC1; p=reject"}}}, .bogus = {"_dmarc.example.com"}};
    EXPECT_THAT(zone.run(discover_dmarc("example.com")).fault, HasSubstr("DNSSEC"));
}

TEST(DmarcDiscovery, ReportsRecordsThatAlmostCount) {  // RFC 9990 §3.1.5
    TestZone zone{.texts = {{"_dmarc.example.com", {"v=dmarc1; p=reject"}}}};
    const auto discovery = zone.run(discover_dmarc("example.com"));
    EXPECT_FALSE(discovery.record.has_value());
    EXPECT_THAT(discovery.errors, ElementsAre(HasSubstr("capitals")));
}

TEST(DmarcDiscovery, SkipsNamesThatAreTooLongToAsk) {
    const std::string label(63, 'a');
    const std::string domain = label + "." + label + "." + label + "." + std::string(50, 'b') + ".example";
    ASSERT_LE(domain.size(), 253U);
    TestZone zone{.texts = {{"_dmarc.example", {"v=DMARC1; p=none"}}}};
    EXPECT_EQ(zone.run(discover_dmarc(domain)).organizational_domain, "example");
    for (const std::string& name : zone.asked) EXPECT_LE(name.size(), 253U);
}

}  // namespace
}  // namespace relevo::mailauth
