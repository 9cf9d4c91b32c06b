#include "core/reporting/reporting_fixture.h"
#include "lib/mail/message.h"

namespace relevo {
namespace {

using test::address;
using test::hours;
using test::stranger;
using testing::ElementsAre;
using testing::HasSubstr;

const dns::IpAddress honest = dns::IpAddress::parse("192.0.2.1").value();

class ReportSenderTest : public test::ReportingTest {
 protected:
    std::string state() {
        const auto reports = outgoing();
        return reports.empty() ? "" : std::string(name_of(reports.front().state)) + ": " + reports.front().reason;
    }
};

TEST_F(ReportSenderTest, TellsTheOwnerOnceHowManyMessagesCameFromWhere) {  // RFC 9990 §3
    for (int i = 0; i < 3; ++i) message(stranger);
    round();
    message(stranger);
    message(honest, "example.com", mailauth::DmarcResult::pass);
    next_day();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0]->envelope.recipients.at(0).address.text(), "rua@example.com");
    EXPECT_EQ(sent[0]->envelope.reverse_path.text(), "dmarc-reports@relay.example");
    EXPECT_EQ(sent[0]->envelope.recipients.at(0).notify.bits, mail::DsnNotify::never) << "no report about a report";
    const auto header = mail::Header::parse(*sent[0]->content);
    EXPECT_THAT(std::string(header->find("From")->value), HasSubstr("dmarc-reports@relay.example"));
    const auto report = report_in(*sent[0]);
    EXPECT_EQ(report.organization, "Relay");
    EXPECT_EQ(report.email, "dmarc-reports@relay.example");
    EXPECT_EQ(report.report_id, "2026-11-24.example.com");
    EXPECT_EQ(report.policy.domain, "example.com");
    EXPECT_EQ(report.policy.policy, mailauth::DmarcPolicy::reject);
    EXPECT_EQ(report.end - report.begin, std::chrono::seconds(86'399));
    ASSERT_EQ(report.rows.size(), 2U);
    for (const auto& row : report.rows) {
        EXPECT_EQ(row.count, row.source == stranger ? 4U : 1U);
        EXPECT_EQ(row.disposition,
                  row.source == stranger ? authreports::Disposition::reject : authreports::Disposition::pass);
        EXPECT_EQ(row.spf_aligned, row.source == honest);
    }
    now += hours(2);
    round();
    EXPECT_EQ(sent.size(), 1U);
    EXPECT_EQ(store.number("SELECT count(*) FROM report_count"), 0);
    EXPECT_EQ(state(), "sent: ");
}

TEST_F(ReportSenderTest, GoesToNoStrangerWhoDidNotAskForIt) {  // RFC 9990 §4, security row C9
    dns.txt("_dmarc.attacker.example", "v=DMARC1; p=none; rua=mailto:victim@victim.example");
    dns.txt("_dmarc.victim.example", "v=DMARC1; p=none");
    message(stranger, "attacker.example");
    next_day();
    EXPECT_TRUE(sent.empty());
    EXPECT_THAT(state(), HasSubstr("not_wanted: mailto:victim@victim.example"));
}

TEST_F(ReportSenderTest, GoesToACollectorThatAgreed) {  // RFC 9990 §4
    dns.txt("_dmarc.customer.example",
            "v=DMARC1; p=none; rua=mailto:in@collector.example,mailto:me@customer.example,https://x.example/");
    dns.txt("customer.example._report._dmarc.collector.example", "v=DMARC1");
    message(stranger, "customer.example");
    next_day();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0]->envelope.recipients.size(), 2U);
    EXPECT_THAT(outgoing().at(0).recipients, ElementsAre("in@collector.example", "me@customer.example"));
}

TEST_F(ReportSenderTest, IsNotSentWhereNobodyAsksForItAnyMore) {
    dns.clear();
    dns.txt("_dmarc.example.com", "v=DMARC1; p=reject");
    message(stranger);
    next_day();
    EXPECT_TRUE(sent.empty());
    EXPECT_THAT(state(), HasSubstr("not_wanted"));
}

TEST_F(ReportSenderTest, KeepsTheSizeLimitOfTheRecord) {  // RFC 7489 §6.2
    dns.clear();
    dns.txt("_dmarc.example.com", "v=DMARC1; p=reject; rua=mailto:small@example.com!1k,mailto:any@example.com!10m");
    message(stranger);
    next_day();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_THAT(outgoing().at(0).recipients, ElementsAre("any@example.com"));
    EXPECT_THAT(*sent[0]->content, testing::Not(HasSubstr("small@example.com")));
}

TEST_F(ReportSenderTest, WaitsForADnsThatIsOutOfOrder) {
    dns.fault("_dmarc.example.com", MemoryResolver::Fault::servfail);
    message(stranger);
    next_day();
    EXPECT_TRUE(sent.empty());
    EXPECT_THAT(state(), HasSubstr("open: "));
    dns.clear();
    dns.txt("_dmarc.example.com", "v=DMARC1; p=reject; rua=mailto:rua@example.com");
    now += hours(2);
    round();
    EXPECT_EQ(sent.size(), 1U);
}

TEST_F(ReportSenderTest, GivesUpOnADnsThatStaysOutOfOrder) {
    dns.fault("_dmarc.example.com", MemoryResolver::Fault::servfail);
    message(stranger);
    round();
    now += hours(24 * 4);
    next_day();
    EXPECT_THAT(state(), HasSubstr("failed: "));
}

TEST_F(ReportSenderTest, ADestinationOutOfOrderHoldsUpTheOthersForSomeHoursOnly) {
    dns.txt("_dmarc.customer.example", "v=DMARC1; p=none; rua=mailto:in@collector.example,mailto:me@customer.example");
    dns.fault("customer.example._report._dmarc.collector.example", MemoryResolver::Fault::servfail);
    message(stranger, "customer.example");
    next_day();
    EXPECT_TRUE(sent.empty());
    EXPECT_THAT(state(), HasSubstr("open: "));
    now += ReportSender::patience_with_destinations;
    round();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_THAT(outgoing().at(0).recipients, ElementsAre("me@customer.example"));
}

TEST_F(ReportSenderTest, WaitsForMidnightAndItsOwnMinute) {
    message(stranger);
    now = std::chrono::floor<std::chrono::days>(now) + hours(23);
    message(stranger);
    round();
    now += hours(1) + std::chrono::minutes(29);
    round();
    now += std::chrono::minutes(2);
    EXPECT_TRUE(sent.empty());
    round();
    EXPECT_EQ(sent.size(), 1U);
}

TEST_F(ReportSenderTest, ACrashLosesNoCountsButThoseOfItsMinute) {
    message(stranger);
    round();
    message(stranger);
    crash();
    next_day();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(report_in(*sent[0]).rows.at(0).count, 1U);
}

TEST_F(ReportSenderTest, ACrashAfterTheSubmissionSendsNothingTwice) {
    message(stranger);
    next_day();
    ASSERT_EQ(sent.size(), 1U);
    crash();
    now += hours(2);
    round();
    EXPECT_EQ(sent.size(), 1U);
    EXPECT_EQ(store.number("SELECT count(*) FROM delivery"), 1);
}

TEST_F(ReportSenderTest, ACrashBeforeTheSubmissionSendsTheSameReportLater) {
    message(stranger);
    run_task(reporting->finish());
    crash();
    next_day();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(report_in(*sent[0]).report_id, "2026-11-24.example.com");
}

TEST_F(ReportSenderTest, OperatorsSendADayThatIsOver) {
    message(stranger);
    EXPECT_EQ(store.run(reporting->send_day(day_of(now))).error().kind, ErrorKind::invalid);
    now += hours(24);
    EXPECT_EQ(store.run(reporting->send_day(day_of(now) - 1)).value(), 1);
    settle();
    EXPECT_EQ(sent.size(), 1U);
}

TEST_F(ReportSenderTest, SendsNothingUnlessItWasSwitchedOn) {
    options.send = false;
    open();
    message(stranger);
    next_day();
    EXPECT_EQ(store.number("SELECT count(*) FROM report_count"), 0);
    EXPECT_EQ(store.run(reporting->send_day(day_of(now) - 1)).error().kind, ErrorKind::refused);
}

TEST_F(ReportSenderTest, ReportsThatComeInAreNotReportedAbout) {
    message(stranger, "example.com", mailauth::DmarcResult::pass, "DMARC@ours.example");
    round();
    EXPECT_EQ(store.number("SELECT count(*) FROM report_count"), 0);
}

TEST_F(ReportSenderTest, IsSignedAsAnyOtherMail) {
    sign = [](std::string content, std::string_view domain) {
        return "DKIM-Signature: d=" + std::string(domain) + "\r\n" + content;
    };
    open();
    message(stranger);
    next_day();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_TRUE(sent[0]->content->starts_with("DKIM-Signature: d=relay.example\r\nFrom:"));
}

TEST_F(ReportSenderTest, StrangersCannotMakeTheTablesGrow) {
    counts = {.rows_of_day = 20, .rows_of_domain = 10};
    open();
    for (int i = 0; i < 50; ++i)
        message(stranger, "example.com", mailauth::DmarcResult::fail, "bob@ours.example", "s" + std::to_string(i));
    for (int i = 0; i < 50; ++i) message(stranger, "d" + std::to_string(i) + ".example");
    round();
    EXPECT_LE(store.number("SELECT count(*) FROM report_count"), 22);
    EXPECT_EQ(store.number("SELECT count(*) FROM report_count"), store.number("SELECT row_count FROM report_day"));
    EXPECT_LE(store.number("SELECT count(*) FROM report_count WHERE policy_domain = 'example.com'"), 11);
    const auto counted = [&](const std::string& result) {
        return numbers.counted("relevo_dmarc_counted_messages_total{result=" + result + "}");
    };
    EXPECT_EQ(counted("kept") + counted("merged") + counted("dropped"), 100U);
    EXPECT_GT(counted("dropped"), 0U);
    EXPECT_EQ(store.number("SELECT sum(messages) FROM report_count"),
              static_cast<std::int64_t>(counted("kept") + counted("merged")));
}

TEST(ResultCounts, KeepsItsBoundWhileItWaits) {
    ResultCounts counts(3);
    Findings findings;
    findings.dmarc.emplace();
    findings.dmarc->result = mailauth::DmarcResult::fail;
    findings.dmarc->record = "v=DMARC1; rua=mailto:a@b.example";
    int kept = 0;
    for (int i = 0; i < 5; ++i) {
        findings.dmarc->policy_domain = "d" + std::to_string(i) + ".example";
        kept += counts.add(1, findings, honest, "ours.example", mailauth::DmarcPolicy::none) ? 1 : 0;
        EXPECT_EQ(counts.add(1, findings, honest, "ours.example", mailauth::DmarcPolicy::none), i < 3);
    }
    EXPECT_EQ(kept, 3);
    auto rows = counts.take();
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_EQ(rows[0].messages, 2);
    EXPECT_EQ(counts.size(), 0U);
    EXPECT_EQ(counts.put_back(std::move(rows)), 0);
    EXPECT_EQ(counts.size(), 3U);
}

TEST(ResultCounts, NothingIsCountedForThoseWhoWantNoReports) {
    ResultCounts counts;
    Findings findings;
    findings.dmarc.emplace();
    findings.dmarc->result = mailauth::DmarcResult::fail;
    findings.dmarc->policy_domain = "example.com";
    findings.dmarc->record = "v=DMARC1; p=reject";
    EXPECT_TRUE(counts.add(1, findings, honest, "ours.example", mailauth::DmarcPolicy::none));
    findings.dmarc->record += "; rua=mailto:a@example.com";
    findings.dmarc->result = mailauth::DmarcResult::temperror;
    EXPECT_TRUE(counts.add(1, findings, honest, "ours.example", mailauth::DmarcPolicy::none));
    EXPECT_EQ(counts.size(), 0U);
}

}  // namespace
}  // namespace relevo
