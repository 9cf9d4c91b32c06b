#include "core/feedback/token.h"

#include "adapters/memory/key_vault.h"
#include "core/feedback/return_paths.h"
#include "core/feedback/schema.h"
#include "core/spool/spool_fixture.h"
#include "lib/base/text.h"

#include <gmock/gmock.h>

namespace relevo::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::SizeIs;

TokenKeys::Key key(std::uint8_t id, unsigned char fill) {
    TokenKeys::Key made{.id = id};
    made.octets.fill(fill);
    return made;
}

const Token sent{.tenant = TenantId{7}, .message = MessageId{7'600'000'000'000'001}, .address = {}};
const Token addressed{.tenant = TenantId{7}, .message = MessageId{9}, .address = "bob+news@example.net"};

TEST(Token, IsReadAgainInAnyLetterCase) {
    const auto keys = TokenKeys::of({key(1, 'k')});
    const std::string text = make_token(*keys, TokenPurpose::return_path, sent);
    EXPECT_THAT(text, MatchesRegex("[a-z2-7]{37}"));
    EXPECT_EQ(read_token(*keys, TokenPurpose::return_path, text), sent);
    EXPECT_EQ(read_token(*keys, TokenPurpose::return_path, to_upper(text)), sent);
    const std::string long_text = make_token(*keys, TokenPurpose::unsubscribe_address, addressed);
    EXPECT_EQ(read_token(*keys, TokenPurpose::unsubscribe_address, long_text), addressed);
}

TEST(Token, IsNoneOnceAnythingOfItIsChanged) {  // security rows B9, E7
    constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyz234567";
    const auto keys = TokenKeys::of({key(1, 'k'), key(2, 'q')});
    for (const auto& [purpose, token] :
         {std::pair{TokenPurpose::return_path, sent}, std::pair{TokenPurpose::unsubscribe_address, addressed}}) {
        const std::string text = make_token(*keys, purpose, token);
        for (std::size_t at = 0; at < text.size(); ++at)
            for (unsigned bit = 0; bit < 5; ++bit) {
                std::string changed = text;
                changed[at] = alphabet[alphabet.find(text[at]) ^ 1U << bit];
                EXPECT_FALSE(read_token(*keys, purpose, changed)) << changed;
            }
        for (const std::string& other : {text.substr(1), text.substr(0, text.size() - 1), text + "a", "a" + text,
                                         std::string(), std::string(37, 'a'), std::string(100'000, 'a'), text + text})
            EXPECT_FALSE(read_token(*keys, purpose, other)) << other.substr(0, 80);
    }
}

TEST(Token, IsOfOnePurposeAndOneKey) {
    const auto keys = TokenKeys::of({key(1, 'k')});
    const std::string text = make_token(*keys, TokenPurpose::return_path, sent);
    EXPECT_FALSE(read_token(*keys, TokenPurpose::unsubscribe, text));
    EXPECT_FALSE(read_token(*keys, TokenPurpose::unsubscribe_address, text));
    EXPECT_FALSE(read_token(*TokenKeys::of({key(1, 'x')}), TokenPurpose::return_path, text));
    EXPECT_FALSE(read_token(*TokenKeys::of({}), TokenPurpose::return_path, text));
    EXPECT_EQ(make_token(*TokenKeys::of({}), TokenPurpose::return_path, sent), "");
}

TEST(TokenKeys, AreSealedAndTheOldOnesStillCount) {
    SpoolStore store{CommitterThreads::none, feedback_migrations()};
    MemoryKeyVault vault;
    const auto now = WallClock::now();
    const auto load = [&](KeyVault& with, std::vector<std::string>& problems) {
        std::shared_ptr<const TokenKeys> keys;
        EXPECT_TRUE(store
                        .run(read_rows(*store.committer,
                                       [&](Reader& reader) -> Result<void> {
                                           RELEVO_TRY(keys, TokenKeys::load(reader, with, problems));
                                           return {};
                                       }))
                        .has_value());
        return keys;
    };
    const auto make = [&] {
        EXPECT_TRUE(
            store.write([&](Transaction& t) { return TokenKeys::make(t, vault, system_random(), now); }).has_value());
    };
    std::vector<std::string> problems;
    EXPECT_EQ(load(vault, problems)->newest(), nullptr);
    make();
    const auto first = load(vault, problems);
    const std::string text = make_token(*first, TokenPurpose::return_path, sent);
    make();
    const auto both = load(vault, problems);
    EXPECT_EQ(both->newest()->id, 2);
    EXPECT_EQ(read_token(*both, TokenPurpose::return_path, text), sent);
    EXPECT_NE(make_token(*both, TokenPurpose::return_path, sent), text);
    EXPECT_THAT(problems, IsEmpty());
    ASSERT_TRUE(store
                    .write([](Transaction& t) -> Result<void> {
                        RELEVO_CHECK(t.execute("UPDATE feedback_key SET sealed = 'x' WHERE id = 1", {}));
                        return {};
                    })
                    .has_value());
    const auto rest = load(vault, problems);
    ASSERT_THAT(problems, SizeIs(1));
    EXPECT_THAT(problems.front(), HasSubstr("feedback token key 1"));
    EXPECT_FALSE(read_token(*rest, TokenPurpose::return_path, text));
    store.committer->stop();
}

class ReturnPathsTest : public testing::Test {
 protected:
    ReturnPathsTest() {
        Domain own;
        own.id = DomainId{1};
        own.tenant = TenantId{7};
        own.name = "example.com";
        own.subdomains = Subdomains::included;
        own.return_path = "bounces.example.com";
        Domain other;
        other.id = DomainId{2};
        other.tenant = TenantId{7};
        other.name = "shop.example";
        directory = Directory::of({}, {own, other}, {}, {});
        paths.set_keys(TokenKeys::of({key(1, 'k')}));
    }
    std::string path_of(std::string_view sender, TenantId tenant = TenantId{7}) {
        Message message;
        message.id = sent.message;
        message.tenant = tenant;
        if (!sender.empty()) message.envelope.reverse_path = mail::ReversePath(address(sender));
        const auto path = paths.of_message(message);
        return path ? path->text() : std::string();
    }
    std::shared_ptr<const Directory> directory;
    ReturnPaths paths{[this] { return directory; }, {}};
};

TEST_F(ReturnPathsTest, AreOfTheSendersDomainOrTheServices) {
    EXPECT_THAT(path_of("ana@example.com"), MatchesRegex("b\\+[a-z2-7]{37}@bounces.example.com"));
    EXPECT_THAT(path_of("ana@sub.Example.com"), MatchesRegex(".*@bounces.example.com"));
    EXPECT_EQ(path_of("ana@shop.example"), "");
    paths.set_options({.service_domain = "back.relay.example"});
    EXPECT_THAT(path_of("ana@shop.example"), MatchesRegex(".*@back.relay.example"));
    EXPECT_TRUE(paths.is_return_domain("back.relay.example"));
    EXPECT_TRUE(paths.is_return_domain("bounces.example.com"));
    EXPECT_FALSE(paths.is_return_domain("example.com"));
}

TEST_F(ReturnPathsTest, AreNotForNullSendersNorForMailFromOutside) {
    EXPECT_EQ(path_of(""), "");
    EXPECT_EQ(path_of("ana@example.com", TenantId{}), "");
}

TEST_F(ReturnPathsTest, AreReadWithTheirPurpose) {
    const auto read = paths.read(address(path_of("ana@example.com")));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->purpose, TokenPurpose::return_path);
    EXPECT_EQ(read->token, sent);
    const std::string token = make_token(*paths.keys(), TokenPurpose::unsubscribe, sent);
    EXPECT_EQ(paths.read(address("U+" + token + "@bounces.example.com"))->purpose, TokenPurpose::unsubscribe);
    EXPECT_FALSE(paths.read(address("b+" + token + "@bounces.example.com")));
    EXPECT_FALSE(paths.read(address("b@bounces.example.com")));
}

}  // namespace
}  // namespace relevo::test
