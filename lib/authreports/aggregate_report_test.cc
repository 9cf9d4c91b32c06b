#include "lib/authreports/aggregate_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::authreports {
namespace {

using testing::HasSubstr;
using testing::Not;

AggregateReport sample() {
    AggregateReport report;
    report.organization = "Relay & <Sons>";
    report.email = "reports@relay.example";
    report.report_id = "1.relay.example";
    report.begin = std::chrono::sys_seconds(std::chrono::seconds(1'800'000'000));
    report.end = std::chrono::sys_seconds(std::chrono::seconds(1'800'086'399));
    report.generator = "Relevo";
    report.policy = published_policy(
        "example.com",
        mailauth::parse_dmarc_record("v=DMARC1; p=reject; np=none; adkim=s; t=y; ruf=mailto:a@example.com; fo=1")
            .value());
    ReportRow row;
    row.source = dns::IpAddress::parse("2001:db8::1").value();
    row.count = 3;
    row.disposition = Disposition::pass;
    row.dkim_aligned = true;
    row.reasons = {{"policy_test_mode", "]]> & more"}};
    row.header_from = "example.com";
    row.dkim = {{"example.com", "s1", mailauth::DkimResult::pass, ""}};
    row.spf = {{"example.com", mailauth::SpfIdentity::mail_from, mailauth::SpfResult::softfail, "not \x01 listed"}};
    report.rows = {row};
    return report;
}

TEST(AggregateReport, IsWrittenInTheFormOfRfc9990) {  // RFC 9990 §3.1
    const std::string xml = write_aggregate_report(sample(), ReportForm::rfc9990);
    EXPECT_THAT(xml, HasSubstr("<feedback xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\">\n  <version>1.0</version>"));
    EXPECT_THAT(xml, HasSubstr("<org_name>Relay &amp; &lt;Sons&gt;</org_name>"));
    EXPECT_THAT(xml, HasSubstr("<np>none</np>\n    <testing>y</testing>\n    <fo>1</fo>"));
    EXPECT_THAT(xml, HasSubstr("<discovery_method>treewalk</discovery_method>"));
    EXPECT_THAT(xml, HasSubstr("<disposition>pass</disposition>\n        <dkim>pass</dkim>\n        <spf>fail</spf>"));
    EXPECT_THAT(xml, HasSubstr("<envelope_from></envelope_from>"));  // null reverse-path: existing but empty
    EXPECT_THAT(xml, HasSubstr("<human_result>not \\x01 listed</human_result>"));
    EXPECT_THAT(xml, Not(HasSubstr("<pct>")));
    auto again = parse_aggregate_report(xml);
    ASSERT_TRUE(again.has_value()) << again.error().detail;
    EXPECT_EQ(again->report.rows[0].reasons[0].comment, "]]> & more");
    EXPECT_EQ(again->report.policy.dkim_alignment, mailauth::DmarcAlignment::strict);
}

TEST(AggregateReport, IsWrittenForConsumersOfTheOldForm) {  // RFC 7489 appendix C
    const std::string xml = write_aggregate_report(sample(), ReportForm::rfc7489);
    EXPECT_THAT(xml, HasSubstr("<feedback>\n"));
    EXPECT_THAT(xml, HasSubstr("<sp>reject</sp>\n    <pct>100</pct>"));
    EXPECT_THAT(xml, HasSubstr("<disposition>none</disposition>"));
    EXPECT_THAT(xml, HasSubstr("<type>sampled_out</type>"));
    for (const char* unknown : {"<np>", "<testing>", "<generator>", "discovery_method"})
        EXPECT_THAT(xml, Not(HasSubstr(unknown)));
    EXPECT_TRUE(parse_aggregate_report(xml).has_value());
}

std::string with_row(const std::string& row, const std::string& before = {}) {
    return before + "<feedback><policy_published><domain>Example.COM</domain><p>none</p></policy_published>" + row +
           "</feedback>";
}

TEST(AggregateReport, RefusesDocumentTypes) {  // security row C8: XXE, entity expansion
    const char* documents[] = {
        "<?xml version=\"1.0\"?><!DOCTYPE feedback [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>",
        "<!DOCTYPE feedback [<!ENTITY a \"aaaaaaaaaa\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;\">]>",
        "<!DOCTYPE feedback SYSTEM \"http://attacker.example/x.dtd\">",
        "<!DOCTYPE feedback>",
    };
    for (const char* document : documents)
        EXPECT_EQ(parse_aggregate_report(with_row("<x>&x;&b;</x>", document)).error().kind, ErrorKind::refused)
            << document;
    // Without a declaration there is nothing to expand: it is text.
    const auto text =
        parse_aggregate_report(with_row("<report_metadata><org_name>&undeclared;&x;</org_name></report_metadata>"));
    EXPECT_EQ(text->report.organization, "&undeclared;&x;");
}

TEST(AggregateReport, StopsAtItsBounds) {  // security row C8: depth, rows, 100 MiB
    std::string deep, end;
    for (int i = 0; i < 100; ++i) {
        deep += "<x>";
        end = "</x>" + end;
    }
    EXPECT_EQ(parse_aggregate_report(with_row(deep + end)).error().kind, ErrorKind::limit);
    std::string rows;
    for (int i = 0; i < 20; ++i) rows += "<record><row><source_ip>192.0.2.1</source_ip><count>1</count></row></record>";
    EXPECT_TRUE(parse_aggregate_report(with_row(rows)).has_value());
    EXPECT_EQ(parse_aggregate_report(with_row(rows), {.rows = 19}).error().kind, ErrorKind::limit);
    EXPECT_EQ(parse_aggregate_report(std::string(100 * mebibyte + 1, ' ')).error().kind, ErrorKind::limit);
    // 100 MiB in one element: read through, and only its beginning kept.
    const std::string large =
        with_row("<report_metadata><org_name>" + std::string(90 * mebibyte, 'a') + "</org_name></report_metadata>");
    EXPECT_LE(parse_aggregate_report(large).value().report.organization.size(), 5'000U);
}

TEST(AggregateReport, ReadsOverWhatSendersGetWrong) {
    const std::string row =
        "<record><row><source_ip> 192.0.2.1 </source_ip><count>1</count><policy_evaluated><disposition>Quarantine"
        "</disposition><dkim>Pass</dkim></policy_evaluated></row><identifiers><header_from>A.Example</header_from>"
        "</identifiers><auth_results><spf><domain>b.example</domain><result>hardfail</result></spf></auth_results></"
        "record>";
    const auto read = parse_aggregate_report(with_row(row)).value();
    EXPECT_EQ(read.report.policy.domain, "example.com");
    ASSERT_EQ(read.report.rows.size(), 1U);
    EXPECT_EQ(read.report.rows[0].disposition, Disposition::quarantine);
    EXPECT_TRUE(read.report.rows[0].dkim_aligned);
    EXPECT_EQ(read.report.rows[0].spf[0].result, mailauth::SpfResult::fail);

    EXPECT_TRUE(parse_aggregate_report("<outer>" + with_row(row)).has_value());  // never closed
    EXPECT_TRUE(parse_aggregate_report(with_row(row) + "rubbish <").has_value());
    EXPECT_TRUE(parse_aggregate_report("\n\n" + with_row(row, "<?xml version=\"1.0\"?>")).has_value());
    const auto escaped = parse_aggregate_report(
        with_row("<report_metadata><email><a@b.example></email><org_name>A & B</org_name></report_metadata>" + row));
    EXPECT_EQ(escaped->report.email, "<a@b.example>");
    EXPECT_EQ(escaped->report.organization, "A & B");
    EXPECT_THAT(escaped->deviations, testing::Contains(HasSubstr("not well-formed")));

    const auto skipped = parse_aggregate_report(
        with_row("<record><row><source_ip>host.example</source_ip><count>1</count></row></record>"
                 "<record><row><source_ip>192.0.2.1</source_ip><count>-1</count></row></record>"));
    EXPECT_TRUE(skipped->report.rows.empty());
    EXPECT_EQ(skipped->deviations.size(), 2U);
}

TEST(AggregateReport, IsNotAnyXml) {
    for (const char* text : {"", "x", "<html/>", "<feedback/>", "<feedback><policy_published>", "{}"})
        EXPECT_EQ(parse_aggregate_report(text).error().kind, ErrorKind::invalid) << text;
}

}  // namespace
}  // namespace relevo::authreports
