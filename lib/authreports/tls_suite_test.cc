// The public suites of TLS reports and feedback reports.
#include "lib/authreports/report_extraction.h"
#include "lib/authreports/test_data.h"
#include "lib/json/json.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <gtest/gtest.h>

#include <iostream>

namespace relevo::authreports {
namespace {

Result<TlsReport> read_tls(const std::filesystem::path& path) {
    if (path.extension() == ".json") return parse_tls_report(read_file(path));
    RELEVO_TRY(ExtractedReports extracted, extract_reports(read_file(path)));
    if (extracted.reports.size() != 1 || !std::holds_alternative<TlsReport>(extracted.reports[0]))
        return failure(ErrorKind::invalid, extracted.problems.empty() ? "no report" : extracted.problems[0]);
    return std::get<TlsReport>(std::move(extracted.reports[0]));
}

TEST(TlsSuite, IsReadAndWrittenAgain) {  // RFC 8460 §4.4, appendix B
    std::size_t passed = 0, total = 0;
    for (const auto& path : files_of(RELEVO_SOURCE_DIR, "tlsrpt")) {
        ++total;
        const auto report = read_tls(path);
        ASSERT_TRUE(report.has_value()) << path << report.error().detail;
        const std::uint64_t sessions = [&] {
            std::uint64_t sum = 0;
            for (const auto& policy : report->policies) sum += policy.successful_sessions + policy.failed_sessions;
            return sum;
        }();
        EXPECT_GT(sessions, 0U) << path;
        EXPECT_FALSE(report->organization.empty()) << path;
        EXPECT_LT(report->begin, report->end) << path;
        EXPECT_EQ(parse_tls_report(write_tls_report(*report)).value(), *report) << path;
        if (!HasFailure()) ++passed;
    }
    std::cout << "tlsrpt: " << passed << "/" << total << " passed\n";
    EXPECT_EQ(total, 6U) << "the public test data is missing: set RELEVO_TESTDATA to its folder";
    EXPECT_EQ(passed, total);
    const auto files = files_of(RELEVO_SOURCE_DIR, "tlsrpt");
    if (files.empty()) return;
    const auto example = read_tls(test_data_folder(RELEVO_SOURCE_DIR) + "/tlsrpt/parsedmarc/rfc8460.json").value();
    EXPECT_EQ(example.policies.at(0).failures.at(2).reason_code, "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED");
    EXPECT_EQ(example.policies.at(0).mx_patterns.at(0), "*.mail.company-y.example");
    EXPECT_EQ(example.policies.at(0).failed_sessions, 303U);
    EXPECT_EQ(example.begin.time_since_epoch().count(), 1459468800);
}

// A member of the suite's parsed form: null is "".
std::string text_at(const boost::json::value& object, const char* name) {
    return std::string(json::text_of(json::member(object, name)));
}
std::string first_at(const boost::json::value& object, const char* name) {
    const auto& list = json::member(object, name)->as_array();
    return list.empty() ? std::string() : std::string(json::text_of(&list.front()));
}
std::string first_of(const std::vector<std::string>& list) { return list.empty() ? std::string() : list.front(); }

void expect_feedback(const FeedbackReport& report, const boost::json::value& expected) {
    EXPECT_EQ(letters_of(report.type), letters_of(text_at(expected, "feedback_type")));
    EXPECT_EQ(report.user_agent, text_at(expected, "user_agent"));
    EXPECT_EQ(report.original_envelope_id, text_at(expected, "original_envelope_id"));
    const auto bare = [](std::string text) {
        std::erase_if(text, [](char c) { return c == '<' || c == '>'; });
        return text;
    };
    EXPECT_EQ(report.original_mail_from, bare(text_at(expected, "original_mail_from")));
    EXPECT_EQ(first_of(report.original_recipients), bare(text_at(expected, "original_rcpt_to")));
    EXPECT_EQ(report.reporting_mta, text_at(expected, "reporting_mta"));
    EXPECT_EQ(report.source ? report.source->text() : "", text_at(expected, "source_ip"));
    EXPECT_EQ(first_of(report.reported_domains), first_at(expected, "reported_domain"));
    EXPECT_EQ(report.reported_uris.size(), json::member(expected, "reported_uri")->as_array().size());
    EXPECT_EQ(first_of(report.reported_uris), first_at(expected, "reported_uri"));
    EXPECT_EQ(report.authentication_results.size(),
              json::member(expected, "authentication_results")->as_array().size());
    const auto& arrival = *json::member(expected, "arrival_date");
    EXPECT_EQ(report.arrival.has_value(), arrival.is_number());
    if (report.arrival && arrival.is_number())
        EXPECT_EQ(report.arrival->time_since_epoch().count(), arrival.to_number<std::int64_t>());
    const std::string failure = letters_of(text_at(expected, "auth_failure"));
    EXPECT_EQ(report.auth_failure, failure == "unspecified" ? "" : failure);
    EXPECT_EQ(report.dkim_domain, text_at(expected, "dkim_domain"));
    EXPECT_EQ(report.dkim_identity, text_at(expected, "dkim_identity"));
    EXPECT_EQ(report.dkim_selector, text_at(expected, "dkim_selector"));
    EXPECT_FALSE(report.original.empty());
}

TEST(FeedbackSuite, IsReadAsItsAuthorsMeant) {  // RFC 5965, RFC 6591
    std::size_t passed = 0, total = 0;
    for (const auto& path : files_of(RELEVO_SOURCE_DIR, "arf")) {
        if (path.extension() != ".eml") continue;
        SCOPED_TRACE(path.filename().string());
        ++total;
        const auto extracted = extract_reports(read_file(path));
        ASSERT_TRUE(extracted.has_value());
        ASSERT_EQ(extracted->reports.size(), 1U);
        const auto expected = json::parse(read_file(std::filesystem::path(path).replace_extension(".json")));
        expect_feedback(std::get<FeedbackReport>(extracted->reports[0]), expected.value());
        if (!HasFailure()) ++passed;
    }
    std::cout << "arf: " << passed << "/" << total << " passed\n";
    EXPECT_EQ(total, 5U) << "the public test data is missing: set RELEVO_TESTDATA to its folder";
    EXPECT_EQ(passed, total);
}

}  // namespace
}  // namespace relevo::authreports
