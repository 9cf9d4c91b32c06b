#include "lib/tlspolicy/mta_sts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::tlspolicy {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(MtaStsRecord, IsReadByTheGrammar) {  // RFC 8461 §3.1
    for (const char* text :
         {"v=STSv1; id=20160831085700Z;", "v=STSv1;id=20160831085700Z", "v=STSv1; x=y; id=20160831085700Z"})
        EXPECT_EQ(parse_mta_sts_record(text)->id, "20160831085700Z") << text;
    const std::pair<const char*, const char*> wrong[] = {
        {"", "begin with"},
        {"v=STSv2; id=1", "begin with"},
        {"v=stsv1; id=1", "begin with"},
        {"id=1; v=STSv1", "begin with"},
        {"v=STSv1;", "no id"},
        {"v=STSv1; id=", "letters and digits"},
        {"v=STSv1; id=a-b", "letters and digits"},
        {"v=STSv1; id=012345678901234567890123456789012", "letters and digits"},
        {"v=STSv1; id=1; id=2", "two ids"},
        {"v=STSv1; id=1; hello", "no \"=\""},
    };
    for (const auto& [text, reason] : wrong)
        EXPECT_THAT(parse_mta_sts_record(text).error().detail, HasSubstr(reason)) << text;
}

TEST(MtaStsRecord, CountsOnlyIfItIsAlone) {  // RFC 8461 §3.1
    EXPECT_EQ(choose_mta_sts_record({"v=spf1 -all", "v=STSv1; id=1"})->id, "1");
    EXPECT_EQ(choose_mta_sts_record({"v=STSv1; id=1", "v=STSv1; id=1"}).error().kind, ErrorKind::conflict);
    EXPECT_EQ(choose_mta_sts_record({"v=spf1 -all"}).error().kind, ErrorKind::not_found);
    EXPECT_EQ(choose_mta_sts_record({"v=STSv1"}).error().kind, ErrorKind::invalid);
}

TEST(MtaStsPolicy, IsReadByTheGrammar) {  // RFC 8461 §3.2, its example
    const auto policy = parse_mta_sts_policy(
                            "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.Example.NET\r\nmx: "
                            "backupmx.example.com\r\n"
                            "max_age: 604800\r\n")
                            .value();
    EXPECT_EQ(policy.mode, MtaStsMode::enforce);
    EXPECT_EQ(policy.max_age, std::chrono::weeks(1));
    EXPECT_THAT(policy.mx_patterns, ElementsAre("mail.example.com", "*.example.net", "backupmx.example.com"));
    EXPECT_TRUE(policy.warnings.empty());
}

TEST(MtaStsPolicy, TakesWhatTheGrammarLeavesOpen) {  // RFC 8461 §3.2
    const auto policy = parse_mta_sts_policy(
                            "max_age:86400\nunknown: x\nmode:testing\nmode: enforce\nversion:STSv1\nmx:b\xC3\xBC"
                            "cher.example\n\n")
                            .value();
    EXPECT_EQ(policy.mode, MtaStsMode::testing);  // the first one counts
    EXPECT_THAT(policy.mx_patterns, ElementsAre("xn--bcher-kva.example"));
    EXPECT_TRUE(parse_mta_sts_policy("version: STSv1\nmode: none\nmax_age: 1").has_value());
    EXPECT_EQ(parse_mta_sts_policy("version: STSv1\nmode: none\nmax_age: 9999999999")->max_age.count(), 31'557'600);
    EXPECT_THAT(parse_mta_sts_policy("version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 60")->warnings,
                ElementsAre(HasSubstr("less than a day")));
}

TEST(MtaStsPolicy, SaysWhatIsWrong) {
    const std::string good = "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 86400\n";
    ASSERT_TRUE(parse_mta_sts_policy(good).has_value());
    const std::pair<std::string, const char*> cases[] = {
        {"", "no version"},
        {"<html>Not found</html>", "no \":\""},
        {"version: STSv2\n", "not STSv1"},
        {"version: STSv1\nmx: a.example\nmax_age: 1", "no mode"},
        {"version: STSv1\nmode: on\n", "neither enforce"},
        {"version: STSv1\nmode: enforce\nmx: a.example", "no max_age"},
        {"version: STSv1\nmode: enforce\nmax_age: 1", "no mx"},
        {"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1d", "not a number"},
        {"version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 12345678901", "not a number"},
        {"version: STSv1\nmode: enforce\nmx: *\nmax_age: 1", "mx \"*\""},
        {"version: STSv1\nmode: enforce\nmx: *.*.example\nmax_age: 1", "mx "},
        {"version: STSv1\nmode: enforce\nmx: a b.example\nmax_age: 1", "mx "},
        {"version: STSv1\rmode: enforce\n", "control characters"},
        {std::string("version: STSv1\0\n", 16), "control characters"},
    };
    for (const auto& [file, reason] : cases) {
        const auto policy = parse_mta_sts_policy(file);
        ASSERT_FALSE(policy.has_value()) << file;
        EXPECT_THAT(policy.error().detail, HasSubstr(reason)) << file;
    }
    EXPECT_EQ(parse_mta_sts_policy(good + std::string(70'000, '\n')).error().kind, ErrorKind::limit);
    std::string many = good;
    for (int i = 0; i < 1'001; ++i) many += "mx: a.example\n";
    EXPECT_EQ(parse_mta_sts_policy(many).error().kind, ErrorKind::limit);
}

TEST(MtaStsPolicy, MatchesOneLabelForAStar) {  // RFC 8461 §4.1
    const MtaStsPolicy policy{.mx_patterns = {"mx.example.com", "*.example.net"}};
    for (const char* host : {"mx.example.com", "a.example.net"}) EXPECT_TRUE(matches(policy, host)) << host;
    for (const char* host : {"example.com", "a.mx.example.com", "example.net", "a.b.example.net", ".example.net",
                             "aexample.net", "", "*.example.org"})
        EXPECT_FALSE(matches(policy, host)) << host;
}

}  // namespace
}  // namespace relevo::tlspolicy
