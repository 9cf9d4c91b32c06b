#include "lib/dns/answer_table.h"

#include <gtest/gtest.h>

namespace relevo::dns {
namespace {

using namespace std::string_view_literals;
using namespace std::chrono_literals;

AnswerTable table_of(std::string_view text) {
    auto table = AnswerTable::parse(text);
    EXPECT_TRUE(table) << table.error().detail;
    return table ? std::move(table).value() : AnswerTable();
}

std::string error_of(std::string_view text) {
    const auto table = AnswerTable::parse(text);
    return table ? "no error" : table.error().detail;
}

constexpr std::string_view zone = R"($ORIGIN example.com.
$TTL 1h
@          IN SOA  ns hostmaster ( 2026010101 ; serial
                    1d 2h 4w 300 )
           NS      ns.example.net.
           MX      10 mail
           MX      20 backup.example.net.
           TXT     "v=spf1 mx" " -all"   ; two strings
           TXT     "quote \" and semicolon ; \195\177"
mail 60 IN A       192.0.2.1
mail IN 30 A       192.0.2.2
           AAAA    2001:db8::1
www        CNAME   Mail
deep.below TXT     unquoted
_25._tcp.mail TLSA 3 1 1 00ff 10
*.wild     TXT     "any"
*.wild     SRV     0 0 5060 sip
$ORIGIN 2.0.192.in-addr.arpa.
1          PTR     mail.example.com.
)";

TEST(AnswerTable, ReadsAZoneFile) {  // RFC 1035 §5
    const AnswerTable table = table_of(zone);
    const Answer mx = table.find("EXAMPLE.com.", RecordType::mx).value();
    ASSERT_EQ(mx.exchanges.size(), 2U);
    EXPECT_EQ(mx.exchanges[0].exchange, "mail.example.com");
    EXPECT_EQ(mx.exchanges[1].preference, 20);
    EXPECT_EQ(mx.exchanges[1].exchange, "backup.example.net");
    EXPECT_EQ(mx.ttl, 3600s);
    EXPECT_EQ(mx.canonical_name, "example.com");
    EXPECT_EQ(table.find("example.com", RecordType::txt)->texts,
              (std::vector<std::string>{"v=spf1 mx -all", "quote \" and semicolon ; \xc3\xb1"}));
    const Answer a = table.find("mail.example.com", RecordType::a).value();
    EXPECT_EQ(a.addresses.size(), 2U);
    EXPECT_EQ(a.ttl, 30s) << "the smallest counts";
    EXPECT_EQ(table.find("mail.example.com", RecordType::aaaa)->addresses.at(0).text(), "2001:db8::1");
    EXPECT_EQ(table.find("1.2.0.192.in-addr.arpa", RecordType::ptr)->texts.at(0), "mail.example.com");
    EXPECT_EQ(table.find("example.com", RecordType::ns)->texts.at(0), "ns.example.net");
    EXPECT_EQ(table.find("_25._tcp.mail.example.com", RecordType::tlsa)->data.at(0), "\x03\x01\x01\x00\xff\x10"sv);
    EXPECT_EQ(table.find("example.com", RecordType::soa)->data.at(0),
              "\x02ns\x07"
              "example\x03"
              "com\0\x0ahostmaster\x07"
              "example\x03"
              "com\0\x78\xc2\x75\xf5\0\x01\x51\x80\0\0\x1c\x20\0\x24\xea\0\0\0\x01\x2c"sv);
}

TEST(AnswerTable, FollowsAliases) {  // RFC 1034 §3.6.2
    const AnswerTable table = table_of(zone);
    const Answer answer = table.find("www.example.com", RecordType::a).value();
    EXPECT_EQ(answer.canonical_name, "mail.example.com");
    EXPECT_EQ(answer.addresses.size(), 2U);
    EXPECT_EQ(table.find("www.example.com", RecordType::cname)->texts.at(0), "mail.example.com");

    const AnswerTable loop = table_of("a.example CNAME b.example\nb.example CNAME a.example\n");
    const auto looped = loop.find("a.example", RecordType::txt);
    ASSERT_FALSE(looped);
    EXPECT_EQ(looped.error().kind, ErrorKind::temporary);

    AnswerTable chain;
    for (unsigned i = 0; i < AnswerTable::alias_limit; ++i)
        chain.cname(fmt::format("c{}.example", i), fmt::format("c{}.example", i + 1));
    chain.txt(fmt::format("c{}.example", AnswerTable::alias_limit), "end");
    EXPECT_EQ(chain.find("c0.example", RecordType::txt)->texts.at(0), "end");
    chain.cname("before.example", "c0.example");
    EXPECT_FALSE(chain.find("before.example", RecordType::txt));
}

TEST(AnswerTable, TellsNoRecordFromNoName) {  // RFC 2308 §2, RFC 8020
    const AnswerTable table = table_of(zone);
    for (const std::string_view name : {"mail.example.com", "below.example.com", "com", "_tcp.mail.example.com", ""}) {
        const Answer answer = table.find(name, RecordType::txt).value();
        EXPECT_TRUE(answer.texts.empty()) << name;
        EXPECT_TRUE(answer.name_exists) << name;
    }
    for (const std::string_view name : {"gone.example.com", "xmail.example.com", "ample.com", "net"})
        EXPECT_FALSE(table.find(name, RecordType::txt)->name_exists) << name;
}

TEST(AnswerTable, SynthesisesFromWildcards) {  // RFC 4592
    const AnswerTable table = table_of(
        "*.example.com TXT any\n"
        "host.example.com A 192.0.2.1\n"
        "*.alias.example CNAME host.example.com\n");
    EXPECT_EQ(table.find("a.example.com", RecordType::txt)->texts.at(0), "any");
    EXPECT_EQ(table.find("b.a.example.com", RecordType::txt)->texts.at(0), "any");
    EXPECT_EQ(table.find("b.a.example.com", RecordType::txt)->canonical_name, "b.a.example.com");
    EXPECT_TRUE(table.find("host.example.com", RecordType::txt)->texts.empty());
    EXPECT_FALSE(table.find("b.host.example.com", RecordType::txt)->name_exists);
    EXPECT_EQ(table.find("x.alias.example", RecordType::a)->addresses.size(), 1U);
}

TEST(AnswerTable, SaysWhatIsMarked) {
    const AnswerTable table = table_of(R"(
slow.example      TIMEOUT
half.example      TIMEOUT TXT AAAA
half.example      A 192.0.2.1
broken.example    SERVFAIL
forged.example    BOGUS TLSA
gone.example      NXDOMAIN
sub.gone.example  A 192.0.2.1
signed.example    SECURE
signed.example    A 192.0.2.1
out.signed.example SECURE
out.signed.example CNAME half.example
*.below.example   SERVFAIL
below.example     TXT "above"
)");
    EXPECT_EQ(table.find("slow.example", RecordType::mx).error().kind, ErrorKind::timeout);
    EXPECT_EQ(table.find("half.example", RecordType::txt).error().kind, ErrorKind::timeout);
    EXPECT_EQ(table.find("half.example", RecordType::aaaa).error().kind, ErrorKind::timeout);
    EXPECT_EQ(table.find("half.example", RecordType::a)->addresses.size(), 1U);
    EXPECT_EQ(table.find("broken.example", RecordType::a).error().kind, ErrorKind::temporary);
    const auto bogus = table.find("forged.example", RecordType::tlsa);
    ASSERT_FALSE(bogus);
    EXPECT_EQ(bogus.error().kind, ErrorKind::temporary);
    EXPECT_TRUE(bogus.error().detail.starts_with("DNSSEC validation failed"));
    EXPECT_FALSE(table.find("forged.example", RecordType::a)->name_exists);
    EXPECT_FALSE(table.find("gone.example", RecordType::a)->name_exists);
    EXPECT_TRUE(table.find("sub.gone.example", RecordType::a)->name_exists);
    EXPECT_EQ(table.find("signed.example", RecordType::a)->security, Security::secure);
    EXPECT_EQ(table.find("signed.example", RecordType::mx)->security, Security::secure);
    EXPECT_EQ(table.find("half.example", RecordType::a)->security, Security::insecure);
    EXPECT_EQ(table.find("out.signed.example", RecordType::a)->security, Security::insecure)
        << "an answer is as good as the worst of its chain";
    EXPECT_EQ(table.find("a.b.below.example", RecordType::a).error().kind, ErrorKind::temporary);
    EXPECT_EQ(table.find("below.example", RecordType::txt)->texts.at(0), "above");
}

TEST(AnswerTable, NamesLineAndCauseOfAMistake) {
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"\n\na.example TXT \"open\n", "line 3: a quoted string without its end"},
        {"a.example TXT ( a\nb\n", "line 3: a \"(\" without its \")\""},
        {"a.example TXT a )", "line 1: a \")\" without its \"(\""},
        {" A 192.0.2.1", "line 1: a record without a name: the first line must not begin with blanks"},
        {"a.example", "line 1: a.example: no record type"},
        {"a.example 300 IN", "line 1: a.example: no record type"},
        {"a.example TXTT x", "line 1: \"TXTT\" is not a record type: did you mean TXT?"},
        {"a.example TIMEOT", "line 1: \"TIMEOT\" is not a record type: did you mean TIMEOUT?"},
        {"a.example CH A 192.0.2.1", "line 1: \"CH\" is not a record type: did you mean A?"},
        {"a.example A 192.0.2.256", "line 1: \"192.0.2.256\" is not an IP address"},
        {"a.example A 2001:db8::1", "line 1: \"2001:db8::1\" is not an IPv4 address: use AAAA"},
        {"a.example AAAA 192.0.2.1", "line 1: \"192.0.2.1\" is not an IPv6 address: use A"},
        {"a.example A", "line 1: A needs an IPv4 address"},
        {"a.example MX mail", "line 1: MX needs a preference and a name"},
        {"a.example MX 65536 mail", "line 1: \"65536\" is not a number from 0 to 65535"},
        {"a.example TLSA 3 1 1 0x", "line 1: data that is not hexadecimal"},
        {"a.example TLSA 3 1 1 000", "line 1: hexadecimal data must be pairs of digits"},
        {"a.example SOA a b 1 2 3 4 x", "line 1: \"x\" is not a time in seconds"},
        {"a.example CNAME b\na.example TXT x",
         "line 2: a.example: a name with a CNAME record has no other record (RFC 1034 §3.6.2)"},
        {"a.example TXT x\na.example CNAME b",
         "line 2: a.example: a name with a CNAME record has no other record (RFC 1034 §3.6.2)"},
        {"$INCLUDE file", "line 1: \"$INCLUDE\": only \"$ORIGIN NAME\" and \"$TTL TIME\" are known"},
        {"$TTL soon", "line 1: \"soon\" is not a time"},
        {"a.example NXDOMAIN TXT", "line 1: NXDOMAIN holds for every type: a name exists or does not (RFC 8020)"},
        {"a.example TIMEOUT MAIL", "line 1: TIMEOUT: \"MAIL\" is not a record type"},
        {"a..example A 192.0.2.1",
         "line 1: \"a..example\" is not a domain name: a label must have 1 to 63 octets, and all of it 255"},
        {"a.example TXT \x01", "line 1: a control character"},
        {"a.example TXT \"\\256\"", "line 1: a backslash and digits that are no octet (\\000 to \\255)"},
    };
    for (const auto& [text, expected] : cases) EXPECT_EQ(error_of(text), expected) << text;
    EXPECT_EQ(error_of("a TXT " + std::string(256, 'x')),
              "line 1: a string of 256 octets: split it into strings of at most 255");
    EXPECT_EQ(AnswerTable::parse(std::string(AnswerTable::text_limit_octets + 1, '\n')).error().kind, ErrorKind::limit);
}

TEST(AnswerTable, IsPutTogetherInCode) {
    AnswerTable table;
    table.address("mx.example", "192.0.2.1").address("MX.example", "2001:db8::1").mx("example", 10, "mx.example");
    table.mx("null.example", 0, "").txt("example", std::string(600, 'k')).ptr("2001:db8::1", "mx.example");
    table.ns("example", "ns.example").cname("www.example", "mx.example");
    table.data("_25._tcp.mx.example", RecordType::tlsa, "\x03\x01\x01z"sv);
    table.mark("slow.example", AnswerTable::Mark::timeout);
    table.mark("mx.example", RecordType::a, AnswerTable::Mark::secure);
    EXPECT_EQ(table.find("www.example", RecordType::aaaa)->addresses.at(0).text(), "2001:db8::1");
    EXPECT_EQ(table.find("null.example", RecordType::mx)->exchanges.at(0).exchange, "");  // RFC 7505
    EXPECT_EQ(table.find("example", RecordType::txt)->texts.at(0), std::string(600, 'k'));
    EXPECT_EQ(table.find(IpAddress::parse("2001:db8::1")->reverse_name(), RecordType::ptr)->texts.at(0), "mx.example");
    EXPECT_EQ(table.find("example", RecordType::ns)->texts.at(0), "ns.example");
    EXPECT_EQ(table.find("_25._tcp.mx.example", RecordType::tlsa)->data.at(0), "\x03\x01\x01z");
    EXPECT_EQ(table({"slow.example", RecordType::a}).error().kind, ErrorKind::timeout);
    EXPECT_EQ(table.find("mx.example", RecordType::a)->security, Security::secure);
    EXPECT_EQ(table.find("mx.example", RecordType::aaaa)->security, Security::insecure);
    EXPECT_EQ(table.find("a..example", RecordType::a).error().kind, ErrorKind::invalid);
    EXPECT_EQ(table.find("mx.example", RecordType::a)->ttl, 300s);
}

}  // namespace
}  // namespace relevo::dns
