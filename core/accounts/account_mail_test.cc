#include "core/accounts/account_mail.h"

#include "core/accounts/account_mailer.h"
#include "core/accounts/link_requests.h"
#include "lib/mail/message.h"
#include "lib/mime/message_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo {
namespace {

using std::chrono::minutes;
using testing::HasSubstr;
using testing::Not;

const WallClock::time_point now{std::chrono::sys_days{std::chrono::year{2026} / 11 / 26} + std::chrono::hours(10)};

mail::Address address(std::string_view text) { return mail::Address::parse(text, mail::Utf8::allowed).value(); }

AccountMail invitation() {
    return {.language = mail::Language::spanish,
            .from = address("no-reply@relay.example"),
            .to = address("ana@example.com"),
            .name = "Ana Núñez",
            .login = "ana@example.com",
            .invited_by = "root@relay.example",
            .host_name = "mail.relay.example",
            .link = "https://mail.relay.example/invitation#0123456789abcdefghjkmnpqrstvwxyz",
            .expires_at = now + std::chrono::days(7)};
}

mime::MessageView view_of(const AccountMail& mail) {
    return mime::view_message(compose_account_mail(mail, "msg_1@mail.relay.example", now).value());
}

TEST(AccountMail, SpeaksTheLanguageOfThePersonAndSaysHowLongItWorks) {
    const std::string spanish = view_of(invitation()).text;
    EXPECT_THAT(spanish, HasSubstr("Hola, Ana Núñez:"));
    EXPECT_THAT(spanish, HasSubstr("root@relay.example le invita a la consola del servidor de correo mail.relay"));
    EXPECT_THAT(spanish, HasSubstr("\nhttps://mail.relay.example/invitation#0123456789abcdefghjkmnpqrstvwxyz\r\n"));
    EXPECT_THAT(spanish, HasSubstr("hasta 2026-12-03 10:00 UTC"));
    AccountMail reset = invitation();
    reset.purpose = OneTimePurpose::password_reset;
    reset.language = mail::Language::english;
    reset.name.clear();
    const std::string english = view_of(reset).text;
    EXPECT_THAT(english, HasSubstr("Hello,"));
    EXPECT_THAT(english, HasSubstr("your password stays as it is"));
    EXPECT_THAT(english, Not(HasSubstr("root@relay.example"))) << "whoever forgot the password invited nobody";
}

TEST(AccountMail, IsMarkedAsAutomaticAndDated) {  // RFC 3834 §5, RFC 5322 §3.6
    const std::string content = compose_account_mail(invitation(), "msg_1@mail.relay.example", now).value();
    const auto header = mail::Header::parse(content).value();
    EXPECT_THAT(content, HasSubstr("\r\nAuto-Submitted: auto-generated\r\n"));
    EXPECT_THAT(content, HasSubstr("Message-ID: <msg_1@mail.relay.example>\r\n"));
    EXPECT_TRUE(content.starts_with("Date: Thu, 26 Nov 2026 10:00:00 +0000\r\n")) << content;
    EXPECT_EQ(header.fields().size(), 9U) << content;
}

TEST(AccountMail, NameOfAPersonStaysAName) {  // security row E11
    AccountMail hostile = invitation();
    hostile.name = "Ana <evil@example.org>, x";
    const std::string content = compose_account_mail(hostile, "msg_1@mail.relay.example", now).value();
    const auto header = mail::Header::parse(content).value();
    for (const mail::Field& field : header.fields())
        if (field.name == "To")
            EXPECT_EQ(mail::parse_address_list(field.value).value(), std::vector{address("ana@example.com")});
}

TEST(AccountMail, IsKnownByItsOriginAlone) {
    EXPECT_TRUE(is_account_mail(R"({"from":"account","about":"invitation"})"));
    EXPECT_FALSE(is_account_mail(R"({"from":"report"})"));
    EXPECT_FALSE(is_account_mail(R"({"subject":"{\"from\":\"account\""})")) << "what senders choose comes later";
}

class LinkRequestsTest : public testing::Test {
 protected:
    LinkRequests::Verdict take(std::string_view peer, std::string_view login, minutes at = minutes(0)) {
        return requests.take(dns::IpAddress::parse(peer).value(), login, began + at);
    }
    const Clock::time_point began = Clock::now();
    LinkRequests requests;
};
using Verdict = LinkRequests::Verdict;

TEST_F(LinkRequestsTest, LoginHasItsShareOfAnHourWhoeverAsks) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(take("192.0.2.1", "ana@example.com"), Verdict::answer);
    EXPECT_EQ(take("198.51.100.1", "ana@example.com"), Verdict::be_quiet);
    EXPECT_EQ(take("192.0.2.1", "eva@example.com"), Verdict::answer);
    EXPECT_EQ(take("192.0.2.1", "ana@example.com", minutes(66)), Verdict::answer);
}

TEST_F(LinkRequestsTest, PeerIsRefusedAfterTenAndAnIpv6NetworkIsOnePeer) {
    for (int i = 0; i < 10; ++i)
        EXPECT_EQ(take("2001:db8::" + std::to_string(i + 1), "user" + std::to_string(i)), Verdict::answer);
    EXPECT_EQ(take("2001:db8::ffff", "another"), Verdict::refuse);
    EXPECT_EQ(take("2001:db8:0:1::1", "another"), Verdict::answer);
}

TEST_F(LinkRequestsTest, AllTogetherHaveABound) {
    for (int i = 0; i < 200; ++i)
        EXPECT_EQ(take("192.0.2." + std::to_string(i), "user" + std::to_string(i)), Verdict::answer);
    EXPECT_EQ(take("198.51.100.1", "another"), Verdict::refuse);
}

}  // namespace
}  // namespace relevo
