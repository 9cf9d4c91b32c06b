#include "lib/mailauth/dkim_signer.h"

#include "lib/mailauth/dkim_test_peer.h"
#include "lib/mailauth/tag_list.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <thread>

namespace relevo::mailauth {
namespace {

using namespace testing_peer;
using ::testing::HasSubstr;

constexpr std::string_view message =
    "Received: from a by b; Wed, 25 Nov 2026 12:00:00 +0000\r\nFrom: Ana <ana@example.com>\r\nTo: bob@example.net\r\n"
    "Subject: hello\r\nDate: Wed, 25 Nov 2026 12:00:00 +0000\r\nMessage-ID: "
    "<1@example.com>\r\n\r\nHello,\r\n\r\nBob.\r\n";

const std::vector<DkimIdentity>& both() {
    static const std::vector<DkimIdentity> identities{rsa_identity(), ed25519_identity()};
    return identities;
}

Zone our_zone() { return Zone().publish(rsa_identity()).publish(ed25519_identity()); }

void expect_all(std::string_view content, DkimResult result, std::size_t count = 2) {
    Zone zone = our_zone();
    const auto verdicts = verify(content, zone);
    ASSERT_EQ(verdicts.size(), count);
    for (const DkimVerdict& verdict : verdicts)
        ASSERT_EQ(name_of(verdict.result), name_of(result)) << verdict.reason << testing::PrintToString(content);
}

TEST(DkimSigner, SignsForEveryIdentityInOrder) {
    const std::string content = sign(message, both());
    expect_all(content, DkimResult::pass);
    EXPECT_LT(content.find("a=rsa-sha256"), content.find("a=ed25519-sha256"));
    EXPECT_EQ(sign(message, {}), message);
}

TEST(DkimSigner, WritesTimesAndNoLength) {  // security rows C1, C3
    const std::string content = sign(message, {ed25519_identity()});
    const auto header = mail::Header::parse(content).value();
    const TagList tags = TagList::parse(header.fields().front().value).value();
    EXPECT_EQ(tags.find("t"), "1795608000");
    EXPECT_EQ(tags.find("x"), "1796817600") << "14 days later";
    EXPECT_EQ(tags.find("l"), std::nullopt);
    EXPECT_EQ(tags.find("c"), "relaxed/relaxed");
}

TEST(DkimSigner, FoldsItsFields) {  // RFC 5322 §2.1.1
    DkimIdentity longest = ed25519_identity();
    longest.domain = std::string(60, 'd') + "." + std::string(60, 'd') + ".example";
    const std::string content = sign(message, {rsa_identity(), ed25519_identity(), longest});
    for (std::string_view rest = std::string_view(content).substr(0, content.size() - message.size()); !rest.empty();) {
        const std::size_t end = rest.find("\r\n");
        ASSERT_NE(end, std::string_view::npos);
        if (rest.substr(0, end).find(longest.domain) == std::string_view::npos) EXPECT_LE(end, 78U);
        rest.remove_prefix(end + 2);
    }
}

TEST(DkimSigner, LetsNoFieldBeAdded) {  // RFC 6376 §8.15; security row C2
    const std::string content = sign(message, both());
    const std::size_t own = content.size() - message.size();
    const std::size_t body = content.find("\r\n\r\n") + 2;
    for (const std::string_view name :
         {"From", "To", "Cc", "Subject", "Date", "Reply-To", "Content-Type", "MIME-Version",
          "Content-Transfer-Encoding", "Message-ID", "Sender", "In-Reply-To", "References", "List-Unsubscribe",
          "List-Unsubscribe-Post", "List-Id", "Feedback-ID"}) {
        for (const std::size_t place : {std::size_t{0}, own, body}) {
            std::string changed = content;
            changed.insert(place, std::string(name) + ": <eve@example.org>\r\n");
            Zone zone = our_zone();
            for (const DkimVerdict& verdict : verify(changed, zone))
                EXPECT_NE(verdict.result, DkimResult::pass) << name << " at " << place;
        }
    }
    expect_all("Received: from c by d\r\nX-Spam: no\r\n" + content, DkimResult::pass);
}

TEST(DkimSigner, LetsNoFieldBeTakenAwayOrMoved) {
    const std::string twice = "To: carol@example.net\r\nResent-To: dave@example.net\r\n" + std::string(message);
    for (const std::string_view line : {"To: carol@example.net\r\n", "Resent-To: dave@example.net\r\n",
                                        "Subject: hello\r\n", "To: bob@example.net\r\n"}) {
        std::string changed = sign(twice, both());
        changed.erase(changed.find(line), line.size());
        expect_all(changed, DkimResult::fail);
    }
    std::string swapped = sign(twice, both());
    swapped.replace(swapped.find("carol"), 5, "bob");
    swapped.replace(swapped.rfind("To: bob"), 7, "To: carol");
    expect_all(swapped, DkimResult::fail);
}

TEST(DkimSigner, SignsFieldsThatWerePutTogether) {
    const auto added = mail::Header::parse("Date: Wed, 25 Nov 2026 12:00:00 +0000\r\n").value();
    const std::string content = "From: ana@example.com\r\nBcc: x@example.com\r\nSubject: hello\r\n\r\nHi\r\n";
    const auto header = mail::Header::parse(content).value();
    std::vector<mail::Field> fields = added.fields();
    for (const mail::Field& field : header.fields())
        if (field.name != "Bcc") fields.push_back(field);
    DkimSigner signer;
    signer.update(std::string_view(content).substr(header.body_offset()));
    std::string signed_content = signer.sign(fields, both(), now).value();
    for (const mail::Field& field : fields) signed_content += field.raw;
    expect_all(signed_content + "\r\nHi\r\n", DkimResult::pass);
}

TEST(DkimSigner, RefusesEndlessHeaderSections) {
    std::string content;
    for (int i = 0; i < 600; ++i) content += "To: a@example.com\r\n";
    const auto header = mail::Header::parse(content).value();
    const auto result = DkimSigner().sign(header.fields(), both(), now);
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().kind, ErrorKind::limit);
}

std::string random_value(std::mt19937& random) {
    constexpr std::string_view octets = "  \tabc,;:=\"<@>\xC3\xA9\xFF\x80\x01";
    std::string value;
    for (std::size_t i = random() % 120; i > 0; --i) value += octets[random() % octets.size()];
    if (random() % 3 == 0) value.insert(random() % (value.size() + 1), "\r\n ");
    return value + "x";
}

std::string random_message(std::mt19937& random) {
    constexpr std::array names = {"From", "To", "Subject", "subject", "X-Other", "CC", "list-id", "References"};
    std::string content;
    for (std::size_t i = 1 + random() % 10; i > 0; --i)
        content.append(names[random() % names.size()])
            .append(random() % 4 == 0 ? " :" : ": ")
            .append(random_value(random))
            .append("\r\n");
    if (random() % 10 == 0) return content;  // no body, not even an empty line
    content += "\r\n";
    for (std::size_t i = random() % 20; i > 0; --i) {
        switch (random() % 5) {
            case 0: content += std::string(random() % 5, ' ') + "\r\n"; break;
            case 1: content.append(random() % 5000, 'y'); break;
            case 2: content += "\r\n\r\n"; break;
            default: content += random_value(random) + " \t\r\n";
        }
    }
    if (random() % 3 == 0) content += "last line without its end";
    return content;
}

// 8-bit text, long lines, folded and repeated fields, empty bodies, empty lines at the end, a last line without its
// end.
TEST(DkimSigner, MakesSignaturesThatVerify) {
    std::mt19937 random(11);  // NOLINT(cert-msc51-cpp): the same cases every time
    for (int round = 0; round < 300; ++round) {
        const std::string content = random_message(random);
        const std::string signed_content = sign(content, both(), now, 1 + random() % 300);
        expect_all(signed_content, DkimResult::pass);
        if (!content.contains("\r\n\r\n")) continue;
        expect_all(signed_content + "\r\nmore", DkimResult::fail);
    }
}

TEST(DkimSigner, SignsWhatDeliveryWillSend) {  // RFC 6376 §5.3: bare line ends leave as CRLF
    std::string content = "From: a@example.com\r\n\r\nbare\nline\rends";
    std::string signed_content = sign(content, both());
    signed_content.replace(signed_content.rfind("bare\nline\rends"), 14, "bare\r\nline\r\nends\r\n");
    expect_all(signed_content, DkimResult::pass);
}

TEST(DkimSigner, SignsWhatSubmissionPrepared) {  // no empty line before the body; found by fuzzing
    for (const std::string_view arrived : {" begins with a blank\r\nHi\r\n", "From: a@example.com\r\nno field\r\n"}) {
        const auto header = mail::Header::parse(arrived).value();
        const std::string content =
            mail::apply_fixes("", arrived, mail::fixes_for_submission(header, arrived, "1@example.com", now));
        expect_all(sign(content, both()), DkimResult::pass);
    }
}

TEST(DkimSigner, SignsOnManyThreadsWithTheSameKeys) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i)
        threads.emplace_back([i] {
            for (int round = 0; round < 25; ++round)
                expect_all(sign(std::string(message) + std::to_string(i * 1000 + round), both()), DkimResult::pass);
        });
    for (std::thread& thread : threads) thread.join();
}

TEST(DkimSigner, IsAsNewAfterTheEnd) {
    const auto header = mail::Header::parse(message).value();
    DkimSigner signer;
    std::string first;
    for (int round = 0; round < 2; ++round) {
        signer.update(message.substr(header.body_offset()));
        const std::string fields = signer.sign(header.fields(), both(), now).value();
        if (round == 0) first = fields;
        EXPECT_EQ(fields, first);
    }
}

}  // namespace
}  // namespace relevo::mailauth
