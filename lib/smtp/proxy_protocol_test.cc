#include "lib/smtp/proxy_protocol.h"

#include <gtest/gtest.h>

namespace relevo::smtp {
namespace {

const std::string signature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string v2(unsigned char command, unsigned char family, const std::string& block) {
    std::string header = signature;
    header += static_cast<char>(command);
    header += static_cast<char>(family);
    header += static_cast<char>(block.size() >> 8U);
    header += static_cast<char>(block.size() & 0xffU);
    return header + block;
}

std::string text_of(const std::optional<ProxyEndpoint>& endpoint) {
    return endpoint ? endpoint->address.text() + " " + std::to_string(endpoint->port) : "none";
}

// Every proper beginning asks for more; the whole, followed by SMTP, leaves SMTP alone.
ProxyHeader parse_in_all_pieces(const std::string& header) {
    for (std::size_t size = 0; size < header.size(); ++size)
        EXPECT_EQ(parse_proxy_header(header.substr(0, size)).state, ProxyState::need_more) << size;
    ProxyHeader parsed = parse_proxy_header(header + "EHLO a.example\r\n");
    EXPECT_EQ(parsed.state, ProxyState::complete) << parsed.problem;
    EXPECT_EQ(parsed.consumed, header.size());
    return parsed;
}

TEST(ProxyProtocol, WritesVersion2) {  // §2.2
    const ProxyEndpoint v4{dns::IpAddress::parse("192.0.2.1").value(), 0};
    const ProxyEndpoint v4_target{dns::IpAddress::parse("198.51.100.2").value(), 2525};
    EXPECT_EQ(proxy_header_v2(v4, v4_target),
              v2(0x21, 0x11, std::string("\xc0\x00\x02\x01\xc6\x33\x64\x02\x00\x00\x09\xdd", 12)));
    const ProxyEndpoint v6{dns::IpAddress::parse("2001:db8::1").value(), 50'000};
    const ProxyEndpoint v6_target{dns::IpAddress::parse("2001:db8::2").value(), 25};
    const ProxyHeader read = parse_in_all_pieces(proxy_header_v2(v6, v6_target));
    EXPECT_EQ(read.source, v6);
    EXPECT_EQ(read.destination, v6_target);
}

TEST(ProxyProtocol, ReadsVersion1) {  // §2.1
    auto header = parse_in_all_pieces("PROXY TCP4 192.0.2.1 198.51.100.2 50000 25\r\n");
    EXPECT_EQ(text_of(header.source), "192.0.2.1 50000");
    EXPECT_EQ(text_of(header.destination), "198.51.100.2 25");
    header = parse_in_all_pieces("PROXY TCP6 2001:db8::1 2001:db8::2 65535 0\r\n");
    EXPECT_EQ(text_of(header.source), "2001:db8::1 65535");
    for (const char* unknown : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ff:f: nonsense\r\n"})
        EXPECT_FALSE(parse_in_all_pieces(unknown).source.has_value());
}

TEST(ProxyProtocol, RefusesOtherLines) {
    for (const std::string& bad :
         {std::string("EHLO a.example\r\n"), std::string("proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n"),
          std::string("PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n"), std::string("PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n"),
          std::string("PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n"),
          std::string("PROXY TCP4 192.0.2.1 192.0.2.2 1 02\r\n"),
          std::string("PROXY TCP4 192.0.2.256 192.0.2.2 1 2\r\n"), std::string("PROXY TCP4 ::1 ::2 1 2\r\n"),
          std::string("PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"), std::string("PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n"),
          std::string("PROXY UNKNOWNX\r\n"), std::string("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n\r\n"),
          "PROXY UNKNOWN " + std::string(200, 'x'), "PROXY UNKNOWN " + std::string(92, 'x') + "\r\n",
          std::string("\r\n\r\n\r\n"), std::string("\0", 1)}) {
        const ProxyHeader header = parse_proxy_header(bad);
        EXPECT_EQ(header.state, ProxyState::invalid) << bad;
        EXPECT_NE(header.problem, "") << bad;
    }
    // 107 octets in all are the longest line.
    EXPECT_EQ(parse_proxy_header("PROXY UNKNOWN " + std::string(91, 'x') + "\r\n").state, ProxyState::complete);
}

TEST(ProxyProtocol, ReadsVersion2) {  // §2.2
    const std::string v4_block("\xC0\x00\x02\x01\xC6\x33\x64\x02\xC3\x50\x00\x19", 12);
    auto header = parse_in_all_pieces(v2(0x21, 0x11, v4_block));
    EXPECT_EQ(text_of(header.source), "192.0.2.1 50000");
    EXPECT_EQ(text_of(header.destination), "198.51.100.2 25");
    header = parse_in_all_pieces(v2(0x21, 0x11, v4_block + std::string("\x04\x00\x03xyz", 6)));  // a TLV
    EXPECT_EQ(text_of(header.source), "192.0.2.1 50000");
    const std::string v6_block = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x01" +
                                 std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + "\x02" +
                                 std::string("\xC3\x50\x00\x19", 4);
    header = parse_in_all_pieces(v2(0x21, 0x21, v6_block));
    EXPECT_EQ(text_of(header.source), "2001:db8::1 50000");
    EXPECT_EQ(text_of(header.destination), "2001:db8::2 25");
    for (const std::string& without : {v2(0x20, 0x00, ""), v2(0x20, 0x11, v4_block), v2(0x21, 0x00, "abc"),
                                       v2(0x21, 0x31, std::string(216, 'x')), v2(0x21, 0x12, v4_block)})
        EXPECT_FALSE(parse_in_all_pieces(without).source.has_value());
}

TEST(ProxyProtocol, BoundsVersion2) {
    EXPECT_EQ(parse_proxy_header(v2(0x21, 0x11, std::string(11, 'x'))).state, ProxyState::invalid);
    EXPECT_EQ(parse_proxy_header(v2(0x21, 0x21, std::string(35, 'x'))).state, ProxyState::invalid);
    EXPECT_EQ(parse_proxy_header(v2(0x11, 0x11, std::string(12, 'x'))).state, ProxyState::invalid);
    EXPECT_EQ(parse_proxy_header(v2(0x22, 0x11, std::string(12, 'x'))).state, ProxyState::invalid);
    EXPECT_EQ(parse_proxy_header(v2(0x21, 0x11, std::string(4080, 'x'))).state, ProxyState::complete);
    EXPECT_EQ(parse_proxy_header(v2(0x21, 0x11, std::string(4081, 'x'))).state, ProxyState::invalid);
    EXPECT_EQ(parse_proxy_header(signature + "\x21\x11\xff\xff").state, ProxyState::invalid);
}

}  // namespace
}  // namespace relevo::smtp
