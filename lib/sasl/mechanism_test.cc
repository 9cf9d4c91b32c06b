#include "lib/sasl/mechanism.h"

#include "lib/base/base64.h"
#include "lib/base/text.h"
#include "lib/sasl/scram_test_peer.h"

#include <gtest/gtest.h>

// libgsasl 2.2 loses the name of the channel binding (13 octets) each time that its SCRAM client says "y".
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libgsasl.so"; }
extern "C" const char* __lsan_default_options();
extern "C" const char* __lsan_default_options() { return "print_suppressions=0"; }

namespace relevo::sasl {
namespace {

using std::string;

template <class Step>
Step expect(ServerMechanismStep step) {
    if (const auto* failed = std::get_if<Failed>(&step); failed != nullptr && !std::is_same_v<Step, Failed>)
        ADD_FAILURE() << "failed: " << failed->detail;
    Step* expected = std::get_if<Step>(&step);
    EXPECT_NE(expected, nullptr) << "step " << step.index();
    return expected == nullptr ? Step{} : *expected;
}

std::unique_ptr<ServerMechanism> server(std::string_view name, const ChannelBindings& bindings = {},
                                        bool offered_plus = false) {
    return make_server_mechanism(name, bindings, offered_plus, "mx.example").value();
}

string text(std::string_view octets) { return string(octets); }
string plain(std::string_view authorization, std::string_view user, std::string_view password) {
    return text(authorization) + '\0' + text(user) + '\0' + text(password);
}

TEST(PlainServer, AsksTheDriverForTheThreeParts) {  // RFC 4616 §2
    auto mechanism = server("plain");
    const auto check = expect<CheckPassword>(mechanism->response(plain("boss", "ana", "tanstaaf")));
    EXPECT_EQ(check.authorization_id, "boss");
    EXPECT_EQ(check.user, "ana");
    EXPECT_EQ(check.password, "tanstaaf");
    EXPECT_EQ(expect<Succeeded>(mechanism->password_checked(true)).user, "ana");
}

TEST(PlainServer, SendsAnEmptyChallengeWithoutAnInitialResponse) {  // RFC 4954 §4
    auto mechanism = server("PLAIN");
    EXPECT_EQ(expect<Challenge>(mechanism->response(std::nullopt)).octets, "");
    expect<CheckPassword>(mechanism->response(plain("", "ana", "x")));
    EXPECT_EQ(expect<Failed>(mechanism->password_checked(false)).kind, ErrorKind::refused);
}

TEST(PlainServer, RefusesMalformedMessages) {
    const string bad[] = {"",
                          "ana",
                          text("ana") + '\0' + "x",
                          plain("", "", "x"),
                          plain("", "ana", ""),
                          plain("", "ana", "x") + '\0',
                          plain("", "\xff", "x"),
                          plain("\xc3", "ana", "x"),
                          plain("", string(256, 'a'), "x"),
                          plain("", "ana", string(256, 'x'))};
    for (const string& message : bad)
        EXPECT_EQ(expect<Failed>(server("PLAIN")->response(message)).kind, ErrorKind::invalid);
}

TEST(PlainServer, NeverSucceedsOutOfTurn) {
    auto mechanism = server("PLAIN");
    expect<Failed>(mechanism->password_checked(true));
    expect<CheckPassword>(mechanism->response(plain("", "ana", "x")));
    expect<Succeeded>(mechanism->password_checked(true));
    expect<Failed>(mechanism->password_checked(true));
    expect<Failed>(mechanism->response(plain("", "ana", "x")));
}

TEST(LoginServer, PromptsForNameAndPassword) {
    auto mechanism = server("LOGIN");
    EXPECT_EQ(encode_base64(expect<Challenge>(mechanism->response(std::nullopt)).octets), "VXNlcm5hbWU6");
    EXPECT_EQ(encode_base64(expect<Challenge>(mechanism->response("ana")).octets), "UGFzc3dvcmQ6");
    const auto check = expect<CheckPassword>(mechanism->response("secret"));
    EXPECT_EQ(check.user, "ana");
    EXPECT_EQ(check.password, "secret");
    EXPECT_EQ(expect<Succeeded>(mechanism->password_checked(true)).user, "ana");
    expect<Failed>(mechanism->password_checked(true));
}

TEST(LoginServer, TakesTheNameAsInitialResponse) {
    auto mechanism = server("LOGIN");
    EXPECT_EQ(expect<Challenge>(mechanism->response("ana")).octets, "Password:");
    expect<Failed>(mechanism->password_checked(true));
}

TEST(LoginServer, RefusesEmptyNameOrPassword) {
    expect<Failed>(server("LOGIN")->response(""));
    auto mechanism = server("LOGIN");
    (void)mechanism->response("ana");
    expect<Failed>(mechanism->response(""));
    expect<Failed>(mechanism->response("secret"));
}

// RFC 7677 §3.
constexpr std::string_view rfc_salt = "W22ZaJ0SNY7soEsUEjb6gQ==";
constexpr std::string_view rfc_authentication =
    "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,"
    "i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";

TEST(ScramVerifier, MatchesTheExampleOfRfc7677) {
    const ScramVerifier verifier = make_scram_verifier("pencil", decode_base64(rfc_salt).value(), 4096);
    EXPECT_EQ(encode_base64(hmac_sha256(verifier.server_key, rfc_authentication)),
              "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
    const string proof = decode_base64("dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=").value();
    const string client_key = exclusive_or(proof, hmac_sha256(verifier.stored_key, rfc_authentication));
    EXPECT_EQ(sha256(client_key), verifier.stored_key);
}

TEST(ScramVerifier, PreparesThePassword) {  // RFC 4013 §3: "I<U+00AD>X" becomes "IX", U+2168 becomes "IX"
    const ScramVerifier plain_spelling = make_scram_verifier("IX", "salt", 10);
    EXPECT_EQ(make_scram_verifier("I\xc2\xadX", "salt", 10).stored_key, plain_spelling.stored_key);
    EXPECT_EQ(make_scram_verifier("\xe2\x85\xa8", "salt", 10).stored_key, plain_spelling.stored_key);
}

TEST(ScramVerifier, OfAForbiddenPasswordNeverMatches) {
    for (const string& bad : {string(), string("a\0b", 3), string("\x07"), string("\xff")}) {
        const ScramVerifier verifier = make_scram_verifier(bad, "salt", 4096);
        EXPECT_EQ(verifier.iterations, 0U);
        auto mechanism = server("SCRAM-SHA-256");
        expect<NeedVerifier>(mechanism->response("n,,n=ana,r=abc"));
        EXPECT_EQ(expect<Failed>(mechanism->verifier(verifier)).kind, ErrorKind::refused);
    }
}

TEST(ScramVerifier, OfAnUnknownUserIsStableAndItsOwn) {  // security row A13
    const ScramVerifier ana = decoy_verifier("ana", "server secret");
    EXPECT_EQ(ana.salt, decoy_verifier("ana", "server secret").salt);
    EXPECT_EQ(ana.stored_key, decoy_verifier("ana", "server secret").stored_key);
    EXPECT_NE(ana.salt, decoy_verifier("eva", "server secret").salt);
    EXPECT_NE(ana.salt, decoy_verifier("ana", "another secret").salt);
    EXPECT_NE(ana.stored_key, ana.server_key);
    EXPECT_EQ(ana.salt.size(), 16U);
    EXPECT_EQ(ana.stored_key.size(), 32U);
    EXPECT_EQ(ana.iterations, scram_iterations);
}

struct ScramCase {
    std::string_view name;
    std::string_view mechanism = "SCRAM-SHA-256";
    std::string_view header = "n,,";
    string binding;         // what the client sends
    string server_binding;  // what the connection has
    bool offered_plus = false;
    std::string_view password = "pencil";
    bool succeeds = false;
};

ServerMechanismStep run(const ScramCase& c, ScramTestPeer& peer) {
    auto mechanism =
        server(c.mechanism, {.tls_exporter = c.server_binding, .tls_server_end_point = {}}, c.offered_plus);
    ServerMechanismStep step = mechanism->response(peer.first());
    if (!std::holds_alternative<NeedVerifier>(step)) return step;
    EXPECT_EQ(std::get<NeedVerifier>(step).user, "user");
    step = mechanism->verifier(make_scram_verifier("pencil", decode_base64(rfc_salt).value(), 4096));
    const auto* challenge = std::get_if<Challenge>(&step);
    if (challenge == nullptr) return step;
    EXPECT_TRUE(challenge->octets.starts_with("r=" + peer.nonce));
    EXPECT_TRUE(challenge->octets.ends_with(",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"));
    return mechanism->response(peer.final(challenge->octets));
}

TEST(ScramServer, LetsInOnlyTheRightSecretWithTheRightBinding) {  // RFC 5802 §6, security row A15
    const string key(32, 'k'), other(32, 'x');
    const ScramCase cases[] = {
        {.name = "right", .succeeds = true},
        {.name = "wrong password", .password = "pencils"},
        {.name = "client could bind, nothing offered", .header = "y,,", .succeeds = true},
        {.name = "offered, client cannot bind", .server_binding = key, .offered_plus = true, .succeeds = true},
        {.name = "offer stripped", .header = "y,,", .server_binding = key, .offered_plus = true},
        {.name = "has a binding, but -PLUS was not offered", .header = "y,,", .server_binding = key, .succeeds = true},
        {"plus", "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", key, key, true, "pencil", true},
        {"plus, wrong password", "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", key, key, true, "pencils", false},
        {"another connection's binding", "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", other, key, true, "pencil", false},
        {"no binding sent", "SCRAM-SHA-256-PLUS", "p=tls-exporter,,", "", key, true, "pencil", false},
        {"n with plus", "SCRAM-SHA-256-PLUS", "n,,", "", key, true, "pencil", false},
        {"y with plus", "SCRAM-SHA-256-PLUS", "y,,", "", key, true, "pencil", false},
        {"unknown binding", "SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", key, key, true, "pencil", false},
        {"unique", "SCRAM-SHA-256-PLUS", "p=tls-unique,,", key, key, true, "pencil", false},
        {.name = "binding sent without one", .header = "p=tls-exporter,,", .binding = key},
        {.name = "same user to act as", .header = "n,a=user,", .succeeds = true},
        {.name = "another user to act as", .header = "n,a=root,"},
    };
    for (const ScramCase& c : cases) {
        ScramTestPeer peer{
            .user = "user", .password = string(c.password), .header = string(c.header), .binding = c.binding};
        const ServerMechanismStep step = run(c, peer);
        EXPECT_EQ(std::holds_alternative<Succeeded>(step), c.succeeds) << c.name;
        if (!c.succeeds) {
            EXPECT_TRUE(std::holds_alternative<Failed>(step)) << c.name;
            continue;
        }
        EXPECT_EQ(expect<Succeeded>(step).user, "user");
        EXPECT_EQ(expect<Succeeded>(step).final_octets, peer.expected_signature) << c.name;
    }
}

TEST(ScramServer, DoesNotTakeAReplay) {  // security row A15
    const ScramVerifier verifier = make_scram_verifier("pencil", "0123456789abcdef", 4096);
    ScramTestPeer peer{.user = "user", .password = "pencil"};
    auto first = server("SCRAM-SHA-256");
    (void)first->response(peer.first());
    const string recorded = peer.final(expect<Challenge>(first->verifier(verifier)).octets);
    expect<Succeeded>(first->response(recorded));
    auto second = server("SCRAM-SHA-256");
    (void)second->response(peer.first());
    (void)second->verifier(verifier);
    expect<Failed>(second->response(recorded));
}

TEST(ScramServer, TurnsUnknownUsersAwayOnlyAtTheEnd) {  // security row A13
    ScramTestPeer peer{.user = "nobody", .password = "pencil"};
    auto mechanism = server("SCRAM-SHA-256");
    EXPECT_EQ(expect<NeedVerifier>(mechanism->response(peer.first())).user, "nobody");
    const auto challenge = expect<Challenge>(mechanism->verifier(decoy_verifier("nobody", "secret")));
    EXPECT_EQ(expect<Failed>(mechanism->response(peer.final(challenge.octets))).kind, ErrorKind::refused);
}

TEST(ScramServer, RefusesMalformedMessages) {
    for (const string& bad :
         {string(), string("n"), string("n,,"), string("n,,n=,r=a"), string("n,,n=ana"), string("x,,n=ana,r=a"),
          string("n,,m=ext,n=ana,r=a"), string("n,,n=a=zzna,r=a"), string("n,,n=ana,r="), string("n,,n=an\0a,r=a", 14),
          string("n,,n=\xff,r=a"), "n,,n=" + string(300, 'a') + ",r=a", string(20000, 'n')})
        expect<Failed>(server("SCRAM-SHA-256")->response(bad));
    const ScramVerifier verifier = make_scram_verifier("pencil", "0123456789abcdef", 4096);
    for (const string& bad :
         {string(), string("c=biws"), string("c=biws,r=abc,p=AAAA"), string("p=AAAA"), string("c=,r=,p=")}) {
        auto mechanism = server("SCRAM-SHA-256");
        (void)mechanism->response("n,,n=ana,r=abc");
        (void)mechanism->verifier(verifier);
        expect<Failed>(mechanism->response(bad));
        expect<Failed>(mechanism->response("n,,n=ana,r=abc"));
    }
}

TEST(ServerMechanisms, AreMadeByNameAndOnlyThen) {
    EXPECT_EQ(server_mechanisms(false), (std::vector<string>{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"}));
    EXPECT_EQ(server_mechanisms(true).back(), "CRAM-MD5");
    for (std::string_view bad : {"", "NTLM", "GSSAPI", "SCRAM-SHA-1", "ANONYMOUS", "EXTERNAL", "PLAIN "})
        EXPECT_EQ(make_server_mechanism(bad, {}, false, "h").error().kind, ErrorKind::unsupported) << bad;
    EXPECT_EQ(make_server_mechanism("SCRAM-SHA-256-PLUS", {}, true, "h").error().kind, ErrorKind::unsupported);
}

TEST(CramMd5Server, MatchesTheDigestOfItsOwnChallenge) {  // RFC 2195 §2
    for (const bool right : {true, false}) {
        auto mechanism = server("CRAM-MD5");
        const string challenge = expect<Challenge>(mechanism->response(std::nullopt)).octets;
        EXPECT_TRUE(challenge.starts_with('<') && challenge.ends_with('>')) << challenge;
        auto client =
            choose_client_mechanism({"CRAM-MD5"}, {"ana", right ? "tanstaaftanstaaf" : "wrong"}, false, {}).value();
        EXPECT_FALSE(client->initial_response().value().has_value());
        EXPECT_EQ(expect<NeedPassword>(mechanism->response(client->respond(challenge).value())).user, "ana");
        const ServerMechanismStep step = mechanism->password("tanstaaftanstaaf");
        EXPECT_EQ(std::holds_alternative<Succeeded>(step), right);
    }
}

TEST(CramMd5Client, MatchesTheExampleOfRfc2195) {
    auto client = choose_client_mechanism({"CRAM-MD5"}, {"tim", "tanstaaftanstaaf"}, false, {}).value();
    (void)client->initial_response();
    EXPECT_EQ(client->respond("<1896.697170952@postoffice.reston.mci.net>").value(),
              "tim b913a602c7eda7a495b4e6e7334d3890");
}

TEST(ClientMechanism, IsTheStrongestOneThatFits) {
    const ChannelBindings bound{.tls_exporter = string(32, 'k'), .tls_server_end_point = {}};
    const auto choice = [](const std::vector<string>& offered, bool tls, const ChannelBindings& bindings) {
        const auto chosen = choose_client_mechanism(offered, {"ana", "secret"}, tls, bindings);
        return chosen.has_value() ? string((*chosen)->name()) : string(name_of(chosen.error().kind));
    };
    const std::vector<string> all{"CRAM-MD5", "LOGIN", "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"};
    EXPECT_EQ(choice(all, true, bound), "SCRAM-SHA-256-PLUS");
    EXPECT_EQ(choice(all, true, {}), "SCRAM-SHA-256");
    EXPECT_EQ(choice(all, false, {}), "SCRAM-SHA-256");
    EXPECT_EQ(choice({"LOGIN", "PLAIN", "CRAM-MD5"}, true, bound), "PLAIN");
    EXPECT_EQ(choice({"login", "CRAM-MD5"}, true, bound), "LOGIN");
    EXPECT_EQ(choice({"LOGIN", "PLAIN", "CRAM-MD5"}, false, {}), "CRAM-MD5");
    const string unsupported(name_of(ErrorKind::unsupported));
    EXPECT_EQ(choice({"LOGIN", "PLAIN"}, false, {}), unsupported);  // the password never goes in clear
    EXPECT_EQ(choice({"SCRAM-SHA-256-PLUS"}, true, {}), unsupported);
    EXPECT_EQ(choice({}, true, bound), unsupported);
}

TEST(ClientMechanism, SendsPlainAtOnceAndLoginWhenAsked) {
    auto sends_at_once = choose_client_mechanism({"PLAIN"}, {"ana", "secret"}, true, {}).value();
    EXPECT_EQ(sends_at_once->initial_response().value(), plain("", "ana", "secret"));
    EXPECT_FALSE(sends_at_once->respond("").has_value());
    auto waits = choose_client_mechanism({"LOGIN"}, {"ana", "secret"}, true, {}).value();
    EXPECT_EQ(waits->initial_response().value(), std::nullopt);
    EXPECT_EQ(waits->respond("User Name").value(), "ana");
    EXPECT_EQ(waits->respond("Password").value(), "secret");
    EXPECT_FALSE(waits->respond("again").has_value());
}

TEST(ScramClient, LogsInToOurServerWithAndWithoutBinding) {
    for (const string& binding : {string(), string(32, 'k')}) {
        const ChannelBindings bindings{.tls_exporter = binding, .tls_server_end_point = {}};
        const std::vector<string> offered = server_mechanisms(false);
        auto client = choose_client_mechanism(offered, {"ñandú", "contraseña"}, true, bindings).value();
        auto mechanism = server(client->name(), bindings, !binding.empty());
        const string first = client->initial_response().value().value();
        EXPECT_EQ(expect<NeedVerifier>(mechanism->response(first)).user, "ñandú");
        const auto challenge =
            expect<Challenge>(mechanism->verifier(make_scram_verifier("contraseña", "0123456789abcdef", 4096)));
        EXPECT_FALSE(client->server_is_proven());
        const auto done = expect<Succeeded>(mechanism->response(client->respond(challenge.octets).value()));
        EXPECT_FALSE(client->server_is_proven());
        EXPECT_EQ(client->respond(done.final_octets).value(), "");
        EXPECT_TRUE(client->server_is_proven());
    }
}

TEST(ScramClient, RefusesAServerThatDoesNotKnowTheSecret) {  // RFC 5802 §5
    auto client = choose_client_mechanism({"SCRAM-SHA-256"}, {"ana", "secret"}, true, {}).value();
    const string first = client->initial_response().value().value();
    const string nonce = first.substr(first.find("r=") + 2);
    ASSERT_TRUE(client->respond("r=" + nonce + "more,s=c2FsdA==,i=4096").has_value());
    EXPECT_EQ(client->respond("v=" + encode_base64(string(32, 'x'))).error().kind, ErrorKind::refused);
    EXPECT_FALSE(client->server_is_proven());
}

TEST(ScramClient, RefusesAbsurdIterationCountsAndNonces) {  // security row A15
    for (const string& rest : {string("more,s=c2FsdA==,i=4294967295"), string("more,s=c2FsdA==,i=1000001"),
                               string("more,s=c2FsdA==,i=99999999999999999999"), string("more,s=c2FsdA==,i=0"),
                               string("more,s=c2FsdA==,i=-1"), string("more,s=c2FsdA==,i=4096x"),
                               string("more,s=c2FsdA=="), string("more,i=4096"), string("more,s=c2FsdA==,i=")}) {
        auto client = choose_client_mechanism({"SCRAM-SHA-256"}, {"ana", "secret"}, true, {}).value();
        const string first = client->initial_response().value().value();
        EXPECT_FALSE(client->respond("r=" + first.substr(first.find("r=") + 2) + rest).has_value()) << rest;
    }
    auto client = choose_client_mechanism({"SCRAM-SHA-256"}, {"ana", "secret"}, true, {}).value();
    (void)client->initial_response();
    EXPECT_FALSE(client->respond("r=not-our-nonce,s=c2FsdA==,i=4096").has_value());
}

}  // namespace
}  // namespace relevo::sasl
