#include "lib/authreports/tls_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::authreports {
namespace {

using testing::HasSubstr;

TEST(TlsReportingRecord, ReadsWhereReportsGo) {  // RFC 8460 §3
    const auto record =
        parse_tls_reporting_record("v=TLSRPTv1; rua=mailto:a@example.com,https://report.example/v1; x=y").value();
    ASSERT_EQ(record.uris.size(), 2U);
    EXPECT_EQ(record.uris[0].address, "a@example.com");
    EXPECT_EQ(record.uris[1].host, "report.example");
    EXPECT_TRUE(record.problems.empty());
}

TEST(TlsReportingRecord, IsOnlyWhatBeginsWithItsVersion) {  // RFC 8460 §3
    for (const char* text : {"", "v=tlsrptv1; rua=mailto:a@x.example", "rua=mailto:a@x.example; v=TLSRPTv1",
                             "v=TLSRPTv2;", "V=TLSRPTv1; rua=mailto:a@x.example"})
        EXPECT_EQ(parse_tls_reporting_record(text).error().kind, ErrorKind::invalid) << text;
    EXPECT_THAT(parse_tls_reporting_record("v=tlsrptv1").error().detail, HasSubstr("must be written v=TLSRPTv1"));
}

TEST(TlsReportingRecord, SaysWhatIsWrong) {
    const std::pair<const char*, const char*> cases[] = {
        {"v=TLSRPTv1;", "nobody sends reports"},
        {"v=TLSRPTv1; rua=a@example.com", "write mailto:"},
        {"v=TLSRPTv1; rua=mailto:a@example.com!10m", "%21"},
        {"v=TLSRPTv1; rua=http://report.example/", "mailto: and https: only"},
        {"v=TLSRPTv1; rua=mailto:a@example.com; rua=mailto:b@example.com", "twice"},
        {"v=TLSRPTv1; hello; rua=mailto:a@example.com", "no name"},
    };
    for (const auto& [text, expected] : cases) {
        const auto record = parse_tls_reporting_record(text).value();
        ASSERT_FALSE(record.problems.empty()) << text;
        EXPECT_THAT(record.problems[0].text, HasSubstr(expected));
    }
}

TEST(TlsReport, ReadsTimesOfEveryZone) {  // RFC 3339 §5.6
    const std::pair<const char*, std::int64_t> cases[] = {
        {"1970-01-02T00:00:00Z", 86'400},      {"1970-01-02T01:30:00.25+01:30", 86'400},
        {"1970-01-01T23:00:00-01:00", 86'400}, {"1970-01-02 00:00:00", 86'400},
        {"1970-13-02T00:00:00Z", 0},           {"yesterday", 0},
        {"1970-01-02T24:00:00Z", 0},           {"1970-01-02T00:00:00+1", 0},
    };
    for (const auto& [time, expected] : cases) {
        const auto report =
            parse_tls_report(R"({"policies":[],"date-range":{"start-datetime":")" + std::string(time) + "\"}}");
        EXPECT_EQ(report->begin.time_since_epoch().count(), expected) << time;
    }
}

TEST(TlsReport, IsTolerantOfTypes) {
    const auto report = parse_tls_report(R"({"policies":[1,{"policy":{"policy-type":"sts","mx-host":"mx.example"},
        "summary":{"total-successful-session-count":"7","total-failure-session-count":-1},"failure-details":{}},
        {"policy":[],"summary":null,"failure-details":[[],{"failed-session-count":2}]}],"organization-name":5})")
                            .value();
    ASSERT_EQ(report.policies.size(), 3U);
    EXPECT_EQ(report.policies[1].successful_sessions, 7U);
    EXPECT_EQ(report.policies[1].failed_sessions, 0U);
    EXPECT_EQ(report.policies[1].mx_patterns.at(0), "mx.example");
    EXPECT_EQ(report.policies[2].failures.at(1).sessions, 2U);
}

TEST(TlsReport, RefusesWhatIsNone) {  // security row C8
    for (const char* text : {"", "{}", "[]", R"({"policies":{}})", "{\"policies\":[}"})
        EXPECT_EQ(parse_tls_report(text).error().kind, ErrorKind::invalid) << text;
    EXPECT_EQ(parse_tls_report("{\"policies\":" + std::string(100, '[') + std::string(100, ']') + "}").error().kind,
              ErrorKind::limit);
    std::string many = "{\"policies\":[0";
    for (int i = 0; i < 2'000; ++i) many += ",0";
    EXPECT_EQ(parse_tls_report(many + "]}").error().kind, ErrorKind::limit);
    EXPECT_EQ(parse_tls_report(std::string(11 * mebibyte, ' ')).error().kind, ErrorKind::limit);
}

}  // namespace
}  // namespace relevo::authreports
