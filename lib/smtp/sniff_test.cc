#include "lib/smtp/sniff.h"

#include "lib/base/octets.h"

#include <gtest/gtest.h>

namespace relevo::smtp {
namespace {

using std::string_view_literals::operator""sv;

TEST(Sniff, TellsProtocolsByTheirFirstOctets) {  // security row A5
    struct Case {
        std::string_view octets;
        FirstOctets expected;
    };
    using enum FirstOctets;
    for (const Case& test :
         {Case{"EHLO a.example\r\n", smtp}, Case{"quit\r\n", smtp}, Case{"HELO x", smtp},
          Case{"\x16\x03\x01\x02\x00\x01"sv, tls_client_hello}, Case{"\x16\x03"sv, tls_client_hello},
          Case{"GET / HTTP/1.1\r\n", http}, Case{"POST /x HTTP/1.0\r\n", http},
          Case{"CONNECT mx.example:25 HTTP/1.1\r\n", http}, Case{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", http},
          Case{"get / x", unknown}, Case{"", unknown}, Case{"EHL", unknown}, Case{"\x16", unknown},
          Case{"\x16\x04", unknown}, Case{"SSH-2.0-x\r\n", unknown}})
        EXPECT_EQ(classify(as_octets(test.octets)), test.expected) << test.octets;
}

TEST(Sniff, SeesPlainTextAtATlsPort) {
    for (std::string_view plain :
         {"E"sv, "EHLO a.example\r\n"sv, "\r\n"sv, "GET / HTTP/1.1\r\n"sv, "\x16\x02"sv, "\0"sv})
        EXPECT_TRUE(is_plain_text_at_tls_port(as_octets(plain))) << plain;
    for (std::string_view tls : {""sv, "\x16"sv, "\x16\x03"sv, "\x16\x03\x01"sv})
        EXPECT_FALSE(is_plain_text_at_tls_port(as_octets(tls))) << tls;
}

}  // namespace
}  // namespace relevo::smtp
