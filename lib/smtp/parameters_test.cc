#include "lib/smtp/parameters.h"

#include "lib/base/text.h"

#include <gtest/gtest.h>

namespace relevo::smtp {
namespace {

ParameterRules everything() {
    return {.size = true,
            .body = true,
            .binary = true,
            .dsn = true,
            .smtputf8 = true,
            .auth = true,
            .require_tls = true,
            .size_limit = 1000};
}

TEST(MailParameters, ReadsThemAll) {
    const auto mail = parse_mail(
        "from: <a@example.com>  size=1000 BODY=8bitmime RET=HDRS ENVID=QQ+2B314 AUTH=e+3Dmc2@example.com SMTPUTF8 "
        "REQUIRETLS",
        everything());
    ASSERT_TRUE(mail.has_value()) << mail.error().one_line();
    EXPECT_EQ(mail->envelope.reverse_path.text(), "a@example.com");
    EXPECT_EQ(mail->announced_size, 1000U);
    EXPECT_EQ(mail->envelope.body, mail::BodyType::eight_bit_mime);
    EXPECT_EQ(mail->envelope.dsn_return, mail::DsnReturn::headers);
    EXPECT_EQ(mail->envelope.envelope_id, "QQ+2B314");
    EXPECT_EQ(mail->authorization, "e=mc2@example.com");
    EXPECT_TRUE(mail->envelope.smtputf8);
    EXPECT_TRUE(mail->envelope.require_tls);
    EXPECT_EQ(parse_mail("FROM:<> AUTH=<>", everything())->authorization, "<>");
    EXPECT_EQ(parse_mail("FROM:<> BODY=BINARYMIME RET=full", everything())->envelope.body, mail::BodyType::binary_mime);
    EXPECT_TRUE(parse_mail("FROM:<\"a>b\"@example.com>", everything()).has_value());
    EXPECT_TRUE(parse_mail("FROM:<ñ@example.com> SMTPUTF8", everything()).has_value());
}

struct Refused {
    std::string_view argument;
    std::string_view reply;
};

TEST(MailParameters, RefusesWithTheReason) {
    for (const Refused& test : {Refused{"", "501 5.5.2"},
                                Refused{"<a@example.com>", "501 5.5.2"},
                                Refused{"TO:<a@example.com>", "501 5.5.2"},
                                Refused{"FROM:a@example.com", "501 5.5.2"},
                                Refused{"FROM:<a@example.com", "501 5.5.2"},
                                Refused{"FROM:<a@example.com>SIZE=1", "501 5.5.2"},
                                Refused{"FROM:<a@example.com>x>", "501 5.5.2"},
                                Refused{"FROM:<a>", "501 5.1.7"},
                                Refused{"FROM:<a@b@example.com>", "501 5.1.7"},
                                Refused{"FROM:<@x.example:a@example.com>", "501 5.1.7"},
                                Refused{"FROM:< >", "501 5.1.7"},
                                Refused{"FROM:<ñ@example.com>", "553 5.6.7"},
                                Refused{"FROM:<a@example.com> SIZE", "501 5.5.4"},
                                Refused{"FROM:<> SIZE=", "501 5.5.4"},
                                Refused{"FROM:<> SIZE=1x", "501 5.5.4"},
                                Refused{"FROM:<> SIZE=-1", "501 5.5.4"},
                                Refused{"FROM:<> SIZE=1=1", "501 5.5.4"},
                                Refused{"FROM:<> SIZE=1001", "552 5.3.4"},
                                Refused{"FROM:<> SIZE=000000000000000000001", "501 5.5.4"},
                                Refused{"FROM:<> SIZE=1 SIZE=1", "501 5.5.4 SIZE is given twice"},
                                Refused{"FROM:<> BODY=9BIT", "501 5.5.4"},
                                Refused{"FROM:<> RET=ALL", "501 5.5.4"},
                                Refused{"FROM:<> ENVID=a+", "501 5.5.4"},
                                Refused{"FROM:<> ENVID=a+2", "501 5.5.4"},
                                Refused{"FROM:<> ENVID=a+0A", "501 5.5.4"},
                                Refused{"FROM:<> ENVID=a+0D+0Ab", "501 5.5.4"},
                                Refused{"FROM:<> ENVID=a+2b", "501 5.5.4"},
                                Refused{"FROM:<> AUTH=a+00b", "501 5.5.4"},
                                Refused{"FROM:<> AUTH=a+FFb", "501 5.5.4"},
                                Refused{"FROM:<> SMTPUTF8=1", "501 5.5.4"},
                                Refused{"FROM:<> =1", "501 5.5.4"},
                                Refused{"FROM:<> -x", "501 5.5.4"},
                                Refused{"FROM:<> HOLDFOR=10", "555 5.5.4 Parameter not known or not offered: HOLDFOR"},
                                Refused{"FROM:<> NOTIFY=NEVER", "555 5.5.4"}}) {
        const auto mail = parse_mail(test.argument, everything());
        ASSERT_FALSE(mail.has_value()) << test.argument;
        EXPECT_TRUE(mail.error().one_line().starts_with(test.reply))
            << test.argument << ": " << mail.error().one_line();
    }
    EXPECT_FALSE(parse_mail("FROM:<> ENVID=" + std::string(101, 'a'), everything()).has_value());
    for (std::string_view parameter :
         {"SIZE=1", "BODY=7BIT", "RET=FULL", "ENVID=a", "AUTH=<>", "SMTPUTF8", "REQUIRETLS"})
        EXPECT_EQ(parse_mail("FROM:<> " + std::string(parameter), {}).error().code, 555) << parameter;
}

TEST(RecipientParameters, ReadsThem) {  // RFC 3461 §4.1, §4.2; RFC 6533 §3
    const auto parse = [](std::string_view text) {
        return parse_recipient(text, everything(), mail::Utf8::allowed, "mx.example");
    };
    auto recipient = parse("TO:<b@example.net> NOTIFY=SUCCESS,delay ORCPT=rfc822;b+2Bx@example.net");
    ASSERT_TRUE(recipient.has_value()) << recipient.error().one_line();
    EXPECT_EQ(recipient->notify.bits, mail::DsnNotify::success | mail::DsnNotify::delay);
    EXPECT_EQ(recipient->original_recipient, "rfc822;b+2Bx@example.net");
    EXPECT_EQ(parse("TO:<b@example.net> notify=never")->notify.bits, mail::DsnNotify::never);
    EXPECT_EQ(parse("TO:<b@example.net> ORCPT=utf-8;ñ@example.net")->original_recipient, "utf-8;ñ@example.net");
    for (std::string_view text : {"TO:<postmaster>", "to:<PostMaster>"})  // RFC 5321 §4.5.1
        EXPECT_TRUE(equals_ignoring_case(parse(text)->address.text(), "postmaster@mx.example")) << text;
}

TEST(RecipientParameters, RefusesWithTheReason) {
    for (const Refused& test :
         {Refused{"TO:<>", "501 5.1.3"}, Refused{"TO:<b>", "501 5.1.3"}, Refused{"TO:b@example.net", "501 5.5.2"},
          Refused{"TO:<ñ@example.net>", "553 5.6.7"}, Refused{"TO:<b@example.net> SIZE=1", "555 5.5.4"},
          Refused{"TO:<b@example.net> NOTIFY", "501 5.5.4"},
          Refused{"TO:<b@example.net> NOTIFY=NEVER,SUCCESS", "501 5.5.4"},
          Refused{"TO:<b@example.net> NOTIFY=,", "501 5.5.4"},
          Refused{"TO:<b@example.net> NOTIFY=DELAY NOTIFY=DELAY", "501 5.5.4"},
          Refused{"TO:<b@example.net> ORCPT=b@example.net", "501 5.5.4"},
          Refused{"TO:<b@example.net> ORCPT=rfc822;", "501 5.5.4"}, Refused{"TO:<b@example.net> ORCPT=;b", "501 5.5.4"},
          Refused{"TO:<b@example.net> ORCPT=rfc822;b+0D+0Ax", "501 5.5.4"},
          Refused{"TO:<b@example.net> ORCPT=rfc822;b ORCPT=rfc822;b", "501 5.5.4"},
          Refused{"TO:<b@example.net> ORCPT=utf-8;ñ", "501 5.5.4"}}) {
        const auto recipient = parse_recipient(test.argument, everything(), mail::Utf8::refused, "mx.example");
        ASSERT_FALSE(recipient.has_value()) << test.argument;
        EXPECT_TRUE(recipient.error().one_line().starts_with(test.reply))
            << test.argument << ": " << recipient.error().one_line();
    }
    EXPECT_EQ(parse_recipient("TO:<b@example.net> ORCPT=rfc822;" + std::string(500, 'a'), everything(),
                              mail::Utf8::refused, "")
                  .error()
                  .code,
              501);
}

// Security row A10: forms that relays have read in two ways are refused, or name one domain for the policy to judge.
TEST(RecipientParameters, ReadsOpenRelayFormsInOneWay) {
    struct Form {
        std::string_view path;
        std::string_view domain;  // "": refused
    };
    for (const Form& form : {Form{"a@ext.example", "ext.example"},
                             Form{"a%ext.example@local.example", "local.example"},
                             Form{"ext.example!a", ""},
                             Form{"ext.example!a@local.example", "local.example"},
                             Form{"\"a@ext.example\"@local.example", "local.example"},
                             Form{"\"a@ext.example\"", ""},
                             Form{"@local.example:a@ext.example", ""},
                             Form{"@local.example,@b.example:a@ext.example", ""},
                             Form{"a@ext.example@local.example", ""},
                             Form{"a@[192.0.2.1]", "[192.0.2.1]"},
                             Form{"a@[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"},
                             Form{"a@192.0.2.1", ""},
                             Form{"", ""},
                             Form{" a@ext.example", ""},
                             Form{"a@ext.example ", ""},
                             Form{"a", ""},
                             Form{"@local.example", ""},
                             Form{"a@", ""},
                             Form{"a@.example", ""},
                             Form{"a@ext..example", ""},
                             Form{"a(c)@ext.example", ""},
                             Form{"a@(c)ext.example", ""},
                             Form{"a,b@ext.example", ""},
                             Form{"a;b@ext.example", ""},
                             Form{"<a@ext.example", ""},
                             Form{"a@ext.example\\", ""},
                             Form{"=?utf-8?q?a?=@ext.example", ""},
                             Form{"a@ext.example%00", ""},
                             Form{"a@ext.example:25", ""},
                             Form{"smtp:a@ext.example", ""},
                             Form{"a@localhost", "localhost"}}) {
        const auto parsed =
            parse_recipient("TO:<" + std::string(form.path) + ">", everything(), mail::Utf8::refused, "mx.example");
        EXPECT_EQ(parsed.has_value(), !form.domain.empty()) << form.path;
        if (parsed.has_value() && !form.domain.empty())
            EXPECT_TRUE(equals_ignoring_case(parsed->address.domain(), form.domain))
                << form.path << ": " << parsed->address.text();
    }
}

}  // namespace
}  // namespace relevo::smtp
