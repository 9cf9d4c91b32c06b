#include "lib/mailauth/spf_record.h"

#include "lib/mailauth/spf_macro.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::mailauth {
namespace {

using testing::HasSubstr;

dns::IpAddress address(std::string_view text) { return dns::IpAddress::parse(text).value(); }

TEST(SpfRecord, IsReadTermByTerm) {  // RFC 7208 §4.6.1
    const auto record = parse_spf_record(
        "V=SPF1  +mx/24//64 ~A:%{d}/20 -ip4:192.0.2.7/24 ?ip6:2001:db8::/32 include:a.example ptr "
        "exists:%{ir}.x.example "
        "exp=why.example moo=%{i}/ -ALL redirect=b.example ");
    ASSERT_TRUE(record) << record.error().detail;
    ASSERT_EQ(record->mechanisms.size(), 8U);
    const auto& terms = record->mechanisms;
    EXPECT_EQ(terms[0].kind, SpfMechanismKind::mx);
    EXPECT_EQ(terms[0].qualifier, SpfResult::pass);
    EXPECT_EQ(terms[0].prefix_v4, 24U);
    EXPECT_EQ(terms[0].prefix_v6, 64U);
    EXPECT_EQ(terms[0].text, "+mx/24//64");
    EXPECT_EQ(terms[1].domain, "%{d}");
    EXPECT_EQ(terms[1].prefix_v4, 20U);
    EXPECT_EQ(terms[1].qualifier, SpfResult::softfail);
    EXPECT_TRUE(terms[2].network_contains(address("192.0.2.200"))) << "host bits are allowed (§5.6)";
    EXPECT_FALSE(terms[2].network_contains(address("192.0.3.1")));
    EXPECT_FALSE(terms[2].network_contains(address("2001:db8::1")));
    EXPECT_TRUE(terms[3].network_contains(address("2001:db8:ffff::1")));
    EXPECT_EQ(terms[3].qualifier, SpfResult::neutral);
    EXPECT_EQ(terms[7].qualifier, SpfResult::fail);
    EXPECT_EQ(record->explanation, "why.example");
    EXPECT_EQ(record->redirect, "b.example");
    EXPECT_FALSE(terms[7].costs_lookup());
    EXPECT_TRUE(terms[5].costs_lookup());
}

TEST(SpfRecord, SaysWhichTermIsWrongAndWhy) {  // RFC 7208 §4.6, §5, §6, §7.1
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"v=spf1 ipv4:192.0.2.1", "\"ipv4:192.0.2.1\": not a mechanism"},
        {"v=spf1 ip4:192.0.2", "not an IPv4 address"},
        {"v=spf1 ip4:2001:db8::1", "not an IPv4 address"},
        {"v=spf1 ip6:192.0.2.1", "not an IPv6 address"},
        {"v=spf1 ip4:192.0.2.1/33", "the prefix must be 0 to 32"},
        {"v=spf1 ip6:::/129", "the prefix must be 0 to 128"},
        {"v=spf1 ip4:192.0.2.1/", "the prefix must be 0 to 32"},
        {"v=spf1 a/33", "the IPv4 prefix must be 0 to 32"},
        {"v=spf1 a//129", "the IPv6 prefix must be 0 to 128"},
        {"v=spf1 a/024", "without leading zeros"},
        {"v=spf1 a/", "nothing may follow here but"},
        {"v=spf1 a:192.0.2.1", "use ip4 or ip6"},
        {"v=spf1 a:example", "not a full domain name"},
        {"v=spf1 include", "a domain must follow"},
        {"v=spf1 include:", "an empty domain"},
        {"v=spf1 all:x", "nothing may follow \"all\""},
        {"v=spf1 redirect:a.example", "write \"redirect=\""},
        {"v=spf1 redirect=a.example redirect=b.example", "stands twice"},
        {"v=spf1 a:%{d", "a macro \"%{\" without its \"}\""},
        {"v=spf1 a:%{x}", "no macro is written \"%{x}\""},
        {"v=spf1 a:%{d0}", "a macro that keeps 0 parts"},
        {"v=spf1 a:%{dx}", "no delimiter"},
        {"v=spf1 exists:%{c}.example", "\"c\" is for explanations only"},
        {"v=spf1 x=%", "\"%\" must be followed by"},
        {"v=spf1 1=x", "begins with a letter"},
        {"v=spf1 a\tmx", "octet 9 of the record is not printable ASCII"},
        {"v=spf2 a", "begins with \"v=spf1\""},
    };
    for (const auto& [text, expected] : cases) {
        const auto record = parse_spf_record(text);
        ASSERT_FALSE(record) << text;
        EXPECT_THAT(record.error().detail, HasSubstr(std::string(expected))) << text;
        EXPECT_EQ(record.error().kind, ErrorKind::invalid);
    }
}

TEST(SpfRecord, HasABoundOfTerms) {  // security row B6
    std::string text = "v=spf1";
    for (std::size_t count = 0; count < spf_term_limit; ++count) text += " a";
    EXPECT_TRUE(parse_spf_record(text));
    EXPECT_EQ(parse_spf_record(text + " a").error().kind, ErrorKind::limit);
}

TEST(SpfRecord, TakesMappedAddressesAsIpv6) {  // RFC 7208 §5
    const auto mapped = parse_spf_mechanism("ip6:::ffff:192.0.2.1").value();
    EXPECT_FALSE(mapped.network_contains(address("::ffff:192.0.2.1"))) << "the client is IPv4 then";
    EXPECT_TRUE(parse_spf_mechanism("ip6:::ffff:0:0/0")->network_contains(address("2001:db8::1")));
}

SpfMacroValues example_values(std::string_view client) {
    return {"strong-bad@email.example.com",
            "email.example.com",
            "mail.example.com",
            "mx.example.org",
            "mx.example.org.validated.example",
            address(client),
            std::chrono::sys_seconds(std::chrono::seconds(99))};
}

TEST(SpfMacro, ExpandsTheExamplesOfTheRfc) {  // RFC 7208 §7.4
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"%{s}", "strong-bad@email.example.com"},
        {"%{o}", "email.example.com"},
        {"%{d}", "email.example.com"},
        {"%{d4}", "email.example.com"},
        {"%{d3}", "email.example.com"},
        {"%{d2}", "example.com"},
        {"%{d1}", "com"},
        {"%{dr}", "com.example.email"},
        {"%{d2r}", "example.email"},
        {"%{l}", "strong-bad"},
        {"%{l-}", "strong.bad"},
        {"%{lr}", "strong-bad"},
        {"%{lr-}", "bad.strong"},
        {"%{l1r-}", "strong"},
        {"%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
        {"%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
        {"%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
        {"%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
        {"%{h}|%{r}|%{t}|%{c}|%{p2}", "mail.example.com|mx.example.org|99|192.0.2.3|validated.example"},
        {"%%%_%-", "% %20"},
        {"%{S}", "strong-bad%40email.example.com"},
        {"%{d99999999999999999999999}", "email.example.com"},
    };
    for (const auto& [text, expected] : cases) {
        ASSERT_TRUE(check_macros(text, SpfMacroPlace::explanation)) << text;
        EXPECT_EQ(expand_macros(text, example_values("192.0.2.3"), 1'000), expected) << text;
    }
    EXPECT_EQ(expand_macros("%{ir}.%{v}._spf.%{d2}", example_values("2001:db8::cb01"), 1'000),
              "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com");
    EXPECT_EQ(expand_macros("%{p}%{r}", SpfMacroValues(), 1'000), "unknownunknown");
}

TEST(SpfMacro, StopsAtItsLimit) {  // security row B6
    std::string text;
    for (int count = 0; count < 10'000; ++count) text += "%{s}";
    EXPECT_LE(expand_macros(text, example_values("192.0.2.3"), 100).size(), 200U);
}

TEST(SpfMacro, MakesNamesThatCanBeAskedFor) {  // RFC 7208 §7.3
    EXPECT_EQ(spf_target_name("A.Example."), "a.example");
    EXPECT_EQ(spf_target_name("a b\\.example"), "a\\032b\\\\.example");
    for (const std::string& text : {std::string(), std::string("."), std::string("a..b"), std::string("a.."),
                                    std::string(".a"), std::string(64, 'x') + ".example", std::string(300, 'x')})
        EXPECT_FALSE(spf_target_name(text)) << text;
    std::string deep;
    for (int count = 0; count < 100; ++count) deep += "abcd.";
    const auto cut = spf_target_name(deep + "example");
    ASSERT_TRUE(cut);
    EXPECT_LE(cut->size(), 253U);
    EXPECT_GT(cut->size(), 247U);
    EXPECT_TRUE(cut->starts_with("abcd.") && cut->ends_with(".example"));
}

}  // namespace
}  // namespace relevo::mailauth
