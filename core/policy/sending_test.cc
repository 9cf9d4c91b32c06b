#include "core/policy/sending.h"

#include "core/policy/policy_fixture.h"

#include <gtest/gtest.h>

namespace relevo {
namespace {

using test::now;

mail::ReversePath path(std::string_view text) {
    return mail::ReversePath(mail::Address::parse(text, mail::Utf8::allowed).value());
}

// --- MAIL: security row A12

struct SenderRow {
    const Identity& identity;
    std::string_view sender;
    ReplyKey expected;
};

TEST(Sender, MustBelongToTheIdentity) {
    const auto directory = test::directory();
    using enum ReplyKey;
    for (const auto& [identity, sender, expected] : std::initializer_list<SenderRow>{
             {test::crm, "a@example.com", sender_accepted},
             {test::crm, "A.B+c@EXAMPLE.COM", sender_accepted},
             {test::crm, "a@news.example.com", sender_accepted},
             {test::crm, "a@x.news.example.com", sender_accepted},
             {test::crm, "a@shop.example", sender_accepted},
             {test::crm, "a@sub.shop.example", sender_domain_not_allowed},
             {test::crm, "a@notexample.com", sender_domain_not_allowed},
             {test::crm, "a@example.com.evil.example", sender_domain_not_allowed},
             {test::crm, "a@com", sender_domain_not_allowed},
             {test::crm, "a@example.org", sender_domain_not_allowed},  // another tenant's
             {test::crm, "a@sub.example.org", sender_domain_not_allowed},
             {test::crm, "a@gmail.example", sender_domain_not_allowed},
             {test::crm, "\"x@example.org\"@example.com", sender_accepted},  // the last @ decides
             {test::crm, "\"x@example.com\"@example.org", sender_domain_not_allowed},
             {test::crm, "a%example.com@example.org", sender_domain_not_allowed},
             {test::crm, "a@[192.0.2.1]", sender_is_literal},
             {test::crm, "info@strict.example", sender_accepted},
             {test::crm, "INFO@strict.example", sender_accepted},
             {test::crm, "no-reply@strict.example", sender_accepted},
             {test::crm, "boss@strict.example", sender_address_not_allowed},
             {test::crm, "info+x@strict.example", sender_address_not_allowed},
             {test::crm, "\"info \"@strict.example", sender_address_not_allowed},
             {test::crm, "a@xn--mnchen-3ya.example", sender_accepted},
             {test::crm, "a@XN--MNCHEN-3YA.example", sender_accepted},
             {test::crm, "a@m\u00fcnchen.example", sender_accepted},
             {test::crm, "a@mu\u0308nchen.example", sender_accepted},  // NFD twin of our own: the same name
             {test::crm, "a@munchen.example", sender_domain_not_allowed},
             {test::crm, "a@espa\u00f1a.example", sender_domain_not_allowed},
             {test::crm, "a@espan\u0303a.example", sender_domain_not_allowed},
             {test::crm, "a@xn--espaa-rta.example", sender_domain_not_allowed},
             {test::rival_login, "a@espan\u0303a.example", sender_accepted},
             {test::crm, "a@ex\u0430mple.com", sender_domain_not_allowed},  // Cyrillic a
             {test::crm, "a@closed.example.net", sender_domain_not_allowed},
             {test::crm, "a@new.example", sender_domain_not_proven},
             {test::crm, "a@sub.new.example", sender_domain_not_proven},
             {test::rival_login, "a@new.example", sender_domain_not_allowed},
             {test::shop, "a@shop.example", sender_accepted},
             {test::shop, "a@example.com", sender_domain_not_of_credential},
             {test::shop, "a@example.org", sender_domain_not_allowed},
             {test::by_network, "a@example.com", sender_accepted},
             {test::by_network, "a@example.org", sender_domain_not_allowed},
             {test::rival_login, "a@sub.example.org", sender_accepted},
             {test::rival_login, "a@example.com", sender_domain_not_allowed},
             {test::nobody, "a@example.com", sender_accepted},  // judged by recipient
         }) {
        const auto decision = judge_sender(*directory, identity, path(sender), now);
        EXPECT_EQ(reply_entry(decision.key).name, reply_entry(expected).name) << sender;
        EXPECT_EQ(decision.is_accepted(), expected == sender_accepted);
    }
}

TEST(Sender, MayAlwaysBeNullForReports) {
    const auto directory = test::directory();
    for (const auto& identity : {test::crm, test::shop, test::by_network, test::nobody})
        EXPECT_TRUE(judge_sender(*directory, identity, mail::ReversePath(), now).is_accepted());
}

TEST(Sender, IsRefusedWhenTheIdentityIsGone) {
    const Directory empty;
    EXPECT_EQ(judge_sender(empty, test::crm, path("a@example.com"), now).key, ReplyKey::access_withdrawn);
    EXPECT_EQ(judge_sender(empty, test::crm, mail::ReversePath(), now).key, ReplyKey::access_withdrawn);
}

TEST(Sender, RefusalsNameWhatIsAllowed) {
    const auto directory = test::directory();
    EXPECT_EQ(
        judge_sender(*directory, test::crm, path("a@gmail.example"), now).reply.one_line(),
        "550 5.7.1 Sender <a@gmail.example> not allowed: gmail.example is not a domain of this account; add it, or "
        "send from example.com, shop.example, strict.example or 1 more");
    EXPECT_EQ(judge_sender(*directory, test::shop, path("a@example.com"), now).reply.one_line(),
              "550 5.7.1 Sender <a@example.com> not allowed: this credential sends only from shop.example; change the "
              "sender or the credential's domains");
    EXPECT_EQ(
        judge_sender(*directory, test::crm, path("boss@strict.example"), now).reply.one_line(),
        "550 5.7.1 Sender <boss@strict.example> not allowed: only listed addresses of strict.example may send; add "
        "it to the list, or use one that is there");
    // A domain of another tenant is refused in the words for one that nobody has.
    const auto rivals = judge_sender(*directory, test::crm, path("a@example.org"), now).reply.one_line();
    const auto nobodys = judge_sender(*directory, test::crm, path("a@example.xyz"), now).reply.one_line();
    EXPECT_EQ(rivals.size(), nobodys.size());
}

// --- RCPT: security row A10

const InboundDomains inbound = [](std::string_view domain) { return domain == "local.example"; };

TEST(Recipient, OfAnonymousClientsMustBeInbound) {
    using enum ReplyKey;
    struct Row {
        std::string_view recipient;
        ReplyKey expected;
    };
    for (const auto& [recipient, expected] : std::initializer_list<Row>{
             {"a@local.example", recipient_accepted},
             {"a@LOCAL.Example", recipient_accepted},
             {"a+b@local.example", recipient_accepted},
             {"\"a b\"@local.example", recipient_accepted},
             {"a@ext.example", relaying_denied},
             {"a%ext.example@local.example", recipient_routes_on},
             {"a%ext.example%x.example@local.example", recipient_routes_on},
             {"ext.example!a@local.example", recipient_routes_on},
             {"x!ext.example!a@local.example", recipient_routes_on},
             {"\"a@ext.example\"@local.example", recipient_routes_on},
             {"\"a%ext.example\"@local.example", recipient_routes_on},
             {"\"@ext.example:a\"@local.example", recipient_routes_on},
             {"\"|/bin/sh\"@local.example", recipient_routes_on},
             {"\"/etc/passwd\"@local.example", recipient_routes_on},
             {"a%local.example@ext.example", relaying_denied},
             {"local.example!a@ext.example", relaying_denied},
             {"\"a@local.example\"@ext.example", relaying_denied},
             {"a@[192.0.2.1]", relaying_denied},
             {"a@[127.0.0.1]", relaying_denied},
             {"a@[IPv6:::1]", relaying_denied},
             {"a@localhost", relaying_denied},
             {"a@localhost.localdomain", relaying_denied},
             {"a@sub.local.example", relaying_denied},
             {"a@notlocal.example", relaying_denied},
             {"a@local.example.ext.example", relaying_denied},
             {"a@example", relaying_denied},
             {"postmaster@ext.example", relaying_denied},
             {"abuse@ext.example", relaying_denied},
             {"a@l\u043ecal.example", relaying_denied},  // Cyrillic o
             {"a@xn--lcal-hob.example", relaying_denied},
             {"a@example.com", relaying_denied},  // a tenant's domain, for which we are no mail exchanger
         }) {
        auto address = mail::Address::parse(recipient, mail::Utf8::allowed);
        ASSERT_TRUE(address.has_value()) << recipient << ": " << address.error().detail;
        const auto decision = judge_recipient(test::nobody, *address, inbound);
        EXPECT_EQ(reply_entry(decision.key).name, reply_entry(expected).name) << recipient;
    }
}

// Forms that never reach a policy, because no address has them.
TEST(Recipient, FormsThatNoAddressHasAreRefusedByTheParser) {
    for (const auto text : std::initializer_list<std::string_view>{
             "@local.example:a@ext.example", "@local.example,@x:a@ext.example", "a@ext.example@local.example",
             "a@ext.example(@local.example)", "a@local.example ext.example", "a@local.example,b@ext.example",
             "a@local.example\r\nRCPT TO:<b@ext.example>", "a@", "@local.example", "", "a",
             "=?utf-8?q?a=40ext.example?=", "a@local.example\xe3\x80",
             std::string_view("a@ext.example\0@local.example", 28)}) {
        EXPECT_FALSE(mail::Address::parse(text, mail::Utf8::allowed).has_value()) << text;
    }
}

TEST(Recipient, MayBeAnybodyForAnIdentity) {
    for (const auto& identity : {test::crm, test::by_network})
        EXPECT_TRUE(judge_recipient(identity, path("a@ext.example").address(), inbound).is_accepted());
}

TEST(Recipient, RefusalSaysToLogIn) {
    EXPECT_EQ(
        judge_recipient(test::nobody, path("a@ext.example").address(), inbound).reply.one_line(),
        "550 5.7.1 Relaying to <a@ext.example> denied: log in first (authentication in your program), or send to the "
        "server of ext.example directly");
}

// --- content: security row A12

struct ContentRow {
    std::string_view content;
    ReplyKey expected;
};

Decision judge(const Directory& directory, const Identity& identity, std::string_view content) {
    return judge_content(directory, identity, mail::Header::parse(content).value(), content);
}

TEST(Content, MustBeByAuthorsOfTheIdentity) {
    const auto directory = test::directory();
    using enum ReplyKey;
    for (const auto& [content, expected] : std::initializer_list<ContentRow>{
             {"From: a@example.com\r\n\r\ntext", content_accepted},
             {"From: A <a@example.com>\r\n\r\n", content_accepted},
             {"From: \"a@example.org\" <a@example.com>\r\n\r\n", content_accepted},  // display names are no addresses
             {"From: a@example.com\r\nReply-To: x@example.org\r\n\r\n", content_accepted},
             {"From: a@example.com, b@shop.example\r\nSender: a@example.com\r\n\r\n", content_accepted},
             {"from : a@example.com\r\n\r\n", content_accepted},
             {"From: a@example.com\r\nResent-From: b@example.com\r\n\r\n", content_accepted},
             {"From: =?utf-8?q?a=40example=2Eorg?= <a@example.com>\r\n\r\n", content_accepted},
             {"From: a@example.org\r\n\r\n", from_domain_not_allowed},
             {"FROM: a@example.org\r\n\r\n", from_domain_not_allowed},
             {"From : a@example.org\r\n\r\n", from_domain_not_allowed},
             {"From:\r\n a@example.org\r\n\r\n", from_domain_not_allowed},
             {"From: \"a@example.com\" <a@example.org>\r\n\r\n", from_domain_not_allowed},
             {"From: a@example.com, b@example.org\r\n\r\n", from_domain_not_allowed},
             {"From: b@example.org, a@example.com\r\n\r\n", from_domain_not_allowed},
             {"From: group: a@example.com, b@example.org;\r\n\r\n", from_domain_not_allowed},
             {"From: a@example.com\r\nSender: b@example.org\r\n\r\n", from_domain_not_allowed},
             {"From: a@example.com\r\nResent-From: b@example.org\r\n\r\n", from_domain_not_allowed},
             {"From: a@example.com\r\nResent-Sender: b@example.org\r\n\r\n", from_domain_not_allowed},
             {"From: a@example.com\r\nResent-From: a@example.com\r\nResent-From: b@example.org\r\n\r\n",
              from_domain_not_allowed},
             {"From: a@xn--espaa-rta.example\r\n\r\n", from_domain_not_allowed},
             {"From: a@espa\u00f1a.example\r\n\r\n", from_domain_not_allowed},
             {"From: a@espan\u0303a.example\r\n\r\n", from_domain_not_allowed},
             {"From: a@[192.0.2.1]\r\n\r\n", from_domain_not_allowed},
             {"From: boss@strict.example\r\n\r\n", from_address_not_allowed},
             {"From: a@example.com\r\nFrom: b@example.com\r\n\r\n", from_repeated},
             {"From: a@example.com\r\nfrom : b@example.org\r\n\r\n", from_repeated},
             {"From: a@example.com\r\nSender: a@example.com\r\nSender: b@example.com\r\n\r\n", sender_repeated},
             {"From: a@example.com\r\nSender: a@example.com, b@example.com\r\n\r\n", from_not_readable},
             {"From: a@example.com b@example.org\r\n\r\n", from_not_readable},
             {"From: a@b@example.com\r\n\r\n", from_not_readable},
             {"From: =?utf-8?q?a=40example=2Ecom?=\r\n\r\n", from_not_readable},
             {"From: <a@example.com\r\n\r\n", from_not_readable},
             {"From: undisclosed:;\r\n\r\n", from_without_address},
             {"Subject: x\r\n\r\nFrom: a@example.com\r\n", from_missing},
             {"\r\nFrom: a@example.com\r\n\r\n", from_missing},
             {"", from_missing},
             {"X: y\rFrom: b@example.org\r\nFrom: a@example.com\r\n\r\n", header_malformed},
             {"From: a@example.com\r\nX: y\nFrom: b@example.com\r\n\r\n", header_malformed},
             {"From: a@example.com\n\ntext", header_malformed},
             {"\nFrom: a@example.com\r\n\r\n", header_malformed},
             {std::string_view("From: a@example.com\0b\r\n\r\n", 26), header_malformed},
             {"From: a@example.com\r\nFrom b@example.org\r\n\r\n", header_malformed},
             {"From: a@example.com\r\n\r\nFrom: b@example.org\r\nbare\nlines\rin the text", content_accepted},
             {"From: a@example.com\r\nnonsense\r\nFrom: b@example.org\r\n\r\n", header_malformed},
         }) {
        const auto decision = judge(*directory, test::crm, content);
        EXPECT_EQ(reply_entry(decision.key).name, reply_entry(expected).name) << content << "\n"
                                                                              << decision.reply.one_line();
    }
}

TEST(Content, EmptyFromFieldIsRefused) {
    const auto directory = test::directory();
    for (const std::string_view content : {"From:\r\n\r\n", "From: \r\n\r\n", "From: ,\r\n\r\n", "From: <>\r\n\r\n"})
        EXPECT_FALSE(judge(*directory, test::crm, content).is_accepted()) << content;
}

TEST(Content, ObeysTheDomainsOfTheCredential) {
    const auto directory = test::directory();
    EXPECT_EQ(judge(*directory, test::shop, "From: a@example.com\r\n\r\n").key,
              ReplyKey::from_domain_not_of_credential);
    EXPECT_TRUE(judge(*directory, test::shop, "From: a@shop.example\r\n\r\n").is_accepted());
}

TEST(Content, OfAnonymousClientsIsNotJudged) {
    const auto directory = test::directory();
    EXPECT_TRUE(judge(*directory, test::nobody, "From: a@example.com\r\n\r\n").is_accepted());
}

// --- rate and size

TEST(Rate, RefusalSaysWhenItFreesUp) {
    const auto directory = test::directory();
    EXPECT_EQ(limits_of(*directory, test::crm), (RateLimits{100, 500}));
    EXPECT_EQ(limits_of(*directory, test::by_network), RateLimits{});
    EXPECT_EQ(rate_reached({RateLimiter::Window::hour, 100, now}).reply.one_line(),
              "450 4.7.1 Limit of 100 messages per hour reached; try again at 14:05 UTC");
    EXPECT_EQ(rate_reached({RateLimiter::Window::day, 500, now}).reply.one_line(),
              "450 4.7.1 Limit of 500 messages per day reached; try again at 2026-11-23 14:05 UTC");
}

TEST(Size, RefusalSaysTheLimit) {
    EXPECT_EQ(
        message_too_large(60'000'000, 52'428'800).reply.one_line(),
        "552 5.3.4 Message too large: 60000000 octets, the limit is 52428800; attachments grow by a third in mail");
}

}  // namespace
}  // namespace relevo
