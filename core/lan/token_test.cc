#include "core/lan/token.h"

#include <gtest/gtest.h>

namespace relevo {
namespace {

LanToken example() {
    return {.host = "relay.example.com",
            .port = 587,
            .login = "acme-7k2m",
            .secret = "0123456789abcdefghjkmnpqrs",
            .key_sha256 = std::string(32, '\xfe'),
            .domains = {"example.com", ".example.org"}};
}

TEST(LanToken, SurvivesTheLineBreaksOfMailPrograms) {
    std::string text = text_of(example());
    EXPECT_EQ(text.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_."),
              std::string::npos)
        << text;
    text.insert(40, "\r\n ");
    const auto parsed = parse_lan_token("  " + text + "\n");
    ASSERT_TRUE(parsed.has_value()) << parsed.error().detail;
    EXPECT_EQ(*parsed, example());
}

TEST(LanToken, NeedsNoKeyOfACertificate) {
    LanToken token = example();
    token.key_sha256.clear();
    EXPECT_EQ(parse_lan_token(text_of(token)).value(), token);
}

TEST(LanToken, SaysWhatToDoWithAPieceOfOne) {
    const std::string whole = text_of(example());
    LanToken with_port_0 = example(), with_short_key = example(), with_bad_domain = example();
    with_port_0.port = 0;
    with_short_key.key_sha256 = "short";
    with_bad_domain.domains = {"EXAMPLE.com"};
    for (const std::string& wrong :
         {std::string(), std::string("hunter2"), whole.substr(0, 60), whole.substr(5), whole + "!",
          std::string(9000, 'a'), text_of(with_port_0), text_of(with_short_key), text_of(with_bad_domain)}) {
        const auto parsed = parse_lan_token(wrong);
        ASSERT_FALSE(parsed.has_value()) << wrong;
        EXPECT_NE(parsed.error().detail.find("relevo lan token create"), std::string::npos);
    }
}

TEST(LanToken, EnrolmentPasswordsAreNoOtherPasswords) {
    const auto request = parse_enrolment_password(enrolment_password("secret", "pass:word"));
    ASSERT_TRUE(request.has_value());
    EXPECT_EQ(request->secret, "secret");
    EXPECT_EQ(request->new_password, "pass:word");
    EXPECT_FALSE(parse_enrolment_password("secret:password").has_value());
    EXPECT_FALSE(parse_enrolment_password("relevo-lan-enrol:secret").has_value());
}

}  // namespace
}  // namespace relevo
