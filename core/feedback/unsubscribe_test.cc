#include "core/feedback/unsubscribe.h"

#include "core/spool/spool_fixture.h"

#include <gmock/gmock.h>

namespace relevo::test {
namespace {

using testing::HasSubstr;
using testing::Not;

std::shared_ptr<const TokenKeys> keys() {
    TokenKeys::Key key{.id = 1};
    key.octets.fill('k');
    return TokenKeys::of({key});
}

UnsubscribeRequest request() {
    return {.tenant = TenantId{1},
            .message = MessageId{5},
            .recipient = address("Bob@Example.NET"),
            .return_domain = "bounces.sender.example",
            .base_url = "https://links.sender.example"};
}

bool wants(mail::MessageStream stream, std::string_view fields) {
    const std::string content = std::string(fields) + "\r\n";
    return wants_list_unsubscribe(mail::Header::parse(content).value(), stream);
}

TEST(ListUnsubscribe, IsForTheStreamBulkWithoutFieldsOfItsOwn) {
    using enum mail::MessageStream;
    EXPECT_TRUE(wants(bulk, "Subject: news\r\n"));
    EXPECT_FALSE(wants(transactional, "Subject: bulk\r\n"));
    EXPECT_FALSE(wants(bulk, "LIST-UNSUBSCRIBE: <mailto:a@b.example>\r\n"));
}

TEST(ListUnsubscribe, HasALinkForMailAndOneForTheWeb) {  // RFC 2369 §3.2, RFC 8058 §3.1
    const std::string both = list_unsubscribe_fields(*keys(), request());
    EXPECT_THAT(both, testing::MatchesRegex("List-Unsubscribe:\r\n <mailto:u\\+[a-z2-7]{37}@bounces.sender.example"
                                            "\\?subject=[a-z2-7]+>,\r\n <https://links.sender.example/u/[a-z2-7]+>\r\n"
                                            "List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
    UnsubscribeRequest by_mail = request();
    by_mail.base_url.clear();
    EXPECT_THAT(list_unsubscribe_fields(*keys(), by_mail), Not(HasSubstr("Post")));
    UnsubscribeRequest by_web = request();
    by_web.return_domain.clear();
    EXPECT_THAT(list_unsubscribe_fields(*keys(), by_web), Not(HasSubstr("mailto")));
    by_web.base_url.clear();
    EXPECT_EQ(list_unsubscribe_fields(*keys(), by_web), "");
    EXPECT_EQ(list_unsubscribe_fields(*TokenKeys::of({}), request()), "");
}

TEST(ListUnsubscribe, ItsTokenHoldsTheAddress) {
    const std::string fields = list_unsubscribe_fields(*keys(), request());
    const auto begin = fields.find("/u/") + 3;
    const auto token =
        read_token(*keys(), TokenPurpose::unsubscribe_address, fields.substr(begin, fields.find('>', begin) - begin));
    ASSERT_TRUE(token);
    EXPECT_EQ(token->address, "bob@example.net");
    EXPECT_EQ(token->message, MessageId{5});
}

TEST(PreferredLanguage, IsSpanishOnlyIfItIsAskedForFirst) {  // RFC 9110 §12.5.4
    const auto is_spanish = [](std::string_view accepted) {
        return preferred_language(accepted) == mail::Language::spanish;
    };
    EXPECT_TRUE(is_spanish("es"));
    EXPECT_TRUE(is_spanish("es-MX, en;q=0.9"));
    EXPECT_TRUE(is_spanish("en;q=0.5,es;q=0.7"));
    EXPECT_FALSE(is_spanish("en, es"));
    EXPECT_FALSE(is_spanish("es;q=0"));
    EXPECT_FALSE(is_spanish("fr"));
    EXPECT_FALSE(is_spanish(""));
    EXPECT_FALSE(is_spanish(std::string(100'000, ',')));
}

}  // namespace
}  // namespace relevo::test
