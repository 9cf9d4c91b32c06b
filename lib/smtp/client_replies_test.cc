// What a hostile or broken server may answer, at each stage (security row B1).
#include "lib/smtp/client_session.h"
#include "lib/smtp/client_test_peer.h"

#include <gtest/gtest.h>

namespace relevo::smtp {
namespace {

using std::string;

const TestMail mail_of_two("a@relevo.example", {"b@mx.example", "c@mx.example"});

// A fresh session at the stage where it waits for the reply in question.
TestPeer approach(ClientStage stage) {
    TestPeer peer;
    if (stage == ClientStage::greeting) return peer;
    peer.writes("220 mx\r\n");
    if (stage == ClientStage::starttls) peer.writes("250-mx\r\n250 STARTTLS\r\n");
    if (stage == ClientStage::ehlo || stage == ClientStage::starttls) {
        peer.reaches<ClientNeedBytes>();
        return peer;
    }
    peer.writes("250 mx\r\n").reaches<ClientReady>();
    if (stage == ClientStage::idle) return peer;
    if (stage == ClientStage::quit) {
        peer.session().quit();
        return peer;
    }
    if (stage == ClientStage::rset) {
        peer.begins(mail_of_two).writes("250 Ok\r\n550 no\r\n550 no\r\n");
        peer.reaches<ClientTransactionDone>().reaches<ClientReady>();
    }
    peer.begins(mail_of_two);
    if (stage == ClientStage::mail || stage == ClientStage::rset) return peer;
    peer.says("250 Ok");
    if (stage == ClientStage::data || stage == ClientStage::end_of_data) peer.says("250 Ok").says("550 5.1.1 c");
    if (stage == ClientStage::end_of_data) {
        peer.says("354 go");
        (void)peer.takes_content();
    }
    return peer;
}

enum class Outcome : std::uint8_t {
    goes_on,    // the session lives, recipient b not yet decided
    failed,     // ClientFailed, no transaction
    refused,    // TransactionDone, then ready: b has the server's reply
    deferred,   // TransactionDone, then failed: b has 451 4.5.0 by us
    no_reply,   // TransactionDone, then failed: b has code 0
    closing,    // TransactionDone, then failed: b has the server's 421
    delivered,  // TransactionDone, then ready: b accepted
    closed
};

Outcome outcome_after(TestPeer& peer) {
    ClientSession& session = peer.session();
    const ClientStep step = session.next();
    if (is<ClientClosed>(step)) return Outcome::closed;
    if (is<ClientFailed>(step)) return Outcome::failed;
    if (!is<ClientTransactionDone>(step)) return Outcome::goes_on;
    const RecipientResult& b = session.results()[0];
    const bool alive = is<ClientReady>(session.next());
    if (b.accepted) return alive ? Outcome::delivered : Outcome::failed;
    if (alive) return Outcome::refused;
    EXPECT_FALSE(session.failure().detail.empty());
    if (b.reply.code == 0) return Outcome::no_reply;
    return b.reply.code == 421 ? Outcome::closing : b.reply.code == 451 ? Outcome::deferred : Outcome::failed;
}

struct Case {
    ClientStage stage;
    std::string_view reply;
    Outcome outcome;
};

using enum Outcome;
constexpr ClientStage greeting = ClientStage::greeting, ehlo = ClientStage::ehlo, starttls = ClientStage::starttls,
                      mail_stage = ClientStage::mail, rcpt = ClientStage::rcpt, data = ClientStage::data,
                      dot = ClientStage::end_of_data, reset = ClientStage::rset, leave = ClientStage::quit,
                      idle = ClientStage::idle;

const Case cases[] = {
    {greeting, "220 hi", goes_on},
    {greeting, "250 hi", goes_on},  // a wrong code of the right class: the first digit decides (RFC 5321 §4.2.1)
    {greeting, "354 hi", failed},
    {greeting, "421 busy", failed},
    {greeting, "450 busy", failed},
    {greeting, "554 no service", failed},
    {greeting, "120 wait", failed},
    {greeting, "620 hi", failed},
    {greeting, "SSH-2.0-OpenSSH_9.2", failed},
    {greeting, "HTTP/1.1 400 Bad Request", failed},
    {greeting, "+OK POP3 ready", failed},
    {ehlo, "250 hi", goes_on},
    {ehlo, "220 hi", goes_on},
    {ehlo, "354 go", failed},
    {ehlo, "421 busy", failed},
    {ehlo, "451 busy", failed},
    {ehlo, "500 what", goes_on},
    {ehlo, "554 no", failed},
    {ehlo, "999 no", failed},
    {starttls, "220 go", goes_on},
    {starttls, "334 go", failed},
    {starttls, "454 not now", goes_on},
    {starttls, "502 what", goes_on},
    {starttls, "421 bye", failed},
    {starttls, "nonsense", failed},
    {mail_stage, "250 Ok", goes_on},
    {mail_stage, "200 Ok", goes_on},
    {mail_stage, "221 Ok", goes_on},
    {mail_stage, "354 go", deferred},
    {mail_stage, "150 hm", no_reply},
    {mail_stage, "421 bye", closing},
    {mail_stage, "451 later", refused},
    {mail_stage, "552 too big", refused},
    {mail_stage, "571 blocked", refused},
    {mail_stage, "600 hm", no_reply},
    {mail_stage, "2500 Ok", no_reply},
    {mail_stage, "", no_reply},
    {rcpt, "250 Ok", goes_on},
    {rcpt, "251 forwarded", goes_on},
    {rcpt, "252 perhaps", goes_on},
    {rcpt, "354 go", deferred},
    {rcpt, "421 bye", closing},
    {rcpt, "450 later", goes_on},  // b is refused, c is asked for next
    {rcpt, "550 no", goes_on},
    {rcpt, "199 hm", no_reply},
    {rcpt, "250-Ok\r\n550 no", no_reply},
    {rcpt, "garbage", no_reply},
    {data, "354 go", goes_on},
    {data, "300 go", goes_on},
    {data, "250 Ok", deferred},
    {data, "220 Ok", deferred},
    {data, "421 bye", closing},
    {data, "451 later", refused},
    {data, "503 no", refused},
    {data, "554 no", refused},
    {data, "100 wait", no_reply},
    {data, "\x01\x02\x03", no_reply},
    {dot, "250 Ok", delivered},
    {dot, "251 Ok", delivered},
    {dot, "200 Ok", delivered},
    {dot, "354 go", deferred},
    {dot, "421 bye", closing},
    {dot, "451 later", refused},
    {dot, "554 spam", refused},
    {dot, "150 wait", no_reply},
    {dot, "700 hm", no_reply},
    {dot, "Ok", no_reply},
    {reset, "250 Ok", goes_on},
    {reset, "354 go", deferred},
    {reset, "421 bye", closing},
    {reset, "500 what", deferred},
    {leave, "221 bye", closed},
    {leave, "421 bye", closed},
    {leave, "500 what", closed},
    {idle, "421 idle too long", failed},
    {idle, "250 Ok", failed},
    {idle, "nonsense", failed},
};

TEST(ClientReplies, LeadToTheRightOutcomeAtEachStage) {
    static_assert(std::size(cases) >= 60);
    for (const Case& c : cases) {
        TestPeer peer = approach(c.stage);
        (void)peer.session().next();
        ASSERT_EQ(peer.session().stage(), c.stage) << c.reply;
        peer.says(c.reply);
        EXPECT_EQ(outcome_after(peer), c.outcome)
            << name_of(c.stage) << " " << c.reply << ": " << peer.session().failure().detail;
    }
}

TEST(ClientReplies, ThatMakeNoSenseAreQuotedAndTemporary) {
    TestPeer peer = approach(ClientStage::data);
    peer.says("250 2.0.0 Ok").reaches<ClientTransactionDone>();
    EXPECT_EQ(peer.result(0), "refused DATA: 451 4.5.0 unexpected reply at DATA: 250 2.0.0 Ok");
    EXPECT_EQ(peer.result(1), "refused RCPT: 550 5.1.1 c");
    peer.reaches<ClientFailed>();
    EXPECT_EQ(peer.session().failure().reply.code, 250);
}

TEST(ClientReplies, LeaveDecidedRecipientsAloneWhenTheConnectionBreaks) {
    for (const ClientStage stage : {ClientStage::data, ClientStage::end_of_data}) {
        TestPeer peer = approach(stage);
        peer.session().connection_lost("reset by peer");
        peer.reaches<ClientTransactionDone>();
        EXPECT_EQ(peer.session().results()[0].stage, stage);
        EXPECT_EQ(peer.session().results()[0].reply.code, 0);
        EXPECT_EQ(peer.result(1), "refused RCPT: 550 5.1.1 c");
        peer.reaches<ClientFailed>();
        EXPECT_EQ(peer.session().failure().stage, stage);
        EXPECT_EQ(peer.session().failure().detail, string(name_of(stage)) + ": reset by peer");
    }
}

TEST(ClientReplies, AreReadEvenIfTheConnectionBrokeBehindThem) {
    TestPeer peer = approach(ClientStage::end_of_data);
    peer.says("250 queued").session().connection_lost("closed");
    peer.reaches<ClientTransactionDone>();
    EXPECT_EQ(peer.result(0), "accepted end of data: 250 queued");
    peer.reaches<ClientFailed>();
}

TEST(ClientReplies, ThatComeInsideTheContentTellWhyItBroke) {
    TestPeer peer = approach(ClientStage::data);
    peer.says("354 go").reaches<ClientSendContent>();
    (void)peer.session().next_content_piece(10);
    peer.says("552 5.3.4 too much").reaches<ClientSendContent>();
    peer.session().connection_lost("broken pipe");
    peer.reaches<ClientTransactionDone>();
    EXPECT_EQ(peer.result(0), "refused content: 552 5.3.4 too much");
    TestPeer silent = approach(ClientStage::data);
    silent.says("354 go").reaches<ClientSendContent>().session().connection_lost("broken pipe");
    silent.reaches<ClientTransactionDone>();
    EXPECT_EQ(silent.result(0), "refused content: 0");
}

TEST(ClientReplies, OfAnIdleServerAreSeenOnlyAfterReadyWasSaid) {
    const auto after_delivery = [] {
        TestPeer peer = approach(ClientStage::end_of_data);
        peer.says("250 queued\r\n421 idle").reaches<ClientTransactionDone>().reaches<ClientReady>();
        return peer;
    };
    TestPeer waits = after_delivery();
    waits.reaches<ClientFailed>();
    TestPeer goes_on = after_delivery();
    goes_on.begins(mail_of_two).reaches<ClientTransactionDone>().reaches<ClientFailed>();
    EXPECT_EQ(goes_on.result(), "refused MAIL: 421 idle");
}

TEST(ClientReplies, MayBeMissingAfterQuit) {
    TestPeer peer = approach(ClientStage::quit);
    peer.session().connection_lost("closed");
    peer.reaches<ClientClosed>();
}

TEST(ClientReplies, EndTheSessionWhenTheConnectionBreaksAtAnyStage) {
    for (const ClientStage stage : {greeting, ehlo, starttls, idle}) {
        TestPeer peer = approach(stage);
        peer.session().connection_lost("closed");
        peer.reaches<ClientFailed>().reaches<ClientFailed>();
        EXPECT_EQ(peer.session().failure().stage, stage);
        EXPECT_EQ(peer.session().failure().reply.code, 0);
    }
}

TEST(ClientReplies, AreBoundedInLengthAndLines) {
    for (const std::string_view line :
         {"250-x\r\n", "250-\n", "250-long enough to matter a little more than that\r\n"}) {
        TestPeer peer = approach(ClientStage::mail);
        std::size_t sent = 0;
        while (sent < 7'000'000 && is<ClientNeedBytes>(peer.session().next())) {
            peer.writes(line);
            sent += line.size();
        }
        EXPECT_LE(sent, 64 * 1024 + line.size());
        EXPECT_EQ(peer.session().results()[0].reply.code, 0);
        EXPECT_EQ(peer.session().failure().detail, "MAIL: a reply of more than 65536 octets");
    }
    TestPeer endless = approach(ClientStage::mail);
    const string piece(1000, 'x');
    int pieces = 0;
    while (pieces < 1000 && is<ClientNeedBytes>(endless.session().next())) ++pieces, endless.writes(piece);
    EXPECT_LE(pieces, 66);
    TestPeer flood = approach(ClientStage::mail);
    for (int i = 0; i < 1'000'000; ++i) flood.writes("250-x\r\n");  // written without waiting for a step
    flood.reaches<ClientTransactionDone>().reaches<ClientFailed>();
}

TEST(ClientReplies, MayHoldNulAndEightBitOctets) {
    TestPeer peer = approach(ClientStage::mail);
    peer.writes(std::string_view("550 a\0b\xff\r\n", 11)).reaches<ClientTransactionDone>();
    EXPECT_EQ(peer.session().results()[0].reply.text, "a?b\xff");
}

}  // namespace
}  // namespace relevo::smtp
