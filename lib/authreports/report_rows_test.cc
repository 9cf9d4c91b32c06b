#include "lib/authreports/report_rows.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::authreports {
namespace {

using mailauth::DkimResult;
using mailauth::DmarcPolicy;
using mailauth::DmarcResult;

mailauth::DkimVerdict signature(DkimResult result, std::string domain, std::string selector = "s") {
    mailauth::DkimVerdict verdict;
    verdict.result = result;
    verdict.domain = std::move(domain);
    verdict.selector = std::move(selector);
    return verdict;
}

mailauth::DmarcVerdict judged(DmarcResult result) {
    mailauth::DmarcVerdict verdict;
    verdict.result = result;
    verdict.author_domain = "mail.example.com";
    verdict.organizational_domain = "example.com";
    verdict.published = DmarcPolicy::reject;
    return verdict;
}

mailauth::SpfVerdict spf() {
    mailauth::SpfVerdict verdict;
    verdict.result = mailauth::SpfResult::pass;
    verdict.domain = "bounce.example.net";
    return verdict;
}

const dns::IpAddress source = dns::IpAddress::parse("192.0.2.1").value();

TEST(ReportRows, OrdersSignaturesAsConsumersWantThem) {  // RFC 9990 §3.1.3
    const auto row = row_of(source, judged(DmarcResult::pass), spf(),
                            {signature(DkimResult::fail, "mail.example.com"),
                             signature(DkimResult::pass, "esp.example"), signature(DkimResult::pass, "example.com"),
                             signature(DkimResult::permerror, ""), signature(DkimResult::pass, "mail.example.com")},
                            "our.example", DmarcPolicy::none);
    std::vector<std::string> domains;
    for (const auto& one : row.dkim) domains.push_back(one.domain);
    EXPECT_THAT(domains, testing::ElementsAre("mail.example.com", "example.com", "esp.example", "mail.example.com"));
    EXPECT_EQ(row.disposition, Disposition::pass);
    EXPECT_EQ(row.envelope_from, "bounce.example.net");
}

TEST(ReportRows, KeepsTwentySignaturesAtMost) {
    std::vector<mailauth::DkimVerdict> many(500, signature(DkimResult::fail, "x.example"));
    many.push_back(signature(DkimResult::pass, "mail.example.com"));
    const auto row = row_of(source, judged(DmarcResult::pass), spf(), many, "", DmarcPolicy::none);
    EXPECT_EQ(row.dkim.size(), 20U);
    EXPECT_EQ(row.dkim[0].result, DkimResult::pass);
}

TEST(ReportRows, GiveAReasonForAPolicyNotApplied) {  // RFC 9990 §3.1.1.9: MUST
    const auto spared = row_of(source, judged(DmarcResult::fail), spf(), {}, "", DmarcPolicy::none);
    ASSERT_EQ(spared.reasons.size(), 1U);
    EXPECT_EQ(spared.reasons[0].type, "local_policy");
    EXPECT_EQ(spared.disposition, Disposition::none);
    auto tested = judged(DmarcResult::fail);
    tested.override_reason = mailauth::DmarcOverride::policy_test_mode;
    EXPECT_EQ(row_of(source, tested, spf(), {}, "", DmarcPolicy::quarantine).reasons.at(0).type, "policy_test_mode");
    EXPECT_TRUE(row_of(source, judged(DmarcResult::fail), spf(), {}, "", DmarcPolicy::reject).reasons.empty());
}

TEST(ReportRows, KeysHoldTheWholeRow) {
    auto row =
        row_of(source, judged(DmarcResult::fail), spf(),
               {signature(DkimResult::pass, "a.example", "x\x1F\x01\n"), signature(DkimResult::fail, "b.example")},
               "our.example", DmarcPolicy::none);
    const std::string key = key_of(row);
    auto again = row_from_key(key).value();
    EXPECT_EQ(key_of(again), key);
    EXPECT_EQ(again.count, 0U);
    again.count = row.count;
    EXPECT_EQ(again, row);
    row.spf_aligned = true;
    EXPECT_NE(key_of(row), key);
}

TEST(ReportRows, RefusesWhatIsNoKey) {
    const std::string key = key_of(row_of(source, judged(DmarcResult::fail), spf(), {}, "", DmarcPolicy::none));
    for (const std::string& text : {std::string(), std::string("1"), std::string("2\x1F") + key.substr(2), key + "x",
                                    key.substr(0, key.size() - 1), "1\x1Fhost\x1F" + key.substr(12)})
        EXPECT_FALSE(row_from_key(text).has_value()) << text;
}

TEST(ReportRows, AreCountedTogether) {
    ReportCollector collector;
    const auto row = row_of(source, judged(DmarcResult::pass), spf(), {}, "", DmarcPolicy::none);
    auto other = row;
    other.source = dns::IpAddress::parse("192.0.2.2").value();
    collector.add(row);
    collector.add(other, 5);
    collector.add(row);
    ASSERT_EQ(collector.rows().size(), 2U);
    EXPECT_EQ(collector.rows()[0].count, 2U);
    EXPECT_EQ(collector.messages(), 7U);
    const auto report =
        to_report({.organization = "us", .report_id = "1"}, {.domain = "example.com"}, collector.rows());
    EXPECT_EQ(report.rows.size(), 2U);
    EXPECT_TRUE(parse_aggregate_report(write_aggregate_report(report, ReportForm::rfc9990)).has_value());
}

TEST(ReportRows, DoNotGrowWithoutEnd) {
    ReportCollector collector(10);
    for (int i = 0; i < 100; ++i)
        collector.add(row_of(source, judged(DmarcResult::fail), spf(),
                             {signature(DkimResult::fail, "x.example", "s" + std::to_string(i))}, "",
                             DmarcPolicy::none));
    EXPECT_EQ(collector.size(), 11U);  // ten with signatures, one without
    EXPECT_EQ(collector.messages(), 100U);
    for (int i = 0; i < 100; ++i) {
        auto address = dns::IpAddress::v4({198, 51, 100, static_cast<std::uint8_t>(i)});
        collector.add(row_of(address, judged(DmarcResult::fail), spf(), {}, "", DmarcPolicy::none));
    }
    EXPECT_EQ(collector.size(), 20U);
    EXPECT_EQ(collector.messages() + collector.dropped(), 200U);
}

}  // namespace
}  // namespace relevo::authreports
