#include "lib/authreports/tls_rows.h"

#include <gmock/gmock.h>

namespace relevo::authreports {
namespace {

TlsRow row(const std::string& result, std::uint64_t sessions, const std::string& policy = "sts") {
    return {.policy_type = policy,
            .policy_strings = {"version: STSv1", "mode: enforce"},
            .mx_patterns = {"*.example.net"},
            .failure = {.result_type = result,
                        .sending_address = "192.0.2.1",
                        .receiving_host = result.empty() ? "" : "mx.example.net",
                        .receiving_address = "203.0.113.5",
                        .reason_code = "certificate has expired"},
            .sessions = sessions};
}

TEST(TlsRows, AKeyGivesTheRowBack) {
    const TlsRow before = row("certificate-expired", 7);
    const auto after = tls_row_from_key(key_of(before));
    ASSERT_TRUE(after.has_value());
    EXPECT_EQ(after->policy_type, before.policy_type);
    EXPECT_EQ(after->policy_strings, before.policy_strings);
    EXPECT_EQ(after->mx_patterns, before.mx_patterns);
    EXPECT_EQ(after->failure, before.failure);
    EXPECT_EQ(after->sessions, 0U);
}

TEST(TlsRows, WhatStrangersWriteCannotBreakOrSwellAKey) {
    TlsRow hostile = row("validation-failure", 1);
    hostile.failure.reason_code = "a\x1F" + std::string(5'000, 'x') + "\n";
    hostile.policy_strings.assign(500, std::string(500, 'y'));
    const std::string key = key_of(hostile);
    EXPECT_LT(key.size(), 20'000U);
    const auto read = tls_row_from_key(key);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read->policy_strings.size(), 30U);
    EXPECT_EQ(read->failure.result_type, "validation-failure");
}

TEST(TlsRows, WhatIsNoKeyIsRefused) {
    const std::string key = key_of(row("certificate-expired", 1));
    for (const std::string& text : {std::string(), std::string("1\x1F"), key + "more", key.substr(0, key.size() - 1),
                                    std::string("t1\x1Fsts\x1F") + "99\x1F"})
        EXPECT_FALSE(tls_row_from_key(text).has_value()) << text;
}

TEST(TlsRows, EachPolicyHasItsSums) {  // RFC 8460 §4.4
    const auto policies = policies_of("example.net", {row("", 40), row("certificate-expired", 2), row("", 1, "tlsa"),
                                                      row("starttls-not-supported", 3)});
    ASSERT_EQ(policies.size(), 2U);
    EXPECT_EQ(policies[0].policy_type, "sts");
    EXPECT_EQ(policies[0].policy_domain, "example.net");
    EXPECT_EQ(policies[0].successful_sessions, 40U);
    EXPECT_EQ(policies[0].failed_sessions, 5U);
    ASSERT_EQ(policies[0].failures.size(), 2U);
    EXPECT_EQ(policies[0].failures[1].sessions, 3U);
    EXPECT_EQ(policies[1].successful_sessions, 1U);
    EXPECT_THAT(policies[1].failures, testing::IsEmpty());
}

}  // namespace
}  // namespace relevo::authreports
