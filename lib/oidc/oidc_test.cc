#include "lib/oidc/exchange.h"
#include "lib/oidc/id_token.h"
#include "lib/oidc/provider.h"
#include "lib/oidc/token_signer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace relevo::oidc {
namespace {

using test::key_set_text;
using test::TokenSigner;
using testing::HasSubstr;
using namespace std::chrono_literals;

const Time now = std::chrono::system_clock::from_time_t(1'795'000'000);
constexpr std::string_view issuer = "https://id.example";

Expectation expectation(std::string access_token = "") {
    return {.issuer = std::string(issuer),
            .client_id = "relevo",
            .nonce = "n-1",
            .access_token = std::move(access_token),
            .now = now};
}

// Claims that hold, with some of them others or, with "", left out. Values are JSON.
std::string claims(std::map<std::string, std::string> changes = {}) {
    std::map<std::string, std::string> all = {{"iss", R"("https://id.example")"},
                                              {"aud", R"("relevo")"},
                                              {"sub", R"("person-1")"},
                                              {"nonce", R"("n-1")"},
                                              {"iat", "1795000000"},
                                              {"exp", "1795000300"}};
    for (auto& [name, value] : changes) all.insert_or_assign(name, value);
    std::string text;
    for (const auto& [name, value] : all)
        if (!value.empty()) text += fmt::format(R"({}"{}":{})", text.empty() ? "" : ",", name, value);
    return "{" + text + "}";
}

std::string fault_of(const Checked<Claims>& checked) {
    return checked.has_value() ? "none" : std::string(name_of(checked.error().fault));
}

TEST(KeySet, ChecksSignaturesOfEveryKind) {  // RFC 7518 §3.3, §3.4; RFC 8037 §3.1
    for (const Algorithm algorithm : {Algorithm::rs256, Algorithm::es256, Algorithm::eddsa}) {
        const TokenSigner signer(algorithm, "k");
        const auto keys = KeySet::parse(key_set_text({signer.jwk()}));
        ASSERT_TRUE(keys.has_value());
        ASSERT_EQ(keys->size(), 1U) << signer.jwk();
        const std::string text = "head.claims", signature = signer.sign_octets(text);
        EXPECT_EQ(keys->check(algorithm, "k", text, signature), Signature::good) << name_of(algorithm);
        EXPECT_EQ(keys->check(algorithm, "", text, signature), Signature::good) << "the only one of its kind";
        EXPECT_EQ(keys->check(algorithm, "other", text, signature), Signature::unknown_key);
        EXPECT_EQ(keys->check(algorithm, "k", "head.claimz", signature), Signature::bad);
        for (std::size_t i = 0; i < signature.size(); i += 7) {
            std::string altered = signature;
            altered[i] = static_cast<char>(altered[i] ^ 1);
            EXPECT_EQ(keys->check(algorithm, "k", text, altered), Signature::bad) << name_of(algorithm) << i;
        }
        for (const std::string& cut : {std::string(), signature.substr(1), signature + "x", std::string(64, '\0')})
            EXPECT_EQ(keys->check(algorithm, "k", text, cut), Signature::bad) << cut.size();
    }
}

TEST(KeySet, KeysOfOneKindAreNotGuessed) {  // OpenID Connect Core 1.0 §10.1: then "kid" is required
    const TokenSigner first(Algorithm::es256, "1"), second(Algorithm::es256, "2");
    const auto keys = KeySet::parse(key_set_text({first.jwk(), second.jwk()}));
    EXPECT_EQ(keys->check(Algorithm::es256, "", "x", first.sign_octets("x")), Signature::unknown_key);
    EXPECT_EQ(keys->check(Algorithm::es256, "2", "x", second.sign_octets("x")), Signature::good);
}

TEST(KeySet, LeavesOutWhatSignsNothingHere) {  // RFC 7517 §5: others are ignored
    const TokenSigner small(Algorithm::rs256, "small", 1024), large(Algorithm::rs256, "large"),
        ec(Algorithm::es256, "e");
    for (const std::string& key :
         {small.jwk(), large.jwk(R"(,"use":"enc")"), large.jwk(R"(,"alg":"RS512")"),
          large.jwk(R"(,"key_ops":["encrypt"])"), std::string(R"({"kty":"oct","k":"AAAA"})"),
          std::string(R"({"kty":"EC","crv":"P-256","x":"AAAA","y":"AAAA"})"),
          fmt::format(R"({{"kty":"EC","crv":"P-256","x":"{0}","y":"{0}"}})", encode_base64url(std::string(32, '\1'))),
          std::string(R"({"kty":"RSA","n":"AQAB","e":"AQAB"})"),
          std::string(R"({"kty":"OKP","crv":"X25519","x":"AAAA"})"), std::string("7"), std::string("null"),
          std::string("{}")}) {
        const auto keys = KeySet::parse(key_set_text({key}));
        ASSERT_TRUE(keys.has_value()) << key;
        EXPECT_EQ(keys->size(), 0U) << key;
    }
    EXPECT_EQ(KeySet::parse(key_set_text({small.jwk(), ec.jwk(R"(,"use":"sig","key_ops":["verify"])")}))->size(), 1U);
}

TEST(KeySet, RefusesWhatIsNone) {
    std::string many;
    for (int i = 0; i < 101; ++i) many += i == 0 ? "{}" : ",{}";
    for (const std::string& text : {std::string(), std::string("{}"), std::string(R"({"keys":{}})"), std::string("[]"),
                                    R"({"keys":[)" + many + "]}", std::string(300 * 1024, ' ')})
        EXPECT_FALSE(KeySet::parse(text).has_value()) << text.substr(0, 40);
}

class IdTokens : public testing::Test {
 protected:
    std::string fault(const std::string& token) const { return fault_of(verify_id_token(token, keys, expectation())); }
    const TokenSigner signer{Algorithm::es256, "k"};
    const KeySet keys = KeySet::parse(key_set_text({signer.jwk()})).value();
};

TEST_F(IdTokens, TellWhoItIs) {
    const auto told = verify_id_token(
        signer.token(
            claims({{"email", R"("ana@example.com")"}, {"email_verified", "true"}, {"name", R"("Ana Núñez")"}})),
        keys, expectation());
    ASSERT_TRUE(told.has_value()) << told.error().detail;
    EXPECT_EQ(told->subject, "person-1");
    EXPECT_EQ(told->email, "ana@example.com");
    EXPECT_TRUE(told->email_verified);
    EXPECT_EQ(told->name, "Ana Núñez");
}

TEST_F(IdTokens, HeadersThatAreNotTaken) {  // RFC 8725 §3.1, §3.11; RFC 7515 §4.1.11
    const std::vector<std::pair<std::string, std::string>> table = {
        {R"({"alg":"none"})", "algorithm"},
        {R"({"alg":"HS256","kid":"k"})", "algorithm"},
        {R"({"alg":"RS256","kid":"k"})", "unknown_key"},  // the key decides what it signs
        {R"({"alg":"ES256","kid":"k","crit":[]})", "malformed"},
        {R"({"alg":"ES256","kid":"k","typ":"at+jwt"})", "malformed"},
        {R"({"alg":"ES256","alg":"none","kid":"k"})", "malformed"},
        {R"({"alg":["ES256"],"kid":"k"})", "algorithm"},
        {R"({})", "algorithm"},
        {R"([])", "malformed"},
        {R"({"alg":"ES256","kid":"k","typ":"jwt"})", "none"},
        {R"({"alg":"ES256"})", "none"}};
    for (const auto& [header, expected] : table) EXPECT_EQ(fault(signer.token(header, claims())), expected) << header;
}

TEST_F(IdTokens, TextsThatAreNoTokens) {
    const std::string good = signer.token(claims());
    ASSERT_EQ(fault(good), "none");
    const std::vector<std::string> texts = {"",
                                            ".",
                                            "..",
                                            good + ".",
                                            good + "=",
                                            " " + good,
                                            good + "\n",
                                            "a.b.c.d.e",
                                            good.substr(0, good.rfind('.')),
                                            std::string(70'000, 'a')};
    for (const std::string& text : texts) EXPECT_EQ(fault(text), "malformed") << text.substr(0, 40);
}

// Whatever octet is another one, it is not the token that was signed.
TEST_F(IdTokens, NoAlteredOneIsTaken) {
    const std::string good = signer.token(claims());
    for (std::size_t i = 0; i < good.size(); ++i) {
        std::string altered = good;
        altered[i] = altered[i] == 'A' ? 'B' : 'A';
        const auto told = verify_id_token(altered, keys, expectation());
        // The last letter of a part has bits that stand for nothing; the claims are those that were signed all the
        // same.
        if (told.has_value()) EXPECT_EQ(told->subject, "person-1") << i;
        if (altered.substr(0, altered.rfind('.')) != good.substr(0, good.rfind('.')))
            EXPECT_FALSE(told.has_value()) << i;
    }
}

TEST(Claims, AreForUsNowAndThisOnce) {  // OpenID Connect Core 1.0 §3.1.3.7
    const std::vector<std::pair<std::map<std::string, std::string>, std::string>> table = {
        {{}, "none"},
        {{{"iss", R"("https://id.example/")"}}, "issuer"},
        {{{"iss", ""}}, "issuer"},
        {{{"aud", R"("other")"}}, "audience"},
        {{{"aud", ""}}, "audience"},
        {{{"aud", "[]"}}, "audience"},
        {{{"aud", R"(["relevo"])"}}, "none"},
        {{{"aud", R"(["relevo","other"])"}}, "audience"},
        {{{"aud", R"(["relevo","other"])"}, {"azp", R"("relevo")"}}, "none"},
        {{{"aud", R"(["other"])"}, {"azp", R"("relevo")"}}, "audience"},
        {{{"azp", R"("other")"}}, "audience"},
        {{{"azp", "7"}}, "audience"},
        {{{"nonce", R"("n-2")"}}, "nonce"},
        {{{"nonce", ""}}, "nonce"},
        {{{"exp", "1794999881"}}, "none"},  // within the tolerance of 120 s
        {{{"exp", "1794999880"}}, "expired"},
        {{{"exp", "1e400"}}, "malformed"},
        {{{"exp", "-1"}}, "malformed"},
        {{{"exp", R"("1795000300")"}}, "malformed"},
        {{{"iat", "1795000120"}}, "none"},
        {{{"iat", "1795000121"}}, "from_future"},
        {{{"iat", "1795000000.5"}}, "none"},
        {{{"iat", ""}}, "malformed"},
        {{{"nbf", "1795000121"}}, "from_future"},
        {{{"nbf", "true"}}, "malformed"},
        {{{"sub", R"("")"}}, "malformed"},
        {{{"sub", R"("a\u0000b")"}}, "malformed"},
        {{{"sub", "7"}}, "malformed"}};
    for (const auto& [changes, expected] : table)
        EXPECT_EQ(fault_of(check_claims(claims(changes), Algorithm::rs256, expectation())), expected)
            << claims(changes);
    Expectation without_nonce = expectation();
    without_nonce.nonce.clear();
    EXPECT_EQ(fault_of(check_claims(claims({{"nonce", R"("")"}}), Algorithm::rs256, without_nonce)), "nonce");
}

TEST(Claims, TheAccessTokenIsTheOneThatCameAlong) {  // OpenID Connect Core 1.0 §3.1.3.6; its example in §A.3
    const std::string token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
    const std::string hash = R"("77QmUPtjPfzWtF2AnpK9RQ")";
    EXPECT_EQ(fault_of(check_claims(claims({{"at_hash", hash}}), Algorithm::rs256, expectation(token))), "none");
    EXPECT_EQ(fault_of(check_claims(claims({{"at_hash", hash}}), Algorithm::rs256, expectation(token + "x"))),
              "access_token");
    EXPECT_EQ(fault_of(check_claims(claims({{"at_hash", hash}}), Algorithm::eddsa, expectation(token))),
              "access_token");
    EXPECT_EQ(fault_of(check_claims(claims({{"at_hash", "null"}}), Algorithm::rs256, expectation(token))),
              "access_token");
}

TEST(Claims, AnAddressIsVerifiedIfItSaysSo) {
    const auto verified = [](const std::string& value) {
        return check_claims(claims({{"email", R"("a@b.example")"}, {"email_verified", value}}), Algorithm::rs256,
                            expectation())
            ->email_verified;
    };
    EXPECT_TRUE(verified("true"));
    EXPECT_TRUE(verified(R"("true")"));
    for (const std::string& value : {std::string(), std::string("false"), std::string("null"), std::string("1"),
                                     std::string(R"("false")"), std::string(R"("yes")"), std::string("[true]")})
        EXPECT_FALSE(verified(value)) << value;
}

TEST(UserInfo, IsOfTheSamePersonOrOfNoUse) {  // OpenID Connect Core 1.0 §5.3.2
    const auto told = parse_user_info(R"({"sub":"person-1","email":"a@b.example","email_verified":true})", "person-1");
    EXPECT_EQ(told->email, "a@b.example");
    for (const std::string_view text : {R"({"sub":"person-2"})", R"({"email":"a@b.example"})", "[]", "", "x"})
        EXPECT_FALSE(parse_user_info(text, "person-1").has_value()) << text;
    EXPECT_FALSE(parse_user_info(R"({"sub":""})", "").has_value());
}

std::string document(std::map<std::string, std::string> changes = {}) {
    std::map<std::string, std::string> all = {{"issuer", R"("https://id.example")"},
                                              {"authorization_endpoint", R"("https://id.example/authorize?x=1")"},
                                              {"token_endpoint", R"("https://id.example/token")"},
                                              {"jwks_uri", R"("https://id.example/keys")"}};
    for (auto& [name, value] : changes) all.insert_or_assign(name, value);
    std::string text;
    for (const auto& [name, value] : all)
        if (!value.empty()) text += fmt::format(R"({}"{}":{})", text.empty() ? "" : ",", name, value);
    return "{" + text + "}";
}

TEST(Provider, SaysWhereItsEndpointsAre) {
    const auto provider = parse_provider(document(), issuer);
    ASSERT_TRUE(provider.has_value()) << provider.error().detail;
    EXPECT_EQ(provider->token.path, "/token");
    EXPECT_EQ(provider->authentication, ClientAuthentication::basic);
    EXPECT_FALSE(provider->names_itself || provider->user_info);
    const auto other = parse_provider(document({{"token_endpoint_auth_methods_supported", R"(["client_secret_post"])"},
                                                {"authorization_response_iss_parameter_supported", "true"},
                                                {"userinfo_endpoint", R"("https://id.example/me")"}}),
                                      issuer);
    EXPECT_EQ(other->authentication, ClientAuthentication::post);
    EXPECT_TRUE(other->names_itself);
    EXPECT_EQ(other->user_info->path, "/me");
}

TEST(Provider, WhatIsOfNoUseIsSaid) {  // OpenID Connect Discovery 1.0 §4.3
    const std::vector<std::pair<std::map<std::string, std::string>, std::string>> table = {
        {{{"issuer", R"("https://id.example/")"}}, "to the last slash"},
        {{{"token_endpoint", R"("http://id.example/token")"}}, "token_endpoint"},
        {{{"token_endpoint", ""}}, "token_endpoint"},
        {{{"jwks_uri", "7"}}, "jwks_uri"},
        {{{"userinfo_endpoint", R"("javascript:x")"}}, "userinfo_endpoint"},
        {{{"response_types_supported", R"(["id_token"])"}}, "code flow"},
        {{{"id_token_signing_alg_values_supported", R"(["HS256","none"])"}}, "signs with none"}};
    for (const auto& [changes, expected] : table) {
        const auto provider = parse_provider(document(changes), issuer);
        ASSERT_FALSE(provider.has_value()) << expected;
        EXPECT_THAT(provider.error().detail, HasSubstr(expected));
    }
    EXPECT_FALSE(parse_provider("<html>", issuer).has_value());
}

TEST(Provider, IsDescribedBelowItsIssuer) {  // OpenID Connect Discovery 1.0 §4.1
    EXPECT_EQ(discovery_url("https://id.example")->text, "https://id.example/.well-known/openid-configuration");
    EXPECT_EQ(discovery_url("https://id.example/a/")->text, "https://id.example/a/.well-known/openid-configuration");
    for (const std::string_view bad :
         {"http://id.example", "https://id.example?x", "https://id.example#x", "id.example"})
        EXPECT_FALSE(discovery_url(bad).has_value()) << bad;
}

TEST(Exchange, ProvesTheVerifierByItsHash) {  // RFC 7636 Appendix B
    EXPECT_EQ(code_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
              "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

TEST(Exchange, AsksWithWhatIsNeeded) {
    const Provider provider = parse_provider(document(), issuer).value();
    const Client client{.id = "a&b", .secret = "p:%+", .redirect_uri = "https://relay.example/back"};
    EXPECT_EQ(authorization_url(provider, client,
                                {.scopes = {"openid", "email"}, .state = "s", .nonce = "n", .code_verifier = "v"}),
              "https://id.example/authorize?x=1&response_type=code&client_id=a%26b&redirect_uri=https%3A%2F%2F"
              "relay.example%2Fback&scope=openid%20email&state=s&nonce=n&code_challenge=" +
                  code_challenge("v") + "&code_challenge_method=S256");
    const TokenRequest request = token_request(provider, client, "c/1", "v");
    EXPECT_EQ(request.form,
              "grant_type=authorization_code&code=c%2F1&redirect_uri=https%3A%2F%2Frelay.example%2Fback"
              "&code_verifier=v");
    EXPECT_THAT(request.fields,
                testing::Contains("Authorization: Basic YSUyNmI6cCUzQSUyNSUyQg=="));  // a%26b:p%3A%25%2B
    Provider posting = provider;
    posting.authentication = ClientAuthentication::post;
    EXPECT_THAT(token_request(posting, client, "c", "v").form, HasSubstr("&client_id=a%26b&client_secret=p%3A%25%2B"));
    EXPECT_THAT(token_request(provider, {.id = "a", .secret = "", .redirect_uri = "r"}, "c", "v").form,
                testing::EndsWith("&client_id=a"));
}

TEST(Exchange, AnswersAreTokensOrSayWhoMustAct) {
    const auto tokens = parse_token_answer(200, R"({"id_token":"a.b.c","access_token":"x y"})");
    EXPECT_EQ(tokens->id_token, "a.b.c");
    EXPECT_EQ(tokens->access_token, "") << "no field can carry it";
    const std::vector<std::tuple<long, std::string, ErrorKind>> table = {
        {400, R"({"error":"invalid_grant"})", ErrorKind::refused},
        {401, R"({"error":"invalid_client"})", ErrorKind::invalid},
        {400, "<html>", ErrorKind::invalid},
        {503, "", ErrorKind::temporary},
        {302, "", ErrorKind::invalid},
        {200, "<html>", ErrorKind::temporary},
        {200, R"({"access_token":"x"})", ErrorKind::unsupported}};
    for (const auto& [status, body, kind] : table)
        EXPECT_EQ(parse_token_answer(status, body).error().kind, kind) << status << body;
}

}  // namespace
}  // namespace relevo::oidc
