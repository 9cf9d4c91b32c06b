#include "lib/dns/record.h"

#include <gtest/gtest.h>

namespace relevo::dns {
namespace {

using namespace std::string_literals;
using namespace std::string_view_literals;

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }

TEST(IpAddress, ReadsAndWritesBothFamilies) {  // RFC 5952 §4
    const std::pair<std::string_view, std::string_view> cases[] = {
        {"192.0.2.1", "192.0.2.1"},        {"2001:DB8:0:0::1", "2001:db8::1"}, {"::", "::"},
        {"::ffff:192.0.2.1", "192.0.2.1"}, {"fe80::1:0:0:1", "fe80::1:0:0:1"},
    };
    for (const auto& [text, expected] : cases) EXPECT_EQ(address(text).text(), expected);
    EXPECT_TRUE(address("::ffff:192.0.2.1").is_v4());
}

TEST(IpAddress, RefusesEverythingElse) {
    for (const std::string_view text :
         {""sv, "1.2.3"sv, "1.2.3.4.5"sv, "1.2.3.256"sv, "01.2.3.4"sv, " 1.2.3.4"sv, "1.2.3.4 "sv, "1.2.3.4\0"sv,
          "[::1]"sv, ":::1"sv, "fe80::1%eth0"sv, "a"sv, "0x7f.1"sv})
        EXPECT_FALSE(IpAddress::parse(text)) << text;
}

TEST(IpAddress, WritesItsReverseName) {  // RFC 1035 §3.5, RFC 3596 §2.5
    EXPECT_EQ(address("192.0.2.1").reverse_name(), "1.2.0.192.in-addr.arpa");
    EXPECT_EQ(address("2001:db8::567:89ab").reverse_name(),
              "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa");
}

TEST(IpAddress, KnowsWhereNoPublicMailServerIs) {  // RFC 6890
    for (const std::string_view text : {"0.0.0.0",
                                        "10.1.2.3",
                                        "100.64.0.1",
                                        "100.127.255.255",
                                        "127.0.0.1",
                                        "169.254.1.1",
                                        "172.31.0.1",
                                        "192.0.2.9",
                                        "192.168.1.1",
                                        "198.18.0.1",
                                        "198.19.255.255",
                                        "203.0.113.7",
                                        "224.0.0.1",
                                        "255.255.255.255",
                                        "::",
                                        "::1",
                                        "fe80::1",
                                        "fc00::1",
                                        "fdff::1",
                                        "ff02::1",
                                        "2001:db8::1",
                                        "::127.0.0.1",
                                        "64:ff9b::7f00:1",
                                        "64:ff9b::10.0.0.1",
                                        "2002:7f00:1::",
                                        "2001::1",
                                        "::ffff:127.0.0.1",
                                        "100::1"})
        EXPECT_TRUE(address(text).is_special()) << text;
    for (const std::string_view text :
         {"1.1.1.1", "100.63.255.255", "100.128.0.0", "172.32.0.1", "192.0.1.1", "198.20.0.1", "223.255.255.255",
          "2a00:1450:4001::1a", "2001:4860::1", "64:ff9b::1.1.1.1", "2002:101:101::1"})
        EXPECT_FALSE(address(text).is_special()) << text;
    EXPECT_TRUE(address("127.8.8.8").is_loopback());
    EXPECT_TRUE(address("::1").is_loopback());
    EXPECT_FALSE(address("::2").is_loopback());
}

TEST(Network, ContainsWhatSharesItsPrefix) {
    struct Case {
        std::string_view network, inside, outside;
    };
    const Case cases[] = {{"192.0.2.0/24", "192.0.2.255", "192.0.3.0"},
                          {"192.0.2.128/25", "192.0.2.128", "192.0.2.127"},
                          {"0.0.0.0/0", "255.1.2.3", "::1"},
                          {"2001:db8::/33", "2001:db8:7fff::", "2001:db8:8000::"},
                          {"::/0", "2001:db8::", "192.0.2.1"},
                          {"192.0.2.1", "192.0.2.1", "192.0.2.2"},
                          {"2001:db8::1", "2001:db8::1", "2001:db8::2"}};
    for (const Case& example : cases) {
        const Network network = Network::parse(example.network).value();
        EXPECT_TRUE(network.contains(address(example.inside))) << example.network;
        EXPECT_FALSE(network.contains(address(example.outside))) << example.network;
    }
    EXPECT_EQ(Network::parse("192.0.2.1")->text(), "192.0.2.1/32");
    EXPECT_EQ(Network::parse("2001:DB8::/32")->text(), "2001:db8::/32");
}

TEST(Network, RefusesHostBitsAndBadPrefixes) {
    for (const std::string_view text : {"192.0.2.1/24", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "192.0.2.0/24/2",
                                        "2001:db8::1/64", "2001:db8::/129", "example/24", "192.0.2.0/ 24"})
        EXPECT_FALSE(Network::parse(text)) << text;
}

TEST(Name, IsReadFromItsWireForm) {  // RFC 1035 §3.1, §5.1
    EXPECT_EQ(decode_name("\x04Mail\x07"
                          "EXAMPLE\0"sv)
                  .value(),
              "mail.example");
    EXPECT_EQ(decode_name("\0"sv).value(), "");
    EXPECT_EQ(decode_name("\x03"
                          "a.b\0"sv)
                  .value(),
              "a\\.b");
    EXPECT_EQ(decode_name("\x03"
                          "a\\b\0"sv)
                  .value(),
              "a\\\\b");
    EXPECT_EQ(decode_name("\x02\n\xff\0"sv).value(), "\\010\\255");
}

TEST(Name, IsRefusedWhenMalformed) {
    const std::string label = "\x3f" + std::string(63, 'a');
    for (const std::string& wire : {""s, "\x04mai"s, "\x04mail"s, "\x04mail\0x"s, "\xc0\x00"s,
                                    "\x40"s + std::string(64, 'a') + "\0"s, label + label + label + label + "\0"s})
        EXPECT_FALSE(decode_name(wire));
    EXPECT_TRUE(decode_name(label + label + label + "\x3d"s + std::string(61, 'a') + "\0"s));  // 255 octets
}

TEST(Records, AreDecodedByType) {
    EXPECT_EQ(decode_records(RecordType::a, {"\xc0\x00\x02\x01"sv})->addresses.at(0).text(), "192.0.2.1");
    EXPECT_EQ(decode_records(RecordType::aaaa, {" \x01\r\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"sv})->addresses.at(0).text(),
              "2001:db8::1");
    const auto mx = decode_records(RecordType::mx, {"\x01\x02\x02mx\x07"
                                                    "example\0"sv,
                                                    "\0\0\0"sv});
    ASSERT_TRUE(mx);
    EXPECT_EQ(mx->exchanges.at(0).preference, 258);
    EXPECT_EQ(mx->exchanges.at(0).exchange, "mx.example");
    EXPECT_EQ(mx->exchanges.at(1).exchange, "");  // RFC 7505 §3
    EXPECT_EQ(decode_records(RecordType::txt, {"\x03"
                                               "abc\0\x02"
                                               "de"sv})
                  ->texts.at(0),
              "abcde");  // RFC 7208 §3.3
    EXPECT_EQ(decode_records(RecordType::ptr, {"\x01h\0"sv})->texts.at(0), "h");
    EXPECT_EQ(decode_records(RecordType::tlsa, {"\x03\x01\x01xyz"sv})->data.at(0), "\x03\x01\x01xyz");
    EXPECT_TRUE(decode_records(RecordType::a, {})->addresses.empty());
}

TEST(Records, AreRefusedWhenMalformed) {
    const std::pair<RecordType, std::string_view> cases[] = {
        {RecordType::a, "\xc0\x00\x02"sv},
        {RecordType::a, "\xc0\x00\x02\x01\x01"sv},
        {RecordType::aaaa, "\x01"sv},
        {RecordType::mx, "\x00\x0a"sv},
        {RecordType::mx, "\x00\x0a\xc0\x0c"sv},
        {RecordType::txt, ""sv},
        {RecordType::txt,
         "\x05"
         "abc"sv},
        {RecordType::ns, ""sv},
    };
    for (const auto& [type, rdata] : cases) {
        const auto answer = decode_records(type, {rdata});
        ASSERT_FALSE(answer) << static_cast<int>(type);
        EXPECT_EQ(answer.error().kind, ErrorKind::invalid);
    }
}

}  // namespace
}  // namespace relevo::dns
