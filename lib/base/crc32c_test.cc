#include "lib/base/crc32c.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace relevo {
namespace {

// RFC 3720 §B.4, octets in order of transmission there, and the check value of the polynomial.
TEST(Crc32c, GivesTheValuesOfTheStandard) {
    std::string rising, falling;
    for (int octet = 0; octet < 32; ++octet) {
        rising.push_back(static_cast<char>(octet));
        falling.push_back(static_cast<char>(31 - octet));
    }
    for (const auto function : {&crc32c, &crc32c_by_table}) {
        EXPECT_EQ(function("123456789", 0), 0xe3069283U);
        EXPECT_EQ(function(std::string(32, '\0'), 0), 0x8a9136aaU);
        EXPECT_EQ(function(std::string(32, '\xff'), 0), 0x62a8ab43U);
        EXPECT_EQ(function(rising, 0), 0x46dd794eU);
        EXPECT_EQ(function(falling, 0), 0x113fdb5cU);
        EXPECT_EQ(function("", 0), 0U);
    }
}

TEST(Crc32c, TableAndInstructionAgreeForAnySplit) {
    std::mt19937 chance(1);
    std::string octets;
    for (int length = 0; length < 300; ++length) {
        const std::size_t cut = chance() % (octets.size() + 1);
        const std::string_view text = octets;
        EXPECT_EQ(crc32c(text), crc32c_by_table(text));
        EXPECT_EQ(crc32c(text.substr(cut), crc32c(text.substr(0, cut))), crc32c(text));
        octets.push_back(static_cast<char>(chance()));
    }
}

}  // namespace
}  // namespace relevo
