#include "lib/tracking/machine_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

namespace relevo::tracking {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr std::string_view firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0";

Visit visit(VisitKind kind, std::string_view agent = firefox, std::string_view address = "198.51.100.7") {
    return {.kind = kind,
            .agent = agent,
            .address = dns::IpAddress::parse(address).value(),
            .since_delivery = 10min,
            .links_at_once = kind == VisitKind::click ? 1U : 0U};
}

TEST(MachineRules, TellPeopleFromPrograms) {
    const MachineRules rules = MachineRules::built_in();
    struct Case {
        Visit visit;
        Label label;
        std::string_view rule;
    };
    Visit soon_opened = visit(VisitKind::open), soon_followed = visit(VisitKind::click), by_head = soon_followed,
          at_once = soon_followed, two = soon_followed, unknown = visit(VisitKind::open);
    soon_opened.since_delivery = 1500ms;
    soon_followed.since_delivery = 5s;
    by_head.asked_by_head = true;
    at_once.links_at_once = 3;
    two.links_at_once = 2;
    two.since_delivery = 6s;
    unknown.since_delivery.reset();
    const Case cases[] = {
        {visit(VisitKind::open), Label::human, "nothing_else"},
        {visit(VisitKind::click), Label::human, "nothing_else"},
        {unknown, Label::human, "nothing_else"},
        {two, Label::human, "nothing_else"},
        {visit(VisitKind::open, "Mozilla/5.0"), Label::machine, "apple_mail_privacy"},
        {visit(VisitKind::click, "Mozilla/5.0"), Label::human, "nothing_else"},
        {visit(VisitKind::open,
               "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"),
         Label::human, "gmail_image_proxy"},
        {visit(VisitKind::open, "YahooMailProxy; https://help.yahoo.com/"), Label::human, "yahoo_image_proxy"},
        {visit(VisitKind::click, "Barracuda Sentinel (EE)"), Label::machine, "barracuda"},
        {visit(VisitKind::click, firefox, "209.222.82.9"), Label::machine, "barracuda_network"},
        {visit(VisitKind::click, "Python-urllib/3.11"), Label::machine, "program"},
        {visit(VisitKind::open, ""), Label::machine, "no_agent"},
        {soon_opened, Label::machine, "at_once"},
        {soon_followed, Label::machine, "at_once"},
        {by_head, Label::machine, "head_request"},
        {at_once, Label::machine, "links_at_once"},
    };
    for (const Case& expected : cases) {
        const Verdict verdict = rules.judge(expected.visit);
        EXPECT_EQ(verdict.rule, expected.rule) << expected.visit.agent;
        EXPECT_EQ(verdict.label, expected.label) << expected.rule;
        EXPECT_TRUE(verdict.confidence >= 1 && verdict.confidence <= 100);
    }
}

TEST(MachineRules, TheFirstRuleThatFitsDecides) {
    const auto rules =
        MachineRules::parse("# words\n\nmachine\t10\ta\tany\tagent\tFire\r\nhuman\t20\tb\tany\talways\t-\n");
    ASSERT_TRUE(rules.has_value());
    EXPECT_EQ(rules->judge(visit(VisitKind::open)).rule, "a");
    EXPECT_EQ(rules->judge(visit(VisitKind::open, "x")).rule, "b");
    EXPECT_EQ(MachineRules::parse("").value().judge(visit(VisitKind::open)).label, Label::human);
}

TEST(MachineRules, NameTheLineThatIsWrong) {
    for (const auto& [line, words] : std::initializer_list<std::pair<std::string_view, std::string_view>>{
             {"machine\t10\ta\tany\talways", "5 columns"},
             {"robot\t10\ta\tany\talways\t-", "label"},
             {"machine\t0\ta\tany\talways\t-", "confidence"},
             {"machine\t101\ta\tany\talways\t-", "confidence"},
             {"machine\t10\tA b\tany\talways\t-", "name"},
             {"machine\t10\ta\tboth\talways\t-", "kind"},
             {"machine\t10\ta\tany\tsometimes\t-", "is no test"},
             {"machine\t10\ta\tany\talways\tx", "takes no value"},
             {"machine\t10\ta\tany\tagent\t-", "empty"},
             {"machine\t10\ta\tany\twithin\t0", "1 to 86400"},
             {"machine\t10\ta\tany\tlinks\tmany", "1 to 86400"},
             {"machine\t10\ta\tany\tnetwork\t192.0.2.1/24", "192.0.2.1/24"}}) {
        const auto rules = MachineRules::parse("# one\n" + std::string(line) + "\n");
        ASSERT_FALSE(rules.has_value()) << line;
        EXPECT_THAT(rules.error().detail, HasSubstr("line 2: "));
        EXPECT_THAT(rules.error().detail, HasSubstr(words));
    }
    EXPECT_EQ(MachineRules::parse(std::string(MachineRules::limit_octets + 1, '#')).error().kind, ErrorKind::limit);
}

// security row E14: what a program calls itself is looked at for a bounded time.
TEST(MachineRules, LookAtALongNameAtOnce) {
    const MachineRules rules = MachineRules::built_in();
    const std::string agent(100 * 1024, 'a');
    auto best = std::chrono::steady_clock::duration::max();
    for (int turn = 0; turn < 3; ++turn) {  // the machine may be busy
        const auto began = std::chrono::steady_clock::now();
        EXPECT_FALSE(rules.judge(visit(VisitKind::open, agent)).rule == "head");
        best = std::min(best, std::chrono::steady_clock::now() - began);
    }
    EXPECT_LT(best, 100ms);
}

}  // namespace
}  // namespace relevo::tracking
