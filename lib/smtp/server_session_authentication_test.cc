// AUTH (RFC 4954) and STARTTLS (RFC 3207); security rows A3, A4, A7, A15.
#include "lib/smtp/conversation.h"

#include <gmock/gmock.h>

namespace relevo::smtp {
namespace {

using testing::HasSubstr;

ServerOptions with_mechanisms() {
    ServerOptions options = options_for_tests();
    options.authentication = Authentication::required;
    options.mechanisms = {"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "PLAIN", "LOGIN"};
    return options;
}

TEST(ServerSessionAuthentication, OffersOnlyWhatIsAllowedNow) {
    Conversation peer(with_mechanisms(), TlsOffer::starttls);
    peer.sends("EHLO a.example");
    EXPECT_THAT(peer.session().client_name(), "a.example");
    peer.expects_text("STARTTLS").sends("EHLO a.example").expects(250);
    Conversation plain(with_mechanisms(), TlsOffer::none);
    plain.sends("AUTH PLAIN")
        .expects(503)
        .sends("EHLO a.example")
        .expects(250)
        .sends("AUTH PLAIN")
        .expects("538 5.7.11");
    ServerOptions open = with_mechanisms();
    open.authentication_without_tls = true;
    Conversation in_clear(open, TlsOffer::none);
    in_clear.sends("EHLO a.example").expects_text("AUTH SCRAM-SHA-256 PLAIN LOGIN\r\n");
    in_clear.sends("AUTH SCRAM-SHA-256-PLUS")
        .expects_text("504 5.5.4 Mechanism SCRAM-SHA-256-PLUS is not offered; offered: SCRAM-SHA-256 PLAIN LOGIN");
    Conversation tls(with_mechanisms(), TlsOffer::active);
    tls.sends("EHLO a.example").expects_text("AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\r\n");
}

TEST(ServerSessionAuthentication, ListsExtensionsByState) {
    ServerOptions options = with_mechanisms();
    options.offers_requiretls = true;
    options.recipient_limit = 123;
    const ServerOptions& shared = options;
    ServerSessionDriver driver(shared, TlsOffer::starttls, {});
    const Chunking whole = [](std::size_t available) { return available; };
    driver.send("EHLO a.example\r\n", whole);
    EXPECT_EQ(driver.output(),
              "220 mx.example ESMTP Relevo\r\n250-mx.example\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n"
              "250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250-DSN\r\n250-CHUNKING\r\n250-BINARYMIME\r\n250-SMTPUTF8\r\n"
              "250 LIMITS RCPTMAX=123\r\n");
    driver.send("STARTTLS\r\n", whole);
    const std::size_t before = driver.output().size();
    driver.send("EHLO a.example\r\n", whole);
    const std::string secured = driver.output().substr(before);
    EXPECT_THAT(secured, HasSubstr("250-AUTH SCRAM-SHA-256-PLUS SCRAM-SHA-256 PLAIN LOGIN\r\n"));
    EXPECT_THAT(secured, HasSubstr("250-REQUIRETLS\r\n"));
    EXPECT_THAT(secured, Not(HasSubstr("STARTTLS")));
}

TEST(ServerSessionAuthentication, LogsInWithAndWithoutInitialResponse) {
    Verdicts verdicts;
    verdicts.challenges = {"User Name\0", "Password\0"};
    Conversation login(with_mechanisms(), TlsOffer::active, verdicts);
    login.sends("EHLO a.example").expects(250).sends("auth login").expects("334 VXNlciBOYW1l");
    login.sends("dXNlcg==").expects("334 UGFzc3dvcmQ=").sends("c2VjcmV0").expects("235 2.7.0");
    EXPECT_EQ(login.steps(), "ehlo a.example\nauth LOGIN\nresponse user\nresponse secret\n");
    EXPECT_TRUE(login.session().is_authenticated());
    login.sends("AUTH LOGIN").expects(503).sends("MAIL FROM:<>").expects(250);

    Conversation plain(with_mechanisms(), TlsOffer::active);
    plain.sends("EHLO a.example").expects(250).sends("AUTH PLAIN AGEAYg==").expects(235);
    Conversation empty(with_mechanisms(), TlsOffer::active);
    empty.sends("EHLO a.example").expects(250).sends("AUTH PLAIN =").expects(235);
    EXPECT_THAT(empty.steps(), HasSubstr("auth PLAIN with \n"));
    Conversation waiting(with_mechanisms(), TlsOffer::active);
    waiting.sends("EHLO a.example").expects(250).sends("AUTH PLAIN").expects("334 ").sends("").expects(235);
}

TEST(ServerSessionAuthentication, RequiresLoginBeforeMail) {
    Conversation peer(with_mechanisms(), TlsOffer::active);
    peer.sends("EHLO a.example")
        .expects(250)
        .sends("MAIL FROM:<a@example.com>")
        .expects_text("530 5.7.0 Authentication required: log in first (AUTH)");
    ServerOptions strict = with_mechanisms();
    strict.tls_required = true;
    Conversation clear(strict, TlsOffer::starttls);
    clear.sends("EHLO a.example")
        .expects(250)
        .sends("MAIL FROM:<a@example.com>")
        .expects_text("530 5.7.0 Must issue a STARTTLS command first");
}

TEST(ServerSessionAuthentication, EndsBrokenExchanges) {
    struct Case {
        std::string line;
        std::string_view reply;
    };
    for (const Case& test : {Case{"*", "501 5.7.0"}, Case{"%%%", "501 5.5.2"}, Case{"YQ", "501 5.5.2"},
                             Case{"YQ==YQ==", "501 5.5.2"}, Case{"Y Q==", "501 5.5.2"},
                             Case{std::string(12300, 'A'), "500 5.5.6"}, Case{std::string(70000, 'A'), "500 5.5.6"}}) {
        Conversation peer(with_mechanisms(), TlsOffer::active);
        peer.sends("EHLO a.example").expects(250).sends("AUTH PLAIN").expects(334).sends(test.line).expects(test.reply);
        EXPECT_THAT(peer.steps(), HasSubstr("auth aborted\n"));
        peer.sends("NOOP").expects(250);
        EXPECT_FALSE(peer.session().is_authenticated());
    }
    Conversation bare(with_mechanisms(), TlsOffer::active);
    bare.sends("EHLO a.example")
        .expects(250)
        .sends("AUTH PLAIN")
        .expects(334)
        .sends_octets("YQ==\n")
        .expects("500 5.5.2");
}

TEST(ServerSessionAuthentication, TakesLinesOfEveryLengthUpToTheLimit) {  // CVE-2018-6789: lengths that are not 4n
    for (std::size_t size : {0U, 1U, 2U, 3U, 4U, 5U, 255U, 1024U, 4096U, 12286U, 12287U, 12288U}) {
        Conversation peer(with_mechanisms(), TlsOffer::active);
        peer.sends("EHLO a.example").expects(250).sends("AUTH PLAIN").expects(334).sends(std::string(size, 'A'));
        peer.expects(size > 12286 ? "500 5.5.6" : size % 4 == 0 ? "235" : "501 5.5.2");
        peer.sends("NOOP").expects(250);
    }
}

TEST(ServerSessionAuthentication, RefusesBadCommands) {
    Conversation peer(with_mechanisms(), TlsOffer::active);
    peer.sends("EHLO a.example")
        .expects(250)
        .sends("AUTH")
        .expects("501 5.5.4")
        .sends("AUTH PLAIN a b")
        .expects("501 5.5.4");
    peer.sends("AUTH PLAIN !").expects("501 5.5.2").sends("AUTH XOAUTH2").expects("504 5.5.4");
    Conversation none(options_for_tests(), TlsOffer::active);
    none.sends("EHLO a.example").expects(250).sends("AUTH PLAIN").expects("502 5.5.1");
}

TEST(ServerSessionAuthentication, CountsWrongPasswordsAsErrors) {
    Verdicts verdicts;
    verdicts.authentication = {535, EnhancedStatus{5, 7, 8}, "Wrong user name or password"};
    ServerOptions options = with_mechanisms();
    options.error_limit = 3;
    Conversation peer(options, TlsOffer::active, verdicts);
    peer.sends("EHLO a.example").expects(250);
    peer.sends("AUTH PLAIN AGEAYg==").expects("535 5.7.8").sends("AUTH PLAIN AGEAYg==").expects(535);
    peer.sends("AUTH PLAIN AGEAYg==").expects("421 4.7.0").expects_close("too many errors");
}

TEST(ServerSessionAuthentication, ClosesOnAnswersBeforeTheChallenge) {  // security row A4
    for (std::string_view early :
         {"AUTH LOGIN\r\ndXNlcg==\r\nc2VjcmV0\r\n", "AUTH PLAIN AGEAYg==\r\nMAIL FROM:<>\r\n"}) {
        Conversation peer(with_mechanisms(), TlsOffer::active);
        peer.sends("EHLO a.example").expects(250).sends_octets(early);
        peer.expects("554 5.5.1").expects_close("octets sent before the answer to AUTH");
    }
    Verdicts verdicts;
    verdicts.challenges = {"one", "two"};
    Conversation peer(with_mechanisms(), TlsOffer::active, verdicts);
    peer.sends("EHLO a.example").expects(250).sends("AUTH LOGIN").expects(334).sends_octets("dXNlcg==\r\nc2VjcmV0\r\n");
    peer.expects("554 5.5.1").expects_close("octets sent before the answer to AUTH");
    EXPECT_THAT(peer.steps(), HasSubstr("auth aborted\n"));
}

// --- STARTTLS

TEST(ServerSessionStartTls, DropsWhatWasInjectedInClear) {  // security row A3, CVE-2011-0411
    for (std::string_view injected : {"NOOP\r\n", "EHLO evil.example\r\nMAIL FROM:<evil@example.com>\r\n", "\r\n",
                                      "RSET", "AUTH PLAIN AGEAYg==\r\n", "MAIL FR"}) {
        Conversation peer(with_mechanisms(), TlsOffer::starttls);
        peer.sends("EHLO a.example")
            .expects(250)
            .sends_octets("STARTTLS\r\n" + std::string(injected))
            .expects("220 2.0.0");
        peer.expects_silence();
        EXPECT_EQ(peer.steps(), "ehlo a.example\ntls\n");
        EXPECT_EQ(peer.session().client_name(), "");
        peer.sends("MAIL FROM:<a@example.com>").expects(503).sends("EHLO b.example").expects(250);
    }
}

TEST(ServerSessionStartTls, ForgetsAllThatWasSaidInClear) {  // RFC 3207 §4.2
    ServerOptions options = with_mechanisms();
    options.authentication_without_tls = true;
    Conversation peer(options, TlsOffer::starttls);
    peer.sends("EHLO a.example").expects(250).sends("AUTH PLAIN AGEAYg==").expects(235).sends("STARTTLS").expects(220);
    EXPECT_FALSE(peer.session().is_authenticated());
    EXPECT_FALSE(peer.session().is_extended());
    peer.sends("EHLO a.example").expects(250).sends("MAIL FROM:<a@example.com>").expects(530);
    peer.sends("STARTTLS").expects("503 5.5.1");
}

TEST(ServerSessionStartTls, RefusesItOutOfPlace) {
    Conversation peer(options_for_tests(), TlsOffer::starttls);
    peer.sends("STARTTLS now").expects("501 5.5.4");
    peer.begins_transaction().sends("STARTTLS").expects("503 5.5.1");
    Conversation none(options_for_tests(), TlsOffer::none);
    none.sends("STARTTLS").expects("502 5.5.1");
}

}  // namespace
}  // namespace relevo::smtp
