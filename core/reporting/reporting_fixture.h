// Reporting over a store in memory, a DNS of its own and a clock that a test sets, for tests.
#pragma once

#include "adapters/memory/resolver.h"
#include "adapters/memory/telemetry.h"
#include "core/events/history.h"
#include "core/reporting/reporting.h"
#include "core/reporting/schema.h"
#include "core/spool/spool_fixture.h"
#include "lib/mailauth/dmarc.h"

#include <gmock/gmock.h>

namespace relevo::test {

inline const dns::IpAddress stranger = dns::IpAddress::parse("203.0.113.9").value();

// Web servers that take reports, as a test wants them.
class ReportPages final : public WebPages {
 public:
    Task<Result<Page>> fetch(PageRequest request) override {
        requests.push_back(std::move(request));
        co_return answer;
    }
    Result<Page> answer = Page{.status = 201, .content_type = {}, .body = {}};
    std::vector<PageRequest> requests;
};

class ReportingTest : public testing::Test {
 protected:
    ReportingTest() {
        options.send = true;
        options.addresses = {address("dmarc@ours.example")};
        dns.txt("_dmarc.example.com", "v=DMARC1; p=reject; rua=mailto:rua@example.com");
        dns.txt("_dmarc.collector.example", "v=DMARC1; p=none");
        open();
    }
    ~ReportingTest() override {
        reporting.reset();
        store.committer->stop();
    }

    void open() {
        reporting.reset();
        reporting = std::make_unique<Reporting>(
            Reporting::Ports{
                .shard = store.shard,
                .resolver = dns,
                .committer = *store.committer,
                .spool = *store.spool,
                .ids = store.ids,
                .log = log,
                .metrics = numbers,
                .accepted = [this](std::shared_ptr<const Message> message) { sent.push_back(std::move(message)); },
                .sign = sign,
                .is_ours = [this](std::string_view domain) { return is_ours(domain); },
                .now = [this] { return now; },
                .delay_after_midnight = minutes(30),
                .counts = counts,
                .received = received,
                .pages = &pages},
            std::make_shared<const ReportOptions>(options));
    }
    // What a crash leaves.
    void crash() {
        reporting.reset();
        store.restart();
        open();
    }

    // A message from `client`, as the verifier judges it.
    void message(const dns::IpAddress& client, const std::string& domain = "example.com",
                 mailauth::DmarcResult result = mailauth::DmarcResult::fail,
                 const std::string& recipient = "bob@ours.example", const std::string& selector = "s1") {
        Findings findings;
        findings.dmarc.emplace();
        findings.dmarc->result = result;
        findings.dmarc->author_domain = domain;
        findings.dmarc->organizational_domain = domain;
        findings.dmarc->policy_domain = domain;
        findings.dmarc->published = mailauth::DmarcPolicy::reject;
        findings.dmarc->spf_aligned = result == mailauth::DmarcResult::pass;
        findings.dmarc->record = "v=DMARC1; p=reject; rua=mailto:rua@" + domain;
        findings.spf.emplace_back();
        findings.spf.front().domain = domain;
        findings.spf.front().result =
            findings.dmarc->spf_aligned ? mailauth::SpfResult::pass : mailauth::SpfResult::fail;
        findings.dkim.emplace();
        findings.dkim->emplace_back();
        findings.dkim->front().domain = "signer.example";
        findings.dkim->front().selector = selector;
        findings.dkim->front().result = mailauth::DkimResult::pass;
        const bool fails = result == mailauth::DmarcResult::fail;
        reporting->message_checked(findings, client, envelope("x@signer.example", {recipient}),
                                   fails ? mailauth::DmarcPolicy::reject : mailauth::DmarcPolicy::none);
    }

    void run_task(Task<> task) {
        auto done = std::make_shared<bool>(false);
        store.shard.spawn(note(std::move(task), done));
        EXPECT_TRUE(store.run_until([&] { return *done; }));
    }
    static Task<> note(Task<> task, std::shared_ptr<bool> done) {
        co_await std::move(task);
        *done = true;
    }
    // A minute's work, and all that it sends.
    void round() {
        run_task(reporting->round());
        settle();
    }
    void settle() {
        EXPECT_TRUE(store.run_until([&] { return !reporting->is_sending(); }));
    }
    void next_day() {
        now = std::chrono::floor<std::chrono::days>(now) + hours(25);
        round();
    }
    std::vector<OutgoingReport> outgoing() {
        std::vector<OutgoingReport> reports;
        EXPECT_TRUE(store
                        .run(read_rows(*store.committer,
                                       [&](Reader& reader) -> Result<void> {
                                           RELEVO_TRY(reports, list_outgoing(reader, 0, "", 1000));
                                           return {};
                                       }))
                        .has_value());
        return reports;
    }
    // The report inside a mail that was sent.
    authreports::AggregateReport report_in(const Message& message) {
        const auto extracted = authreports::extract_reports(*message.content);
        EXPECT_TRUE(extracted.has_value());
        return std::get<authreports::ReadAggregateReport>(extracted->reports.at(0)).report;
    }

    SpoolStore store{CommitterThreads::none, reporting_migrations()};
    MemoryResolver dns;
    MemoryLog log;
    MemoryMetrics numbers;
    WallClock::time_point now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + hours(12);
    ReportOptions options{.from = address("dmarc-reports@relay.example"),
                          .organization = "Relay",
                          .contact = "https://relay.example/",
                          .submitter = "relay.example"};
    std::function<std::string(std::string, std::string_view)> sign;
    std::function<bool(std::string_view)> is_ours = [](std::string_view) { return true; };
    CountLimits counts;
    ReceivedLimits received;
    ReportPages pages;
    std::vector<std::shared_ptr<const Message>> sent;
    std::unique_ptr<Reporting> reporting;
};

}  // namespace relevo::test
