#include "lib/mailauth/dmarc_record.h"

#include "lib/base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::mailauth {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// "error rua: …; warning …": what the person sees, one line.
std::vector<std::string> errors_of(const DmarcRecord& record) {
    std::vector<std::string> tags;
    for (const RecordProblem& problem : record.problems)
        if (problem.weight == ProblemWeight::error) tags.push_back(problem.tag);
    return tags;
}

TEST(DmarcRecord, ReadsEveryTagOfTheStandard) {  // RFC 9989 §4.7
    const auto record = parse_dmarc_record(
        "v=DMARC1; p=reject; sp=quarantine; np=reject; psd=n; t=y; adkim=s; aspf=s; fo=1:d; "
        "rua=mailto:a@example.com,mailto:b@example.net; ruf=mailto:c@example.com");
    ASSERT_TRUE(record.has_value());
    EXPECT_EQ(record->policy, DmarcPolicy::reject);
    EXPECT_EQ(record->policy_of_subdomain(), DmarcPolicy::quarantine);
    EXPECT_EQ(record->policy_of_nonexistent(), DmarcPolicy::reject);
    EXPECT_EQ(record->public_suffix, PublicSuffixFlag::no);
    EXPECT_TRUE(record->is_testing);
    EXPECT_EQ(record->dkim_alignment, DmarcAlignment::strict);
    EXPECT_EQ(record->spf_alignment, DmarcAlignment::strict);
    EXPECT_EQ(record->failure_options, "1:d");
    ASSERT_EQ(record->aggregate_uris.size(), 2U);
    EXPECT_EQ(record->aggregate_uris[1].address, "b@example.net");
    EXPECT_EQ(record->aggregate_uris[1].host, "example.net");
    ASSERT_EQ(record->failure_uris.size(), 1U);
    EXPECT_THAT(errors_of(*record), IsEmpty());
}

TEST(DmarcRecord, IsOnlyWhatBeginsWithItsVersion) {  // RFC 9989 §4.7: the first tag, exactly so
    for (const char* text : {"v=DMARC1", "v=DMARC1;", "v = DMARC1 ;p=none", "V=DMARC1; p=none"})
        EXPECT_TRUE(parse_dmarc_record(text).has_value()) << text;
    for (const char* text : {"", "v=spf1 -all", "v=DMARC2; p=none", "p=none; v=DMARC1", "v=dmarc1; p=none",
                             "v=DMARC1 p=none", "DMARC1; p=none", ";v=DMARC1"})
        EXPECT_FALSE(parse_dmarc_record(text).has_value()) << text;
    EXPECT_THAT(parse_dmarc_record("v=dmarc1; p=none").error().detail, HasSubstr("capitals"));
    EXPECT_THAT(parse_dmarc_record("p=none; v=DMARC1").error().detail, HasSubstr("must begin with v=DMARC1"));
    EXPECT_EQ(parse_dmarc_record("v=spf1 -all").error().detail, "not a DMARC record");
}

TEST(DmarcRecord, FallsBackFromNpToSpToP) {  // RFC 9989 §4.7, np and sp
    const auto only_p = parse_dmarc_record("v=DMARC1; p=reject").value();
    EXPECT_EQ(only_p.policy_of_subdomain(), DmarcPolicy::reject);
    EXPECT_EQ(only_p.policy_of_nonexistent(), DmarcPolicy::reject);
    const auto with_sp = parse_dmarc_record("v=DMARC1; p=reject; sp=none").value();
    EXPECT_EQ(with_sp.policy_of_nonexistent(), DmarcPolicy::none);
    EXPECT_EQ(with_sp.own_policy(), DmarcPolicy::reject);
}

TEST(DmarcRecord, CountsAsNoneWithAnInvalidPolicyAndRua) {  // RFC 9989 §4.10.1
    for (const char* text :
         {"v=DMARC1; p=rejct; rua=mailto:a@x.example", "v=DMARC1; p=reject; sp=; rua=mailto:a@x.example",
          "v=DMARC1; p=reject; np=no; rua=mailto:a@x.example"}) {
        const auto record = parse_dmarc_record(text).value();
        EXPECT_TRUE(record.is_applicable()) << text;
        EXPECT_EQ(record.own_policy(), DmarcPolicy::none) << text;
        EXPECT_THAT(errors_of(record), testing::SizeIs(1)) << text;
    }
    EXPECT_FALSE(parse_dmarc_record("v=DMARC1; p=rejct").value().is_applicable());
    EXPECT_FALSE(parse_dmarc_record("v=DMARC1; p=rejct; rua=nowhere").value().is_applicable());
    EXPECT_TRUE(parse_dmarc_record("v=DMARC1").value().is_applicable());  // §4.7: as if it included p=none
}

TEST(DmarcRecord, ReadsRecordsOfTheOldStandardAlike) {  // RFC 7489 §6.3
    const auto record =
        parse_dmarc_record("v=DMARC1;p=quarantine;pct=50;rf=afrf;ri=86400;rua=mailto:a@x.example!10m").value();
    EXPECT_EQ(record.own_policy(), DmarcPolicy::quarantine);
    EXPECT_FALSE(record.is_testing);
    EXPECT_EQ(record.percentage, 50U);
    EXPECT_EQ(record.aggregate_uris.at(0).size_limit, 10 * mebibyte);
    EXPECT_EQ(record.aggregate_uris.at(0).text, "mailto:a@x.example");
    EXPECT_THAT(errors_of(record), IsEmpty());
    EXPECT_TRUE(parse_dmarc_record("v=DMARC1;p=reject;pct=0").value().is_testing);  // RFC 7489 §6.6.4
}

TEST(DmarcRecord, ReadsSizeLimits) {  // RFC 7489 §6.4
    const std::pair<const char*, std::optional<Octets>> cases[] = {
        {"mailto:a@x.example!100", 100},
        {"mailto:a@x.example!2k", 2048},
        {"mailto:a@x.example!1G", 1024 * mebibyte},
        {"mailto:a@x.example!1x", {}},
        {"mailto:a@x.example!", {}},
        {"mailto:a@x.example!-1k", {}},
        {"mailto:a@x.example!99999999999999999999t", {}},
    };
    for (const auto& [text, expected] : cases) {
        std::vector<RecordProblem> problems;
        const auto uris = parse_report_uris(text, "rua", SizeLimits::allowed, problems);
        EXPECT_EQ(uris.empty(), !expected.has_value()) << text;
        if (!uris.empty()) EXPECT_EQ(uris[0].size_limit, expected) << text;
        EXPECT_FALSE(problems.empty()) << text;
    }
}

TEST(DmarcRecord, ReadsUrisOfManyForms) {  // RFC 9989 §4.6, RFC 6068 §2
    std::vector<RecordProblem> problems;
    const auto uris = parse_report_uris(
        " mailto:a%2Cb%21@example.com?subject=x , MAILTO:d@b\xC3\xBC"
        "cher.example,https://user@Report.Example:8443/v1?a",
        "rua", SizeLimits::allowed, problems);
    EXPECT_EQ(uris.size(), 2U);
    EXPECT_EQ(uris.at(0).scheme, "mailto");
    EXPECT_EQ(uris.at(0).address,
              "d@b\xC3\xBC"
              "cher.example");
    EXPECT_EQ(uris.at(0).host, "xn--bcher-kva.example");
    EXPECT_EQ(uris.at(1).scheme, "https");
    EXPECT_EQ(uris.at(1).host, "report.example");
    EXPECT_EQ(uris.at(1).address, "");
    ASSERT_EQ(problems.size(), 1U);  // a quoted local part would be needed for the comma
    EXPECT_THAT(problems[0].text, HasSubstr("holds no mail address"));
}

TEST(DmarcRecord, SaysWhatIsWrongWithAUri) {
    const std::pair<const char*, const char*> cases[] = {
        {"a@example.com", "write mailto:a@example.com"},
        {"mailto://a@example.com", "\"//\""},
        {"mailto:a@[192.0.2.1]", "number"},
        {"mailto:a%zz@example.com", "hexadecimal"},
        {"mailto:", "no mail address"},
        {"https:///path", "names no host"},
        {"mailto:a%00@example.com", "no mail address"},
    };
    for (const auto& [text, expected] : cases) {
        std::vector<RecordProblem> problems;
        EXPECT_THAT(parse_report_uris(text, "rua", SizeLimits::allowed, problems), IsEmpty()) << text;
        ASSERT_EQ(problems.size(), 1U) << text;
        EXPECT_EQ(problems[0].tag, "rua");
        EXPECT_THAT(problems[0].text, HasSubstr(expected));
    }
}

TEST(DmarcRecord, ListsWhatIsWrongForItsOwner) {
    const auto record = parse_dmarc_record(
                            "v=DMARC1; p=none; p=reject; rau=mailto:a@x.example; adkim=x; aspf=strict; fo=2; t=maybe; "
                            "psd=z; pct=101; junk")
                            .value();
    EXPECT_EQ(record.own_policy(), DmarcPolicy::none);  // the first one counts
    EXPECT_THAT(errors_of(record), ElementsAre("p", "adkim", "aspf", "fo", "t", "psd", ""));
    const auto unknown = std::ranges::find(record.problems, "rau", &RecordProblem::tag);
    ASSERT_NE(unknown, record.problems.end());
    EXPECT_THAT(unknown->text, HasSubstr("is rua= meant?"));
}

TEST(DmarcRecord, KeepsItsListsShort) {  // a TXT record may hold 64 KiB
    std::string text = "v=DMARC1; p=none; rua=";
    for (int i = 0; i < 2000; ++i) text += "mailto:a@x.example,b,";
    for (int i = 0; i < 2000; ++i) text += ";x" + std::string(1, static_cast<char>('a' + i % 26)) + "=1";
    const auto record = parse_dmarc_record(text).value();
    EXPECT_LE(record.aggregate_uris.size(), 20U);
    EXPECT_LE(record.problems.size(), 51U);
}

TEST(DmarcRecord, LowersAPolicyByOneStep) {  // RFC 9989 §4.7, t
    EXPECT_EQ(one_step_below(DmarcPolicy::reject), DmarcPolicy::quarantine);
    EXPECT_EQ(one_step_below(DmarcPolicy::quarantine), DmarcPolicy::none);
    EXPECT_EQ(one_step_below(DmarcPolicy::none), DmarcPolicy::none);
}

}  // namespace
}  // namespace relevo::mailauth
