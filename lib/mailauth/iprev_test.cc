#include "lib/mailauth/iprev.h"

#include "lib/dns/answer_table.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace relevo::mailauth {
namespace {

IprevVerdict check(const dns::AnswerTable& table, std::string_view client) {
    return dns::run(check_iprev(dns::IpAddress::parse(client).value()), table);
}

TEST(Iprev, ConfirmsANameThatLeadsBack) {  // RFC 8601 §3
    dns::AnswerTable table;
    table.ptr("192.0.2.1", "stale.example").ptr("192.0.2.1", "mail.example").address("mail.example", "192.0.2.1");
    table.address("stale.example", "192.0.2.9")
        .ptr("2001:db8::1", "mail.example")
        .address("mail.example", "2001:db8::1");
    EXPECT_EQ(check(table, "192.0.2.1").result, IprevResult::pass);
    EXPECT_EQ(check(table, "192.0.2.1").name, "mail.example");
    EXPECT_EQ(check(table, "2001:db8::1").result, IprevResult::pass);
}

TEST(Iprev, TellsFailureFromFaults) {  // RFC 8601 §2.7.3
    dns::AnswerTable table;
    table.ptr("192.0.2.1", "other.example").address("other.example", "192.0.2.9");
    table.ptr("192.0.2.2", "slow.example").mark("slow.example", dns::AnswerTable::Mark::timeout);
    table.mark("3.2.0.192.in-addr.arpa", dns::AnswerTable::Mark::servfail);
    const std::pair<std::string_view, IprevResult> cases[] = {{"192.0.2.1", IprevResult::fail},
                                                              {"192.0.2.2", IprevResult::temperror},
                                                              {"192.0.2.3", IprevResult::temperror},
                                                              {"192.0.2.4", IprevResult::permerror}};
    for (const auto& [client, expected] : cases) {
        const IprevVerdict verdict = check(table, client);
        EXPECT_EQ(verdict.result, expected) << client;
        EXPECT_EQ(verdict.name, "");
        EXPECT_FALSE(verdict.reason.empty());
    }
}

TEST(Iprev, LooksAtTenNames) {  // security row B6
    dns::AnswerTable table;
    for (int index = 0; index < 50; ++index) table.ptr("192.0.2.1", fmt::format("n{}.example", index));
    std::size_t questions = 0;
    const auto verdict =
        dns::run(check_iprev(dns::IpAddress::parse("192.0.2.1").value()), [&](const dns::Question& question) {
            ++questions;
            return table(question);
        });
    EXPECT_EQ(verdict.result, IprevResult::fail);
    EXPECT_EQ(questions, 1 + iprev_name_limit);
}

}  // namespace
}  // namespace relevo::mailauth
