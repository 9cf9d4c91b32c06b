#include "core/reporting/reporting_fixture.h"
#include "lib/authreports/compression.h"
#include "lib/base/base64.h"

namespace relevo {
namespace {

using test::address;
using test::hours;
using testing::HasSubstr;

authreports::AggregateReport report_of(int sources, const std::string& id = "1") {
    authreports::AggregateReport report;
    report.organization = "google.example";
    report.email = "noreply@google.example";
    report.report_id = id;
    report.begin = std::chrono::sys_days(std::chrono::year(2026) / 11 / 23);
    report.end = report.begin + hours(24);
    report.policy.domain = "Ours.example";
    report.policy.policy = mailauth::DmarcPolicy::reject;
    for (int i = 0; i < sources; ++i) {
        authreports::ReportRow row;
        row.source = dns::IpAddress::parse("198.51.100." + std::to_string(i % 250)).value();
        row.count = static_cast<std::uint64_t>(i) + 1;
        row.spf_aligned = i % 2 == 0;
        row.disposition = row.spf_aligned ? authreports::Disposition::pass : authreports::Disposition::reject;
        row.header_from = "ours.example";
        row.spf.push_back({"ours.example", mailauth::SpfIdentity::mail_from, mailauth::SpfResult::pass, ""});
        report.rows.push_back(row);
    }
    return report;
}

std::string mail_with(const std::string& type, const std::string& attachment) {
    return "From: noreply@google.example\r\nTo: dmarc@ours.example\r\nMIME-Version: 1.0\r\nContent-Type: " + type +
           "\r\nContent-Transfer-Encoding: base64\r\n\r\n" + encode_base64(attachment) + "\r\n";
}
std::string packed(const authreports::AggregateReport& report) {
    return mail_with("application/gzip",
                     authreports::gzip(write_aggregate_report(report, authreports::ReportForm::rfc9990)));
}

class ReceivedReportsTest : public test::ReportingTest {
 protected:
    // Mail with that content arrives; returns when it was looked at.
    void arrives(const std::string& content, const std::string& recipient = "Dmarc@Ours.example") {
        const std::size_t before = looked_at();
        reporting->message_accepted(
            store.accept(store.submission(test::envelope("noreply@google.example", {recipient}), content)));
        EXPECT_TRUE(store.run_until([&] { return looked_at() > before; }));
    }
    std::size_t looked_at() { return log.count("reports."); }
    std::uint64_t counted(const std::string& result) {
        return numbers.counted("relevo_received_reports_total{result=" + result + "}");
    }
    template <class T, class Read>
    T read(Read work) {
        T result;
        EXPECT_TRUE(store
                        .run(read_rows(*store.committer,
                                       [&](Reader& reader) -> Result<void> {
                                           RELEVO_TRY(result, work(reader));
                                           return {};
                                       }))
                        .has_value());
        return result;
    }
    std::vector<ReceivedSummary> summaries(const std::string& domain = "") {
        return read<std::vector<ReceivedSummary>>(
            [&](Reader& reader) { return summarise_received(reader, domain, {}, 100); });
    }
};

TEST_F(ReceivedReportsTest, SayWhoFailsInOurName) {
    arrives(packed(report_of(4)));
    ASSERT_EQ(counted("kept"), 1U);
    const auto all = summaries();
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(all[0].domain, "ours.example");
    EXPECT_EQ(all[0].passed, 1 + 3);
    EXPECT_EQ(all[0].failed, 2 + 4);
    const auto sources =
        read<std::vector<ReceivedSource>>([](Reader& reader) { return sources_of(reader, "ours.example", {}, 100); });
    ASSERT_EQ(sources.size(), 4U);
    EXPECT_EQ(sources[0].row.source, "198.51.100.3");
    EXPECT_EQ(sources[0].row.messages, 4);
    EXPECT_FALSE(sources[0].row.spf_aligned);
    EXPECT_EQ(sources[0].row.result, "reject");
    EXPECT_THAT(sources[0].row.detail, HasSubstr("spf=ours.example:pass"));
    const auto reports = read<std::vector<ReceivedReport>>(
        [](Reader& reader) { return list_received(reader, "ours.example", {}, 100); });
    ASSERT_EQ(reports.size(), 1U);
    EXPECT_EQ(reports[0].sender, "noreply@google.example");
    EXPECT_EQ(reports[0].policy, "p=reject");
}

TEST_F(ReceivedReportsTest, CountOnceHoweverOftenTheyCome) {
    arrives(packed(report_of(2)));
    arrives(packed(report_of(2)));
    arrives(packed(report_of(2, "2")));
    EXPECT_EQ(counted("kept"), 2U);
    EXPECT_EQ(counted("repeated"), 1U);
    EXPECT_EQ(summaries().at(0).reports, 2);
}

TEST_F(ReceivedReportsTest, TellOfTlsToo) {  // RFC 8460
    authreports::TlsReport report{
        .organization = "google.example", .contact = "x", .report_id = "9", .begin = {}, .end = {}};
    report.policies.push_back(
        {.policy_type = "sts", .policy_domain = "ours.example", .successful_sessions = 7, .failed_sessions = 2});
    report.policies[0].failures.push_back({.result_type = "certificate-expired",
                                           .sending_address = "192.0.2.3",
                                           .receiving_host = "mx.ours.example",
                                           .sessions = 2});
    arrives(mail_with("application/tlsrpt+gzip", authreports::gzip(write_tls_report(report))));
    const auto all = summaries("ours.example");
    ASSERT_EQ(all.size(), 1U);
    EXPECT_EQ(name_of(all[0].kind), "tls");
    EXPECT_EQ(all[0].passed, 7);
    EXPECT_EQ(all[0].failed, 2);
    const auto sources =
        read<std::vector<ReceivedSource>>([](Reader& reader) { return sources_of(reader, "ours.example", {}, 100); });
    ASSERT_EQ(sources.size(), 2U);
    EXPECT_EQ(sources[0].row.result, "certificate-expired");
    EXPECT_EQ(sources[0].row.author_domain, "mx.ours.example");
}

TEST_F(ReceivedReportsTest, BombsAreNamedAndHarmNobody) {  // security row C8
    arrives(mail_with("application/gzip", authreports::gzip(std::string(std::size_t{120} << 20U, 'x'))));
    EXPECT_EQ(counted("damaged"), 1U);
    EXPECT_EQ(log.count("reports.damaged"), 1U);
    arrives(mail_with("text/xml", "<!DOCTYPE feedback [<!ENTITY a SYSTEM \"file:///etc/passwd\">]><feedback>&a;"));
    EXPECT_EQ(counted("damaged"), 2U);
    arrives(packed(report_of(1)));
    EXPECT_EQ(counted("kept"), 1U) << "the reader goes on";
    EXPECT_EQ(store.rows().size(), 3U) << "the mails are delivered as any other";
}

TEST_F(ReceivedReportsTest, MailToOthersIsNotLookedInto) {
    const auto message = store.accept(
        store.submission(test::envelope("noreply@google.example", {"ana@ours.example"}), packed(report_of(1))));
    reporting->message_accepted(message);
    round();
    EXPECT_EQ(looked_at(), 0U);
    EXPECT_TRUE(summaries().empty());
}

TEST_F(ReceivedReportsTest, MailWithoutAReportIsSaidToHaveNone) {
    arrives("Subject: hello\r\n\r\nAre you there?\r\n");
    EXPECT_EQ(log.count("reports.none_found"), 1U);
    EXPECT_EQ(counted("damaged"), 0U);
}

TEST_F(ReceivedReportsTest, ReportsWithTooManySourcesKeepTheirSums) {
    authreports::AggregateReport report = report_of(0);
    for (int i = 0; i < 3'000; ++i) {
        authreports::ReportRow row;
        row.source = dns::IpAddress::parse(fmt::format("10.0.{}.{}", i / 250, i % 250)).value();
        row.count = i < 10 ? 100 : 1;
        report.rows.push_back(row);
    }
    arrives(packed(report));
    EXPECT_EQ(counted("kept"), 1U);
    EXPECT_EQ(store.number("SELECT count(*) FROM received_report_row"), received_row_limit + 1);
    EXPECT_EQ(store.number("SELECT sum(messages) FROM received_report_row"), 10 * 100 + 2'990);
    EXPECT_EQ(store.number("SELECT messages FROM received_report_row WHERE source = ''"), 1'000);
    EXPECT_EQ(summaries().at(0).failed, 10 * 100 + 2'990);
}

TEST_F(ReceivedReportsTest, StoreHasABound) {
    received = {.reports = 2, .rows = 1'000};
    open();
    for (int i = 0; i < 4; ++i) arrives(packed(report_of(1, std::to_string(i))));
    EXPECT_EQ(counted("kept"), 2U);
    EXPECT_EQ(counted("full"), 2U);
    received = {.reports = 100, .rows = 5};
    open();
    arrives(packed(report_of(9, "large")));
    EXPECT_EQ(counted("full"), 3U);
}

TEST_F(ReceivedReportsTest, AboutDomainsOfOthersAreCountedAndNotKept) {  // security row C8
    is_ours = [](std::string_view domain) { return domain == "ours.example"; };
    authreports::AggregateReport forged = report_of(1);
    for (int i = 0; i < 3; ++i) {
        forged.policy.domain = "forged" + std::to_string(i) + ".example";
        arrives(packed(forged));
    }
    arrives(packed(report_of(1)));
    EXPECT_EQ(counted("not_ours"), 3U);
    ASSERT_EQ(summaries().size(), 1U);
    EXPECT_EQ(summaries().at(0).domain, "ours.example");
}

TEST_F(ReceivedReportsTest, AFloodAboutOneDomainLeavesRoomForTheOthersAndForTomorrow) {  // security row C8
    received = {.reports = 10, .rows = 1'000, .reports_of_domain = 2, .rows_of_domain = 50};
    open();
    for (int i = 0; i < 5; ++i) arrives(packed(report_of(1, std::to_string(i))));
    EXPECT_EQ(counted("kept"), 2U);
    EXPECT_EQ(counted("domain_full"), 3U);
    authreports::AggregateReport other = report_of(1);
    other.policy.domain = "other.example";
    arrives(packed(other));
    EXPECT_EQ(counted("kept"), 3U);
    now += hours(24);
    arrives(packed(report_of(1, "tomorrow")));
    EXPECT_EQ(counted("kept"), 4U);
    other.report_id = "large";
    other.rows = report_of(51).rows;
    arrives(packed(other));
    EXPECT_EQ(counted("domain_full"), 4U);
}

TEST_F(ReceivedReportsTest, OneMailCannotFillTheStore) {
    authreports::TlsReport report{
        .organization = "google.example", .contact = "x", .report_id = "9", .begin = {}, .end = {}};
    for (int i = 0; i < 900; ++i)
        report.policies.push_back(
            {.policy_type = "sts", .policy_domain = "d" + std::to_string(i) + ".example", .successful_sessions = 1});
    arrives(mail_with("application/tlsrpt+gzip", authreports::gzip(write_tls_report(report))));
    EXPECT_TRUE(store.run_until([&] { return counted("kept") == 50; }));
    EXPECT_EQ(counted("damaged"), 1U);
    round();
    EXPECT_EQ(summaries().size(), 50U);
}

TEST_F(ReceivedReportsTest, AreForgottenInTheirTime) {
    arrives(packed(report_of(3)));
    now += options.keep - hours(1);
    round();
    EXPECT_EQ(summaries().size(), 1U);
    now += hours(2);
    round();
    EXPECT_TRUE(summaries().empty());
    EXPECT_EQ(store.number("SELECT count(*) FROM received_report_row"), 0);
    EXPECT_EQ(store.number("SELECT row_count FROM received_report_total"), 0);
    arrives(packed(report_of(3)));
    EXPECT_EQ(counted("kept"), 2U);
}

TEST_F(ReceivedReportsTest, HostileNumbersDoNotOverflow) {
    authreports::AggregateReport report = report_of(1);
    report.rows[0].count = std::numeric_limits<std::uint64_t>::max();
    report.rows.resize(100, report.rows[0]);
    for (int i = 0; i < 5; ++i) {
        report.report_id = std::to_string(i);
        arrives(packed(report));
    }
    EXPECT_EQ(summaries().at(0).passed, 5 * 100 * std::int64_t{1'000'000'000'000});
}

TEST(ReportReader, ReadsNoMoreThanItHasRoomFor) {
    Shard shard(0);
    ReportReader reader({.waiting = 10, .waiting_octets = 100});
    std::optional<Result<ReadReports>> answer;
    reader.read(std::make_shared<const std::string>(101, 'x'),
                Completer<Result<ReadReports>>(shard.executor(), [&](Result<ReadReports> read) {
                    answer = std::move(read);
                    shard.stop();
                }));
    shard.run();
    EXPECT_EQ(answer->error().kind, ErrorKind::full);
}

}  // namespace
}  // namespace relevo
