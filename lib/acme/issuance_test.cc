#include "lib/acme/issuance.h"

#include "lib/acme/failure_text.h"
#include "lib/acme/scripted_authority.h"
#include "lib/base/base64url.h"
#include "lib/json/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::acme {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

Time now() { return std::chrono::system_clock::now(); }

class IssuanceTest : public testing::Test {
 protected:
    IssuanceTest() {
        // Self-signed for the test: the chain that a real authority would send is only held against key, name, time.
        const auto pair = challenge_certificate(authority.name, "x", now());
        request.directory = parse_https_url("https://ca.example/directory").value();
        request.name = authority.name;
        request.certificate_key = pair->key;
        authority.chain = pair->certificate;
    }

    // Plays it to its end; publishes whatever is to be published.
    IssuanceStep play() {
        Issuance issuance(request, AccountKey::generate().value());
        IssuanceStep step = issuance.next();
        for (int turns = 0; turns < 500; ++turns, step = issuance.next()) {
            if (const auto* ask = std::get_if<Ask>(&step)) {
                issuance.answer(authority.answer(*ask), now());
            } else if (const auto* publish = std::get_if<Publish>(&step)) {
                published.push_back(*publish);
                issuance.go_on();
            } else if (const auto* pause = std::get_if<Pause>(&step)) {
                pauses.push_back(pause->duration);
                issuance.go_on();
            } else {
                account = issuance.account();
                order = issuance.order();
                return step;
            }
        }
        ADD_FAILURE() << "no end";
        return step;
    }

    Refusal refusal() {
        const IssuanceStep step = play();
        const auto* found = std::get_if<Refusal>(&step);
        EXPECT_NE(found, nullptr) << "it was issued";
        return found == nullptr ? Refusal{} : *found;
    }
    std::string text() { return explain(refusal(), request.name, request.challenge, "ca.example").english; }

    ScriptedAuthority authority;
    IssuanceRequest request;
    std::vector<Publish> published;
    std::vector<std::chrono::seconds> pauses;
    std::string account, order;
};

TEST_F(IssuanceTest, GoesFromTheDirectoryToTheChain) {  // RFC 8555 §7.1
    const IssuanceStep end = play();
    ASSERT_TRUE(std::holds_alternative<Issued>(end));
    EXPECT_EQ(std::get<Issued>(end).chain, authority.chain);
    EXPECT_THAT(std::get<Issued>(end).facts.names, ElementsAre("mail.example.com"));
    EXPECT_THAT(authority.asked, ElementsAre("/directory", "/nonce", "/account", "/order", "/authorization",
                                             "/challenge", "/authorization", "/order/1", "/finalize", "/certificate"));
    ASSERT_EQ(published.size(), 1U);
    EXPECT_EQ(published[0].token, "tok_en-1");
    EXPECT_THAT(published[0].key_authorization, testing::StartsWith("tok_en-1."));
    EXPECT_EQ(account, "https://ca.example/account/1");
    EXPECT_EQ(order, "") << "one that is done is nothing to go on with";
}

TEST_F(IssuanceTest, SignsEachRequestWithANonceOfItsOwn) {  // RFC 8555 §6.2, §6.5
    play();
    std::vector<std::string> nonces;
    for (const std::string& post : authority.posted) {
        const auto parsed = json::parse(post).value();
        const std::string header = decode_base64url(json::text_of(json::member(parsed, "protected"))).value();
        const auto members = json::parse(header).value();
        nonces.emplace_back(json::text_of(json::member(members, "nonce")));
        EXPECT_EQ(json::text_of(json::member(members, "alg")), "ES256");
        const bool is_first = nonces.size() == 1;
        EXPECT_EQ(json::member(members, "jwk") != nullptr, is_first) << header;
        EXPECT_EQ(json::member(members, "kid") != nullptr, !is_first) << header;
    }
    ASSERT_EQ(nonces.size(), 8U);
    std::ranges::sort(nonces);
    EXPECT_EQ(std::ranges::adjacent_find(nonces), nonces.end());
}

TEST_F(IssuanceTest, TakesAnotherNonceWhenOneIsRefusedButNotForEver) {  // RFC 8555 §6.5
    authority.on("/order", ScriptedAuthority::problem(400, "badNonce", "old"));
    authority.on("/order", ScriptedAuthority::problem(400, "badNonce", "old"));
    EXPECT_TRUE(std::holds_alternative<Issued>(play()));
    for (int i = 0; i < 10; ++i) authority.on("/order", ScriptedAuthority::problem(400, "badNonce", "old"));
    authority.asked.clear();
    authority.order_status = authority.authorization_status = "pending";
    EXPECT_EQ(refusal().problem->type, "badNonce");
    EXPECT_EQ(std::ranges::count(authority.asked, "/order"), 1 + Issuance::new_nonce_limit);
}

TEST_F(IssuanceTest, ReportsARateLimitWithTheTimeToWait) {  // RFC 8555 §6.6
    AuthorityAnswer limited = ScriptedAuthority::problem(429, "rateLimited", "too many certificates for example.com");
    limited.retry_after = std::chrono::hours(5);
    authority.on("/order", limited);
    const Refusal told = refusal();
    EXPECT_EQ(told.retry_after, std::chrono::hours(5));
    const Explanation text = explain(told, request.name, request.challenge, "ca.example");
    EXPECT_THAT(text.english, HasSubstr("nothing to do but to wait"));
    EXPECT_THAT(text.english, HasSubstr("ca.example said: rateLimited: too many certificates for example.com"));
    EXPECT_EQ(text.spanish,
              "no hay certificado de mail.example.com por http-01: no se pudo hacer el pedido; se alcanzó el límite de "
              "la autoridad: solo queda esperar. ca.example dijo: rateLimited: too many certificates for example.com");
}

TEST_F(IssuanceTest, ExplainsWhatTheAuthorityCouldNotVerify) {
    struct Case {
        ChallengeKind kind;
        std::string_view type, expected;
    };
    const Case cases[] = {
        {ChallengeKind::http_01, "connection", "port 80 of mail.example.com does not reach this server"},
        {ChallengeKind::http_01, "unauthorized", "something other than this server answers on port 80"},
        {ChallengeKind::http_01, "dns", "does not find mail.example.com in the DNS"},
        {ChallengeKind::http_01, "caa", "the CAA record of mail.example.com forbids this authority"},
        {ChallengeKind::dns_01, "dns", "the name servers of mail.example.com do not answer the authority"},
        {ChallengeKind::dns_01, "unauthorized", "the TXT record _acme-challenge.mail.example.com does not hold"},
    };
    for (const Case& one : cases) {
        request.challenge = one.kind;
        authority.authorization_status = "pending";
        authority.order_status = "pending";
        const std::string type = one.kind == ChallengeKind::http_01 ? "http-01" : "dns-01";
        authority.on("/authorization", {.status = 200, .body = {}, .nonce = {}, .location = {}, .retry_after = {}});
        ScriptedAuthority fresh;
        authority = fresh;
        authority.on(one.kind == ChallengeKind::http_01 ? "/challenge" : "/challenge-dns",
                     {.status = 200, .body = "{}", .nonce = {}, .location = {}, .retry_after = {}});
        const std::string pending = fmt::format(
            R"({{"status":"pending","identifier":{{"type":"dns","value":"mail.example.com"}},"challenges":{}}})",
            fresh.challenges);
        authority.on("/authorization",
                     {.status = 200, .body = pending, .nonce = {}, .location = {}, .retry_after = {}});
        authority.on(
            "/authorization",
            {.status = 200,
             .body = fmt::format(
                 R"({{"status":"invalid","identifier":{{"type":"dns","value":"mail.example.com"}},"challenges":[{{"type":"{}","url":"https://ca.example/challenge","token":"t","status":"invalid","error":{{"type":"urn:ietf:params:acme:error:{}","detail":"no route"}}}}]}})",
                 type, one.type),
             .nonce = {},
             .location = {},
             .retry_after = {}});
        const std::string told = text();
        EXPECT_THAT(told, HasSubstr(std::string(one.expected))) << one.type;
        EXPECT_THAT(told, HasSubstr(fmt::format("said: {}: no route", one.type)));
        EXPECT_EQ(order, "") << "an order that failed is not gone on with";
    }
}

TEST_F(IssuanceTest, GivesUpOnAnAuthorityThatNeverDecides) {
    ScriptedAuthority stalling;
    stalling.on("/challenge", {.status = 200, .body = "{}", .nonce = {}, .location = {}, .retry_after = {}});
    stalling.chain = authority.chain;
    authority = stalling;
    const Refusal told = refusal();
    EXPECT_THAT(told.text, HasSubstr("has not decided after 20 looks"));
    EXPECT_LE(authority.asked.size(), Issuance::request_limit);
    for (const std::chrono::seconds pause : pauses) EXPECT_LE(pause, Issuance::longest_pause);
}

TEST_F(IssuanceTest, WaitsAsLongAsTheAuthorityAsksButNeverForHours) {  // RFC 8555 §7.5.1
    authority.on("/challenge",
                 {.status = 200, .body = "{}", .nonce = {}, .location = {}, .retry_after = std::chrono::hours(9)});
    const AuthorityAnswer pending = authority.answer({"https://ca.example/authorization", {}});
    AuthorityAnswer later = pending;
    later.retry_after = std::chrono::seconds(7);
    authority.on("/authorization", pending);
    authority.on("/authorization", later);
    refusal();
    ASSERT_GE(pauses.size(), 2U);
    EXPECT_EQ(pauses[0], Issuance::longest_pause);
    EXPECT_EQ(pauses[1], std::chrono::seconds(7));
}

TEST_F(IssuanceTest, AsksNoOtherServerThanTheDirectorys) {
    const std::string elsewhere[] = {"https://evil.example/order", "http://ca.example/order",
                                     "https://ca.example:444/o",   "https://ca.example@evil.example/",
                                     "file:///etc/passwd",         ""};
    for (const std::string& url : elsewhere) {
        authority = ScriptedAuthority();
        authority.on(
            "/directory",
            {.status = 200,
             .body = fmt::format(
                 R"({{"newNonce":"https://ca.example/nonce","newAccount":"https://ca.example/account","newOrder":"{}"}})",
                 url),
             .nonce = {},
             .location = {},
             .retry_after = {}});
        EXPECT_EQ(refusal().stage, Stage::directory) << url;
        EXPECT_THAT(authority.asked, ElementsAre("/directory"));
    }
    authority = ScriptedAuthority();
    authority.on("/order",
                 {.status = 201, .body = "{}", .nonce = {}, .location = "https://evil.example/1", .retry_after = {}});
    EXPECT_THAT(refusal().text, HasSubstr("does not say where the order is"));
}

TEST_F(IssuanceTest, RefusesAnswersThatAreNone) {
    for (const std::string body : {"", "[]", "{", "null", "<html>", R"({"newNonce":5})"}) {
        authority = ScriptedAuthority();
        authority.on("/directory", {.status = 200, .body = body, .nonce = {}, .location = {}, .retry_after = {}});
        EXPECT_EQ(refusal().stage, Stage::directory) << body;
    }
    const std::string deep = std::string(5000, '[') + std::string(5000, ']');
    authority = ScriptedAuthority();
    authority.on(
        "/order",
        {.status = 201, .body = deep, .nonce = {}, .location = "https://ca.example/order/1", .retry_after = {}});
    EXPECT_THAT(refusal().text, HasSubstr("nested too deeply"));
}

TEST_F(IssuanceTest, RefusesAChainForAnotherKeyOrName) {
    const auto other = challenge_certificate(authority.name, "x", now());
    authority.chain = other->certificate;
    EXPECT_THAT(refusal().text, HasSubstr("for another key"));
    authority = ScriptedAuthority();
    const auto named = challenge_certificate("other.example.com", "x", now());
    request.certificate_key = named->key;
    authority.chain = named->certificate;
    EXPECT_THAT(refusal().text, HasSubstr("is not for mail.example.com"));
    authority = ScriptedAuthority();
    authority.chain = "no certificate";
    EXPECT_THAT(refusal().text, HasSubstr("no certificate in PEM"));
}

TEST_F(IssuanceTest, GoesOnWithAnOrderThatWasBegun) {
    request.account = "https://ca.example/account/1";
    request.order = "https://ca.example/order/1";
    authority.order_status = "ready";
    EXPECT_TRUE(std::holds_alternative<Issued>(play()));
    EXPECT_THAT(authority.asked, ElementsAre("/directory", "/nonce", "/order/1", "/finalize", "/certificate"));
}

TEST_F(IssuanceTest, OrdersAnewWhatTheAuthorityHasForgotten) {
    request.account = "https://ca.example/account/7";
    request.order = "https://ca.example/order/1";
    authority.on("/order/1", ScriptedAuthority::problem(404, "malformed", "no such order"));
    EXPECT_TRUE(std::holds_alternative<Issued>(play()));
    authority = ScriptedAuthority();
    authority.on("/order", ScriptedAuthority::problem(400, "accountDoesNotExist", "who are you"));
    authority.on("/order", ScriptedAuthority::problem(400, "accountDoesNotExist", "who are you"));
    request.order.clear();
    EXPECT_EQ(refusal().problem->type, "accountDoesNotExist") << "a new account is made once";
    EXPECT_EQ(std::ranges::count(authority.asked, "/account"), 1);
}

TEST_F(IssuanceTest, SaysWhichChallengesAreOffered) {
    request.challenge = ChallengeKind::tls_alpn_01;
    EXPECT_THAT(text(), HasSubstr("does not offer tls-alpn-01 for this name, only: http-01, dns-01"));
}

TEST_F(IssuanceTest, PrintsNothingOfTheAuthorityRaw) {
    authority.on("/order", {.status = 403,
                            .body = R"({"type":"x","detail":"a\u001b[31mred"})",
                            .nonce = {},
                            .location = {},
                            .retry_after = {}});
    EXPECT_THAT(text(), HasSubstr(R"(a\x1b[31mred)"));
}

TEST_F(IssuanceTest, ReplacesACertificateOnlyWhereTheAuthorityKnowsThat) {  // RFC 9773 §5
    const auto ordered = [this] {
        authority.posted.clear();
        authority.authorization_status = authority.order_status = "pending";
        EXPECT_TRUE(std::holds_alternative<Issued>(play()));
        return authority.payload(1);
    };
    request.replaces = "key.number";
    EXPECT_THAT(ordered(), testing::Not(HasSubstr("replaces"))) << "the directory offers no renewal information";
    authority.renewal_info = "{}";
    EXPECT_THAT(ordered(), HasSubstr(R"("replaces":"key.number")"));
}

TEST_F(IssuanceTest, OrdersWithoutReplacingWhatIsReplacedAlready) {  // RFC 9773 §5: alreadyReplaced
    authority.renewal_info = "{}";
    request.replaces = "key.number";
    authority.on("/order", ScriptedAuthority::problem(409, "alreadyReplaced", "by another one"));
    EXPECT_TRUE(std::holds_alternative<Issued>(play()));
    EXPECT_EQ(std::ranges::count(authority.asked, "/order"), 2);
    EXPECT_THAT(authority.payload(1), HasSubstr("replaces"));
    EXPECT_THAT(authority.payload(2), testing::Not(HasSubstr("replaces")));
}

TEST_F(IssuanceTest, IsRefusedOnceMoreAndEndsThen) {
    authority.renewal_info = "{}";
    request.replaces = "key.number";
    for (int i = 0; i < 3; ++i) authority.on("/order", ScriptedAuthority::problem(403, "unauthorized", "no"));
    EXPECT_EQ(refusal().problem->type, "unauthorized");
    EXPECT_EQ(std::ranges::count(authority.asked, "/order"), 2);
}

}  // namespace
}  // namespace relevo::acme
