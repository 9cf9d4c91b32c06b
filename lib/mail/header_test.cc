#include "lib/mail/message.h"

#include <gtest/gtest.h>

#include <chrono>

namespace relevo::mail {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Lenient tenfold for machines under load and sanitizers: what it guards against is quadratic time.
constexpr milliseconds time_limit{1000};

TEST(Header, FindsFieldsByPlace) {  // RFC 5322 §2.2
    const std::string content = "From: a@x.example\r\nSubject: one\r\n two\r\nX:\r\n\r\nbody: no\r\n";
    const Header header = Header::parse(content).value();
    ASSERT_EQ(header.fields().size(), 3U);
    EXPECT_EQ(header.fields()[1].name, "Subject");
    EXPECT_EQ(header.fields()[1].value, " one\r\n two");
    EXPECT_EQ(header.fields()[1].raw, "Subject: one\r\n two\r\n");
    EXPECT_EQ(header.fields()[2].value, "");
    EXPECT_EQ(content.substr(header.body_offset()), "body: no\r\n");
    EXPECT_EQ(header.find("sUBJECT"), &header.fields()[1]);
    EXPECT_EQ(header.find("Date"), nullptr);
    EXPECT_EQ(unfolded(header.fields()[1].value), "one two");
}

struct Shape {
    std::string content;
    std::size_t fields;
    std::string body;
};

TEST(Header, EndsAtTheFirstLineThatIsNoField) {
    const std::vector<Shape> cases = {
        {"", 0, ""},
        {"\r\n", 0, ""},
        {"\r\nA: b\r\n", 0, "A: b\r\n"},
        {"A: b", 1, ""},
        {"A: b\r\n", 1, ""},
        {"A: b\r\n\r\n", 1, ""},
        {"A: b\r\nhello\r\n\r\nC: d", 1, "hello\r\n\r\nC: d"},
        {" folded: first\r\nA: b\r\n\r\n", 0, " folded: first\r\nA: b\r\n\r\n"},
        {"From user Mon Nov 23 12:00:00 2026\r\nA: b\r\n\r\n", 0, "From user Mon Nov 23 12:00:00 2026\r\nA: b\r\n\r\n"},
        {": no name\r\n\r\n", 0, ": no name\r\n\r\n"},
        {"A : b\r\nA\t: c\r\n\r\nx", 2, "x"},                 // white space before the colon (§4.5)
        {"A\xC3\xB1: b\r\n\r\n", 0, "A\xC3\xB1: b\r\n\r\n"},  // names are ASCII (RFC 6532 §3)
        {"A: b\r\n \r\n c\r\n\r\nx", 1, "x"},                 // a line of blanks folds (§4.2)
        {"A: b\nC: d\n\nx", 2, "x"},                          // bare LF, where a peer may send it
        {"A: b\r\r\nC: d\r\n\r\nx", 2, "x"},
    };
    for (const auto& [content, fields, body] : cases) {
        const Header header = Header::parse(content).value();
        EXPECT_EQ(header.fields().size(), fields) << content;
        EXPECT_EQ(content.substr(header.body_offset()), body) << content;
    }
}

TEST(Header, CountsNamesWithoutCase) {
    const Header header = Header::parse("Received: 1\r\nRECEIVED: 2\r\nX-Received: 3\r\nreceived : 4\r\n\r\n").value();
    EXPECT_EQ(count_hops(header), 3U);  // RFC 5321 §6.3
    EXPECT_EQ(header.count("x-received"), 1U);
}

TEST(Header, BoundsHostileSections) {  // security row A17
    const auto begin = steady_clock::now();
    const std::string one_field = "X: " + std::string(1 << 20, 'x') + "\r\n\r\n";
    EXPECT_EQ(Header::parse(one_field)->fields().size(), 1U);
    EXPECT_EQ(Header::parse("X: " + std::string(3 << 20, 'x')).error().kind, ErrorKind::limit);
    std::string folds = "X: a\r\n";
    while (folds.size() < (1 << 20)) folds += " \r\n";
    EXPECT_EQ(Header::parse(folds)->fields().size(), 1U);
    std::string many;
    for (int i = 0; i < 10'000; ++i) many += "A: b\r\n";
    EXPECT_EQ(Header::parse(many + "\r\n")->fields().size(), 10'000U);
    for (int i = 0; i < 90'000; ++i) many += "A: b\r\n";
    EXPECT_EQ(Header::parse(many).error().kind, ErrorKind::limit);
    EXPECT_LT(steady_clock::now() - begin, time_limit);
}

TEST(Date, IsAlwaysInUtc) {  // RFC 5322 §3.3
    using namespace std::chrono;
    const auto date = [](sys_seconds time) { return format_date(time); };
    EXPECT_EQ(date(sys_days{November / 23 / 2026} + 12h), "Mon, 23 Nov 2026 12:00:00 +0000");
    EXPECT_EQ(date(sys_days{February / 29 / 2024} + 23h + 59min + 58s), "Thu, 29 Feb 2024 23:59:58 +0000");
    EXPECT_EQ(date(sys_days{January / 1 / 1970}), "Thu, 01 Jan 1970 00:00:00 +0000");
    EXPECT_EQ(format_date(sys_days{December / 31 / 1969} + 23h + 59min + 59s + 500ms),
              "Wed, 31 Dec 1969 23:59:59 +0000");
}

TEST(Unfolded, TakesLineEndsAway) {
    EXPECT_EQ(unfolded("  a\r\n\tb \r\n "), "a\tb");
    EXPECT_EQ(unfolded(" \r\n "), "");
}

}  // namespace
}  // namespace relevo::mail
