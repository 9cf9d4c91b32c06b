#include "core/reporting/reporting_fixture.h"
#include "lib/authreports/compression.h"
#include "lib/mail/message.h"

namespace relevo {
namespace {

using test::hours;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class TlsReportSenderTest : public test::ReportingTest {
 protected:
    TlsReportSenderTest() {
        options.send = false;
        options.send_tls = true;
        dns.txt("_smtp._tls.example.com", "v=TLSRPTv1; rua=mailto:tls@example.com");
        dns.address("reports.example.com", "11.0.0.7");
        open();
    }
    void session(TlsResult result, const std::string& domain = "example.com", const std::string& problem = "") {
        TlsSession session{.policy_domain = domain,
                           .result = result,
                           .host = "mx.example.com",
                           .address = "11.0.0.1",
                           .source = "192.0.2.1",
                           .problem = problem};
        session.policy = TlsPolicyType::sts;
        session.policy_strings = {"version: STSv1", "mode: testing", "mx: *.example.com", "max_age: 86400"};
        session.mx_patterns = {"*.example.com"};
        reporting->tls_session(session);
    }
    static authreports::TlsReport report_in(const Message& message) {
        const auto extracted = authreports::extract_reports(*message.content);
        EXPECT_TRUE(extracted.has_value());
        return std::get<authreports::TlsReport>(extracted->reports.at(0));
    }
    std::string state() {
        const auto reports = outgoing();
        return reports.empty() ? "" : std::string(name_of(reports.front().state)) + ": " + reports.front().reason;
    }
};

TEST_F(TlsReportSenderTest, TellsTheOwnerOnceWhatBecameOfTls) {  // RFC 8460 §4, §5.3
    for (int i = 0; i < 40; ++i) session(TlsResult::success);
    session(TlsResult::certificate_expired, "example.com", "certificate has expired");
    round();
    session(TlsResult::certificate_expired, "example.com", "certificate has expired");
    session(TlsResult::starttls_not_supported);
    session(TlsResult::success);
    next_day();
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(sent[0]->envelope.recipients.at(0).address.text(), "tls@example.com");
    EXPECT_EQ(sent[0]->envelope.recipients.at(0).notify.bits, mail::DsnNotify::never);
    const auto header = mail::Header::parse(*sent[0]->content);
    EXPECT_THAT(std::string(header->find("Content-Type")->value), HasSubstr("report-type=tlsrpt"));
    EXPECT_THAT(std::string(header->find("TLS-Report-Domain")->value), HasSubstr("example.com"));
    EXPECT_THAT(std::string(header->find("TLS-Report-Submitter")->value), HasSubstr("relay.example"));
    EXPECT_THAT(std::string(header->find("TLS-Required")->value), HasSubstr("No")) << "RFC 8689 §5";
    const authreports::TlsReport report = report_in(*sent[0]);
    EXPECT_EQ(report.organization, "Relay");
    EXPECT_EQ(report.contact, "https://relay.example/");
    EXPECT_EQ(report.report_id, "2026-11-24.example.com");
    EXPECT_EQ(report.end - report.begin, std::chrono::seconds(86'399));
    ASSERT_EQ(report.policies.size(), 1U);
    const authreports::TlsPolicyResult& policy = report.policies[0];
    EXPECT_EQ(policy.policy_type, "sts");
    EXPECT_EQ(policy.policy_domain, "example.com");
    EXPECT_EQ(policy.policy_strings.at(1), "mode: testing");
    EXPECT_THAT(policy.mx_patterns, ElementsAre("*.example.com"));
    EXPECT_EQ(policy.successful_sessions, 41U);
    EXPECT_EQ(policy.failed_sessions, 3U);
    ASSERT_EQ(policy.failures.size(), 2U);
    for (const authreports::TlsFailure& failure : policy.failures) {
        const bool is_expired = failure.result_type == "certificate-expired";
        EXPECT_EQ(failure.sessions, is_expired ? 2U : 1U) << failure.result_type;
        EXPECT_EQ(failure.receiving_host, "mx.example.com");
        EXPECT_EQ(failure.receiving_address, "11.0.0.1");
        EXPECT_EQ(failure.sending_address, "192.0.2.1");
        EXPECT_EQ(failure.reason_code, is_expired ? "certificate has expired" : "");
    }
    now += hours(2);
    round();
    EXPECT_EQ(sent.size(), 1U);
    EXPECT_EQ(state(), "sent: ");
    EXPECT_EQ(store.number("SELECT count(*) FROM report_count"), 0);
}

TEST_F(TlsReportSenderTest, DomainsThatWantNoReportsTakeNoRoom) {
    dns.txt("_smtp._tls.twice.example", "v=TLSRPTv1; rua=mailto:a@twice.example");
    dns.txt("_smtp._tls.twice.example", "v=TLSRPTv1; rua=mailto:b@twice.example");
    for (const std::string domain : {"silent.example", "twice.example"}) session(TlsResult::success, domain);
    round();
    EXPECT_THAT(outgoing(), IsEmpty());
    EXPECT_EQ(store.number("SELECT count(*) FROM report_count"), 0);
    dns.fault("_smtp._tls.silent.example", MemoryResolver::Fault::servfail);
    dns.fault("_smtp._tls.broken.example", MemoryResolver::Fault::servfail);
    session(TlsResult::success, "broken.example");
    round();
    EXPECT_THAT(outgoing(), SizeIs(1)) << "what the DNS does not tell now, it may tell when the day is over";
}

TEST_F(TlsReportSenderTest, APageGetsTheSameReportPosted) {  // RFC 8460 §5.4
    dns.clear();
    dns.txt("_smtp._tls.example.com", "v=TLSRPTv1; rua=https://reports.example.com:8443/v1?x=1,mailto:tls@example.com");
    dns.address("reports.example.com", "11.0.0.7");
    session(TlsResult::success);
    next_day();
    ASSERT_THAT(pages.requests, SizeIs(1));
    const PageRequest& request = pages.requests[0];
    EXPECT_EQ(request.host, "reports.example.com");
    EXPECT_EQ(request.port, 8443);
    EXPECT_EQ(request.path, "/v1?x=1");
    EXPECT_THAT(request.addresses, ElementsAre(dns::IpAddress::parse("11.0.0.7").value()));
    ASSERT_TRUE(request.post.has_value());
    EXPECT_EQ(request.post->content_type, "application/tlsrpt+gzip");
    const auto posted = authreports::parse_tls_report(authreports::unpack(request.post->octets).value());
    ASSERT_TRUE(posted.has_value());
    ASSERT_EQ(sent.size(), 1U);
    EXPECT_EQ(*posted, report_in(*sent[0]));
    ASSERT_THAT(outgoing(), SizeIs(1));
    EXPECT_THAT(outgoing()[0].recipients, ElementsAre("https://reports.example.com:8443/v1?x=1", "tls@example.com"));
    EXPECT_EQ(state(), "sent: ");
}

TEST_F(TlsReportSenderTest, APageThatFailsIsTriedAgainADayLongAndNobodyGetsItTwice) {  // RFC 8460 §5.5
    dns.clear();
    dns.txt("_smtp._tls.example.com", "v=TLSRPTv1; rua=mailto:tls@example.com,https://reports.example.com/");
    dns.address("reports.example.com", "11.0.0.7");
    pages.answer = Page{.status = 503, .content_type = {}, .body = {}};
    session(TlsResult::success);
    next_day();
    EXPECT_EQ(state(), "open: https://reports.example.com/: the web server answers with status 503");
    crash();
    now += hours(2);
    round();
    EXPECT_THAT(pages.requests, SizeIs(2));
    EXPECT_EQ(sent.size(), 1U) << "the mail went at once, and once";
    pages.answer = Page{.status = 200, .content_type = {}, .body = {}};
    now += hours(2);
    round();
    EXPECT_EQ(state(), "sent: ");
    EXPECT_THAT(pages.requests, SizeIs(3));

    session(TlsResult::success);
    pages.answer = failure(ErrorKind::refused, "the certificate is not valid");
    next_day();
    now += hours(25);
    round();
    EXPECT_EQ(state(), "sent: https://reports.example.com/: the certificate is not valid") << "the mail has it";
    const std::size_t requests = pages.requests.size();
    now += hours(2);
    round();
    EXPECT_THAT(pages.requests, SizeIs(requests));
    EXPECT_EQ(sent.size(), 2U);
}

TEST_F(TlsReportSenderTest, NobodyIsLedIntoThePrivateNetwork) {  // security row B5
    dns.clear();
    dns.txt("_smtp._tls.example.com", "v=TLSRPTv1; rua=https://reports.example.com/");
    dns.address("reports.example.com", "10.0.0.7");
    session(TlsResult::success);
    next_day();
    EXPECT_THAT(pages.requests, IsEmpty());
    EXPECT_THAT(state(), HasSubstr("no public address"));
    now += hours(25);
    round();
    EXPECT_THAT(state(), HasSubstr("failed: "));
}

TEST_F(TlsReportSenderTest, ARecordThatIsGoneWhenTheDayIsOverEndsTheReport) {
    session(TlsResult::success);
    round();
    dns.clear();
    next_day();
    EXPECT_EQ(state(), "not_wanted: the domain publishes no TLS reporting record");
    EXPECT_THAT(sent, IsEmpty());
}

TEST_F(TlsReportSenderTest, ADnsThatFailsPutsItOff) {
    session(TlsResult::success);
    round();
    dns.fault("_smtp._tls.example.com", MemoryResolver::Fault::servfail);
    next_day();
    EXPECT_THAT(state(), HasSubstr("open: "));
    now += hours(48);
    round();
    EXPECT_THAT(state(), HasSubstr("failed: "));
}

TEST_F(TlsReportSenderTest, NothingIsCountedWhileItIsSwitchedOff) {
    options.send_tls = false;
    open();
    session(TlsResult::success);
    round();
    EXPECT_THAT(outgoing(), IsEmpty());
}

TEST_F(TlsReportSenderTest, BeyondTheBoundFailuresAreCountedWithoutTheirCircumstances) {  // security row C8
    counts = {.rows_of_day = 10, .rows_of_domain = 10};
    open();
    for (int i = 0; i < 30; ++i)
        session(TlsResult::validation_failure, "example.com", "a stranger's text " + std::to_string(i));
    next_day();
    ASSERT_EQ(sent.size(), 1U);
    const authreports::TlsReport report = report_in(*sent[0]);
    ASSERT_EQ(report.policies.size(), 1U);
    EXPECT_EQ(report.policies[0].failed_sessions, 30U);
    EXPECT_LE(report.policies[0].failures.size(), 11U);
}

TEST(TlsResultCounts, KeepTheirBoundOfOctetsWhileTheyWait) {
    ResultCounts counts(1'000'000, 10'000);
    std::size_t kept = 0;
    for (int i = 0; i < 1'000; ++i)
        kept += counts.add(20'000, {.policy_domain = std::to_string(i) + ".example",
                                    .policy_strings = {std::string(200, 'x')},
                                    .mx_patterns = {}})
                    ? 1U
                    : 0U;
    EXPECT_GT(kept, 10U);
    EXPECT_LT(kept, 50U);
    EXPECT_EQ(counts.take().size(), kept);
    EXPECT_TRUE(counts.add(20'000, {.policy_domain = "more.example", .policy_strings = {}, .mx_patterns = {}}));
}

}  // namespace
}  // namespace relevo
