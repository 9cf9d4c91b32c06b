#include "core/tenancy/network_table.h"

#include <gtest/gtest.h>

namespace relevo {
namespace {

dns::IpAddress address(std::string_view text) { return dns::IpAddress::parse(text).value(); }

NetworkTable table_of(std::initializer_list<std::string_view> networks) {
    NetworkTable table;
    std::size_t value = 0;
    for (const auto text : networks) table.insert(dns::Network::parse(text).value(), value++);
    return table;
}

TEST(NetworkTable, FindsTheNarrowestNetwork) {
    const auto table = table_of({"10.0.0.0/8", "10.1.0.0/16", "10.1.2.3", "2001:db8::/32", "2001:db8:0:1::/64"});
    struct Row {
        std::string_view address;
        std::optional<std::size_t> expected;
    };
    for (const auto& [text, expected] : std::initializer_list<Row>{
             {"10.200.0.1", 0},
             {"10.1.2.4", 1},
             {"10.1.2.3", 2},
             {"11.0.0.1", std::nullopt},
             {"2001:db8:1::1", 3},
             {"2001:db8:0:1::9", 4},
             {"2001:db9::1", std::nullopt},
             {"::ffff:10.1.2.3", 2},  // IPv4-mapped: the same host (security row A10)
         })
        EXPECT_EQ(table.find(address(text)), expected) << text;
}

TEST(NetworkTable, MasksAtEveryPrefixLength) {
    EXPECT_EQ(masked(address("255.255.255.255"), 0).text(), "0.0.0.0");
    EXPECT_EQ(masked(address("255.255.255.255"), 9).text(), "255.128.0.0");
    EXPECT_EQ(masked(address("255.255.255.255"), 32).text(), "255.255.255.255");
    EXPECT_EQ(masked(address("2001:db8:ffff:ffff:1::1"), 49).text(), address("2001:db8:ffff:8000::").text());
}

TEST(NetworkTable, KeepsFamiliesApart) {
    const auto table = table_of({"0.0.0.0/0"});
    EXPECT_FALSE(table.find(address("2001:db8::1")));
    EXPECT_TRUE(table.find(address("192.0.2.1")));
}

}  // namespace
}  // namespace relevo
