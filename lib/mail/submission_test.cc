#include "lib/mail/message.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace relevo::mail {
namespace {

const std::string date = "Date: Mon, 23 Nov 2026 12:00:00 +0000\r\n";
const std::string id = "Message-ID: <1@relevo.example>\r\n";

std::string fixed(const std::string& content, std::string_view prefix = "") {
    const auto now = std::chrono::sys_days{std::chrono::November / 23 / 2026} + std::chrono::hours(12);
    const Header header = Header::parse(content).value();
    return apply_fixes(prefix, content, fixes_for_submission(header, content, "1@relevo.example", now));
}

TEST(Submission, AddsOnlyWhatIsMissing) {  // RFC 6409 §8.1, §8.3
    const std::string complete = "date: x\r\nmessage-id: <y>\r\nFrom: a@x.test\r\n\r\nbody\r\n";
    EXPECT_EQ(fixed(complete), complete);
    EXPECT_EQ(fixed("From: a@x.test\r\nDate: x\r\n\r\nbody"), id + "From: a@x.test\r\nDate: x\r\n\r\nbody");
    EXPECT_EQ(fixed("Message-Id: <y>\r\n\r\nbody", "Received: r\r\n"),
              "Received: r\r\n" + date + "Message-Id: <y>\r\n\r\nbody");
}

TEST(Submission, RemovesHiddenRecipientsWithTheirFolding) {  // RFC 5322 §3.6.3
    const std::string kept = "Date: x\r\nMessage-ID: <y>\r\n";
    EXPECT_EQ(fixed("BCC: a@x.test,\r\n b@x.test\r\n\t,c@x.test\r\n" + kept +
                    "Resent-Bcc : d@x.test\r\nbcc:\r\n\r\nBcc: in the body\r\n"),
              kept + "\r\nBcc: in the body\r\n");
    EXPECT_EQ(fixed(kept + "X-Bcc: a\r\n\r\n"), kept + "X-Bcc: a\r\n\r\n");
    EXPECT_EQ(fixed(kept + "Bcc: a"), kept);
}

TEST(Submission, KnowsTheFieldsOfTheFixedMessageWithoutParsingItAgain) {
    for (const std::string content :
         {"", "\r\nbody", "hello\r\n", "Bcc: a\r\nhello\r\n", "A: b\r\nBcc: a\r\nBcc: b\r\nC: d\r\nBcc: e\r\n\r\n",
          "BCC: a,\r\n b\r\nDate: x\r\n\ty\r\nResent-Bcc: c\r\n\r\nBcc: body\r\n", "Message-ID: <y>\r\nBcc: a",
          "A: b"}) {
        const Header header = Header::parse(content).value();
        const SubmissionFixes fixes = fixes_for_submission(header, content, "1@relevo.example", {});
        const std::string fixed = apply_fixes({}, content, fixes);
        const Header expected = Header::parse(fixed).value();
        const std::vector<Field> fields = fields_after(header, content, fixes);
        EXPECT_TRUE(std::ranges::equal(fields, expected.fields(), {}, &Field::raw, &Field::raw)) << content;
        EXPECT_TRUE(std::ranges::equal(fields, expected.fields(), {}, &Field::name, &Field::name)) << content;
        EXPECT_TRUE(std::ranges::equal(fields, expected.fields(), {}, &Field::value, &Field::value)) << content;
    }
}

// With the two that are added it would be too large to parse again, and would go out unsigned.
TEST(Submission, KnowsTheFieldsOfTheLargestHeader) {
    std::string content;
    for (int i = 0; i < 10'000; ++i) content += "X: y\r\n";
    const Header header = Header::parse(content).value();
    const SubmissionFixes fixes = fixes_for_submission(header, content, "1@relevo.example", {});
    EXPECT_EQ(fields_after(header, content, fixes).size(), 10'002U);
}

TEST(Submission, JoinsNeighbouringRanges) {
    const std::string content = "A: b\r\nBcc: a\r\nBcc: b\r\nC: d\r\nBcc: e\r\n\r\n";
    const auto fixes = fixes_for_submission(Header::parse(content).value(), content, "m", {});
    const std::vector<std::pair<std::size_t, std::size_t>> expected = {{6, 22}, {28, 36}};
    EXPECT_EQ(fixes.removed, expected);
}

TEST(Submission, PutsTheMissingSeparatorIn) {
    EXPECT_EQ(fixed(""), date + id + "\r\n");
    EXPECT_EQ(fixed("\r\nbody"), date + id + "\r\nbody");
    EXPECT_EQ(fixed("hello\r\n"), date + id + "\r\nhello\r\n");
    EXPECT_EQ(fixed(" looks folded\r\n"), date + id + "\r\n looks folded\r\n");
    EXPECT_EQ(fixed("Bcc: a\r\nhello\r\n"), date + id + "\r\nhello\r\n");
    EXPECT_EQ(fixed("Subject: s\r\nno field\r\nBcc: a\r\n"), date + id + "Subject: s\r\n\r\nno field\r\nBcc: a\r\n");
    EXPECT_EQ(fixed("Subject: s\r\n"), date + id + "Subject: s\r\n");
}

TEST(Submission, PassesOctetsThrough) {
    std::string body;
    for (int i = 0; i < 512; ++i) body += static_cast<char>(i);
    const std::string content = "Date: x\r\nMessage-ID: <y>\r\nX: \xFF\x01 \t\r\n\t\r\n\r\n" + body;
    EXPECT_EQ(fixed(content), content);
}

}  // namespace
}  // namespace relevo::mail
