#include "lib/tlspolicy/tlsa.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::tlspolicy {
namespace {

using testing::HasSubstr;

TlsaRecord record(std::uint8_t usage, std::uint8_t selector, std::uint8_t matching, std::size_t octets) {
    const char head[] = {static_cast<char>(usage), static_cast<char>(selector), static_cast<char>(matching)};
    return parse_tlsa(std::string(head, 3) + std::string(octets, '\xab')).value();
}

TEST(Tlsa, ReadsNumbersAndData) {  // RFC 6698 §2.1
    const TlsaRecord usual = record(3, 1, 1, 32);
    EXPECT_EQ(usual.text(2), "3 1 1 ABAB…");
    EXPECT_EQ(record(2, 0, 2, 2).text(), "2 0 2 ABAB");
    EXPECT_EQ(usage_name(usual) + selector_name(usual) + matching_name(usual), "DANE-EE(3)SPKI(1)SHA2-256(1)");
    EXPECT_EQ(usage_name(record(9, 0, 0, 1)), "unknown(9)");
}

TEST(Tlsa, RefusesWhatIsTooShort) {
    for (const std::size_t octets : {0UL, 1UL, 2UL, 3UL})
        EXPECT_EQ(parse_tlsa(std::string(octets, '\1')).error().kind, ErrorKind::invalid) << octets;
}

TEST(Tlsa, NamesRecordsThatMailServersPassOver) {  // RFC 7672 §3.1.3, RFC 6698 §2.1
    EXPECT_EQ(problem_of(record(3, 1, 1, 32)), "");
    EXPECT_EQ(problem_of(record(2, 0, 2, 64)), "");
    EXPECT_EQ(problem_of(record(3, 0, 0, 900)), "");
    EXPECT_THAT(problem_of(record(1, 1, 1, 32)), HasSubstr("pass over usage 1"));
    EXPECT_THAT(problem_of(record(4, 1, 1, 32)), HasSubstr("usage 4 does not exist"));
    EXPECT_THAT(problem_of(record(3, 2, 1, 32)), HasSubstr("selector 2"));
    EXPECT_THAT(problem_of(record(3, 1, 3, 32)), HasSubstr("matching type 3"));
    EXPECT_THAT(problem_of(record(3, 1, 1, 31)), HasSubstr("31 octets, and must have 32"));
    EXPECT_THAT(problem_of(record(3, 1, 2, 32)), HasSubstr("must have 64"));
}

}  // namespace
}  // namespace relevo::tlspolicy
