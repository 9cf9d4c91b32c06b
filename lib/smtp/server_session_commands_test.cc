// Small commands, line ends, limits, and who is not an SMTP client (security rows A5, A7, A9, A17).
#include "lib/smtp/conversation.h"

#include <gmock/gmock.h>

namespace relevo::smtp {
namespace {

using std::string_view_literals::operator""sv;
using testing::HasSubstr;

TEST(ServerSessionCommands, AnswersThem) {  // RFC 5321 §4.1.1
    ServerOptions options = options_for_tests();
    options.error_limit = 0;
    Conversation peer(options);
    peer.sends("NOOP what ever").expects("250 2.0.0").sends("noop").expects(250).sends("RSET").expects("250 2.0.0");
    peer.sends("RSET x").expects("501 5.5.4").sends("VRFY a").expects("252 2.5.0").sends("VRFY").expects("501 5.5.4");
    peer.sends("EXPN list").expects("502 5.5.1").sends("HELP").expects("214 2.0.0").sends("XYZZY").expects("500 5.5.1");
    peer.sends("QUIT now").expects("501 5.5.4").sends("DATA").expects("503 5.5.1").sends("  ").expects("500 5.5.1");
    peer.sends("QUIT").expects_text("221 2.0.0 mx.example").expects_close("QUIT");
}

TEST(ServerSessionCommands, GreetsByNameAndRefusesWhatIsNone) {  // security row A9
    for (std::string_view name : {"a.example", "[192.0.2.1]", "[IPv6:2001:db8::1]", "localhost", "my_pc", "WIN-1",
                                  "ñandú.example", "192.0.2.1"}) {
        Conversation peer;
        peer.sends("EHLO " + std::string(name)).expects(250);
        EXPECT_EQ(peer.session().client_name(), name);
    }
    for (const std::string& bad :
         {std::string(), std::string("a b"), std::string("a(b)"), std::string("<a>"), std::string("a;b"),
          std::string("a\"b"), std::string("a\\b"), std::string("a,b"), std::string("\xff"),
          std::string("a\xe2\x80\xae"
                      "b"),
          std::string(256, 'a')}) {
        Conversation peer;
        peer.sends("EHLO " + bad).expects("501 5.5.4").sends("HELO " + bad).expects("501 5.5.4");
        EXPECT_EQ(peer.session().client_name(), "");
    }
}

TEST(ServerSessionCommands, HeloHasNoExtensions) {  // RFC 5321 §4.1.1.1
    Conversation peer;
    peer.sends("HELO a.example")
        .expects_text("250 mx.example\r\n")
        .sends("MAIL FROM:<a@example.com> SIZE=1")
        .expects("555 5.5.4");
    peer.sends("MAIL FROM:<a@example.com>").expects(250).sends("RCPT TO:<b@example.net> NOTIFY=NEVER").expects(555);
}

TEST(ServerSessionCommands, EndsTransactionsOnRsetAndEhlo) {  // RFC 5321 §4.1.4
    Conversation peer;
    peer.begins_transaction().sends("RSET").expects(250).sends("RCPT TO:<b@example.net>").expects(503);
    peer.begins_transaction().sends("EHLO b.example").expects(250).sends("DATA").expects(503);
    peer.begins_transaction().sends("QUIT").expects(221);
    EXPECT_THAT(peer.steps(), HasSubstr("ended by RSET"));
    EXPECT_THAT(peer.steps(), HasSubstr("ended by EHLO after: \nehlo b.example"));
    EXPECT_THAT(peer.steps(), HasSubstr("ended by the session ends after: \nclose QUIT"));
}

TEST(ServerSessionCommands, PassesRefusalsOfTheDriverOn) {
    Verdicts verdicts;
    verdicts.sender = [](const JudgeSender& question) {
        return question.announced_size > 5 ? Reply{452, EnhancedStatus{4, 3, 1}, "Disk is full"}
                                           : Reply{250, EnhancedStatus{2, 1, 0}, "Ok"};
    };
    verdicts.recipient = [](const mail::Recipient& recipient) {
        return recipient.address.local_part() == "b" ? Reply{550, EnhancedStatus{5, 1, 1}, "No such user"}
                                                     : Reply{250, EnhancedStatus{2, 1, 5}, "Ok"};
    };
    Conversation peer(options_for_tests(), TlsOffer::none, verdicts);
    peer.sends("EHLO a.example").expects(250).sends("MAIL FROM:<a@example.com> SIZE=6").expects("452 4.3.1");
    peer.sends("RCPT TO:<c@example.net>").expects(503).sends("MAIL FROM:<a@example.com> SIZE=5").expects(250);
    peer.sends("RCPT TO:<b@example.net>").expects("550 5.1.1").sends("DATA").expects("554 5.5.1");
    peer.sends("RCPT TO:<c@example.net>").expects(250).sends("DATA").expects(354).sends(".").expects(250);
    ASSERT_EQ(peer.messages().size(), 1U);
    EXPECT_EQ(peer.messages()[0].envelope.recipients.size(), 1U);
}

TEST(ServerSessionCommands, ClosesAfterAVerdictOf421) {  // RFC 5321 §3.8
    for (std::string_view command : {"DATA", "BDAT 2 LAST\r\n"}) {
        Verdicts verdicts;
        verdicts.content = {421, EnhancedStatus{4, 3, 2}, "Shutting down"};
        Conversation peer(options_for_tests(), TlsOffer::none, verdicts);
        peer.begins_transaction().sends(command).expects("421 4.3.2").expects_close("Shutting down");
    }
}

TEST(ServerSessionCommands, EndsFromOurSide) {
    const ServerOptions options = options_for_tests();
    ServerSession session(options, TlsOffer::none);
    session.greet();
    session.receive(as_octets("EHLO a.example\r\nMAIL FROM:<a@example.com>\r\n"));
    EXPECT_TRUE(std::holds_alternative<Greeted>(session.next()));
    EXPECT_TRUE(std::holds_alternative<JudgeSender>(session.next()));
    session.end({421, EnhancedStatus{4, 4, 2}, "Too slow"});
    session.answer({250, std::nullopt, "too late"});
    const ServerStep step = session.next();
    ASSERT_TRUE(std::holds_alternative<Close>(step));
    EXPECT_EQ(std::get<Close>(step).reason, "421 4.4.2 Too slow");
    EXPECT_TRUE(session.take_output().ends_with("421 4.4.2 Too slow\r\n"));
    ServerSession refused(options, TlsOffer::none);
    refused.refuse({554, EnhancedStatus{5, 7, 1}, "No"});
    EXPECT_TRUE(std::holds_alternative<Close>(refused.next()));
    EXPECT_EQ(refused.take_output(), "554 5.7.1 No\r\n");
}

// --- lines

TEST(ServerSessionCommands, WantsCrlf) {
    for (std::string_view line : {"NOOP\n", "\n", "MAIL FROM:<a@example.com>\n"}) {
        Conversation peer;
        peer.sends("EHLO a.example").expects(250).sends_octets(line).expects("500 5.5.2");
    }
    Conversation peer;
    peer.sends_octets("NOOP\rRSET\r\n").expects("500 5.5.2").sends_octets("NOOP\0x\r\n"sv).expects("500 5.5.2");
    peer.sends_octets("NOOP\r\r\n")
        .expects("500 5.5.2")
        .sends_octets("NO\bOP\r\n")
        .expects("500 5.5.2")
        .sends("NOOP")
        .expects(250);
    ServerOptions tolerant = options_for_tests();
    tolerant.bare_newlines = BareNewlines::repaired;
    Conversation old(tolerant);
    old.sends_octets("NOOP\nNOOP\r\n").expects(250).expects(250).sends_octets("NOOP\rNOOP\n").expects("500 5.5.2");
}

TEST(ServerSessionCommands, BoundsLines) {  // RFC 5321 §4.5.3.1.4; security rows A7, A17
    ServerOptions options = options_for_tests();
    options.command_line_limit_octets = 100;
    Conversation peer(options);
    peer.sends("NOOP " + std::string(93, 'x')).expects(250).sends("NOOP " + std::string(94, 'x')).expects("500 5.5.6");
    peer.sends("NOOP")
        .expects(250)
        .sends("EHLO " + std::string(65536, 'a'))
        .expects("500 5.5.6")
        .sends("NOOP")
        .expects(250);
    // What follows a bare LF in such a line is part of it.
    peer.sends_octets(std::string(200, 'x') + "\nQUIT\r\nNOOP\r\n").expects("500 5.5.6").expects(250).expects_silence();
    EXPECT_LE(peer.session().memory_octets(), 1024U);
    peer.sends_octets(std::string(2 * 1024 * 1024, 'x')).expects("500 5.5.6");
}

TEST(ServerSessionCommands, ClosesOnALineWithoutEnd) {
    const ServerOptions options = options_for_tests();
    ServerSessionDriver driver(options, TlsOffer::none, {});
    std::size_t sent = 0;
    while (!driver.is_closed() && sent < 16 * 1024 * 1024) {
        driver.send(std::string(65536, 'x'), [](std::size_t available) { return available; });
        sent += 65536;
        EXPECT_LE(driver.session().memory_octets(), 1024U);
    }
    EXPECT_EQ(driver.close_reason(), "a line without an end");
    EXPECT_LE(sent, 2U * 1024 * 1024);
}

// --- limits

TEST(ServerSessionCommands, BoundsErrors) {
    ServerOptions options = options_for_tests();
    options.error_limit = 3;
    Conversation peer(options);
    peer.sends("X")
        .expects(500)
        .sends("Y")
        .expects(500)
        .sends_octets("Z\r\nNOOP\r\n")
        .expects("421 4.7.0")
        .expects_close("too many errors");
}

TEST(ServerSessionCommands, BoundsCommandsWithoutProgress) {
    ServerOptions options = options_for_tests();
    options.command_limit = 3;
    Conversation peer(options);
    peer.sends("NOOP").expects(250).sends("RSET").expects(250).sends("HELP").expects(214);
    peer.begins_transaction().sends("DATA").expects(354).sends(".").expects(250);
    peer.sends("NOOP").expects("421 4.7.0").expects_close("too many commands");
}

TEST(ServerSessionCommands, BoundsRecipients) {  // RFC 5321 §4.5.3.1.10, RFC 9422; security row A17
    ServerOptions options = options_for_tests();
    options.recipient_limit = 3;
    Conversation peer(options);
    peer.sends("EHLO a.example").expects_text("LIMITS RCPTMAX=3").sends("MAIL FROM:<>").expects(250);
    for (int i = 0; i < 3; ++i) peer.sends("RCPT TO:<b@example.net>").expects(250);
    for (int i = 0; i < 100; ++i) peer.sends("RCPT TO:<b@example.net>").expects("452 4.5.3");
    peer.sends("DATA").expects(354).sends(".").expects(250);
    EXPECT_EQ(peer.messages().at(0).envelope.recipients.size(), 3U);
}

// --- others than SMTP

TEST(ServerSessionCommands, ClosesOnHttp) {  // security row A5
    for (std::string_view request :
         {"GET / HTTP/1.1\r\nHost: mx.example\r\n\r\n", "POST / HTTP/1.1\r\n\r\nEHLO evil.example\r\n",
          "CONNECT mx.example:25 HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\n", "HEAD / HTTP/1.0\nx\n"}) {
        Conversation peer;
        peer.sends_octets(request).expects("500 5.5.1").expects_close("HTTP request on an SMTP port");
        EXPECT_EQ(peer.steps(), "close HTTP request on an SMTP port\n");
    }
    Conversation peer;
    peer.sends("GET /" + std::string(10000, 'x') + " HTTP/1.1")
        .expects(500)
        .expects_close("HTTP request on an SMTP port");
}

TEST(ServerSessionCommands, ClosesOnTlsAtAPlainPort) {
    Conversation peer;
    peer.sends_octets("\x16\x03\x01\x02\x00\x01\x00\x01"sv)
        .expects_close("TLS ClientHello on a plain-text port: the client is set to SSL/TLS");
}

}  // namespace
}  // namespace relevo::smtp
