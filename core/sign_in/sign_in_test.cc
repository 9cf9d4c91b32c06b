#include "adapters/memory/resolver.h"
#include "adapters/memory/telemetry.h"
#include "core/accounts/account_book.h"
#include "core/accounts/schema.h"
#include "core/accounts/token.h"
#include "core/accounts/users.h"
#include "core/sign_in/openid_sign_in.h"
#include "core/spool/spool_fixture.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/schema.h"
#include "lib/oidc/token_signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

const dns::IpAddress office = dns::IpAddress::parse("192.0.2.7").value();

PendingSignIn pending(std::string state, std::string network = "a") {
    return {.provider = "p",
            .issuer = {},
            .state = std::move(state),
            .nonce = {},
            .code_verifier = {},
            .browser = {},
            .former_session = {},
            .network = std::move(network),
            .ends = {}};
}

TEST(PendingSignIns, EachIsTakenOnceAndForTenMinutes) {
    PendingSignIns waiting;
    const Deadline now = Clock::now();
    EXPECT_TRUE(waiting.add(pending("1"), now));
    EXPECT_TRUE(waiting.add(pending("2"), now));
    EXPECT_EQ(waiting.take("1", now + 10min - 1ms)->state, "1");
    EXPECT_FALSE(waiting.take("1", now).has_value());
    EXPECT_FALSE(waiting.take("2", now + 10min).has_value());
    EXPECT_FALSE(waiting.take("", now).has_value());
    EXPECT_EQ(waiting.size(), 0U);
}

TEST(PendingSignIns, OneNetworkCannotKeepTheOthersOut) {
    PendingSignIns waiting;
    const Deadline now = Clock::now();
    EXPECT_TRUE(waiting.add(pending("of somebody else", "b"), now));
    for (std::size_t i = 0; i < PendingSignIns::limit_of_network + 5; ++i)
        EXPECT_TRUE(waiting.add(pending(std::to_string(i)), now));
    EXPECT_EQ(waiting.size(), PendingSignIns::limit_of_network + 1);
    EXPECT_FALSE(waiting.take("4", now).has_value()) << "the oldest of the network gave way";
    EXPECT_TRUE(waiting.take("5", now).has_value());
    EXPECT_TRUE(waiting.take("of somebody else", now).has_value());
}

TEST(PendingSignIns, AreBoundedAndMakeRoomWhenTheyAreOver) {
    PendingSignIns waiting;
    const Deadline now = Clock::now();
    for (std::size_t i = 0; i < PendingSignIns::limit; ++i)
        EXPECT_TRUE(waiting.add(pending(std::to_string(i), std::to_string(i / 100)), now));
    EXPECT_FALSE(waiting.add(pending("one more", "x"), now + 10min - 1ms));
    EXPECT_TRUE(waiting.add(pending("one more", "x"), now + 10min));
    EXPECT_EQ(waiting.size(), 1U);
}

std::vector<Migration> migrations() {
    std::vector<Migration> all;
    for (const auto list : {tenancy_migrations(), accounts_migrations()})
        all.insert(all.end(), list.begin(), list.end());
    return all;
}

// A provider behind WebPages. It gives a token for the nonce that a test hands it.
class ProviderPages final : public WebPages {
 public:
    Task<Result<Page>> fetch(PageRequest request) override {
        requests.push_back(request);
        if (fault) co_return std::unexpected(*fault);
        if (request.path == "/.well-known/openid-configuration")
            co_return page(R"({"issuer":"https://id.example","authorization_endpoint":"https://id.example/authorize",)"
                           R"("token_endpoint":"https://id.example/token","jwks_uri":"https://id.example/keys"})");
        if (request.path == "/keys") co_return page(oidc::test::key_set_text({signer.jwk()}));
        if (request.path == "/token") co_return page(R"({"id_token":")" + signer.token(claims) + R"("})");
        co_return Page{.status = 404, .content_type = {}, .body = {}};
    }
    [[nodiscard]] long asked(std::string_view path) const {
        return std::ranges::count(requests, path, &PageRequest::path);
    }
    oidc::test::TokenSigner signer{oidc::Algorithm::eddsa, "k-1"};
    std::string claims;
    std::optional<Error> fault;
    std::vector<PageRequest> requests;

 private:
    static Page page(std::string body) { return {.status = 200, .content_type = {}, .body = std::move(body)}; }
};

class SignInTest : public testing::Test {
 protected:
    SignInTest() {
        dns.address("id.example", "192.0.2.1");
        EXPECT_TRUE(store
                        .write([&](Transaction& transaction) -> Result<void> {
                            RELEVO_CHECK(create_tenant(transaction, "acme", mail::Language::english, now));
                            RELEVO_TRY(anna, create_user(transaction,
                                                         {.login = "anna@example.com",
                                                          .role = Role::admin,
                                                          .password_hash = "$argon2id$x"},
                                                         now));
                            return {};
                        })
                        .has_value());
    }
    ~SignInTest() override { store.committer->stop(); }

    static OpenIdProvider options() {
        OpenIdProvider provider;
        provider.rules.provider = "company";
        provider.rules.issuer = "https://id.example";
        provider.client = {.id = "relevo", .secret = "s", .redirect_uri = "https://relay.example/back"};
        return provider;
    }
    static std::string parameter(const std::string& url, const std::string& name) {
        const std::size_t start = url.find(name + "=") + name.size() + 1;
        return url.substr(start, url.find('&', start) - start);
    }
    std::string claims(const std::string& nonce, const std::string& more) const {
        return fmt::format(R"({{"iss":"https://id.example","aud":"relevo","nonce":"{}","iat":{},"exp":{}{}}})", nonce,
                           WallClock::to_time_t(now), WallClock::to_time_t(now + 5min), more);
    }
    // `more`: claims about the person. The word of the problem, or "done".
    std::string sign_in(const std::string& more) {
        const auto begun =
            store.run(sign_ins.begin({.provider = "company", .browser = {}, .former_session = {}, .peer = office}));
        if (!begun.has_value()) return std::string(name_of(begun.error().problem));
        pages.claims = claims(parameter(begun->location, "nonce"), more);
        const auto finished = store.run(sign_ins.finish({.provider = "company",
                                                         .state = parameter(begun->location, "state"),
                                                         .code = "c",
                                                         .error = {},
                                                         .issuer = {},
                                                         .browser = begun->browser,
                                                         .peer = office,
                                                         .user_agent = "Firefox"}));
        if (!finished.has_value()) return std::string(name_of(finished.error().problem));
        last = *finished;
        return "done";
    }
    Result<std::vector<LinkedIdentity>> identities() {
        std::vector<LinkedIdentity> found;
        RELEVO_CHECK(store.run(read_rows(*store.committer, [&](Reader& reader) -> Result<void> {
            RELEVO_TRY(found, list_identities(reader, anna));
            return {};
        })));
        return found;
    }

    static constexpr std::string_view of_anna = R"(,"sub":"1","email":"Anna@Example.com","email_verified":true)";
    std::vector<Migration> tables = migrations();
    test::SpoolStore store{test::CommitterThreads::none, tables};
    WallClock::time_point now = WallClock::now();
    MemoryResolver dns;
    MemoryLog log;
    MemoryMetrics metrics;
    AccountBook book;
    ProviderPages pages;
    UserId anna;
    OpenIdSignIn::SignedIn last;
    OpenIdSignIn sign_ins{{.shard = store.shard,
                           .resolver = dns,
                           .pages = pages,
                           .committer = *store.committer,
                           .audit = book.audit(),
                           .random = system_random(),
                           .log = log,
                           .metrics = metrics,
                           .now = [this] { return now; }},
                          {options()}};
};

TEST_F(SignInTest, LinksOnceByAVerifiedAddressAndKnowsThePersonAfterwards) {
    ASSERT_EQ(sign_in(std::string(of_anna)), "done");
    EXPECT_EQ(last.user.id, anna);
    EXPECT_EQ(sign_in(R"(,"sub":"1")"), "done");
    EXPECT_EQ(last.user.id, anna);
    const auto linked = identities();
    ASSERT_EQ(linked->size(), 1U);
    EXPECT_EQ(linked->front().email, "Anna@Example.com") << "what was known stays, if nothing new is told";
    EXPECT_EQ(sign_in(R"(,"sub":"2","email":"anna@example.com","email_verified":true)"), "linked_to_other");
    EXPECT_EQ(sign_in(R"(,"sub":"3","email":"anna@example.com")"), "email_not_verified");
    EXPECT_EQ(sign_in(R"(,"sub":"3","email":"bob@example.com","email_verified":true)"), "nobody_here");
}

TEST_F(SignInTest, AsksTheProviderForNothingTwice) {
    for (int i = 0; i < 3; ++i) EXPECT_EQ(sign_in(std::string(of_anna)), "done");
    EXPECT_EQ(pages.asked("/.well-known/openid-configuration"), 1);
    EXPECT_EQ(pages.asked("/keys"), 1);
    EXPECT_EQ(pages.asked("/token"), 3);
}

TEST_F(SignInTest, LooksForNewerKeysOnceAMinute) {  // OpenID Connect Core 1.0 §10.1.1
    EXPECT_EQ(sign_in(std::string(of_anna)), "done");
    pages.signer = {oidc::Algorithm::es256, "k-2"};
    EXPECT_EQ(sign_in(std::string(of_anna)), "done");
    EXPECT_EQ(pages.asked("/keys"), 2);
    pages.signer = {oidc::Algorithm::es256, "k-3"};
    EXPECT_EQ(sign_in(std::string(of_anna)), "answer_not_valid");
    EXPECT_EQ(pages.asked("/keys"), 2);
}

TEST_F(SignInTest, AProviderThatIsDownIsNotAskedForEachStranger) {
    pages.fault = Error{ErrorKind::closed, "refused"};
    for (int i = 0; i < 3; ++i) EXPECT_EQ(sign_in(std::string(of_anna)), "provider_unreachable");
    EXPECT_EQ(pages.requests.size(), 1U);
    EXPECT_EQ(metrics.counted("relevo_openid_sign_ins_total{outcome=failed}"), 3U);
}

TEST_F(SignInTest, NewUsersGetTheRoleOfTheConfigurationAndNoMore) {
    OpenIdProvider provider = options();
    provider.rules.email_domains = {"example.com"};
    provider.rules.new_users = NewUserRule{.role = Role::sender, .tenant = "acme"};
    sign_ins.set_providers({provider});
    ASSERT_EQ(sign_in(R"(,"sub":"9","email":"new@example.com","email_verified":true,"name":" Nova ")"), "done");
    EXPECT_EQ(last.user.role, Role::sender);
    EXPECT_TRUE(last.user.tenant.has_value());
    EXPECT_EQ(last.user.display_name, "Nova");
    EXPECT_FALSE(last.user.has_password);
    EXPECT_EQ(sign_in(R"(,"sub":"10","email":"new@example.net","email_verified":true)"), "email_not_allowed");
    provider.rules.new_users->tenant = "gone";
    sign_ins.set_providers({provider});
    EXPECT_EQ(sign_in(R"(,"sub":"11","email":"other@example.com","email_verified":true)"), "provider_not_usable");
}

TEST_F(SignInTest, AnAddressThatIsNotCalledVerifiedCountsWhereTheProviderIsTrusted) {
    OpenIdProvider provider = options();
    provider.rules.email = EmailTrust::always;
    provider.rules.email_domains = {"example.com"};
    sign_ins.set_providers({provider});
    EXPECT_EQ(sign_in(R"(,"sub":"1","email":"anna@example.com")"), "done");
}

TEST_F(SignInTest, WhatWasBegunWithAnotherProviderIsOver) {
    const auto begun =
        store.run(sign_ins.begin({.provider = "company", .browser = {}, .former_session = {}, .peer = office}));
    OpenIdProvider provider = options();
    provider.rules.issuer = "https://other.example";
    sign_ins.set_providers({provider});
    const auto finished = store.run(sign_ins.finish({.provider = "company",
                                                     .state = parameter(begun->location, "state"),
                                                     .code = "c",
                                                     .error = {},
                                                     .issuer = {},
                                                     .browser = begun->browser,
                                                     .peer = office,
                                                     .user_agent = {}}));
    EXPECT_EQ(name_of(finished.error().problem), "sign_in_over");
    EXPECT_EQ(pages.asked("/token"), 0);
}

TEST_F(SignInTest, WhoIsUnlinkedComesInByAPasswordAlone) {
    ASSERT_EQ(sign_in(std::string(of_anna)), "done");
    const IdentityId identity = identities()->front().id;
    const auto lives = [&] {
        return store
            .run(read_rows(*store.committer,
                           [&](Reader& reader) -> Result<void> {
                               RELEVO_CHECK(find_session(reader, last.token, now));
                               return {};
                           }))
            .has_value();
    };
    EXPECT_TRUE(lives());
    EXPECT_TRUE(store.write([&](Transaction& rows) { return unlink_identity(rows, anna, identity, {}); }).has_value());
    EXPECT_FALSE(lives());
    EXPECT_EQ(sign_in(R"(,"sub":"1")"), "email_missing");
}

TEST_F(SignInTest, TheOnlyWayInIsNotTakenAway) {
    OpenIdProvider provider = options();
    provider.rules.email_domains = {"example.com"};
    provider.rules.new_users = NewUserRule{.role = Role::analyst};
    sign_ins.set_providers({provider});
    ASSERT_EQ(sign_in(R"(,"sub":"9","email":"new@example.com","email_verified":true)"), "done");
    const UserId made = last.user.id;
    const auto unlinked = store.write([&](Transaction& rows) -> Result<void> {
        RELEVO_TRY(const auto all, list_identities(rows, made));
        return unlink_identity(rows, made, all.at(0).id, {});
    });
    ASSERT_FALSE(unlinked.has_value());
    EXPECT_EQ(unlinked.error().kind, ErrorKind::conflict);
    EXPECT_TRUE(store.write([&](Transaction& rows) { return remove_user(rows, made, now); }).has_value());
}

}  // namespace
}  // namespace relevo
