#include "core/feedback/matching.h"

#include "core/feedback/mail_reader.h"
#include "core/feedback/token.h"

#include <gmock/gmock.h>

namespace relevo {
namespace {

using bounces::BounceClass;
using bounces::BounceMail;
using bounces::BounceMailKind;
using bounces::BounceNature;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

SentMessage message_to(std::vector<std::string> addresses) {
    SentMessage message{.id = MessageId{5}, .tenant = TenantId{1}, .sender = "a@sender.example", .recipients = {}};
    for (std::uint32_t i = 0; i < addresses.size(); ++i) message.recipients.push_back({i, addresses[i]});
    return message;
}

BounceMail mail_about(BounceMailKind kind, std::vector<std::string> addresses, BounceClass reason, BounceNature nature,
                      std::string action = "failed") {
    BounceMail mail;
    mail.kind = kind;
    for (std::string& address : addresses) {
        bounces::BouncedRecipient& recipient = mail.recipients.emplace_back();
        recipient.recipient = std::move(address);
        recipient.action = action;
        recipient.kind = reason;
        recipient.nature = nature;
    }
    return mail;
}

BounceMail bounce_of(std::vector<std::string> addresses) {
    return mail_about(BounceMailKind::delivery_report, std::move(addresses), BounceClass::unknown_user,
                      BounceNature::hard);
}

std::vector<std::string> found(const std::vector<FeedbackFinding>& findings) {
    std::vector<std::string> texts;
    for (const FeedbackFinding& finding : findings)
        texts.push_back(std::string(name_of(finding.kind)) + " " + (finding.to != nullptr ? finding.to->address : "-"));
    return texts;
}

TEST(FindingsOf, NamesTheRecipientsThatTheMessageWentTo) {
    const SentMessage message = message_to({"bob@example.net", "eva@example.net"});
    EXPECT_THAT(found(findings_of(bounce_of({"EVA@Example.net", "joe@example.net"}), message, FeedbackProof::token)),
                ElementsAre("bounced eva@example.net", "bounced -"));
    BounceMail forwarded = bounce_of({"robert@elsewhere.example"});
    forwarded.recipients.front().original_recipient = "bob@example.net";
    EXPECT_THAT(found(findings_of(forwarded, message, FeedbackProof::token)), ElementsAre("bounced bob@example.net"));
}

TEST(FindingsOf, TakesTheOnlyRecipientWhereAddressesChange) {
    const SentMessage message = message_to({"bob@example.net"});
    EXPECT_THAT(found(findings_of(bounce_of({"robert@elsewhere.example"}), message, FeedbackProof::token)),
                ElementsAre("bounced bob@example.net"));
    EXPECT_THAT(found(findings_of(bounce_of({"a@x.example", "b@x.example"}), message, FeedbackProof::token)),
                ElementsAre("bounced -"));
    EXPECT_THAT(findings_of(bounce_of({"robert@elsewhere.example"}), message, FeedbackProof::message_id), IsEmpty());
}

TEST(FindingsOf, CountsAComplaintForOneRecipient) {  // security row B9
    const SentMessage message = message_to({"bob@example.net", "eva@example.net"});
    const BounceMail complaint = mail_about(BounceMailKind::complaint, {"bob@example.net", "eva@example.net"},
                                            BounceClass::complaint, BounceNature::not_a_bounce);
    EXPECT_THAT(found(findings_of(complaint, message, FeedbackProof::token)),
                ElementsAre("complained bob@example.net"));
    EXPECT_THAT(found(findings_of(complaint, message, FeedbackProof::message_id)),
                ElementsAre("complained bob@example.net"));
}

TEST(FindingsOf, KnowsABounceFromWhatIsNone) {
    const SentMessage message = message_to({"bob@example.net"});
    const auto kind = [&](BounceMailKind of, BounceClass reason, BounceNature nature, std::string action) {
        return findings_of(mail_about(of, {"bob@example.net"}, reason, nature, std::move(action)), message,
                           FeedbackProof::token)
            .front()
            .kind;
    };
    EXPECT_EQ(kind(BounceMailKind::delivery_report, BounceClass::greylisted, BounceNature::soft, "delayed"),
              EventKind::notified);
    EXPECT_EQ(kind(BounceMailKind::delivery_report, BounceClass::delivered, BounceNature::not_a_bounce, "delivered"),
              EventKind::notified);
    EXPECT_EQ(kind(BounceMailKind::delivery_report, BounceClass::mailbox_full, BounceNature::soft, ""),
              EventKind::bounced);
    EXPECT_EQ(kind(BounceMailKind::auto_reply, BounceClass::vacation, BounceNature::not_a_bounce, ""),
              EventKind::auto_reply);
    EXPECT_EQ(kind(BounceMailKind::complaint, BounceClass::unsubscribe, BounceNature::not_a_bounce, ""),
              EventKind::unsubscribed);
}

TEST(SentMessage, IsMadeOfWhatWaitsAndOfEvents) {
    MessageRow row;
    row.id = MessageId{5};
    row.tenant = TenantId{1};
    DeliveryRow pending;
    pending.id = {row.id, 2};
    pending.recipient = "c@example.net";
    row.pending.push_back(pending);
    const auto add = [&](EventKind kind, std::int64_t ordinal, std::string detail) {
        Event& event = row.events.emplace_back();
        event.kind = kind;
        event.ordinal = ordinal;
        event.detail = std::move(detail);
    };
    add(EventKind::accepted, whole_message, R"({"recipients":3})");
    add(EventKind::deferred, 0, R"({"recipient":"a@example.net"})");
    add(EventKind::delivered, 0, R"({"recipient":"a@example.net"})");
    add(EventKind::failed, 1, R"({"recipient":"b@example.net"})");
    add(EventKind::bounced, 0, R"({"recipient":"forged@example.net"})");
    add(EventKind::held, 3, "damaged");
    const SentMessage message = sent_message(row);
    std::vector<std::string> addresses;
    for (const auto& to : message.recipients) addresses.push_back(to.address);
    EXPECT_THAT(addresses, ElementsAre("a@example.net", "b@example.net", "c@example.net"));
    EXPECT_EQ(message.feedback, 1U);
}

TEST(FeedbackDetail, IsPrintableAndBounded) {
    const SentMessage message = message_to({"bob@example.net"});
    BounceMail mail = bounce_of({"x@y.example"});
    mail.reporting_mta = "mx\x1b[31m";
    mail.recipients.front().reason = std::string(5000, 'r') + "\x1b";
    const auto findings = findings_of(mail, message, FeedbackProof::token);
    const std::string detail = feedback_detail(findings.front(), mail);
    EXPECT_LT(detail.size(), 3000U);
    EXPECT_THAT(detail, Not(HasSubstr("\x1b")));
    EXPECT_THAT(detail, HasSubstr(R"("named":"x@y.example")"));
}

TEST(ReadFeedback, FindsOurTokensAndIdsInWhatIsReturnedAlone) {
    const std::string token(37, 'a');
    const std::string mail = "From: fbl@provider.example\r\nSubject: to" + token +
                             "\r\n ken\r\nContent-Type: multipart/report; boundary=b\r\n\r\n--b\r\n\r\n"
                             "b+written" +
                             token +
                             "@x.example\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
                             "Return-Path: <b+" +
                             token +
                             "@x.example>\r\n"
                             "Received: by us id msg_0000000000001 for x\r\nSubject: y\r\n\r\nz\r\n--b--\r\n";
    const auto read = read_feedback(mail, bounces::PatternTable::built_in());
    ASSERT_TRUE(read.has_value());
    EXPECT_THAT(read->tokens, ElementsAre(token));
    EXPECT_THAT(read->messages, ElementsAre(MessageId{1}));
    EXPECT_EQ(subject_token(mail), "to" + token + "ken");
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "Return-Path: <b+" + token + "@x.example>\r\n";
    EXPECT_THAT(read_feedback(many + "\r\n", bounces::PatternTable::built_in())->tokens.size(), testing::Le(20U));
}

}  // namespace
}  // namespace relevo
