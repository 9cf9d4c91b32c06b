#include "lib/mailauth/spf_check.h"

#include "lib/dns/answer_table.h"
#include "lib/dns/name.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace relevo::mailauth {
namespace {

using testing::Contains;
using testing::Field;
using testing::HasSubstr;

struct Asked {
    SpfVerdict verdict;
    std::vector<std::string> questions;
};

Asked ask_all(SpfQuery query, const dns::AnswerTable& table) {
    Asked asked;
    asked.verdict = dns::run(check_spf(std::move(query)), [&](const dns::Question& question) {
        asked.questions.push_back(fmt::format("{} {}", question.name, dns::name_of(question.type)));
        return table(question);
    });
    return asked;
}

SpfQuery from(std::string_view client, std::string mail_from) {
    SpfQuery query;
    query.client = dns::IpAddress::parse(client).value();
    query.mail_from = std::move(mail_from);
    query.helo = "mail.example.net";
    query.receiver = "mx.receiver.example";
    return query;
}

SpfVerdict check(const dns::AnswerTable& table, std::string_view client = "192.0.2.1",
                 std::string mail_from = "alice@example.com") {
    return ask_all(from(client, std::move(mail_from)), table).verdict;
}

TEST(SpfCheck, SaysWhyStepByStep) {
    dns::AnswerTable table;
    table.txt("example.com", "v=spf1 ip4:198.51.100.0/24 a include:esp.example -all")
        .address("example.com", "192.0.2.9");
    table.txt("esp.example", "v=spf1 ip4:192.0.2.0/29 ~all").mark("example.com", dns::AnswerTable::Mark::secure);
    const SpfVerdict verdict = check(table);
    EXPECT_EQ(verdict.result, SpfResult::pass);
    EXPECT_EQ(verdict.mechanism, "include:esp.example");
    EXPECT_EQ(verdict.domain, "example.com");
    EXPECT_EQ(verdict.sender, "alice@example.com");
    EXPECT_EQ(verdict.identity, SpfIdentity::mail_from);
    EXPECT_EQ(verdict.lookups, 2U);
    EXPECT_EQ(verdict.security, dns::Security::secure);
    EXPECT_EQ(verdict.reason, "\"include:esp.example\" in the SPF record of example.com allows 192.0.2.1");
    std::string steps;
    for (const CheckStep& step : verdict.steps)
        steps += fmt::format("{} {} => {}\n", step.depth, step.subject, step.outcome);
    EXPECT_EQ(
        steps,
        "0 example.com TXT => v=spf1 ip4:198.51.100.0/24 a include:esp.example -all\n"
        "0 ip4:198.51.100.0/24 => no match: 192.0.2.1 is not in it\n"
        "0 a => no match: example.com is 192.0.2.9\n"
        "0 include:esp.example => matches: \"ip4:192.0.2.0/29\" in the SPF record of esp.example allows 192.0.2.1\n"
        "1 esp.example TXT => v=spf1 ip4:192.0.2.0/29 ~all\n"
        "1 ip4:192.0.2.0/29 => matches 192.0.2.1\n");
}

TEST(SpfCheck, ChecksTheHeloNameOfBounces) {  // RFC 7208 §2.4, §4.3
    dns::AnswerTable table;
    table.txt("mail.example.net", "v=spf1 exists:%{l}.%{h} -all").address("postmaster.mail.example.net", "127.0.0.2");
    const SpfVerdict bounce = check(table, "192.0.2.1", "");
    EXPECT_EQ(bounce.result, SpfResult::pass);
    EXPECT_EQ(bounce.identity, SpfIdentity::helo);
    EXPECT_EQ(bounce.sender, "postmaster@mail.example.net");
    SpfQuery helo = from("192.0.2.1", "alice@example.com");
    helo.identity = SpfIdentity::helo;
    EXPECT_EQ(ask_all(helo, table).verdict.domain, "mail.example.net");
    for (const std::string name : {"[192.0.2.1]", "192.0.2.1", "localhost", "", "a..b", "-"}) {
        helo.helo = name;
        const Asked asked = ask_all(helo, table);
        EXPECT_EQ(asked.verdict.result, SpfResult::none) << name;
        EXPECT_TRUE(asked.questions.empty()) << name;
        EXPECT_FALSE(asked.verdict.reason.empty()) << name;
    }
}

TEST(SpfCheck, AsksForInternationalDomainsAsALabels) {  // RFC 7208 §4.3
    dns::AnswerTable table;
    table.txt("xn--correo-espaol-skb.example", "v=spf1 ip4:192.0.2.1 -all");
    const SpfVerdict verdict = check(table, "192.0.2.1", "jos\xc3\xa9@correo-espa\xc3\xb1ol.example");
    EXPECT_EQ(verdict.domain, "xn--correo-espaol-skb.example") << verdict.reason;
    EXPECT_EQ(verdict.result, SpfResult::pass);
}

TEST(SpfCheck, TakesFaultsOfTheDnsAsTemporary) {  // RFC 7208 §2.6.6; never fail, never none
    using Mark = dns::AnswerTable::Mark;
    for (const Mark mark : {Mark::timeout, Mark::servfail, Mark::bogus}) {
        for (const std::string_view name :
             {"example.com", "a.example", "mx.example", "host.example", "exists.example", "inc.example"}) {
            dns::AnswerTable table;
            table.txt("example.com", "v=spf1 a:a.example mx:mx.example exists:exists.example include:inc.example -all");
            table.txt("inc.example", "v=spf1 -all")
                .address("a.example", "198.51.100.1")
                .mx("mx.example", 1, "host.example");
            table.address("host.example", "198.51.100.2").mark(name, mark);
            const SpfVerdict verdict = check(table);
            EXPECT_EQ(verdict.result, SpfResult::temperror) << name;
            EXPECT_THAT(verdict.reason, HasSubstr(std::string(name)));
        }
        // The names of the client are not the sender's to mend: the mechanism does not match (§5.5).
        dns::AnswerTable table;
        table.txt("example.com", "v=spf1 ptr ~all").mark("1.2.0.192.in-addr.arpa", mark);
        EXPECT_EQ(check(table).result, SpfResult::softfail);
    }
}

TEST(SpfCheck, StopsRecordsThatIncludeEachOther) {  // security row B6, RFC 7208 §4.6.4
    dns::AnswerTable table;
    table.txt("example.com", "v=spf1 include:b.example -all").txt("b.example", "v=spf1 include:example.com -all");
    table.txt("loop.example", "v=spf1 redirect=loop.example");
    for (const std::string sender : {"a@example.com", "a@loop.example"}) {
        const Asked asked = ask_all(from("192.0.2.1", sender), table);
        EXPECT_EQ(asked.verdict.result, SpfResult::permerror);
        EXPECT_EQ(asked.verdict.lookups, spf_lookup_limit);
        EXPECT_EQ(asked.questions.size(), 1U + spf_lookup_limit);
        EXPECT_THAT(asked.verdict.reason, HasSubstr("more than 10 look-ups"));
    }
}

TEST(SpfCheck, StopsRecordsThatFanOut) {  // security row B6
    dns::AnswerTable table;
    std::string fan = "v=spf1";
    for (unsigned index = 0; index < 20; ++index) {
        fan += fmt::format(" include:f{}.example", index);
        table.txt(fmt::format("f{}.example", index), "v=spf1 include:fan.example ?all");
    }
    table.txt("fan.example", fan + " -all");
    const Asked asked = ask_all(from("192.0.2.1", "a@fan.example"), table);
    EXPECT_EQ(asked.verdict.result, SpfResult::permerror);
    EXPECT_LE(asked.questions.size(), 1U + spf_lookup_limit);
}

// Ten mx of ten hosts each, and %{p} before and after: the most that a record can make a receiver ask.
TEST(SpfCheck, AsksNoMoreThanItsBound) {  // security row B6: at most 1 + 10 x 11 questions
    dns::AnswerTable table;
    for (unsigned index = 0; index < 12; ++index) {
        for (unsigned host = 0; host < spf_name_limit; ++host)
            table.mx(fmt::format("m{}.example", index), 1, fmt::format("h{}.m{}.example", host, index));
        table.ptr("192.0.2.1", fmt::format("client{}.example", index));
    }
    std::string nine;
    for (unsigned index = 0; index < 9; ++index) nine += fmt::format(" mx:m{}.example", index);
    table.txt("plain.example", "v=spf1" + nine + " mx:m9.example exp=why.example -all").txt("why.example", "No.");
    const Asked plain = ask_all(from("192.0.2.1", "a@plain.example"), table);
    EXPECT_EQ(plain.verdict.result, SpfResult::fail);
    EXPECT_EQ(plain.questions.size(), spf_question_limit);
    EXPECT_EQ(plain.verdict.explanation, "") << "no question is left for it";

    table.txt("named.example", "v=spf1 mx:m%{p}.example" + nine + " -all");
    const Asked named = ask_all(from("192.0.2.1", "a@named.example"), table);
    EXPECT_EQ(named.verdict.result, SpfResult::permerror);
    EXPECT_EQ(named.questions.size(), spf_question_limit);
    EXPECT_THAT(named.verdict.reason, HasSubstr("more than 111 DNS questions"));
}

TEST(SpfCheck, AsksForTheNamesOfTheClientOnce) {  // security row B6, RFC 7208 §4.6.4
    dns::AnswerTable table;
    for (unsigned index = 0; index < 30; ++index) table.ptr("192.0.2.1", fmt::format("n{}.example.com", index));
    table.txt("example.com", "v=spf1 ptr ptr:example.com ptr exists:%{p}.x.example -all");
    const Asked asked = ask_all(from("192.0.2.1", "a@example.com"), table);
    EXPECT_EQ(asked.verdict.result, SpfResult::fail) << asked.verdict.reason;
    EXPECT_EQ(asked.questions.size(), 1U + 1 + spf_name_limit + 1);
}

TEST(SpfCheck, CountsTermsThatFindNothing) {  // RFC 7208 §4.6.4
    dns::AnswerTable table;
    table.txt("example.com", "v=spf1 a:n1.example mx:n2.example ip4:192.0.2.1 -all");
    EXPECT_EQ(check(table).result, SpfResult::pass);
    EXPECT_EQ(check(table).void_lookups, 2U);
    table.txt("three.example", "v=spf1 a:n1.example mx:n2.example exists:n3.example ip4:192.0.2.1 -all");
    const SpfVerdict over = check(table, "192.0.2.1", "a@three.example");
    EXPECT_EQ(over.result, SpfResult::permerror);
    EXPECT_THAT(over.reason, HasSubstr("more than 2 look-ups that find nothing"));
    // Mail servers without an IPv6 address are no void look-ups of the term.
    table.txt("mx.example", "v=spf1 mx ip6:2001:db8::1 -all");
    for (int host = 0; host < 5; ++host) table.mx("mx.example", 1, fmt::format("h{}.example", host));
    EXPECT_EQ(check(table, "2001:db8::1", "a@mx.example").result, SpfResult::pass);
}

TEST(SpfCheck, ShowsExplanationsThatCannotHarm) {  // RFC 7208 §6.2, §11.5
    dns::AnswerTable table;
    table.txt("example.com", "v=spf1 -all exp=why.example.com")
        .txt("why.example.com", "%{l} at %{c} not by %{r}: %{p}");
    EXPECT_EQ(check(table, "192.0.2.1", "a\r\nb\xff@example.com").explanation,
              "a??b? at 192.0.2.1 not by mx.receiver.example: unknown");
    table.txt("long.example", "v=spf1 -all exp=w.long.example").txt("w.long.example", std::string(5'000, 'x'));
    EXPECT_EQ(check(table, "192.0.2.1", "a@long.example").explanation.size(), 500U);
    table.txt("soft.example", "v=spf1 ~all exp=why.example.com");
    EXPECT_EQ(check(table, "192.0.2.1", "a@soft.example").explanation, "") << "only with fail";
    table.txt("slow.example", "v=spf1 -all exp=w.slow.example");
    table.mark("w.slow.example", dns::AnswerTable::Mark::timeout);
    const SpfVerdict slow = check(table, "192.0.2.1", "a@slow.example");
    EXPECT_EQ(slow.result, SpfResult::fail);
    EXPECT_EQ(slow.explanation, "");
    EXPECT_THAT(slow.steps, Contains(Field(&CheckStep::outcome, HasSubstr("no explanation: no answer"))));
    table.txt("mute.example", "v=spf1 -all exp=w.mute.example").txt("w.mute.example", "");
    EXPECT_THAT(check(table, "192.0.2.1", "a@mute.example").steps,
                Contains(Field(&CheckStep::outcome, "no explanation: its text is empty")));
}

TEST(SpfCheck, NamesTheMistakeOfARecord) {
    dns::AnswerTable table;
    table.txt("example.com", "v=spf1 a ipv4:192.0.2.1 -all");
    const SpfVerdict verdict = check(table);
    EXPECT_EQ(verdict.result, SpfResult::permerror);
    EXPECT_EQ(verdict.reason, "mistake in the SPF record of example.com: \"ipv4:192.0.2.1\": not a mechanism");
    table.txt("two.example", "v=spf1 -all").txt("two.example", "v=spf1 a -all");
    EXPECT_EQ(check(table, "192.0.2.1", "a@two.example").reason, "two.example: 2 SPF records where only one may be");
    EXPECT_EQ(check(table, "192.0.2.1", "a@gone.example").reason, "gone.example: no such domain");
    EXPECT_EQ(check(table, "192.0.2.1", "a@example.com\\").result, SpfResult::none);
}

TEST(SpfCheck, KeepsABoundedNumberOfSteps) {
    dns::AnswerTable table;
    std::string record = "v=spf1";
    for (int count = 0; count < 1'000; ++count) record += " ip4:198.51.100.1";
    table.txt("example.com", record + " -all");
    const SpfVerdict verdict = check(table);
    EXPECT_EQ(verdict.result, SpfResult::fail);
    EXPECT_EQ(verdict.steps.size(), 251U);
    EXPECT_THAT(verdict.steps.back().outcome, HasSubstr("only the first 250 steps"));
}

}  // namespace
}  // namespace relevo::mailauth
