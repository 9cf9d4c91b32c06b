#include "lib/smtp/data_decoder_driver.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <string>

namespace relevo::smtp {
namespace {

struct Case {
    std::string_view wire;
    std::string_view content;
    bool finished = true;
    ContentFault fault = ContentFault::none;
};

void expect_decoded(const DataDecoder& decoder, const Case& expected) {
    for (std::size_t chunk : {1U, 2U, 3U, 5U, 8U, 1000U}) {
        const Decoded decoded = decode(decoder, expected.wire, chunk);
        EXPECT_EQ(decoded.content, expected.content) << expected.wire << " in pieces of " << chunk;
        EXPECT_EQ(decoded.finished, expected.finished) << expected.wire << " in pieces of " << chunk;
        EXPECT_EQ(decoded.fault, expected.fault) << expected.wire << " in pieces of " << chunk;
        if (expected.finished) EXPECT_EQ(decoded.consumed, expected.wire.size()) << expected.wire;
    }
}

using std::string_view_literals::operator""sv;

TEST(DataDecoder, RemovesStuffingAndFindsTheEnd) {  // RFC 5321 §4.5.2
    const DataDecoder strict(ContentFraming::dot_stuffed, BareNewlines::refused, 0);
    for (const Case& expected : {
             Case{".\r\n", ""},
             Case{"a\r\n.\r\n", "a\r\n"},
             Case{"..\r\n.\r\n", ".\r\n"},
             Case{"...\r\n.\r\n", "..\r\n"},
             Case{".a\r\n.\r\n", "a\r\n"},
             Case{"a.\r\n.b\r\n..c\r\n.\r\n", "a.\r\nb\r\n.c\r\n"},
             Case{"\r\n\r\n.\r\n", "\r\n\r\n"},
             Case{"a\tb\x01 \xc3\xb1\r\n.\r\n", "a\tb\x01 \xc3\xb1\r\n"},
             Case{"a\r\n.", "a\r\n", false},
             Case{"a\r\n.\r", "a\r\n", false},
             Case{". \r\n", " \r\n", false},
         })
        expect_decoded(strict, expected);
}

TEST(DataDecoder, StopsHandingOutAtTheFirstFaultAndStillFindsTheEnd) {  // security row A1
    const DataDecoder strict(ContentFraming::dot_stuffed, BareNewlines::refused, 0);
    using enum ContentFault;
    for (const Case& expected : {
             Case{"ab\ncd\r\n.\r\n", "ab", true, bare_newline},
             Case{"ab\rcd\r\n.\r\n", "ab\r", true, bare_newline},
             Case{"ab\r\r\n.\r\n", "ab\r", true, bare_newline},
             Case{"\n.\r\nx\r\n.\r\n", "", true, bare_newline},
             Case{"a\r\n.\nx\r\n.\r\n", "a\r\n", true, bare_newline},
             Case{"a\r\n.\rx\r\n.\r\n", "a\r\n", true, bare_newline},
             Case{"a\r\n.\r\r\nx\r\n.\r\n", "a\r\n", true, bare_newline},
             Case{"a\0b\nc\r\n.\r\n"sv, "a", true, nul},
             Case{"a\nb\0c\r\n.\r\n"sv, "a", true, bare_newline},
             Case{"a\r\n.\0\r\n.\r\n"sv, "a\r\n", true, nul},
         })
        expect_decoded(strict, expected);
}

TEST(DataDecoder, RepairsBareNewlinesButEndsOnlyAtTheRealEnd) {
    const DataDecoder tolerant(ContentFraming::dot_stuffed, BareNewlines::repaired, 0);
    for (const Case& expected : {
             Case{"a\nb\rc\r\n.\r\n", "a\r\nb\r\nc\r\n"},
             Case{"a\n.\nb\r\n.\r\n", "a\r\n.\r\nb\r\n"},
             Case{"a\n.\r\nb\r\n.\r\n", "a\r\n.\r\nb\r\n"},
             Case{"a\r.\rb\r\n.\r\n", "a\r\n.\r\nb\r\n"},
             Case{"a\r\n.\nb\r\n.\r\n", "a\r\n\r\nb\r\n"},
             Case{"a\r\n.\rb\r\n.\r\n", "a\r\n\r\nb\r\n"},
             Case{"a\r\r\n.\r\n", "a\r\n\r\n"},
             Case{"\n\n\r\n.\r\n", "\r\n\r\n\r\n"},
             Case{"\r\n\n.\r\n", "\r\n\r\n.\r\n", false},
             Case{"a\0b\r\n.\r\n"sv, "a", true, ContentFault::nul},
         })
        expect_decoded(tolerant, expected);
}

TEST(DataDecoder, CountsLinesWithoutTheirEnds) {
    const DataDecoder limited(ContentFraming::dot_stuffed, BareNewlines::refused, 5);
    using enum ContentFault;
    for (const Case& expected : {
             Case{"12345\r\n.12345\r\n.\r\n", "12345\r\n12345\r\n"},
             Case{"123456\r\n.\r\n", "12345", true, long_line},
             Case{"1\r\n123456789012345678\r\n.\r\n", "1\r\n12345", true, long_line},
             Case{"12345\rx\r\n.\r\n", "12345\r", true, bare_newline},
         })
        expect_decoded(limited, expected);
}

TEST(DataDecoder, CountedContentKeepsItsDots) {  // RFC 3030 §2
    const DataDecoder counted(ContentFraming::counted, BareNewlines::refused, 0);
    using enum ContentFault;
    for (const Case& expected : {
             Case{".\r\n..\r\nx", ".\r\n..\r\nx", false},
             Case{"a\nb", "a", false, bare_newline},
             Case{"a\r", "a\r", false, bare_newline},
             Case{"a\0"sv, "a", false, nul},
         })
        expect_decoded(counted, expected);
    expect_decoded({ContentFraming::counted, BareNewlines::repaired, 0}, {"a\nb\r", "a\r\nb\r\n", false});
    expect_decoded({ContentFraming::binary, BareNewlines::refused, 1}, {"a\n\r\0.\r\n"sv, "a\n\r\0.\r\n"sv, false});
}

TEST(DataDecoder, GivesTheSameForAnyCut) {
    std::mt19937 random(1);
    constexpr std::string_view alphabet("\r\n.a\0", 5);
    for (int round = 0; round < 20000; ++round) {
        std::string wire;
        for (unsigned i = random() % 24; i > 0; --i) wire += alphabet[random() % alphabet.size() % (random() % 5 + 1)];
        for (const BareNewlines bare : {BareNewlines::refused, BareNewlines::repaired})
            for (const std::uint32_t limit : {0U, 3U}) {
                const DataDecoder decoder(ContentFraming::dot_stuffed, bare, limit);
                const Decoded whole = decode(decoder, wire, wire.size() + 1);
                ASSERT_EQ(decode(decoder, wire, 1), whole);
                ASSERT_EQ(decode(decoder, wire, 2), whole);
                ASSERT_EQ(decode(decoder, wire, 3), whole);
            }
    }
}

TEST(DataDecoder, TakesLinearTimeForHostileOctets) {
    for (const std::string& unit : {std::string("\r"), std::string("\n"), std::string(1, '\0'), std::string("\x01"),
                                    std::string("\r\n."), std::string(".\r")}) {
        std::string wire;
        while (wire.size() < 1024 * 1024) wire += unit;
        for (const BareNewlines bare : {BareNewlines::refused, BareNewlines::repaired}) {
            const auto start = std::chrono::steady_clock::now();
            static_cast<void>(decode({ContentFraming::dot_stuffed, bare, 0}, wire, wire.size()));
            EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
        }
    }
}

}  // namespace
}  // namespace relevo::smtp
