#include "lib/authreports/report_mail.h"

#include "lib/authreports/report_extraction.h"
#include "lib/base/text.h"
#include "lib/mail/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::authreports {
namespace {

using testing::HasSubstr;

ReportMail mail_to(std::vector<std::string> recipients) {
    ReportMail mail{.from = mail::Address::parse("dmarc@relay.example", mail::Utf8::refused).value(),
                    .to = {},
                    .submitter = "relay.example",
                    .message_id = "1.report@relay.example",
                    .now = {}};
    for (const std::string& one : recipients) mail.to.push_back(mail::Address::parse(one, mail::Utf8::refused).value());
    return mail;
}

AggregateReport report_of(std::size_t rows) {
    AggregateReport report;
    report.organization = "Relay";
    report.email = "dmarc@relay.example";
    report.report_id = "2026-11-25.example.com";
    report.begin = std::chrono::sys_seconds(std::chrono::seconds(1'013'662'812));
    report.end = std::chrono::sys_seconds(std::chrono::seconds(1'013'749'130));
    report.policy.domain = "example.com";
    for (std::size_t i = 0; i < rows; ++i) {
        ReportRow row;
        row.source =
            dns::IpAddress::v4({10, 0, static_cast<std::uint8_t>(i / 256), static_cast<std::uint8_t>(i % 256)});
        row.count = i + 1;
        row.header_from = "example.com";
        report.rows.push_back(row);
    }
    return report;
}

void expect_mail_lines(const std::string& content) {
    EXPECT_TRUE(is_ascii(content));
    ASSERT_TRUE(content.ends_with("\r\n"));
    for (const std::string_view line : split(std::string_view(content).substr(0, content.size() - 1), '\n')) {
        EXPECT_TRUE(line.ends_with('\r'));
        EXPECT_LE(line.size(), 999U);
    }
}

TEST(ReportMail, HasTheSubjectAndFileNameOfTheStandard) {  // RFC 9990 §3.5.2
    const auto built =
        build_report_mail(report_of(3), ReportForm::rfc9990, mail_to({"rua@example.com", "x@esp.example"}));
    EXPECT_EQ(built.subject, "Report Domain: example.com Submitter: relay.example Report-ID: <2026-11-25.example.com>");
    EXPECT_EQ(built.file_name, "relay.example!example.com!1013662812!1013749130!20261125examplecom.xml.gz");
    const auto header = mail::Header::parse(built.content).value();
    EXPECT_EQ(mail::unfolded(header.find("Subject")->value), built.subject);
    EXPECT_EQ(mail::parse_address_list(header.find("To")->value)->size(), 2U);
    EXPECT_EQ(mail::unfolded(header.find("Auto-Submitted")->value), "auto-generated");
    EXPECT_THAT(built.content, HasSubstr("Content-Type: application/gzip\r\n"));
    expect_mail_lines(built.content);
    EXPECT_EQ(
        build_report_mail(report_of(3), ReportForm::rfc9990, mail_to({"rua@example.com", "x@esp.example"})).content,
        built.content);
}

TEST(ReportMail, IsReadByOurOwnReader) {
    for (const ReportForm form : {ReportForm::rfc9990, ReportForm::rfc7489}) {
        const auto built = build_report_mail(report_of(2'000), form, mail_to({"rua@example.com"}));
        const auto extracted = extract_reports(built.content);
        ASSERT_TRUE(extracted.has_value());
        ASSERT_EQ(extracted->reports.size(), 1U) << extracted->problems.front();
        const auto& read = std::get<ReadAggregateReport>(extracted->reports[0]).report;
        EXPECT_EQ(read.rows, report_of(2'000).rows);
        EXPECT_EQ(read.report_id, "2026-11-25.example.com");
    }
}

TEST(ReportMail, CarriesTlsReports) {  // RFC 8460 §5.3
    TlsReport report{.organization = "Relay", .contact = "tls@relay.example", .report_id = "1", .begin = {}, .end = {}};
    report.policies.push_back({.policy_type = "sts", .policy_domain = "example.com", .successful_sessions = 5});
    const auto built = build_report_mail(report, "example.com", mail_to({"tls@example.com"}));
    expect_mail_lines(built.content);
    EXPECT_EQ(built.file_name, "relay.example!example.com!0!0!1.json.gz");
    const auto header = mail::Header::parse(built.content).value();
    EXPECT_EQ(mail::unfolded(header.find("TLS-Report-Domain")->value), "example.com");
    EXPECT_EQ(mail::unfolded(header.find("TLS-Report-Submitter")->value), "relay.example");
    EXPECT_THAT(mail::unfolded(header.find("Content-Type")->value), HasSubstr("report-type=tlsrpt"));
    const auto extracted = extract_reports(built.content).value();
    ASSERT_EQ(extracted.reports.size(), 1U);
    EXPECT_EQ(std::get<TlsReport>(extracted.reports[0]), report);
}

TEST(ReportMail, LetsNothingHostileIntoItsFields) {
    AggregateReport report = report_of(1);
    report.policy.domain = "example.com\r\nBcc: victim@victim.example\"!/..";
    report.report_id = "a\r\nb<>..c.";
    const auto built = build_report_mail(report, ReportForm::rfc9990, mail_to({"rua@example.com"}));
    EXPECT_EQ(mail::Header::parse(built.content)->find("Bcc"), nullptr);
    EXPECT_EQ(built.file_name.find_first_of("\"/\r\n"), std::string::npos);
    EXPECT_THAT(built.subject, HasSubstr("<ab.c>"));
    expect_mail_lines(built.content);
    EXPECT_EQ(report_id("..."), "0");
}

TEST(ReportExtraction, FindsReportsHoweverTheyArePacked) {
    const std::string xml = write_aggregate_report(report_of(1), ReportForm::rfc9990);
    const std::string whole[] = {
        "Content-Type: text/xml\r\n\r\n" + xml,
        "Content-Type: application/octet-stream; name=x\r\nContent-Transfer-Encoding: binary\r\n\r\n" + gzip(xml),
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        "Content-Type: text/xml\r\n\r\n" +
            xml + "\r\n--b--\r\n",
        "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{ hello }\r\n--b\r\nContent-Type: "
        "application/xml\r\n\r\n" +
            xml,  // no end
    };
    for (const std::string& mail : whole) {
        const auto extracted = extract_reports("From: <a@b.example>\r\nMIME-Version: 1.0\r\n" + mail).value();
        ASSERT_EQ(extracted.reports.size(), 1U) << mail;
        EXPECT_TRUE(extracted.problems.empty()) << mail;
    }
}

TEST(ReportExtraction, StopsAtItsBounds) {  // security row C8
    EXPECT_EQ(extract_reports(std::string(17 * mebibyte, 'x')).error().kind, ErrorKind::limit);
    std::string deep = "MIME-Version: 1.0\r\n";
    for (int i = 0; i < 5'000; ++i)
        deep += fmt::format("Content-Type: multipart/mixed; boundary=b{}\r\n\r\n--b{}\r\n", i, i);
    EXPECT_EQ(extract_reports(deep).error().kind, ErrorKind::limit);  // 5,000 delimiters
    EXPECT_EQ(extract_reports(deep.substr(0, 30'000)).error().detail, "parts within parts deeper than 64");
    std::string messages = "MIME-Version: 1.0\r\n";
    for (int i = 0; i < 100'000; ++i) messages += "Content-Type: message/rfc822\r\n\r\n";
    EXPECT_EQ(extract_reports(messages).error().kind, ErrorKind::limit);
    std::string wide = "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n";
    const std::string xml = write_aggregate_report(report_of(1), ReportForm::rfc9990);
    for (int i = 0; i < 500; ++i) wide += "--b\r\nContent-Type: text/xml\r\n\r\n" + xml + "\r\n";
    EXPECT_LE(extract_reports(wide)->reports.size(), 100U);
}

TEST(ReportExtraction, DoesNotTakeAReportOutOfAComplaint) {  // RFC 5965 §2: the third part is a stranger's
    const std::string xml = write_aggregate_report(report_of(1), ReportForm::rfc9990);
    const std::string mail =
        "MIME-Version: 1.0\r\nContent-Type: multipart/report; report-type=feedback-report; "
        "boundary=b\r\n\r\n--b\r\n\r\nHello\r\n"
        "--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: abuse\r\nVersion: 1\r\nUser-Agent: "
        "x\r\n\r\n"
        "--b\r\nContent-Type: message/rfc822\r\n\r\nContent-Type: text/xml\r\n\r\n" +
        xml + "\r\n--b--\r\n";
    const auto extracted = extract_reports(mail).value();
    ASSERT_EQ(extracted.reports.size(), 1U);
    const auto& complaint = std::get<FeedbackReport>(extracted.reports[0]);
    EXPECT_EQ(complaint.type, "abuse");
    EXPECT_TRUE(complaint.has_content);
    EXPECT_THAT(complaint.original, HasSubstr("<feedback"));
}

}  // namespace
}  // namespace relevo::authreports
