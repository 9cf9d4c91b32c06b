#include "lib/smtp/data_encoder.h"

#include "lib/smtp/client_session.h"
#include "lib/smtp/data_decoder.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

namespace relevo::smtp {
namespace {

using std::string;

string in_pieces(std::string_view content, ContentForm form, std::size_t limit) {
    DataEncoder encoder(content, form, inspect_content(content));
    string all;
    for (string piece = encoder.next(limit); !piece.empty(); piece = encoder.next(limit)) {
        EXPECT_LE(piece.size(), std::max<std::size_t>(limit, 5));
        all += piece;
    }
    EXPECT_EQ(all.size(), encoder.encoded_size());
    return all;
}

// One octet after the other, as slow as it is plain.
string plainly_encoded(std::string_view content, bool stuffs) {
    string lines;
    for (std::size_t i = 0; i < content.size(); ++i) {
        const char c = content[i];
        const bool pair = c == '\r' && i + 1 < content.size() && content[i + 1] == '\n';
        if (pair) continue;
        const bool line_start = lines.empty() || lines.ends_with("\r\n");
        if (stuffs && line_start && c == '.') lines += '.';
        lines += c == '\r' || c == '\n' ? "\r\n" : string(1, c);
    }
    if (!stuffs) return lines;
    return lines + (lines.empty() || lines.ends_with("\r\n") ? ".\r\n" : "\r\n.\r\n");
}

TEST(DataEncoder, StuffsDotsAndEndsTheContent) {  // RFC 5321 §4.5.2
    EXPECT_EQ(encode_data(""), ".\r\n");
    EXPECT_EQ(encode_data("a\r\n"), "a\r\n.\r\n");
    EXPECT_EQ(encode_data("a"), "a\r\n.\r\n");
    EXPECT_EQ(encode_data("."), "..\r\n.\r\n");
    EXPECT_EQ(encode_data(".\r\n..\r\n.a\r\na.\r\n"), "..\r\n...\r\n..a\r\na.\r\n.\r\n");
    EXPECT_EQ(encode_data("\r\n.\r\n"), "\r\n..\r\n.\r\n");
}

TEST(DataEncoder, LetsNoLookAlikeOfTheEndOut) {  // security row A2
    const string ends[] = {"\r\n", "\n", "\r", "\r\r\n", "\n\r", "\n\n", "\r\r", "\r\n\n", string("\0\r\n", 3), "\n\0"};
    for (const string& before : ends)
        for (const string& after : ends) {
            string smuggled = "a" + before;
            smuggled.append(".").append(after).append("MAIL FROM:<evil@x.example>\r\n");
            const string wire = encode_data(smuggled);
            EXPECT_EQ(wire.find("\r\n.\r\n"), wire.size() - 5);
            for (std::size_t i = 0; i < wire.size(); ++i) {
                if (wire[i] == '\n') EXPECT_EQ(wire[i - 1], '\r');
                if (wire[i] == '\r') EXPECT_EQ(wire[i + 1], '\n');
            }
        }
}

TEST(DataEncoder, RepairsLineEndsForChunksAndNothingElse) {
    EXPECT_EQ(in_pieces("a\nb\rc\r\n.\r\n.d", ContentForm::counted, 7), "a\r\nb\r\nc\r\n.\r\n.d");
    EXPECT_EQ(in_pieces("a\nb\r", ContentForm::counted, 100), "a\r\nb\r\n");
    EXPECT_EQ(in_pieces("a\nb\rc\r\n.", ContentForm::binary, 3), "a\nb\rc\r\n.");
}

TEST(DataEncoder, CountsWhatMustChange) {
    const string content = "." + string(300, 'x') + "\r\n.\r.\n.\n\r\n";
    const ContentFacts facts = inspect_content(content);
    EXPECT_EQ(facts.leading_dots, 4U);
    EXPECT_EQ(facts.bare_line_ends, 3U);
    EXPECT_FALSE(facts.eight_bit);
    for (std::size_t at : {0U, 254U, 255U, 256U, 511U}) {
        string eight_bit(512, 'x');
        eight_bit[at] = '\x80';
        EXPECT_TRUE(inspect_content(eight_bit).eight_bit) << at;
    }
}

TEST(DataEncoder, FindsLineEndsAcrossItsBlocks) {
    for (std::size_t length = 250; length < 262; ++length) {
        const string content = string(length, 'x') + "\r\n." + string(length, 'y') + "\r";
        const ContentFacts facts = inspect_content(content);
        EXPECT_EQ(facts.bare_line_ends, 1U) << length;
        EXPECT_EQ(facts.leading_dots, 1U) << length;
    }
}

string random_content(std::mt19937& random, bool clean) {
    static constexpr std::string_view clean_parts[] = {"\r\n", "\r\n", ".", "..", "text", "\xc3\xb1", " ", "\r\n."};
    static constexpr std::string_view parts[] = {"\r\n", "\r", ".", "\n", "text", "\n.", "\r.", "\r\n."};
    string content;
    for (std::size_t count = random() % 40; count > 0; --count) content += (clean ? clean_parts : parts)[random() % 8];
    return content;
}

TEST(DataEncoder, GivesTheSameOctetsInPiecesOfAnySize) {
    std::mt19937 random(2026);
    for (int round = 0; round < 20'000; ++round) {
        const string content = random_content(random, round % 2 == 0);
        const std::size_t limit = 1 + random() % 60;
        ASSERT_EQ(encode_data(content), plainly_encoded(content, true));
        ASSERT_EQ(in_pieces(content, ContentForm::dot_stuffed, limit), plainly_encoded(content, true));
        ASSERT_EQ(in_pieces(content, ContentForm::counted, limit), plainly_encoded(content, false));
        ASSERT_EQ(in_pieces(content, ContentForm::binary, limit), content);
    }
}

string decoded(std::string_view wire, std::mt19937& random) {
    DataDecoder decoder(ContentFraming::dot_stuffed, BareNewlines::refused, 0);
    string content;
    bool finished = false;
    while (!finished && !wire.empty()) {
        std::string_view given = wire.substr(0, 1 + random() % 20);
        wire.remove_prefix(given.size());
        while (!finished && !given.empty()) {
            const DataDecoder::Piece piece = decoder.decode(given);
            content += piece.content;
            given.remove_prefix(piece.consumed);
            finished = piece.finished;
        }
        EXPECT_TRUE(given.empty());
    }
    EXPECT_TRUE(finished && wire.empty());
    EXPECT_EQ(decoder.fault(), ContentFault::none);
    return content;
}

TEST(DataEncoder, IsUndoneByTheDecoder) {  // security rows A2, F3
    std::mt19937 random(5321);
    for (int round = 0; round < 50'000; ++round) {
        string content = random_content(random, true);
        if (!content.empty() && !content.ends_with("\r\n")) content += "\r\n";
        ASSERT_EQ(decoded(encode_data(content), random), content);
    }
}

TEST(DataEncoder, TakesTimeInProportionToHostileContent) {
    const auto time_of = [](const string& content) {
        const auto start = std::chrono::steady_clock::now();
        EXPECT_GT(in_pieces(content, ContentForm::dot_stuffed, 64 * 1024).size(), content.size());
        return std::chrono::steady_clock::now() - start;
    };
    // The square of its length would take minutes.
    for (const char c : {'\r', '\n', '.', 'x'}) EXPECT_LT(time_of(string(4 << 20, c)), std::chrono::seconds(5)) << c;
}

}  // namespace
}  // namespace relevo::smtp
