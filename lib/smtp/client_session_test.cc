#include "lib/smtp/client_session.h"

#include "lib/base/base64.h"
#include "lib/smtp/client_test_peer.h"

#include <gtest/gtest.h>

namespace relevo::smtp {
namespace {

using std::string;

constexpr std::string_view everything =
    "PIPELINING\nSIZE 10000000\n8BITMIME\nSMTPUTF8\nCHUNKING\nBINARYMIME\nDSN\nENHANCEDSTATUSCODES";

TEST(ClientSession, SendsOneMailWithoutExtensions) {  // RFC 5321 §3.3
    const TestMail mail("a@relevo.example", {"b@mx.example", "c@mx.example"});
    TestPeer peer;
    peer.opens().begins(mail);
    peer.expects("MAIL FROM:<a@relevo.example>\r\n").says("250 Ok");
    peer.expects("RCPT TO:<b@mx.example>\r\n").says("250 Ok");
    peer.expects("RCPT TO:<c@mx.example>\r\n").says("250 Ok");
    peer.expects("DATA\r\n").says("354 go ahead");
    EXPECT_EQ(peer.takes_content(), mail.content + ".\r\n");
    EXPECT_EQ(peer.session().stage(), ClientStage::end_of_data);
    peer.reaches<ClientNeedBytes>().says("250 2.0.0 queued").reaches<ClientTransactionDone>();
    EXPECT_EQ(peer.result(0), "accepted end of data: 250 2.0.0 queued");
    EXPECT_EQ(peer.result(1), "accepted end of data: 250 2.0.0 queued");
    peer.reaches<ClientReady>().session().quit();
    peer.expects("QUIT\r\n").says("221 bye").reaches<ClientClosed>();
}

TEST(ClientSession, PipelinesTheEnvelopeAndReusesTheConnection) {  // RFC 2920 §3.1
    const TestMail mail("a@relevo.example", {"b@mx.example", "c@mx.example"});
    TestPeer peer;
    peer.opens("PIPELINING");
    for (int round = 0; round < 3; ++round) {
        peer.begins(mail).expects(
            "MAIL FROM:<a@relevo.example>\r\nRCPT TO:<b@mx.example>\r\nRCPT TO:<c@mx.example>\r\nDATA\r\n");
        peer.says("250 Ok\r\n250 Ok\r\n550 5.1.1 no such user\r\n354 go");
        EXPECT_EQ(peer.takes_content(), mail.content + ".\r\n");
        peer.says("250 queued").reaches<ClientTransactionDone>();
        EXPECT_EQ(peer.result(0), "accepted end of data: 250 queued");
        EXPECT_EQ(peer.result(1), "refused RCPT: 550 5.1.1 no such user");
        peer.reaches<ClientReady>();
    }
}

TEST(ClientSession, SendsASingleDotWhenDataIsTakenForNobody) {  // RFC 2920 §3.1
    const TestMail mail("a@relevo.example", {"b@mx.example"});
    TestPeer peer;
    peer.opens("PIPELINING").begins(mail).says("250 Ok\r\n550 no\r\n354 go");
    peer.expects("MAIL FROM:<a@relevo.example>\r\nRCPT TO:<b@mx.example>\r\nDATA\r\n.\r\n");
    peer.reaches<ClientNeedBytes>().says("250 queued").reaches<ClientTransactionDone>();
    EXPECT_EQ(peer.result(), "refused RCPT: 550 no");
    peer.reaches<ClientReady>().begins(mail).expects(
        "MAIL FROM:<a@relevo.example>\r\nRCPT TO:<b@mx.example>\r\nDATA\r\n");
}

TEST(ClientSession, ResetsOnlyAHalfTransaction) {  // RFC 5321 §4.1.1.5
    const TestMail mail("a@relevo.example", {"b@mx.example"});
    const string commands = "MAIL FROM:<a@relevo.example>\r\nRCPT TO:<b@mx.example>\r\nDATA\r\n";
    TestPeer peer;
    peer.opens("PIPELINING").begins(mail).expects(commands).says("250 Ok\r\n450 later\r\n503 no recipients");
    peer.reaches<ClientTransactionDone>().reaches<ClientReady>().begins(mail).expects("RSET\r\n" + commands);
    peer.says("250 reset\r\n451 busy\r\n503 first MAIL\r\n503 first MAIL").reaches<ClientTransactionDone>();
    EXPECT_EQ(peer.result(), "refused MAIL: 451 busy");
    peer.reaches<ClientReady>().begins(mail).expects(commands);
    peer.says("250 Ok\r\n250 Ok\r\n451 no disk").reaches<ClientTransactionDone>();
    EXPECT_EQ(peer.result(), "refused DATA: 451 no disk");
    peer.reaches<ClientReady>().begins(mail).expects("RSET\r\n" + commands);
}

TEST(ClientSession, StopsAtARefusedMailWithoutPipelining) {
    const TestMail mail("a@relevo.example", {"b@mx.example"});
    TestPeer peer;
    peer.opens().begins(mail).expects("MAIL FROM:<a@relevo.example>\r\n").says("550 5.7.1 go away");
    peer.reaches<ClientTransactionDone>().expects("");
    EXPECT_EQ(peer.result(), "refused MAIL: 550 5.7.1 go away");
}

TEST(ClientSession, SendsChunksOnceTheRecipientsAreKnown) {  // RFC 3030 §2
    TestMail mail("a@relevo.example", {"b@mx.example", "c@mx.example"});
    mail.content = "Subject: dots\r\n\r\n.\r\n..";
    TestPeer peer;
    peer.opens("PIPELINING\nCHUNKING").begins(mail);
    peer.expects("MAIL FROM:<a@relevo.example>\r\nRCPT TO:<b@mx.example>\r\nRCPT TO:<c@mx.example>\r\n");
    peer.says("250 Ok\r\n250 Ok\r\n450 4.2.1 later");
    EXPECT_EQ(peer.takes_content(20), "BDAT 22 LAST\r\n" + mail.content);
    peer.says("250 2.0.0 got it").reaches<ClientTransactionDone>();
    EXPECT_EQ(peer.result(0), "accepted end of data: 250 2.0.0 got it");
    EXPECT_EQ(peer.result(1), "refused RCPT: 450 4.2.1 later");
    peer.reaches<ClientReady>();
}

TEST(ClientSession, ResetsAfterARefusedChunk) {  // RFC 3030 §2
    const TestMail mail("", {"b@mx.example"});
    TestPeer peer;
    peer.opens("PIPELINING\nCHUNKING").begins(mail).says("250 Ok\r\n250 Ok");
    (void)peer.takes_content();
    peer.says("552 5.3.4 too big").reaches<ClientTransactionDone>();
    EXPECT_EQ(peer.result(), "refused end of data: 552 5.3.4 too big");
    (void)peer.session().take_output();
    peer.reaches<ClientReady>().begins(mail).expects("RSET\r\nMAIL FROM:<>\r\nRCPT TO:<b@mx.example>\r\n");
}

TEST(ClientSession, KeepsAtMostAHundredCommandsUnderWay) {  // RFC 2920 §3.1: deadlock
    TestMail mail("a@relevo.example", {});
    for (int i = 0; i < 250; ++i)
        mail.envelope.recipients.push_back(
            {.address = test_address("u" + std::to_string(i) + "@mx.example"), .notify = {}, .original_recipient = {}});
    TestPeer peer;
    peer.opens("PIPELINING").begins(mail);
    const auto lines = [](const string& text) { return std::count(text.begin(), text.end(), '\n'); };
    EXPECT_EQ(lines(peer.session().take_output()), 100);
    int sent = 100;
    for (int answered = 0; answered < 251; ++answered) {
        peer.says("250 Ok").reaches<ClientNeedBytes>();
        sent += static_cast<int>(lines(peer.session().take_output()));
        EXPECT_LE(sent - answered - 1, 100);
    }
    EXPECT_EQ(sent, 252);
    peer.says("354 go");
    (void)peer.takes_content();
    peer.says("250 Ok").reaches<ClientTransactionDone>();
    for (const RecipientResult& result : peer.session().results()) EXPECT_TRUE(result.accepted);
}

TEST(ClientSession, FallsBackToHelo) {  // RFC 5321 §3.2, §4.1.4
    for (const std::string_view refusal : {"500 what", "501 bad", "502 no", "504 no", "550 no"}) {
        TestPeer peer;
        peer.says("220 mx").expects("EHLO relevo.example\r\n").says(refusal).expects("HELO relevo.example\r\n");
        peer.says("250 mx").reaches<ClientReady>();
        EXPECT_FALSE(peer.session().extensions().extended);
    }
    TestPeer lmtp({.protocol = Protocol::lmtp, .client_name = {}});
    lmtp.says("220 mx").expects("LHLO relevo.example\r\n").says("500 what").reaches<ClientFailed>();
}

TEST(ClientSession, ReadsTheExtensions) {  // RFC 5321 §4.1.1.1
    TestPeer peer;
    peer.opens(
        "pipelining\nSIZE 1000\n8BitMime\nSMTPUTF8\nCHUNKING\nBINARYMIME\nDSN\nENHANCEDSTATUSCODES\nREQUIRETLS\n"
        "AUTH plain LOGIN\nAUTH=LOGIN NTLM\nLIMITS RCPTMAX=20 MAILMAX=5 RCPTDOMAINMAX=1\nX-UNKNOWN a b\n\n=");
    const ServerExtensions& server = peer.session().extensions();
    EXPECT_TRUE(server.extended && server.pipelining && server.eight_bit_mime && server.smtputf8 && server.chunking &&
                server.binary_mime && server.dsn && server.enhanced_status && server.require_tls && server.size);
    EXPECT_FALSE(server.starttls);
    EXPECT_EQ(server.size_limit, 1000U);
    EXPECT_EQ(server.recipient_limit, 20U);
    EXPECT_EQ(server.mail_limit, 5U);
    EXPECT_EQ(server.mechanisms, (std::vector<string>{"PLAIN", "LOGIN", "NTLM"}));
}

TEST(ClientSession, PassesOverMalformedExtensions) {
    TestPeer peer;
    peer.opens("SIZE 99999999999999999999\nLIMITS RCPTMAX=0 MAILMAX=1234567 =\nBINARYMIME\nPIPELININGS\nAUTH");
    const ServerExtensions& server = peer.session().extensions();
    EXPECT_TRUE(server.size);
    EXPECT_FALSE(server.size_limit || server.recipient_limit || server.mail_limit || server.pipelining);
    EXPECT_FALSE(server.binary_mime);  // RFC 3030 §3: useless without CHUNKING
    EXPECT_TRUE(server.mechanisms.empty());
}

TEST(ClientSession, SendsWhatTheServerOffersToTake) {
    TestMail mail("a@relevo.example", {"b@mx.example"});
    mail.envelope.dsn_return = mail::DsnReturn::headers;
    mail.envelope.envelope_id = "id+2B1";
    mail.envelope.recipients[0].notify.bits = mail::DsnNotify::success | mail::DsnNotify::delay;
    mail.envelope.recipients[0].original_recipient = "rfc822;b@list.example";
    mail.content = "Subject: \xc3\xb1\r\n\r\nx\r\n";
    TestPeer all;
    all.opens(everything)
        .begins(mail)
        .expects(
            "MAIL FROM:<a@relevo.example> SIZE=18 BODY=8BITMIME RET=HDRS ENVID=id+2B1\r\n"
            "RCPT TO:<b@mx.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;b@list.example\r\n");
    EXPECT_TRUE(all.session().dsn_relayed());
    TestPeer few;
    few.opens("PIPELINING\n8BITMIME")
        .begins(mail)
        .expects("MAIL FROM:<a@relevo.example> BODY=8BITMIME\r\nRCPT TO:<b@mx.example>\r\nDATA\r\n");
    EXPECT_FALSE(few.session().dsn_relayed());
}

TEST(ClientSession, DropsParametersThatWouldBecomeSyntax) {  // security row A9
    TestMail mail("a@relevo.example", {"b@mx.example"});
    for (const std::string_view hostile : {"x\r\nRCPT TO:<evil@x.example>", "a b", "a=b", "\x7f", "\xc3\xb1"}) {
        mail.envelope.envelope_id = hostile;
        mail.envelope.recipients[0].original_recipient = hostile;
        TestPeer peer;
        peer.opens("PIPELINING\nDSN")
            .begins(mail)
            .expects("MAIL FROM:<a@relevo.example>\r\nRCPT TO:<b@mx.example>\r\nDATA\r\n");
    }
}

TEST(ClientSession, SendsBinaryOctetForOctet) {  // RFC 3030 §3
    TestMail mail("a@relevo.example", {"b@mx.example"});
    mail.envelope.body = mail::BodyType::binary_mime;
    mail.content = string("a\nb\rc\0\xff", 7);
    TestPeer peer;
    peer.opens(everything)
        .begins(mail)
        .expects("MAIL FROM:<a@relevo.example> SIZE=7 BODY=BINARYMIME\r\nRCPT TO:<b@mx.example>\r\n");
    peer.says("250 Ok\r\n250 Ok");
    EXPECT_EQ(peer.takes_content(), "BDAT 7 LAST\r\n" + mail.content);
}

TEST(ClientSession, DecidesBeforeSendingWhatTheServerCannotTake) {
    struct Case {
        std::string_view extensions;
        std::string_view content;
        mail::BodyType body;
        bool require_tls;
        std::string_view result;
    };
    const Case cases[] = {
        {"SIZE 10", "Subject: x\r\n", mail::BodyType::seven_bit, false,
         "refused MAIL: 552 5.3.4 message of 12 octets exceeds the server's limit of 10"},
        {"SIZE 11", "Subject: x\n", mail::BodyType::seven_bit, false,  // a bare LF leaves as two octets
         "refused MAIL: 552 5.3.4 message of 12 octets exceeds the server's limit of 11"},
        {"", "\xc3\xb1\r\n", mail::BodyType::seven_bit, false,
         "refused MAIL: 554 5.6.3 8-bit content, and the server does not support 8BITMIME"},
        {"8BITMIME\nCHUNKING", "x\r\n", mail::BodyType::binary_mime, false,
         "refused MAIL: 554 5.6.3 binary content, and the server does not support BINARYMIME"},
        {"REQUIRETLS", "x\r\n", mail::BodyType::seven_bit, true,
         "refused MAIL: 550 5.7.30 REQUIRETLS is needed and this server does not support it"},
    };
    for (const Case& c : cases) {
        TestMail mail("a@relevo.example", {"b@mx.example", "c@mx.example"});
        mail.content = c.content;
        mail.envelope.body = c.body;
        mail.envelope.require_tls = c.require_tls;
        TestPeer peer;
        peer.opens(c.extensions).begins(mail).reaches<ClientTransactionDone>().expects("");
        EXPECT_EQ(peer.result(0), c.result);
        EXPECT_EQ(peer.result(1), c.result);
        peer.reaches<ClientReady>();
    }
}

TEST(ClientSession, TakesEightBitDeclaredButAsciiContentAnywhere) {
    TestMail mail("a@relevo.example", {"b@mx.example"});
    mail.envelope.body = mail::BodyType::eight_bit_mime;
    TestPeer peer;
    peer.opens().begins(mail).expects("MAIL FROM:<a@relevo.example>\r\n");
}

TEST(ClientSession, RequiresTlsOnlyInsideTls) {  // RFC 8689 §4.2.1
    TestMail mail("a@relevo.example", {"b@mx.example"});
    mail.envelope.require_tls = true;
    TestPeer peer({.client_name = {}, .tls = ClientTls::active});
    peer.opens("REQUIRETLS").begins(mail).expects("MAIL FROM:<a@relevo.example> REQUIRETLS\r\n");
}

TEST(ClientSession, UsesSmtputf8WhenAddressOrEnvelopeNeedIt) {  // RFC 6531 §3.4
    const TestMail mail("a@relevo.example", {"b@mx.example", "ñ@ñandú.example"});
    TestPeer peer;
    peer.opens(everything)
        .begins(mail)
        .expects(
            "MAIL FROM:<a@relevo.example> SIZE=23 SMTPUTF8\r\nRCPT TO:<b@mx.example>\r\nRCPT TO:<ñ@ñandú.example>\r\n");
    TestMail flagged("a@relevo.example", {"b@mx.example"});
    flagged.envelope.smtputf8 = true;
    TestPeer second;
    second.opens(everything)
        .begins(flagged)
        .expects("MAIL FROM:<a@relevo.example> SIZE=23 SMTPUTF8\r\nRCPT TO:<b@mx.example>\r\n");
}

TEST(ClientSession, ConvertsDomainsButNoLocalPartsForOldServers) {  // RFC 6531 §3.2, RFC 5891
    const TestMail mail("a@ñandú.example", {"b@ñandú.example", "ñ@mx.example"});
    TestPeer peer;
    peer.opens("PIPELINING")
        .begins(mail)
        .expects("MAIL FROM:<a@xn--and-6ma2c.example>\r\nRCPT TO:<b@xn--and-6ma2c.example>\r\nDATA\r\n");
    peer.says("250 Ok\r\n250 Ok\r\n354 go");
    (void)peer.takes_content();
    peer.says("250 queued").reaches<ClientTransactionDone>();
    EXPECT_EQ(peer.result(0), "accepted end of data: 250 queued");
    EXPECT_EQ(peer.result(1),
              "refused RCPT: 553 5.6.7 recipient address in UTF-8, and the server does not support SMTPUTF8");
}

TEST(ClientSession, RefusesUtf8HeadersAndSendersForOldServers) {  // RFC 6531 §3.5
    TestMail header("a@ñandú.example", {"b@mx.example"});
    header.content = "Subject: ñ\r\n\r\nx\r\n";
    TestPeer first;
    first.opens("8BITMIME").begins(header).reaches<ClientTransactionDone>();
    EXPECT_EQ(first.result(), "refused MAIL: 550 5.6.7 header in UTF-8, and the server does not support SMTPUTF8");
    TestMail body("a@ñandú.example", {"b@mx.example"});
    body.content = "Subject: x\r\n\r\nñ\r\n";
    TestPeer second;
    second.opens("8BITMIME").begins(body).expects("MAIL FROM:<a@xn--and-6ma2c.example> BODY=8BITMIME\r\n");
    const TestMail sender("ñ@relevo.example", {"b@mx.example"});
    TestPeer third;
    third.opens("8BITMIME").begins(sender).reaches<ClientTransactionDone>();
    EXPECT_EQ(third.result(),
              "refused MAIL: 550 5.6.7 sender address in UTF-8, and the server does not support SMTPUTF8");
}

TEST(ClientSession, StartsTlsAndForgetsWhatWasSaidInClear) {  // RFC 3207 §4.2, security row B2
    TestPeer peer({.client_name = {}, .tls = ClientTls::required});
    peer.says("220 mx").expects("EHLO relevo.example\r\n");
    peer.writes("250-mx\r\n250-STARTTLS\r\n250 SIZE 5\r\n").expects("STARTTLS\r\n");
    peer.writes("220 go\r\n250-injected\r\n250 AUTH PLAIN\r\n").reaches<ClientStartTls>().reaches<ClientStartTls>();
    peer.writes("250 injected late\r\n").reaches<ClientStartTls>().session().tls_started();
    peer.expects("EHLO relevo.example\r\n").reaches<ClientNeedBytes>();
    EXPECT_FALSE(peer.session().extensions().size_limit || peer.session().extensions().starttls);
    peer.writes("250-mx\r\n250 STARTTLS\r\n").reaches<ClientReady>();  // offered again: not used twice
}

TEST(ClientSession, ChoosesClearTextOrFailureWithoutStartTls) {  // RFC 7435, RFC 3207 §4
    TestPeer opportunistic;
    opportunistic.says("220 mx").expects("EHLO relevo.example\r\n").writes("250-mx\r\n250 STARTTLS\r\n");
    opportunistic.expects("STARTTLS\r\n").says("454 4.7.0 not now").reaches<ClientReady>();
    TestPeer refused({.client_name = {}, .tls = ClientTls::required});
    refused.writes("220 mx\r\n250-mx\r\n250 STARTTLS\r\n454 4.7.0 not now\r\n").reaches<ClientFailed>();
    EXPECT_EQ(refused.session().failure().reply.one_line(), "454 4.7.0 not now");
    TestPeer not_offered({.client_name = {}, .tls = ClientTls::required});
    not_offered.writes("220 mx\r\n250 mx\r\n").reaches<ClientFailed>();
    EXPECT_EQ(not_offered.session().failure().stage, ClientStage::starttls);
    EXPECT_EQ(not_offered.session().failure().reply.status, (EnhancedStatus{5, 7, 10}));
    TestPeer never({.client_name = {}, .tls = ClientTls::never});
    never.writes("220 mx\r\n250-mx\r\n250 STARTTLS\r\n").reaches<ClientReady>();
}

TestPeer authenticating_peer() {
    TestPeer peer({.client_name = {}, .tls = ClientTls::active, .authenticate = true});
    peer.writes("220 mx\r\n250-mx\r\n250 AUTH PLAIN SCRAM-SHA-256\r\n");
    const ClientStep step = peer.session().next();
    const auto* choose = std::get_if<ClientChooseMechanism>(&step);
    EXPECT_TRUE(choose != nullptr && choose->mechanisms->size() == 2);
    (void)peer.session().take_output();
    (void)peer.session().take_transcript();
    return peer;
}

TEST(ClientSession, AuthenticatesWithAnInitialResponse) {  // RFC 4954 §4
    TestPeer peer = authenticating_peer();
    peer.session().authenticate_with("PLAIN", string("\0ana\0secret", 11));
    peer.expects("AUTH PLAIN AGFuYQBzZWNyZXQ=\r\n").says("235 2.7.0 welcome").reaches<ClientReady>();
    EXPECT_EQ(peer.session().take_transcript(), "C: AUTH PLAIN ***\nS: 235 2.7.0 welcome\n");
    TestPeer empty = authenticating_peer();
    empty.session().authenticate_with("PLAIN", "");
    empty.expects("AUTH PLAIN =\r\n");
}

TEST(ClientSession, AuthenticatesByChallenges) {
    TestPeer peer = authenticating_peer();
    peer.session().authenticate_with("SCRAM-SHA-256", std::nullopt);
    peer.expects("AUTH SCRAM-SHA-256\r\n").says("334 ");
    EXPECT_EQ(std::get<ClientChallenge>(peer.session().next()).octets, "");
    peer.session().respond("first");
    peer.expects(encode_base64("first") + "\r\n").says("334 " + encode_base64("second"));
    EXPECT_EQ(std::get<ClientChallenge>(peer.session().next()).octets, "second");
    peer.session().respond("");
    peer.expects("\r\n").says("235 welcome").reaches<ClientReady>();
    EXPECT_EQ(peer.session().take_transcript(),
              "C: AUTH SCRAM-SHA-256\nS: 334 ***\nC: ***\nS: 334 ***\nC: ***\nS: 235 welcome\n");
}

TEST(ClientSession, FailsWhenAuthenticationDoes) {
    TestPeer refused = authenticating_peer();
    refused.session().authenticate_with("PLAIN", "x");
    refused.says("535 5.7.8 wrong").reaches<ClientFailed>();
    EXPECT_EQ(refused.session().failure().stage, ClientStage::auth);
    EXPECT_EQ(refused.session().failure().reply.code, 535);
    TestPeer cancelled = authenticating_peer();
    cancelled.session().authenticate_with("PLAIN", "x");
    cancelled.says("334 aGVsbG8=").reaches<ClientChallenge>().session().cancel_authentication();
    (void)cancelled.session().take_output();
    cancelled.says("501 cancelled").reaches<ClientFailed>();
    TestPeer garbage = authenticating_peer();
    garbage.session().authenticate_with("PLAIN", "x");
    garbage.says("334 not base64!").reaches<ClientFailed>();
    TestPeer quits = authenticating_peer();
    quits.session().quit();
    quits.expects("QUIT\r\n").says("221 bye").reaches<ClientClosed>();
    TestPeer not_offered({.client_name = {}, .tls = ClientTls::active, .authenticate = true});
    not_offered.writes("220 mx\r\n250 mx\r\n").reaches<ClientFailed>();
    EXPECT_EQ(not_offered.session().failure().stage, ClientStage::auth);
}

TEST(ClientSession, GetsOneLmtpReplyPerAcceptedRecipient) {  // RFC 2033 §4.2
    const TestMail mail("a@relevo.example", {"b@mx.example", "c@mx.example", "d@mx.example"});
    TestPeer peer({.protocol = Protocol::lmtp, .client_name = {}});
    peer.says("220 mx")
        .expects("LHLO relevo.example\r\n")
        .writes("250-mx\r\n250 PIPELINING\r\n")
        .reaches<ClientReady>();
    peer.begins(mail).writes("250 Ok\r\n250 Ok\r\n550 no\r\n250 Ok\r\n354 go\r\n");
    (void)peer.takes_content();
    peer.says("250 2.1.5 b has it").reaches<ClientNeedBytes>();
    peer.says("452 4.2.2 d is full").reaches<ClientTransactionDone>();
    EXPECT_EQ(peer.result(0), "accepted end of data: 250 2.1.5 b has it");
    EXPECT_EQ(peer.result(1), "refused RCPT: 550 no");
    EXPECT_EQ(peer.result(2), "refused end of data: 452 4.2.2 d is full");
    peer.reaches<ClientReady>();
}

TEST(ClientSession, KeepsTheTranscriptShortAndFreeOfContent) {
    const TestMail mail("a@relevo.example", {"b@mx.example"});
    TestPeer peer;
    peer.opens("PIPELINING");
    (void)peer.session().take_transcript();
    peer.begins(mail).says("250 Ok\r\n250-two\r\n250 lines\r\n354 go");
    (void)peer.takes_content();
    peer.says("250 queued").reaches<ClientTransactionDone>();
    EXPECT_EQ(
        peer.session().take_transcript(),
        "C: MAIL FROM:<a@relevo.example>\nC: RCPT TO:<b@mx.example>\nC: DATA\nS: 250 Ok\nS: 250-two\nS: 250 lines\n"
        "S: 354 go\nC: [23 octets]\nC: .\nS: 250 queued\n");
    TestMail many("a@relevo.example", {});
    for (int i = 0; i < 1000; ++i) many.envelope.recipients.push_back({test_address("someone@mx.example"), {}, {}});
    peer.reaches<ClientReady>().begins(many).says("250 Ok");
    for (int i = 0; i < 1000; ++i) peer.says("550 5.1.1 " + string(40, 'x'));
    peer.says("503 the very end").reaches<ClientTransactionDone>();
    const string transcript = peer.session().take_transcript();
    EXPECT_LE(transcript.size(), 16U * 1024);
    EXPECT_TRUE(transcript.starts_with("C: MAIL FROM"));
    EXPECT_TRUE(transcript.ends_with("S: 503 the very end\n")) << transcript.substr(transcript.size() - 100);
    EXPECT_NE(transcript.find("\n...\n"), string::npos);
    EXPECT_EQ(peer.session().take_transcript(), "");
}

TEST(ClientSession, HandsOutCleanContentWithoutACopy) {
    TestMail mail("a@relevo.example", {"b@mx.example"});
    TestPeer peer;
    peer.opens("PIPELINING").begins(mail).says("250 Ok\r\n250 Ok\r\n354 go").reaches<ClientSendContent>();
    const auto direct = peer.session().content_as_is();
    ASSERT_TRUE(direct.has_value());
    EXPECT_EQ(direct->prefix, "");
    EXPECT_EQ(direct->content.data(), mail.content.data());
    EXPECT_EQ(direct->terminator, ".\r\n");
    peer.session().content_sent();
    peer.says("250 Ok").reaches<ClientTransactionDone>().reaches<ClientReady>();
    mail.content = "Subject: dots\r\n\r\n.\r\n";
    peer.begins(mail).says("250 Ok\r\n250 Ok\r\n354 go").reaches<ClientSendContent>();
    EXPECT_FALSE(peer.session().content_as_is().has_value());
}

TEST(ClientSession, NamesStagesAndTheirTimeouts) {  // RFC 5321 §4.5.3.2
    EXPECT_EQ(default_timeout(ClientStage::greeting), std::chrono::minutes(5));
    EXPECT_EQ(default_timeout(ClientStage::data), std::chrono::minutes(2));
    EXPECT_EQ(default_timeout(ClientStage::content), std::chrono::minutes(3));
    EXPECT_EQ(default_timeout(ClientStage::end_of_data), std::chrono::minutes(10));
    EXPECT_EQ(name_of(ClientStage::end_of_data), "end of data");
}

}  // namespace
}  // namespace relevo::smtp
