#include "lib/authreports/https_target.h"

#include <gtest/gtest.h>

namespace relevo::authreports {
namespace {

TEST(HttpsTarget, IsTakenApart) {  // RFC 8460 §3
    const struct {
        std::string_view uri, host;
        unsigned port;
        std::string_view path;
    } cases[] = {{"https://reports.example.com/v1/tlsrpt?a=b", "reports.example.com", 443, "/v1/tlsrpt?a=b"},
                 {"HTTPS://Reports.Example.COM", "reports.example.com", 443, "/"},
                 {"https://reports.example.com:8443/x", "reports.example.com", 8443, "/x"},
                 {"https://reports.example.com:/x", "reports.example.com", 443, "/x"},
                 {"https://reports.example.com?d=1#part", "reports.example.com", 443, "/?d=1"}};
    for (const auto& one : cases) {
        const auto target = parse_https_target(one.uri);
        ASSERT_TRUE(target.has_value()) << one.uri;
        EXPECT_EQ(target->host, one.host);
        EXPECT_EQ(target->port, one.port);
        EXPECT_EQ(target->path, one.path);
    }
}

TEST(HttpsTarget, WhatLeadsElsewhereIsRefused) {
    for (const std::string& uri :
         {std::string("http://a.example/"), std::string("https://"), std::string("https:///x"),
          std::string("https://user:secret@a.example/"), std::string("https://127.0.0.1/"),
          std::string("https://0x7f.1/"), std::string("https://2130706433/"), std::string("https://[::1]/"),
          std::string("https://a.example:0/"), std::string("https://a.example:65536/"),
          std::string("https://a.example/a b"), std::string("https://a.example/\r\nHost: b"),
          std::string("https://a\xC3\xB1.example/"), "https://a.example/" + std::string(2'000, 'x')})
        EXPECT_FALSE(parse_https_target(uri).has_value()) << uri;
}

}  // namespace
}  // namespace relevo::authreports
