// The public suite of DMARC reports: what large and small senders really wrote, some of it broken.
#include "lib/authreports/report_extraction.h"
#include "lib/authreports/test_data.h"
#include "lib/json/json.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <gtest/gtest.h>

#include <iostream>
#include <map>

namespace relevo::authreports {
namespace {

using boost::json::value;

const value& at(const value& object, const char* name) {
    static const value nothing;
    const value* found = json::member(object, name);
    return found != nullptr ? *found : nothing;
}
std::string text_at(const value& object, const char* name) { return std::string(json::text_of(&at(object, name))); }

// What a suite's parsed form has in common with ours.
void expect_row(const ReportRow& row, const value& expected) {
    const value& line = at(expected, "row");
    const value& evaluated = at(line, "policy_evaluated");
    EXPECT_EQ(row.source.text(), text_at(line, "source_ip"));
    EXPECT_EQ(row.count, at(line, "count").to_number<std::uint64_t>());
    EXPECT_EQ(name_of(row.disposition), letters_of(text_at(evaluated, "disposition")));
    EXPECT_EQ(row.dkim_aligned, text_at(evaluated, "dkim") == "Pass");
    EXPECT_EQ(row.spf_aligned, text_at(evaluated, "spf") == "Pass");
    ASSERT_EQ(row.reasons.size(), at(evaluated, "reason").as_array().size());
    for (std::size_t i = 0; i < row.reasons.size(); ++i)
        // The suite turns words of RFC 7489 that RFC 9990 dropped into "other"; we keep what the reporter wrote.
        EXPECT_EQ(row.reasons[i].type == "sampled_out" ? "other" : letters_of(row.reasons[i].type),
                  letters_of(text_at(at(evaluated, "reason").as_array()[i], "type_")));
    const value& identifiers = at(expected, "identifiers");
    EXPECT_EQ(row.header_from, text_at(identifiers, "header_from"));
    EXPECT_EQ(row.envelope_from, text_at(identifiers, "envelope_from"));
    EXPECT_EQ(row.envelope_to, text_at(identifiers, "envelope_to"));
    const auto& dkim = at(at(expected, "auth_results"), "dkim").as_array();
    ASSERT_EQ(row.dkim.size(), dkim.size());
    for (std::size_t i = 0; i < dkim.size(); ++i) {
        EXPECT_EQ(row.dkim[i].domain, text_at(dkim[i], "domain"));
        EXPECT_EQ(row.dkim[i].selector, text_at(dkim[i], "selector"));
        EXPECT_EQ(mailauth::name_of(row.dkim[i].result), letters_of(text_at(dkim[i], "result")));
    }
    const auto& spf = at(at(expected, "auth_results"), "spf").as_array();
    ASSERT_EQ(row.spf.size(), spf.size());
    for (std::size_t i = 0; i < spf.size(); ++i) {
        EXPECT_EQ(row.spf[i].domain, text_at(spf[i], "domain"));
        EXPECT_EQ(mailauth::name_of(row.spf[i].result), letters_of(text_at(spf[i], "result")));
    }
}

void expect_report(const AggregateReport& report, const value& expected) {
    const value& metadata = at(expected, "report_metadata");
    EXPECT_EQ(report.organization, text_at(metadata, "org_name"));
    EXPECT_EQ(report.email, text_at(metadata, "email"));
    EXPECT_EQ(report.extra_contact, text_at(metadata, "extra_contact_info"));
    EXPECT_EQ(report.report_id, text_at(metadata, "report_id"));
    EXPECT_EQ(report.begin.time_since_epoch().count(),
              at(at(metadata, "date_range"), "begin").to_number<std::int64_t>());
    EXPECT_EQ(report.end.time_since_epoch().count(), at(at(metadata, "date_range"), "end").to_number<std::int64_t>());
    const value& policy = at(expected, "policy_published");
    EXPECT_EQ(report.policy.domain, text_at(policy, "domain"));
    EXPECT_EQ(mailauth::name_of(report.policy.policy), letters_of(text_at(policy, "p")));
    EXPECT_EQ(report.policy.is_testing, at(policy, "testing").as_bool());
    const auto& records = at(expected, "record").as_array();
    ASSERT_EQ(report.rows.size(), records.size());
    for (std::size_t i = 0; i < records.size(); ++i) expect_row(report.rows[i], records[i]);
}

// File → rows of its report, where the suite has no parsed form. -1: a failure report, which is no aggregate.
const std::map<std::string, int> expected_rows = {
    {"Report domain- borschow.com Submitter- google.com Report-ID- 949348866075514174.eml", 1},
    {"ikea.com!example.de!1538690400!1538776800.xml", 1},
    {"!large-example.com!1711897200!1711983600.xml", 2286},
    {"estadocuenta1.infonacot.gob.mx!example.com!1536853302!1536939702!2940.xml.zip", 1},
    {"invalid_xml.xml", 1},
    {"twilight.eml", 1},
    {"addisonfoods.com!example.com!1536105600!1536191999.xml", 1},
    {"fastmail.com!example.com!1516060800!1516147199!102675056.xml.gz", 1},
    {"rfc9990-sample.xml", 1},
    {"!example.com!1538204542!1538463818.xml", 1},
    {"changed-input.xml", 20},
    {"nice-input.xml", 20},
    {"DMARC Failure Report for domain.de (mail-from=sharepoint@domain.de, ip=10.10.10.10).eml", -1},
};
// File → why nothing can be read from it.
const std::map<std::string, std::string> exceptions = {
    {"empty.xml", "has no octets; the suite expects an error as well"},
    {"exim_plain_text_only_no_arf_part.eml",
     "RFC 5965 §2: without a message/feedback-report part it is a letter to a person, not a report"},
};

Result<Report> read_one(const std::filesystem::path& path) {
    const std::string octets = read_file(path);
    if (path.extension() != ".eml") return read_report_file(octets);
    RELEVO_TRY(ExtractedReports extracted, extract_reports(octets));
    if (extracted.reports.size() == 1) return std::move(extracted.reports.front());
    return failure(ErrorKind::invalid, extracted.problems.empty() ? "no report" : extracted.problems.front());
}

int failures_so_far() { return testing::UnitTest::GetInstance()->current_test_info()->result()->total_part_count(); }

// True if the file gave what it should.
bool passes(const std::filesystem::path& path) {
    const int before = failures_so_far();
    const auto report = read_one(path);
    const std::string name = path.filename();
    if (exceptions.contains(name)) return false;
    EXPECT_TRUE(report.has_value()) << name << ": " << report.error().detail;
    if (!report) return false;
    const auto* aggregate = std::get_if<ReadAggregateReport>(&*report);
    const auto expected = std::filesystem::path(path).replace_extension(".json");
    if (aggregate != nullptr && std::filesystem::exists(expected)) {
        expect_report(aggregate->report, json::parse(read_file(expected)).value());
    } else if (aggregate != nullptr) {
        EXPECT_EQ(std::ssize(aggregate->report.rows), expected_rows.at(name)) << name;
        EXPECT_FALSE(aggregate->report.rows.at(0).header_from.empty()) << name;
    } else {
        EXPECT_EQ(expected_rows.at(name), -1) << name;
        EXPECT_EQ(std::get<FeedbackReport>(*report).auth_failure, "dmarc") << name;
    }
    return failures_so_far() == before;
}

TEST(AggregateSuite, IsReadAsItsAuthorsMeant) {
    std::size_t passed = 0, total = 0, excepted = 0;
    for (const auto& path : files_of(RELEVO_SOURCE_DIR, "dmarc")) {
        if (path.extension() == ".json") continue;
        SCOPED_TRACE(path.filename().string());
        ++total;
        if (passes(path))
            ++passed;
        else if (exceptions.contains(path.filename()))
            ++excepted;
    }
    std::cout << "dmarc: " << passed << "/" << total << " passed\n";
    for (const auto& [name, reason] : exceptions) std::cout << "  not read: " << name << ": " << reason << "\n";
    EXPECT_EQ(total, 25U) << "the public test data is missing: set RELEVO_TESTDATA to its folder";
    EXPECT_EQ(passed + excepted, total);
    EXPECT_EQ(excepted, exceptions.size());
}

TEST(AggregateSuite, SurvivesWritingAndReadingAgain) {
    for (const auto& path : files_of(RELEVO_SOURCE_DIR, "dmarc")) {
        if (path.extension() == ".json") continue;
        const auto report = read_one(path);
        const auto* first = report ? std::get_if<ReadAggregateReport>(&*report) : nullptr;
        if (first == nullptr) continue;
        AggregateReport expected = first->report;
        expected.policy.percentage.reset();  // RFC 9990 has no pct
        for (ReportRow& row : expected.rows)
            std::erase_if(row.spf, [](const SpfEvidence& spf) { return spf.scope == mailauth::SpfIdentity::helo; });
        const auto again = parse_aggregate_report(write_aggregate_report(expected, ReportForm::rfc9990));
        ASSERT_TRUE(again.has_value()) << path << again.error().detail;
        EXPECT_TRUE(again->deviations.empty()) << path << again->deviations.front();
        EXPECT_EQ(again->report, expected) << path;
    }
}

}  // namespace
}  // namespace relevo::authreports
