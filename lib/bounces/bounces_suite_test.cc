// The public suites: real bounce mails of sixty systems (anonymised), hostile variants of them, and feedback reports.
#include "lib/authreports/test_data.h"
#include "lib/bounces/bounce_mail.h"
#include "lib/json/json.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>
#include <map>
#include <set>

namespace relevo::bounces {
namespace {

using authreports::files_of;
using authreports::read_file;
using authreports::test_data_folder;

struct Expected {
    std::string file;
    std::size_t index = 1;  // recipients, counted through all mails of the file
    std::string reason;     // as the makers of the suite name it
    bool is_hard = false;
};

std::vector<Expected> expected_rows() {
    std::vector<Expected> rows;
    const std::string text = read_file(test_data_folder(RELEVO_SOURCE_DIR) + "/bounces/expected.tsv");
    for (const std::string_view line : split(text, '\n')) {
        const auto fields = split(line, '\t');
        if (line.starts_with('#') || fields.size() < 6) continue;
        rows.push_back({.file = std::string(fields[0]),
                        .index = parse_decimal<std::size_t>(fields[1]).value_or(1),
                        .reason = std::string(fields[4]),
                        .is_hard = fields[5] == "true"});
    }
    return rows;
}

// Their reasons in our classes, as tests/end_to_end/test_feedback.py reads them too.
std::map<std::string, std::set<BounceClass>> read_reasons() {
    std::map<std::string, std::set<BounceClass>> map;
    const std::string text = read_file(RELEVO_SOURCE_DIR "/lib/bounces/suite_reasons.tsv");
    for (const std::string_view line : split(text, '\n')) {
        const auto fields = split(line, '\t');
        if (line.starts_with('#') || fields.size() < 2) continue;
        for (const std::string_view name : split(fields[1], ' '))
            map[std::string(fields[0])].insert(bounce_class_named(name).value());
    }
    return map;
}

struct Disagreement {
    std::string_view file;
    std::size_t index;
    std::string_view about;  // "hard", "reason" or "both"
    std::string_view why;
};

constexpr std::string_view says_unknown = "the reply says that there is no such user, and nothing else";
constexpr std::string_view after_content =
    "the reply to the content says that there is no such user: a class of its own for them, a soft unknown_user for us";
constexpr std::string_view no_such_name = "the name does not exist in DNS: an answer, no failure of the network";
constexpr Disagreement disagreements[] = {
    {"lhost-amazonworkmail-02.eml", 1, "both", says_unknown},
    {"lhost-courier-02.eml", 1, "reason", after_content},
    {"lhost-dragonfly-07.eml", 1, "reason", "5.6.0 in reply to RCPT, with \"recipient address rejected\""},
    {"lhost-dragonfly-17.eml", 1, "reason", "\"Recipient address rejected: On hold\" is a policy to us"},
    {"lhost-exchange2003-04.eml", 1, "both", says_unknown},
    {"lhost-exim-58.eml", 1, "reason", "\"Line limit exceeded\" is about the form, not about the size"},
    {"lhost-ezweb-08.eml", 1, "reason", "SC-004: Microsoft means the content and complaints about it"},
    {"lhost-fml-03.eml", 1, "reason", "a list manager's note in an ordinary mail: we do not take it for a bounce"},
    {"lhost-imailserver-06.eml", 1, "reason", "a domain in the message is on a list: domain_blocked says more"},
    {"lhost-mailfoundry-01.eml", 1, "both", says_unknown},
    {"lhost-mcafee-01.eml", 1, "both", says_unknown},
    {"lhost-mcafee-04.eml", 1, "both", says_unknown},
    {"lhost-messagingserver-03.eml", 1, "both", says_unknown},
    {"lhost-messagingserver-03.eml", 2, "both", says_unknown},
    {"lhost-messagingserver-06.eml", 1, "both", says_unknown},
    {"lhost-mfilter-01.eml", 1, "reason", after_content},
    {"lhost-postfix-03.eml", 1, "reason", after_content},
    {"lhost-postfix-05.eml", 1, "hard", "450: what the last reply called temporary stays soft"},
    {"lhost-postfix-34.eml", 1, "both", no_such_name},
    {"lhost-postfix-41.eml", 1, "reason", "\"Protocol violation\" is a protocol_error to us"},
    {"lhost-powermta-01.eml", 1, "both", says_unknown},
    {"lhost-sendmail-19.eml", 1, "reason", after_content},
    {"lhost-sendmail-21.eml", 1, "reason", "\"Connection refused\" is no block list"},
    {"lhost-sendmail-38.eml", 1, "reason", "\"message content rejected\" does not say that it is spam"},
    {"lhost-sendmail-40.eml", 1, "reason", after_content},
    {"lhost-sendmail-48.eml", 1, "both", says_unknown},
    {"lhost-v5sendmail-05.eml", 1, "reason", "the reason stands in front of the address, among those of others"},
    {"lhost-x1-02.eml", 1, "both", says_unknown},
    {"lhost-x2-02.eml", 1, "both", says_unknown},
    {"lhost-x2-02.eml", 3, "both", says_unknown},
    {"lhost-zoho-02.eml", 1, "both", says_unknown},
    {"rfc3464-42.eml", 1, "both", says_unknown},
    {"rfc3464-43.eml", 1, "reason", "4.3.0 is a fault of the system by RFC 3463"},
    {"rfc3464-54.eml", 1, "reason", no_such_name},
    {"rfc3464-64.eml", 1, "reason", no_such_name},
    {"rhost-gsuite-04.eml", 1, "reason", no_such_name},
    {"rhost-mimecast-02.eml", 1, "reason", "\"security policies\" does not say virus, and its code says spam"},
    {"rhost-yahooinc-02.eml", 1, "reason", "TSS04 is a rate limit by Yahoo's own list"},
};

// Two files are mailboxes with two mails in them; a line "From …" in the middle of a mail stands behind an empty one.
std::vector<std::string> mails_of(const std::string& file) {
    for (auto at = file.find("\nFrom "); at != std::string::npos; at = file.find("\nFrom ", at + 1)) {
        const std::size_t next = file.find('\n', at + 1);
        if (next != std::string::npos && file.starts_with("From ") &&
            (file.compare(next + 1, 12, "Return-Path:") == 0 || file.compare(next + 1, 9, "Received:") == 0))
            return {file.substr(0, at + 1), file.substr(at + 1)};
    }
    return {file};
}

// What there is to say of the row; nothing if we agree.
std::string difference(const std::map<std::string, std::set<BounceClass>>& reasons, const Expected& row,
                       const BouncedRecipient* recipient) {
    const bool is_hard = recipient != nullptr && recipient->nature == BounceNature::hard;
    const bool same_reason = recipient != nullptr && reasons.at(row.reason).contains(recipient->kind);
    if (is_hard != row.is_hard) return same_reason ? "hard" : "both";
    return same_reason ? "" : "reason";
}

TEST(BouncesSuite, AgreesButForTheListedRows) {
    const PatternTable patterns = PatternTable::built_in();
    const auto reasons = read_reasons();
    std::size_t total = 0, same_nature = 0, same_reason = 0, disagree = 0;
    for (const Expected& row : expected_rows()) {
        std::vector<BouncedRecipient> recipients;
        for (const std::string& content :
             mails_of(read_file(test_data_folder(RELEVO_SOURCE_DIR) + "/bounces/eml/" + row.file))) {
            auto mail = read_bounce_mail(content, patterns);
            ASSERT_TRUE(mail.has_value()) << row.file;
            std::ranges::move(mail->recipients, std::back_inserter(recipients));
        }
        const BouncedRecipient* recipient = row.index <= recipients.size() ? &recipients[row.index - 1] : nullptr;
        const std::string found = difference(reasons, row, recipient);
        ++total;
        same_nature += found.empty() || found == "reason" ? 1 : 0;
        same_reason += found.empty() || found == "hard" ? 1 : 0;
        const auto* const known = std::ranges::find_if(disagreements, [&row](const Disagreement& listed) {
            return listed.file == row.file && listed.index == row.index;
        });
        const bool is_listed = known != std::end(disagreements);
        EXPECT_EQ(found, is_listed ? known->about : "")
            << row.file << " " << row.index << ": they say " << row.reason << ", we "
            << (recipient != nullptr ? name_of(recipient->kind) : "nothing") << " by "
            << (recipient != nullptr ? recipient->rule : "");
        disagree += is_listed ? 1 : 0;
    }
    EXPECT_EQ(total, 312U) << "the public test data is missing: set RELEVO_TESTDATA to its folder";
    EXPECT_EQ(disagree, std::size(disagreements)) << "a listed row is not in the suite";
    std::cout << "bounces: hard or not " << same_nature << "/" << total << ", reason " << same_reason << "/" << total
              << "\n";
    EXPECT_GE(same_nature * 1'000, total * 945);
    EXPECT_GE(same_reason * 1'000, total * 878);
}

TEST(BouncesSuite, NamesTheRecipientAndTheOriginalMessage) {
    const PatternTable patterns = PatternTable::built_in();
    std::size_t mails = 0, with_recipient = 0, with_original = 0, quoting = 0;
    for (const auto& path : files_of(RELEVO_SOURCE_DIR, "bounces/eml")) {
        const std::string content = read_file(path);
        const auto mail = read_bounce_mail(content, patterns);
        ASSERT_TRUE(mail.has_value()) << path;
        ++mails;
        const bool has_recipient =
            !mail->recipients.empty() && mail->recipients[0].recipient.find('@') != std::string::npos;
        with_recipient += has_recipient ? 1 : 0;
        // More than one Message-ID in the file: its own, and that of the message that came back.
        const std::string small = to_lower(content);
        const auto first = small.find("\nmessage-id:");
        const bool quotes = first != std::string::npos && small.find("message-id:", first + 5) != std::string::npos;
        quoting += quotes ? 1 : 0;
        with_original += quotes && !mail->original_message_id.empty() ? 1 : 0;
    }
    EXPECT_EQ(mails, 315U);
    std::cout << "bounces: recipient " << with_recipient << "/" << mails << ", original Message-ID " << with_original
              << "/" << quoting << "\n";
    EXPECT_GE(with_recipient * 100, mails * 96);
    EXPECT_GE(with_original * 100, quoting * 90);
}

TEST(BouncesSuite, ReadsLineEndsOfEveryKindAlike) {
    const PatternTable patterns = PatternTable::built_in();
    for (const auto& path : files_of(RELEVO_SOURCE_DIR, "bounces/eml")) {
        const std::string content = read_file(path);
        if (content.find("\r\n") != std::string::npos) continue;
        std::string other;
        for (const char c : content) other.append(c == '\n' ? "\r\n" : std::string(1, c));
        const auto one = read_bounce_mail(content, patterns);
        const auto two = read_bounce_mail(other, patterns);
        ASSERT_TRUE(one.has_value() && two.has_value()) << path;
        ASSERT_EQ(one->recipients.size(), two->recipients.size()) << path;
        for (std::size_t i = 0; i < one->recipients.size(); ++i)
            EXPECT_EQ(one->recipients[i].kind, two->recipients[i].kind) << path;
    }
}

TEST(BouncesSuite, SurvivesHostileMailsInBoundedTime) {
    const PatternTable patterns = PatternTable::built_in();
    std::size_t mails = 0;
    for (const auto& path : files_of(RELEVO_SOURCE_DIR, "bounces/eml-dos")) {
        const auto began = std::chrono::steady_clock::now();
        const auto mail = read_bounce_mail(read_file(path), patterns);
        EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(2)) << path;
        ASSERT_TRUE(mail.has_value()) << path;
        ++mails;
    }
    std::cout << "bounces, hostile: " << mails << " read\n";
    EXPECT_EQ(mails, 46U);
}

TEST(BouncesSuite, FeedbackReportsNameWhoComplains) {  // RFC 5965
    const PatternTable patterns = PatternTable::built_in();
    std::size_t total = 0;
    for (const auto& path : files_of(RELEVO_SOURCE_DIR, "arf")) {
        if (path.extension() != ".eml") continue;
        ++total;
        const auto mail = read_bounce_mail(read_file(path), patterns);
        ASSERT_TRUE(mail.has_value()) << path;
        auto json_path = path;
        const auto expected = json::parse(read_file(json_path.replace_extension(".json")));
        ASSERT_TRUE(expected.has_value()) << json_path;
        EXPECT_EQ(mail->kind, BounceMailKind::complaint) << path;
        ASSERT_FALSE(mail->recipients.empty()) << path;
        const std::string type = authreports::letters_of(expected->as_object().at("feedback_type").as_string().c_str());
        EXPECT_EQ(mail->recipients[0].kind,
                  type == "authfailure" ? BounceClass::authentication_required : BounceClass::complaint)
            << path;
        const auto& recipient = expected->as_object().at("original_rcpt_to");
        if (recipient.is_string()) {
            EXPECT_EQ("<" + mail->recipients[0].recipient + ">", recipient.as_string()) << path;
        }
    }
    std::cout << "arf: " << total << " read\n";
    EXPECT_EQ(total, 5U) << "the public test data is missing: set RELEVO_TESTDATA to its folder";
}

}  // namespace
}  // namespace relevo::bounces
