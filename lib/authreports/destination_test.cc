#include "lib/authreports/destination.h"

#include "lib/mailauth/dmarc_test_zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::authreports {
namespace {

mailauth::ReportUri uri(const std::string& text) {
    std::vector<mailauth::RecordProblem> problems;
    return mailauth::parse_report_uris(text, "rua", mailauth::SizeLimits::allowed, problems).at(0);
}

mailauth::TestZone zone_with(const std::string& confirmation) {
    mailauth::TestZone zone{.texts = {{"_dmarc.example.com", {"v=DMARC1; p=none; rua=mailto:r@collector.example.net"}},
                                      {"_dmarc.example.net", {"v=DMARC1; p=none"}}}};
    if (!confirmation.empty()) zone.texts["example.com._report._dmarc.collector.example.net"] = {confirmation};
    return zone;
}

DestinationVerdict ask(mailauth::TestZone zone, const std::string& text = "mailto:r@collector.example.net") {
    return zone.run(check_destination("example.com", uri(text)));
}

TEST(Destination, NeedsNoConfirmationWithinTheOrganization) {  // RFC 9990 §4
    EXPECT_EQ(ask(zone_with(""), "mailto:r@example.com").answer, DestinationAnswer::allowed);
    EXPECT_EQ(ask(zone_with(""), "mailto:r@reports.example.com").answer, DestinationAnswer::allowed);
}

TEST(Destination, IsNotSentToWithoutConfirmation) {  // security row C9
    EXPECT_EQ(ask(zone_with("")).answer, DestinationAnswer::refused);
    for (const char* text : {"v=spf1 -all", "DMARC1", "v=DMARC2", "x; v=DMARC1"})
        EXPECT_EQ(ask(zone_with(text)).answer, DestinationAnswer::refused) << text;
    EXPECT_TRUE(ask(zone_with("")).uris.empty());
    EXPECT_EQ(ask(zone_with("v=DMARC1"), "https://collector.example.net/x").answer, DestinationAnswer::refused);
}

TEST(Destination, IsConfirmedByARecord) {  // RFC 9990 §4 steps 6 to 8
    for (const char* text : {"v=DMARC1", "v=DMARC1;", "v=DMARC1; unknown=1"}) {
        const auto verdict = ask(zone_with(text));
        EXPECT_EQ(verdict.answer, DestinationAnswer::allowed) << text;
        ASSERT_EQ(verdict.uris.size(), 1U);
        EXPECT_EQ(verdict.uris[0].address, "r@collector.example.net");
    }
}

TEST(Destination, MayChooseAnotherAddressOnItsHostOnly) {  // RFC 9990 §4 step 9
    const auto moved = ask(zone_with("v=DMARC1; rua=mailto:other@collector.example.net"));
    EXPECT_EQ(moved.answer, DestinationAnswer::allowed);
    EXPECT_EQ(moved.uris.at(0).address, "other@collector.example.net");
    for (const char* text : {"v=DMARC1; rua=mailto:victim@victim.example", "v=DMARC1; rua=mailto:x@example.net"}) {
        const auto passed_on = ask(zone_with(text));
        EXPECT_EQ(passed_on.answer, DestinationAnswer::refused) << text;
        EXPECT_TRUE(passed_on.uris.empty());
    }
}

TEST(Destination, WaitsWhenTheDnsFails) {
    for (const char* name :
         {"_dmarc.example.com", "_dmarc.collector.example.net", "example.com._report._dmarc.collector.example.net"}) {
        mailauth::TestZone zone = zone_with("v=DMARC1");
        zone.faulty = {name};
        EXPECT_EQ(ask(zone).answer, DestinationAnswer::temporary) << name;
    }
    mailauth::TestZone forged = zone_with("v=DMARC1");
    forged.bogus = {"example.com._report._dmarc.collector.example.net"};
    EXPECT_EQ(ask(forged).answer, DestinationAnswer::temporary);
}

TEST(Destination, IsRefusedIfItsNameIsTooLong) {  // RFC 9990 §4 step 4
    const std::string label(60, 'a');
    const std::string domain = label + "." + label + "." + label + ".example";
    mailauth::TestZone zone;
    const auto verdict = zone.run(check_destination(domain, uri("mailto:r@" + label + ".net")));
    EXPECT_EQ(verdict.answer, DestinationAnswer::refused);
    EXPECT_THAT(verdict.reason, testing::HasSubstr("too long"));
}

}  // namespace
}  // namespace relevo::authreports
