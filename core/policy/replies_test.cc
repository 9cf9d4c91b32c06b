#include "core/policy/replies.h"

#include "lib/base/text.h"

#include <gtest/gtest.h>

#include <set>

namespace relevo {
namespace {

TEST(Replies, AreCompleteForEachKey) {
    std::set<std::string_view> names;
    for (const auto& entry : reply_entries()) {
        EXPECT_TRUE(names.insert(entry.name).second) << entry.name;
        EXPECT_EQ(reply_key(entry.name), entry.key);
        EXPECT_EQ(entry.code / 100, entry.status.category) << entry.name;
        EXPECT_GE(entry.english.size(), 10U) << entry.name;
        EXPECT_GE(entry.spanish.size(), 10U) << entry.name;
        EXPECT_TRUE(is_ascii(entry.text)) << entry.name;  // replies are ASCII without SMTPUTF8 (RFC 6531 §3.7.4)
        EXPECT_TRUE(is_utf8(entry.spanish)) << entry.name;
        EXPECT_NE(explain(entry.key, mail::Language::english), explain(entry.key, mail::Language::spanish));
    }
    EXPECT_EQ(reply_key("no_such_reply"), std::nullopt);
}

TEST(Replies, FillInValuesOnceAndPrintably) {
    const auto reply = make_reply(ReplyKey::relaying_denied, {{"address", "a{domain}\r\n250 ok@x"}, {"domain", "x"}});
    EXPECT_TRUE(reply.text.contains("a{domain}\\x0d\\x0a250 ok@x")) << reply.text;
    EXPECT_FALSE(reply.text.contains('\n'));
    EXPECT_TRUE(reply.text.ends_with("server of x directly"));
}

TEST(Replies, KeepLongValuesShort) {
    const auto reply = make_reply(ReplyKey::sender_address_not_allowed,
                                  {{"address", std::string(5000, 'a')}, {"domain", std::string(5000, 'b')}});
    EXPECT_LT(reply.text.size(), 600U);
}

// The texts that users meet most, with the codes of the standards: RFC 4954 §6, RFC 5248 registry, RFC 3463.
TEST(Replies, CarryTheCodesOfTheStandards) {
    struct Row {
        ReplyKey key;
        std::string_view code;
    };
    for (const auto& [key, code] : std::initializer_list<Row>{{ReplyKey::encryption_required, "530 5.7.0"},
                                                              {ReplyKey::mechanism_unknown, "504 5.5.4"},
                                                              {ReplyKey::credentials_wrong, "535 5.7.8"},
                                                              {ReplyKey::smtp_not_enabled, "525 5.7.13"},
                                                              {ReplyKey::sender_domain_not_allowed, "550 5.7.1"},
                                                              {ReplyKey::sender_address_not_allowed, "550 5.7.1"},
                                                              {ReplyKey::hourly_rate_reached, "450 4.7.1"},
                                                              {ReplyKey::daily_rate_reached, "450 4.7.1"},
                                                              {ReplyKey::message_too_large, "552 5.3.4"},
                                                              {ReplyKey::login_held_back, "454 4.7.0"},
                                                              {ReplyKey::relaying_denied, "550 5.7.1"},
                                                              // RFC 7505 and the registry of RFC 5248 say 556
                                                              {ReplyKey::recipient_domain_takes_no_mail, "556 5.1.10"},
                                                              {ReplyKey::recipient_domain_missing, "550 5.1.2"}})
        EXPECT_TRUE(make_reply(key).one_line().starts_with(code)) << make_reply(key).one_line();
}

}  // namespace
}  // namespace relevo
