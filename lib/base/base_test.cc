#include "lib/base/base64.h"
#include "lib/base/base64url.h"
#include "lib/base/https_url.h"
#include "lib/base/identifier.h"
#include "lib/base/result.h"
#include "lib/base/text.h"
#include "lib/base/time_text.h"

#include <gtest/gtest.h>

namespace relevo {
namespace {

Result<int> half(int number) {
    if (number % 2 != 0) return failure(ErrorKind::invalid, "odd");
    return number / 2;
}

Result<int> quarter(int number) {
    RELEVO_TRY(const int once, half(number));
    return half(once);
}

TEST(Result, TryReturnsTheFirstError) {
    EXPECT_EQ(quarter(8).value(), 2);
    EXPECT_EQ(quarter(6).error().detail, "odd");
}

TEST(Identifier, PrintsAndParsesTheSame) {
    const MessageId id{0x0123456789abcdef};
    EXPECT_EQ(MessageId::parse(id.text()).value(), id);
    EXPECT_EQ(MessageId{0}.text(), "msg_0000000000000");
}

TEST(Identifier, RefusesAnotherKindAndOutOfRange) {
    EXPECT_FALSE(MessageId::parse(TenantId{1}.text()).has_value());
    EXPECT_FALSE(MessageId::parse("msg_zzzzzzzzzzzzz").has_value());
    EXPECT_FALSE(MessageId::parse("msg_1").has_value());
    EXPECT_FALSE(MessageId::parse("").has_value());
}

TEST(Base64, RoundTripsEveryOctet) {
    std::string octets;
    for (int i = 0; i < 256; ++i) {
        EXPECT_EQ(decode_base64(encode_base64(octets)).value(), octets);
        octets.push_back(static_cast<char>(i));
    }
}

TEST(Base64, RefusesWhatIsNotStrictlyBase64) {
    for (std::string_view bad : {"=", "A", "AA", "AAA", "AA==A", "AA= =", "AAAA\n", "A-_A", "AB=="})
        EXPECT_FALSE(decode_base64(bad).has_value()) << bad;
}

TEST(Text, KnowsWellFormedUtf8) {
    EXPECT_TRUE(is_utf8("ñandú €\U0001F600"));
    for (std::string_view bad : {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE2\x82", "\x80", "\xFF"})
        EXPECT_FALSE(is_utf8(bad));
}

TEST(Text, KnowsPlainAsciiWhereverTheOddOctetStands) {
    for (int octet = 0; octet < 256; ++octet) {
        const char c = static_cast<char>(octet);
        const bool ascii = octet < 0x80;
        const bool plain = octet >= 0x20 && octet < 0x7F && c != '"' && c != '\\';
        for (std::size_t size = 1; size < 20; ++size)
            for (std::size_t place = 0; place < size; ++place) {
                std::string text(size, 'x');
                text[place] = c;
                EXPECT_EQ(is_ascii(text), ascii) << octet << " at " << place << " of " << size;
                EXPECT_EQ(is_plain_ascii(text), plain) << octet << " at " << place << " of " << size;
            }
    }
    EXPECT_TRUE(is_ascii(""));
    EXPECT_TRUE(is_plain_ascii(""));
}

TEST(Text, AppendsDigitsWithLeadingZeros) {
    std::string text = "at ";
    append_digits(text, 7, 2);
    append_digits(text, 2026, 4);
    append_digits(text, 12345, 3);
    EXPECT_EQ(text, "at 072026345");
}

TEST(Text, PrintableHidesNothingAndEscapesControls) {
    EXPECT_EQ(printable("correo ñ"), "correo ñ");
    EXPECT_EQ(printable("a\r\n\x1b[31m"), "a\\x0d\\x0a\\x1b[31m");
    EXPECT_EQ(printable("\xE2\x80\xAE"
                        "evil"),
              "\\xe2\\x80\\xaeevil");
    EXPECT_EQ(printable("\xFF"), "\\xff");
}

TEST(Text, ParsesDecimalsWhollyOrNotAtAll) {
    EXPECT_EQ(parse_decimal<unsigned>("42"), 42U);
    EXPECT_EQ(parse_decimal<std::uint8_t>("256"), std::nullopt);
    for (std::string_view bad : {"", "-1", "+1", " 1", "1 ", "1x", "99999999999999999999"})
        EXPECT_EQ(parse_decimal<std::uint64_t>(bad), std::nullopt) << bad;
}

TEST(Text, SuggestsTheNearestName) {
    EXPECT_EQ(nearest_name("lisen", {"listen", "role", "tls"}), "listen");
    EXPECT_EQ(nearest_name("completely_else", {"listen", "role"}), std::nullopt);
}

TEST(TimeText, ReadsRfc3339InEveryZone) {  // RFC 3339 §5.6
    const std::pair<const char*, std::optional<std::int64_t>> cases[] = {
        {"1970-01-02T00:00:00Z", 86'400},        {"1970-01-02T01:30:00.25+01:30", 86'400},
        {"1970-01-01T23:00:00-01:00", 86'400},   {"1970-01-02 00:00:00", 86'400},
        {"1970-02-30T00:00:00Z", std::nullopt},  {"1970-01-02T24:00:00Z", std::nullopt},
        {"1970-01-02T00:00:00+1", std::nullopt}, {"", std::nullopt},
    };
    for (const auto& [text, expected] : cases) {
        const auto time = parse_rfc3339(text);
        EXPECT_EQ(time ? std::optional<std::int64_t>(time->time_since_epoch().count()) : std::nullopt, expected)
            << text;
    }
}

TEST(HttpsUrl, TakesHttpsAndNothingElse) {
    EXPECT_EQ(parse_https_url("https://CA.example/dir?x=1")->host, "ca.example");
    EXPECT_EQ(parse_https_url("https://ca.example/dir?x=1")->path, "/dir?x=1");
    EXPECT_EQ(parse_https_url("https://[::1]:14000/dir")->host, "::1");
    EXPECT_EQ(parse_https_url("https://[::1]:14000/dir")->port, 14000);
    EXPECT_EQ(parse_https_url("https://ca.example")->path, "/");
    for (const std::string_view bad :
         {"http://ca.example/", "https://", "https:///x", "https://a@b/", "https://a:0/", "https://a:70000/",
          "https://a:x/", "https://[::1/", "https://a b/", "https://a/\r\nX: y", "https://a/#x", "ca.example"})
        EXPECT_FALSE(parse_https_url(bad).has_value()) << bad;
    EXPECT_FALSE(parse_https_url("https://a/" + std::string(1000, 'x')).has_value());
}

TEST(Base64Url, RoundTripsAndRefusesTheOtherAlphabet) {
    for (const std::string text : {"", "a", "ab", "abc", "\xFB\xFF\xFE"})
        EXPECT_EQ(decode_base64url(encode_base64url(text)).value(), text);
    EXPECT_EQ(encode_base64url("\xFB\xFF"), "-_8");
    EXPECT_FALSE(decode_base64url("+/8").has_value());
    EXPECT_FALSE(is_base64url("../../key", 100));
    EXPECT_FALSE(is_base64url("", 100));
}

}  // namespace
}  // namespace relevo
