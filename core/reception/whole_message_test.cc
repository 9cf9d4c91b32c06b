// Mail that comes whole, by the rules of SMTP submission.
#include "core/reception/reception_fixture.h"

namespace relevo::test {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class WholeMessages : public ReceptionTest {
 protected:
    using Answer = std::expected<AcceptedMessage, NotAccepted>;
    static WholeMessage message(const std::string& sender = "shop@example.com") {
        WholeMessage whole;
        whole.arrival = {.identity = {.tenant = TenantId{1}},
                         .way = "http",
                         .client = {.address = *dns::IpAddress::parse("192.0.2.9"), .port = 4711},
                         .name = "",
                         .login = "web shop",
                         .tls = "TLSv1.3:TLS_AES_128_GCM_SHA256",
                         .host_name = "relay.example"};
        whole.envelope.reverse_path = *mail::ReversePath::parse("<" + sender + ">", mail::Utf8::refused);
        whole.envelope.recipients.push_back({.address = *mail::Address::parse("ana@example.org", mail::Utf8::refused)});
        whole.content = "From: " + sender + "\r\nSubject: Hello\r\nX-Relevo-Stream: bulk\r\n\r\nHello\r\n";
        return whole;
    }
    Answer take(WholeMessage whole) { return store.run(reception.take(std::move(whole))); }
};

TEST_F(WholeMessages, AreKeptLikeSubmittedOnes) {
    const Answer answer = take(message());
    ASSERT_TRUE(answer.has_value()) << answer.error().decision.reply.one_line();
    EXPECT_EQ(answer->recipients, 1U);
    EXPECT_EQ(answer->suppressed, 0U);
    ASSERT_EQ(accepted.size(), 1U);
    EXPECT_EQ(accepted.front()->id, answer->id);
    EXPECT_EQ(accepted.front()->stream, mail::MessageStream::bulk);
    const std::string& content = *accepted.front()->content;
    EXPECT_THAT(content, HasSubstr("by relay.example with HTTPS"));
    EXPECT_THAT(content, HasSubstr("Message-ID: <" + answer->id.text() + "@relay.example>"));
    EXPECT_THAT(content, testing::Not(HasSubstr("X-Relevo-Stream")));
}

TEST_F(WholeMessages, OfSomebodyElsesDomainAreRefused) {
    const Answer answer = take(message("ceo@bank.example"));
    ASSERT_FALSE(answer.has_value());
    EXPECT_EQ(answer.error().decision.key, ReplyKey::sender_domain_not_allowed);
    EXPECT_FALSE(answer.error().recipient.has_value());
    WholeMessage forged = message();
    forged.content = "From: ceo@bank.example\r\n\r\nHello\r\n";
    EXPECT_EQ(take(std::move(forged)).error().decision.key, ReplyKey::from_domain_not_allowed);
    EXPECT_TRUE(accepted.empty());
}

TEST_F(WholeMessages, OfATenantThatIsGoneAreRefused) {
    WholeMessage whole = message();
    whole.arrival.identity.tenant = TenantId{77};
    EXPECT_EQ(take(std::move(whole)).error().decision.key, ReplyKey::access_withdrawn);
}

TEST_F(WholeMessages, ARefusedRecipientIsNamed) {
    address_lists = std::make_shared<const addresscheck::AddressLists>(addresscheck::AddressLists::built_in());
    dns.mx("example.org", 10, "mx.example.org");
    WholeMessage whole = message();
    whole.envelope.recipients.push_back({.address = *mail::Address::parse("b@missing.example", mail::Utf8::refused)});
    const Answer answer = take(std::move(whole));
    EXPECT_EQ(answer.error().decision.key, ReplyKey::recipient_domain_missing);
    EXPECT_EQ(answer.error().recipient, 1U);
}

TEST_F(WholeMessages, WithWrongControlFieldsAreRefused) {
    WholeMessage whole = message();
    whole.content = "From: shop@example.com\r\nX-Relevo-Stream: fast\r\n\r\nHello\r\n";
    EXPECT_EQ(take(std::move(whole)).error().decision.key, ReplyKey::stream_unknown);
}

// What belongs to the message is durable with it, or nothing of it is (RFC 5321 §6.1).
TEST_F(WholeMessages, RowsOfOthersDecideWithTheMessage) {
    WholeMessage whole = message();
    MessageId told;
    whole.also = [&told](Transaction&, const AcceptedMessage& message) -> Result<void> {
        told = message.id;
        return {};
    };
    const Answer answer = take(std::move(whole));
    EXPECT_EQ(told, answer->id);
    WholeMessage again = message();
    again.also = [](Transaction&, const AcceptedMessage&) -> Result<void> {
        return failure(ErrorKind::conflict, "was sent before");
    };
    const Answer undone = take(std::move(again));
    ASSERT_TRUE(undone.error().error.has_value());
    EXPECT_EQ(undone.error().error->detail, "was sent before");
    EXPECT_EQ(accepted.size(), 1U);
}

}  // namespace
}  // namespace relevo::test
