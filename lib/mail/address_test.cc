#include "lib/mail/address.h"

#include <gtest/gtest.h>

#include <vector>

namespace relevo::mail {
namespace {

std::string parsed(std::string_view text, Utf8 utf8 = Utf8::allowed) {
    const auto address = Address::parse(text, utf8);
    return address ? address->text() : "error: " + address.error().detail;
}

TEST(Address, KeepsOneCanonicalSpelling) {  // RFC 5321 §4.1.2
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"User.Name+tag@Example.COM", "User.Name+tag@example.com"},
        {"\"ab\"@x.example", "ab@x.example"},
        {"\"a\\b\"@x.example", "ab@x.example"},
        {"\"a.b\"@x.example", "a.b@x.example"},
        {"\"a b\"@x.example", "\"a b\"@x.example"},
        {"\"a\\ b\"@x.example", "\"a b\"@x.example"},
        {"\"a..b\"@x.example", "\"a..b\"@x.example"},
        {"\".a\"@x.example", "\".a\"@x.example"},
        {"\"a\\\"b\\\\\"@x.example", "\"a\\\"b\\\\\"@x.example"},
        {"\"\"@x.example", "\"\"@x.example"},
        {"\"a@evil.example\"@x.example", "\"a@evil.example\"@x.example"},
        {"\"x@evil \"@good.example", "\"x@evil \"@good.example"},
        {"a%ext@local.example", "a%ext@local.example"},
        {"ext!a@local.example", "ext!a@local.example"},
        {"a@[192.0.2.1]", "a@[192.0.2.1]"},
        {"a@[ipv6:2001:DB8:0:0::1]", "a@[IPv6:2001:db8::1]"},
        {"a@[IPv6:::ffff:192.0.2.1]", "a@[IPv6:::ffff:192.0.2.1]"},
        {"prvs=1234=a@x.example", "prvs=1234=a@x.example"},
        {"-oQ/tmp@x.example", "-oQ/tmp@x.example"},
        {"jos\xC3\xA9@\xC3\x91"
         "and\xC3\x9A.example",
         "jos\xC3\xA9@\xC3\xB1"
         "and\xC3\xBA.example"},
        {"a@n\xCC\x83.example", "a@\xC3\xB1.example"},  // NFD twin of ñ
    };
    for (const auto& [written, canonical] : cases) {
        EXPECT_EQ(parsed(written), canonical) << written;
        EXPECT_EQ(parsed(canonical), canonical) << "printed form parses to another address";
    }
}

struct Refusal {
    std::string text;
    std::string reason;  // part of the detail
};

TEST(Address, RefusesFormsThatReadersDisagreeAbout) {  // security rows A8 to A11
    const std::vector<Refusal> cases = {
        {"", "empty local part"},
        {"a", "without a domain"},
        {"a@", "empty domain"},
        {"@x.example", "empty local part"},
        {"@a.example,@b.example:x@y.example", "source route"},
        {"@local.example:a@ext.example", "source route"},
        {"a@ext.example@local.example", "two \"@\""},
        {"\"a\"@ext.example@local.example", "two \"@\""},
        {"a(comment)@x.example", "comment"},
        {"(comment)a@x.example", "comment"},
        {"a@x.example(comment)", "no domain holds"},
        {"friends:a@x.example;", "group"},
        {"a@x.example,b@x.example", "two \"@\""},
        {"Name <a@x.example>", "white space"},
        {"<a@x.example>", "angle bracket"},
        {"a b@x.example", "white space"},
        {" a@x.example", "white space"},
        {"a@x.example ", "no domain holds"},
        {"a@ x.example", "no domain holds"},
        {"\"a\"b@x.example", "between"},
        {"a\"b\"@x.example", "not the whole"},
        {"\"a\".\"b\"@x.example", "between"},
        {"\"a@x.example", "closing quote"},
        {"\"a\\", "closing quote"},
        {"a\\@b@x.example", "backslash"},
        {"a\r\nRCPT TO:<b@x.example>@x.example", "control character"},
        {"\"a\r\nb\"@x.example", "control character"},
        {"\"a\\\nb\"@x.example", "control character"},
        {"\"a\tb\"@x.example", "control character"},
        {std::string("a\0@x.example", 12), "control character"},
        {std::string("a@x.example\0.evil", 17), "no domain holds"},
        {"a\x7F@x.example", "control character"},
        {".a@x.example", "misplaced dot"},
        {"a..b@x.example", "misplaced dot"},
        {"a.@x.example", "misplaced dot"},
        {"=?utf-8?q?a=40evil.example?=@x.example", "encoded-word"},
        {"=?x?q?collab=40evil.example=3e=00?=foo@x.example", "encoded-word"},
        {"\"=?utf-8?q?a?=\"@x.example", "encoded-word"},
        {"a@=?utf-8?q?x?=.example", "no domain holds"},
        {"a@x.example.", "dot at the end"},
        {"a@.x.example", "empty label"},
        {"a@x..example", "empty label"},
        {"a@-x.example", "hyphen"},
        {"a@x-.example", "hyphen"},
        {"a@192.0.2.1", "number"},
        {"a@2130706433", "number"},
        {"a@[192.0.2.256]", "neither IPv4"},
        {"a@[192.0.2.01]", "neither IPv4"},
        {"a@[192.0.2]", "neither IPv4"},
        {"a@[IPv6:2001:db8::1", "closing bracket"},
        {"a@[IPv6:2001:db8:::1]", "not an IPv6"},
        {"a@[IPv6:fe80::1%eth0]", "not an IPv6"},
        {"a@[tag:value]", "neither IPv4"},
        {"a@[192.0.2.1].example", "closing bracket"},
        {"a@x\xE3\x80\x82"
         "example",
         "other ASCII"},  // U+3002
        {"a@\xC3\xB1\xE3\x80\x82"
         "example",
         "turns into"},  // ñ U+3002
        {"a@x\xEF\xBC\x8E"
         "example",
         "other ASCII"},  // U+FF0E
        {"a@x\xEF\xBD\xA1"
         "example",
         "other ASCII"},                               // U+FF61
        {"a@\xEF\xBD\x85xample.com", "other ASCII"},   // full-width e
        {"a@exa\xC2\xADmple.com", "other ASCII"},      // soft hyphen
        {"a@e\xE2\x80\x8Bxample.com", "other ASCII"},  // zero width space
        {"a\xEF\xBC\xA0"
         "evil.example@x.example",
         "imitates"},                             // full-width @
        {"a\xC2\x85@x.example", "imitates"},      // C1 control
        {"a\xE2\x80\xAE@x.example", "imitates"},  // right-to-left override
        {"a\xFF@x.example", "not UTF-8"},
        {"a\xC0\x80@x.example", "not UTF-8"},
    };
    for (const auto& [text, reason] : cases) {
        const auto address = Address::parse(text, Utf8::allowed);
        ASSERT_FALSE(address.has_value()) << text << " was read as " << address->text();
        EXPECT_EQ(address.error().kind, ErrorKind::invalid) << text;
        EXPECT_NE(address.error().detail.find(reason), std::string::npos) << text << ": " << address.error().detail;
    }
}

TEST(Address, RefusesUtf8WithoutSmtputf8) {  // RFC 6531 §3.3
    EXPECT_EQ(parsed("jos\xC3\xA9@x.example", Utf8::refused), "error: local part with 8-bit octets, but no SMTPUTF8");
    EXPECT_EQ(parsed("a@\xC3\xB1.example", Utf8::refused), "error: domain with 8-bit octets, but no SMTPUTF8");
    EXPECT_TRUE(Address::parse("jos\xC3\xA9@x.example", Utf8::allowed)->needs_smtputf8());
    EXPECT_FALSE(Address::parse("jose@xn--ida.example", Utf8::allowed)->needs_smtputf8());
}

TEST(Address, HoldsTheLimitsOfSection45311) {  // RFC 5321 §4.5.3.1.1, §4.5.3.1.2
    const std::string label(63, 'a');
    const auto kind = [](const std::string& text) {
        const auto address = Address::parse(text, Utf8::allowed);
        return address ? std::string("ok") : std::string(name_of(address.error().kind));
    };
    EXPECT_EQ(kind(std::string(64, 'l') + "@x.example"), "ok");
    EXPECT_EQ(kind(std::string(65, 'l') + "@x.example"), "limit");
    EXPECT_EQ(kind("a@" + label + ".example"), "ok");
    EXPECT_EQ(kind("a@a" + label + ".example"), "limit");
    const std::string domain = label + "." + label + "." + label;  // 191
    EXPECT_EQ(kind(std::string(62, 'l') + "@" + domain), "ok");    // 254
    EXPECT_EQ(kind(std::string(63, 'l') + "@" + domain), "limit");
    EXPECT_EQ(kind(std::string(1 << 20, 'l')), "limit");
    EXPECT_EQ(parse_domain(domain + "." + label, Utf8::allowed).value().size(), 255U);
    EXPECT_EQ(parse_domain("a." + domain + "." + label, Utf8::allowed).error().kind, ErrorKind::limit);
}

TEST(Address, GivesItsParts) {
    const Address address = Address::parse("\"a@b\"@X.example", Utf8::refused).value();
    EXPECT_EQ(address.local_part(), "\"a@b\"");
    EXPECT_EQ(address.domain(), "x.example");
    EXPECT_FALSE(address.has_address_literal());
    EXPECT_TRUE(Address::parse("a@[192.0.2.1]", Utf8::refused)->has_address_literal());
    EXPECT_EQ(address, Address::parse("\"a@b\"@x.EXAMPLE", Utf8::refused).value());
    EXPECT_NE(Address::parse("A@x.example", Utf8::refused).value(),
              Address::parse("a@x.example", Utf8::refused).value());
}

TEST(ReversePath, TellsNullFromAnAddress) {  // RFC 5321 §4.5.5
    EXPECT_TRUE(ReversePath::parse("<>", Utf8::refused)->is_null());
    EXPECT_EQ(ReversePath::parse("<>", Utf8::refused)->text(), "");
    const ReversePath path = ReversePath::parse("<a@X.example>", Utf8::refused).value();
    EXPECT_FALSE(path.is_null());
    EXPECT_EQ(path.text(), "a@x.example");
    for (const std::string_view bad :
         {"", "<", ">", "a@x.example", "<a@x.example", "a@x.example>", "< >", "<<a@x.example>>", "<a@x.example> ",
          "<@r.example:a@x.example>", "<a@x.example>>", "<a@x.example><b@x.example>", "<\"\">"})
        EXPECT_FALSE(ReversePath::parse(bad, Utf8::refused).has_value()) << bad;
}

TEST(Domain, HasOneSpelling) {
    EXPECT_EQ(parse_domain("MAIL.Example.com.", Utf8::refused).value(), "mail.example.com");
    EXPECT_EQ(parse_domain("_dmarc.example.com", Utf8::refused).value(), "_dmarc.example.com");
    EXPECT_EQ(parse_domain("1.2.0.192.in-addr.arpa", Utf8::refused).value(), "1.2.0.192.in-addr.arpa");
    EXPECT_EQ(parse_domain("\xC3\x91.example", Utf8::allowed).value(), "\xC3\xB1.example");
    for (const std::string_view bad : {"", ".", "..", "a..", "a b", "a@b", "[192.0.2.1]", "a/b", "a\\b", "192.0.2.1"})
        EXPECT_FALSE(parse_domain(bad, Utf8::allowed).has_value()) << bad;
}

TEST(Domain, BecomesALabelsWithoutTransition) {  // RFC 5891, UTS 46
    EXPECT_EQ(to_ascii_domain("Example.COM").value(), "example.com");
    EXPECT_EQ(to_ascii_domain("\xC3\xB1"
                              "and\xC3\xBA.example")
                  .value(),
              "xn--and-6ma2c.example");
    EXPECT_EQ(to_ascii_domain("fa\xC3\x9F.de").value(), "xn--fa-hia.de");  // ß stays: non-transitional
    EXPECT_EQ(to_ascii_domain("c--n.com").value(), "c--n.com");
    EXPECT_EQ(to_ascii_domain("_dmarc.\xC3\xB1.example").value(), "_dmarc.xn--ida.example");
    for (const std::string_view bad : {"a\xE2\x80\x8C"
                                       "b.example",
                                       "\xEF\xBF\xBD.example", "[192.0.2.1]", ""})
        EXPECT_FALSE(to_ascii_domain(bad).has_value()) << bad;
}

TEST(Domain, RefusesAnALabelOver63Octets) {  // RFC 5890 §2.3.2.1
    std::string label;
    for (int i = 0; i < 31; ++i) label += i % 2 == 0 ? "\xC3\xB1" : "\xC3\xA9";
    EXPECT_FALSE(Address::parse("a@" + label + "\xC3\xB1.example", Utf8::allowed).has_value());
}

TEST(Domain, KnowsWhatLiesBelow) {
    EXPECT_TRUE(is_same_or_subdomain("example.com", "example.com"));
    EXPECT_TRUE(is_same_or_subdomain("a.b.example.com", "example.com"));
    EXPECT_FALSE(is_same_or_subdomain("badexample.com", "example.com"));
    EXPECT_FALSE(is_same_or_subdomain("com", "example.com"));
    EXPECT_FALSE(is_same_or_subdomain("example.com", ""));
}

}  // namespace
}  // namespace relevo::mail
