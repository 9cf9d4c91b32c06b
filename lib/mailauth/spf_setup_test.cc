#include "lib/mailauth/spf_setup.h"

#include "lib/dns/answer_table.h"
#include "lib/mailauth/spf_check.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::mailauth {
namespace {

using testing::HasSubstr;

std::string tree_of(const std::vector<SpfCostTerm>& terms, unsigned depth = 0) {
    std::string text;
    for (const SpfCostTerm& term : terms) {
        text += fmt::format("{:{}}{} {}{}\n", "", depth * 2, term.text, term.lookups,
                            term.problem.empty() ? "" : " ! " + term.problem);
        text += tree_of(term.below, depth + 1);
    }
    return text;
}

SpfCost cost_of(const dns::AnswerTable& table, std::string record) {
    return dns::run(spf_cost("example.com", std::move(record)), table);
}

TEST(SpfCost, ShowsWhereLookUpsGo) {  // RFC 7208 §4.6.4
    dns::AnswerTable table;
    table.txt("esp.example", "v=spf1 include:a.esp.example include:b.esp.example ~all");
    table.txt("a.esp.example", "v=spf1 ip4:192.0.2.1 a -all").txt("b.esp.example", "v=spf1 ip4:192.0.2.2 -all");
    table.txt("next.example", "v=spf1 mx -all");
    const SpfCost cost =
        cost_of(table, "v=spf1 ip4:192.0.2.9 mx include:esp.example exists:%{i}.x.example redirect=next.example");
    EXPECT_EQ(tree_of(cost.terms),
              "mx 1\n"
              "include:esp.example 4\n"
              "  include:a.esp.example 2\n"
              "    a 1\n"
              "  include:b.esp.example 1\n"
              "exists:%{i}.x.example 1\n"
              "redirect=next.example 2\n"
              "  mx 1\n");
    EXPECT_EQ(cost.lookups, 8U);
    EXPECT_EQ(cost.problem, "");
    EXPECT_TRUE(cost.is_whole);
}

TEST(SpfCost, LeavesOutWhatIsNeverReached) {  // RFC 7208 §5.1, §6.1
    EXPECT_EQ(cost_of({}, "v=spf1 a -all mx redirect=next.example").lookups, 1U);
}

TEST(SpfCost, NamesWhatAReceiverWouldStumbleOver) {
    dns::AnswerTable table;
    table.txt("loop.example", "v=spf1 include:example.com ~all").txt("plain.example", "hello");
    table.mark("slow.example", dns::AnswerTable::Mark::timeout).txt("wrong.example", "v=spf1 ip4:x -all");
    std::string many = "v=spf1";
    for (int count = 0; count < 11; ++count) many += " a";
    const std::pair<std::string, std::string_view> cases[] = {
        {"v=spf1 include:loop.example -all", "include:example.com: leads back to example.com"},
        {"v=spf1 include:plain.example -all", "has no SPF record: a receiver stops with permerror"},
        {"v=spf1 include:slow.example -all", "not followed: no answer about slow.example"},
        {"v=spf1 include:wrong.example -all", "wrong.example: \"ip4:x\": not an IPv4 address"},
        {many, "11 look-ups; receivers stop with permerror after 10"},
        {"v=spf1 bogus", "\"bogus\": not a mechanism"},
    };
    for (const auto& [record, expected] : cases)
        EXPECT_THAT(cost_of(table, record).problem, HasSubstr(std::string(expected))) << record;
    EXPECT_FALSE(cost_of(table, "v=spf1 include:slow.example").is_whole);
    EXPECT_FALSE(cost_of(table, "v=spf1 include:%{i}.example").is_whole);
}

TEST(SpfCost, AsksForABoundedNumberOfRecords) {  // security row B6
    std::size_t questions = 0;
    const SpfCost cost = dns::run(spf_cost("example.com", "v=spf1 include:x.example"), [&](const dns::Question&) {
        dns::Answer answer;
        ++questions;
        answer.texts = {fmt::format("v=spf1 include:{0}a.example include:{0}b.example", questions)};
        return Result<dns::Answer>(std::move(answer));
    });
    EXPECT_EQ(questions, spf_cost_record_limit);
    EXPECT_FALSE(cost.is_whole);
    EXPECT_THAT(cost.problem, HasSubstr("more than 50 records"));
    std::string wide = "v=spf1";
    for (int count = 0; count < 150; ++count) wide += " mx";
    EXPECT_EQ(cost_of({}, wide).lookups, spf_cost_term_limit);
    EXPECT_FALSE(cost_of({}, wide).is_whole);
}

TEST(SpfTrial, SaysWhomARecordWouldAllow) {
    dns::AnswerTable table;
    table.txt("example.com", "v=spf1 -all").address("example.com", "192.0.2.7");
    const auto tried = [&](std::string_view ip) {
        return dns::run(try_spf_record("example.com", "v=spf1 a -all", dns::IpAddress::parse(ip).value()), table)
            .result;
    };
    EXPECT_EQ(tried("192.0.2.7"), SpfResult::pass);
    EXPECT_EQ(tried("192.0.2.8"), SpfResult::fail);
}

TEST(SpfMerge, KeepsWhatIsThere) {
    struct Case {
        std::string_view existing, mechanism, merged;
    };
    const Case cases[] = {
        {"", "include:esp.example", "v=spf1 include:esp.example ~all"},
        {"v=spf1 mx -all", "include:esp.example", "v=spf1 mx include:esp.example -all"},
        {"v=spf1  a  mx  ?all exp=why.example", "ip4:192.0.2.1", "v=spf1 a mx ip4:192.0.2.1 ?all exp=why.example"},
        {"v=spf1 mx include:ESP.example ~all", "include:esp.example", "v=spf1 mx include:ESP.example ~all"},
        {"v=spf1 ?include:esp.example mx ~all", "include:esp.example", "v=spf1 include:esp.example mx ~all"},
        {"v=spf1 mx redirect=next.example", "a:m.example", "v=spf1 mx a:m.example redirect=next.example"},
        {"v=spf1 exp=why.example mx", "a:m.example", "v=spf1 exp=why.example mx a:m.example"},
        {"v=spf1", "mx", "v=spf1 mx"},
        {"v=spf1 all", "mx", "v=spf1 mx all"},
        {"v=spf1 ip4:192.0.2.1/32 -all", "ip4:192.0.2.1", "v=spf1 ip4:192.0.2.1/32 -all"},
        {"v=spf1 ip4:192.0.2.0/24 -all", "ip4:192.0.2.0", "v=spf1 ip4:192.0.2.0/24 ip4:192.0.2.0 -all"},
    };
    for (const Case& example : cases)
        EXPECT_EQ(merge_spf(example.existing, example.mechanism).value(), example.merged) << example.existing;
}

TEST(SpfMerge, RefusesMistakes) {
    EXPECT_THAT(merge_spf("v=spf1 mx -al", "a").error().detail, HasSubstr("mend the existing SPF record first"));
    EXPECT_THAT(merge_spf("", "-all").error().detail, HasSubstr("cannot be added"));
    EXPECT_FALSE(merge_spf("v=spf1 -all", "include:"));
    EXPECT_FALSE(merge_spf("v=spf1 -all", "a mx"));
}

}  // namespace
}  // namespace relevo::mailauth
