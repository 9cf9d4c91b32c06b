#include "lib/socks/socks5.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::socks {
namespace {

using testing::HasSubstr;

template <std::size_t size>
std::string octets(const char (&text)[size]) {
    return {text, size - 1};
}

Socks5Request to_v4() { return {.address = dns::IpAddress::parse("192.0.2.7").value(), .port = 25}; }
Socks5Request with_login() {
    Socks5Request request = to_v4();
    request.user = "ana";
    request.password = "secret";
    return request;
}

const std::string v4_request = octets("\x05\x01\x00\x01\xc0\x00\x02\x07\x00\x19");
const std::string v4_reply = octets("\x05\x00\x00\x01\xc6\x33\x64\x09\x9c\x40");  // from 198.51.100.9:40000

TEST(Socks5Client, AsksForAnIpv4Address) {  // RFC 1928 §3, §4, §6
    Socks5Client client(to_v4());
    EXPECT_EQ(client.take_output(), octets("\x05\x01\x00"));
    EXPECT_EQ(client.take_output(), "") << "written once";
    EXPECT_EQ(client.receive(octets("\x05\x00")), 2U);
    EXPECT_TRUE(client.has_asked());
    EXPECT_EQ(client.take_output(), v4_request);
    EXPECT_EQ(client.receive(v4_reply), v4_reply.size());
    EXPECT_EQ(client.state(), Socks5State::connected);
    EXPECT_EQ(client.bound()->text(), "198.51.100.9");
}

TEST(Socks5Client, AsksForAnIpv6Address) {
    Socks5Client client({.address = dns::IpAddress::parse("2001:db8::19").value(), .port = 0x1234});
    client.receive(octets("\x05\x00"));
    EXPECT_EQ(client.take_output(),
              octets("\x05\x01\x00\x05\x01\x00\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00"
                     "\x00\x00\x00\x19\x12\x34"));
    const std::string reply =
        octets("\x05\x00\x00\x04\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x9c\x40");
    EXPECT_EQ(client.receive(reply), reply.size());
    EXPECT_EQ(client.bound()->text(), "2001:db8::1");
}

TEST(Socks5Client, LogsInWhereTheProxyWantsIt) {  // RFC 1929 §2
    Socks5Client client(with_login());
    EXPECT_EQ(client.take_output(), octets("\x05\x02\x00\x02"));
    client.receive(octets("\x05\x02"));
    EXPECT_FALSE(client.has_asked());
    EXPECT_EQ(client.take_output(), octets("\x01\x03"
                                           "ana"
                                           "\x06"
                                           "secret"));
    client.receive(octets("\x01\x00"));
    EXPECT_EQ(client.take_output(), v4_request);
}

TEST(Socks5Client, KeepsThePasswordToItselfWhereNoneIsWanted) {
    Socks5Client client(with_login());
    client.receive(octets("\x05\x00"));
    EXPECT_EQ(client.take_output(), octets("\x05\x02\x00\x02") + v4_request);
}

TEST(Socks5Client, LeavesTheTargetsFirstOctets) {
    Socks5Client client(to_v4());
    client.receive(octets("\x05\x00"));
    const std::string with_greeting = v4_reply + "220 mx.example ESMTP\r\n";
    EXPECT_EQ(client.receive(with_greeting), v4_reply.size());
    EXPECT_EQ(client.receive("220 mx.example ESMTP\r\n"), 0U);
}

TEST(Socks5Client, AnySplitGivesTheSame) {
    const std::string all = octets("\x05\x02\x01\x00") +
                            octets(
                                "\x05\x00\x00\x03\x03"
                                "abc"
                                "\x00\x19") +
                            "220";
    for (std::size_t cut = 1; cut < all.size(); ++cut) {
        Socks5Client client(with_login());
        const std::size_t first = client.receive(all.substr(0, cut));
        const std::size_t second = client.receive(all.substr(first));
        EXPECT_EQ(first + second, all.size() - 3) << cut;
        EXPECT_EQ(client.state(), Socks5State::connected) << cut;
        EXPECT_FALSE(client.bound().has_value()) << "a name is no address";
        EXPECT_EQ(client.take_output().size(), 4U + 12U + v4_request.size());
    }
}

struct Refusal {
    std::string octets;
    bool is_targets;
    ErrorKind kind;
    const char* detail;
};

TEST(Socks5Client, TellsTheTargetsTroubleFromTheProxys) {  // RFC 1928 §6
    const Refusal replies[] = {
        {octets("\x05\x01"), false, ErrorKind::temporary, "general failure"},
        {octets("\x05\x02"), false, ErrorKind::refused, "rules"},
        {octets("\x05\x03"), true, ErrorKind::io, "network"},
        {octets("\x05\x04"), true, ErrorKind::io, "host"},
        {octets("\x05\x05"), true, ErrorKind::refused, "refused"},
        {octets("\x05\x06"), true, ErrorKind::timeout, "in time"},
        {octets("\x05\x07"), false, ErrorKind::unsupported, "CONNECT"},
        {octets("\x05\x08"), false, ErrorKind::unsupported, "family"},
        {octets("\x05\x09"), false, ErrorKind::temporary, "failure 9"},
        {octets("\x04\x00"), false, ErrorKind::invalid, "not SOCKS5"},
        {octets("\x05\x00\x00\x02\x00"), false, ErrorKind::invalid, "unknown kind"},
    };
    for (const Refusal& refusal : replies) {
        Socks5Client client(to_v4());
        client.receive(octets("\x05\x00"));
        client.receive(refusal.octets);
        EXPECT_EQ(client.state(), Socks5State::failed) << refusal.detail;
        EXPECT_EQ(client.failure().is_targets, refusal.is_targets) << refusal.detail;
        EXPECT_EQ(client.failure().error.kind, refusal.kind) << refusal.detail;
        EXPECT_THAT(client.failure().error.detail, HasSubstr(refusal.detail));
    }
}

TEST(Socks5Client, SaysWhatIsWrongWithTheLogin) {
    Socks5Client without(to_v4());
    without.receive(octets("\x05\xff"));
    EXPECT_THAT(without.failure().error.detail, HasSubstr("add proxy_user"));
    Socks5Client wrong(with_login());
    wrong.receive(octets("\x05\x02\x01\x01"));
    EXPECT_EQ(wrong.failure().error.kind, ErrorKind::refused);
    EXPECT_THAT(wrong.failure().error.detail, HasSubstr("refuses the login"));
    Socks5Client unasked(to_v4());
    unasked.receive(octets("\x05\x02"));
    EXPECT_THAT(unasked.failure().error.detail, HasSubstr("was not offered"));
    Socks5Client web_server(to_v4());
    EXPECT_EQ(web_server.receive("HTTP/1.1 400 Bad Request\r\n"), 0U);
    EXPECT_EQ(web_server.failure().error.kind, ErrorKind::invalid);
}

}  // namespace
}  // namespace relevo::socks
