// Mail on its way in: what is taken, what is changed, what is refused and how.
#include "core/reception/reception_fixture.h"

namespace relevo::test {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::MatchesRegex;
using testing::Not;
using testing::SizeIs;
using testing::StartsWith;

TEST_F(ReceptionTest, TakesASubmission) {
    Client client = connect();
    client.greets().logs_in().expects("235");
    client.begins_mail().sends("RCPT TO:<c@example.org>").expects("250");
    client.sends_content(simple_mail).expects_text("queued as msg_");
    client.sends("QUIT").expects("221").expects_close();
    ASSERT_THAT(accepted, SizeIs(1));
    EXPECT_EQ(accepted[0]->tenant, TenantId{1});
    EXPECT_EQ(accepted[0]->credential, CredentialId{1});
    EXPECT_EQ(accepted[0]->envelope.reverse_path.text(), "a@example.com");
    EXPECT_THAT(accepted[0]->envelope.recipients, SizeIs(2));
    EXPECT_THAT(store.rows(), SizeIs(2)) << "durable before the reply";
    EXPECT_THAT(store.events(accepted[0]->id).at(0).detail,
                AllOf(HasSubstr(R"("listener":"submission")"), HasSubstr(R"("client":"192.0.2.7")"),
                      HasSubstr(R"("login":"crm")"), HasSubstr(R"("mechanism":"PLAIN")")));
    EXPECT_TRUE(no_sessions());
    EXPECT_EQ(metrics.accepted.value(), 1U);
    EXPECT_EQ(metrics.open_connections.value(), 0);
}

TEST_F(ReceptionTest, EveryCutOfTheStreamIsTheSame) {
    Client client = connect("192.0.2.7", {.read_limit = 1});
    client.greets().logs_in().expects("235");
    client.begins_mail().sends_content(simple_mail).expects("250");
    EXPECT_THAT(content_of_last(), HasSubstr("Text\r\n"));
}

TEST_F(ReceptionTest, TakesOneMessageAfterTheOther) {
    Client client = connect();
    client.greets().logs_in().expects("235");
    for (int i = 0; i < 5; ++i) client.begins_mail().sends_content(simple_mail).expects("250");
    EXPECT_THAT(accepted, SizeIs(5));
}

// RFC 2920: a client may send the whole envelope at once.
TEST_F(ReceptionTest, AnswersAPipelinedTransactionInOrder) {
    Client client = connect();
    client.greets().logs_in().expects("235");
    client.sends_octets("MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\nDATA\r\n");
    client.expects("250").expects("250").expects("354");
    client.sends_octets(simple_mail + ".\r\nQUIT\r\n").expects("250").expects("221").expects_close();
    EXPECT_THAT(accepted, SizeIs(1));
}

// RFC 3030.
TEST_F(ReceptionTest, TakesChunks) {
    Client client = connect();
    client.greets().logs_in().expects("235").begins_mail();
    client.sends_octets("BDAT 27\r\nFrom: a@example.com\r\n\r\nTe\r\n").expects("250");
    client.sends_octets("BDAT 4 LAST\r\nxt\r\n").expects_text("queued");
    EXPECT_THAT(content_of_last(), HasSubstr("\r\n\r\nTe\r\nxt\r\n"));
}

// RFC 5321 §4.4, RFC 3848.
TEST_F(ReceptionTest, AddsAReceivedField) {
    Client client = connect();
    client.expects("220").sends("EHLO client.example").expects("250");
    client.starts_tls().sends("EHLO client.example").expects("250").logs_in().expects("235");
    client.begins_mail().sends_content(simple_mail).expects("250");
    const std::string content = content_of_last();
    EXPECT_THAT(content, StartsWith("Received: from client.example ([192.0.2.7])"));
    EXPECT_THAT(content.substr(0, content.find("From:")),
                AllOf(HasSubstr("by relay.example"), HasSubstr("with ESMTPSA"), HasSubstr("TLSv1.3"),
                      HasSubstr("for <b@example.net>"), HasSubstr(accepted[0]->id.text())));
}

TEST_F(ReceptionTest, DoesNotNameOneRecipientToTheOthers) {
    Client client = connect();
    client.greets().logs_in().expects("235").begins_mail();
    client.sends("RCPT TO:<secret@example.org>").expects("250").sends_content(simple_mail).expects("250");
    EXPECT_THAT(content_of_last(), AllOf(Not(HasSubstr("secret@")), Not(HasSubstr("b@example.net"))));
}

// RFC 6409 §8.
TEST_F(ReceptionTest, CompletesASubmissionAndHidesBlindCopies) {
    Client client = connect();
    client.greets().logs_in().expects("235").begins_mail();
    client.sends_content("From: a@example.com\r\nBcc: hidden@example.org\r\nSubject: x\r\n\r\nBcc: of the text\r\n")
        .expects("250");
    EXPECT_THAT(content_of_last(), AllOf(HasSubstr("\r\nDate: "),
                                         HasSubstr("\r\nMessage-ID: <" + accepted[0]->id.text() + "@relay.example>"),
                                         Not(HasSubstr("hidden@")), HasSubstr("Bcc: of the text")));
    client.begins_mail();
    client.sends_content("From: a@example.com\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <x@y>\r\n\r\n")
        .expects("250");
    EXPECT_THAT(content_of_last(), AllOf(HasSubstr("Message-ID: <x@y>"), Not(HasSubstr("@relay.example>"))));
}

// RFC 8601 §5, security row C4: what a tenant submits may come back to a mailbox behind us, whose filter believes us.
TEST_F(ReceptionTest, LetsNoTenantSpeakInOurName) {
    Client client = connect();
    client.greets().logs_in().expects("235").begins_mail();
    client
        .sends_content(
            "Authentication-Results: mx.relevo.example; dmarc=pass header.from=bank.example\r\n"
            "Bcc: hidden@example.org\r\n"
            "X-Relevo-Quarantine: no\r\n"
            "Authentication-Results: other.example; spf=pass\r\n" +
            simple_mail)
        .expects("250");
    EXPECT_THAT(content_of_last(),
                AllOf(Not(HasSubstr("mx.relevo.example")), Not(HasSubstr("hidden@")), Not(HasSubstr("Quarantine")),
                      EndsWith("Authentication-Results: other.example; spf=pass\r\n" + simple_mail)));
}

// RFC 5321 §6.3.
TEST_F(ReceptionTest, RefusesAMessageThatGoesInCircles) {
    listener.hop_limit = 3;
    Client client = connect();
    client.greets().logs_in().expects("235").begins_mail();
    const std::string hop = "Received: from a by b; Mon, 23 Nov 2026 10:00:00 +0000\r\n";
    client.sends_content(hop + hop + hop + simple_mail).expects("250");
    client.begins_mail().sends_content(hop + hop + hop + hop + simple_mail).expects("554 5.4.6");
    EXPECT_THAT(accepted, SizeIs(1));
    EXPECT_EQ(metrics.refused_messages.value(), 1U);
}

TEST_F(ReceptionTest, RefusesAHeaderWithoutEnd) {
    Client client = connect();
    client.greets().logs_in().expects("235").begins_mail();
    std::string header = "From: a@example.com\r\n";
    for (int i = 0; i < 20'000; ++i) header += "X-Filler-" + std::to_string(i) + ": " + std::string(60, 'x') + "\r\n";
    client.sends("DATA").expects("354");
    for (std::size_t at = 0; at < header.size(); at += 32'768) client.sends_octets(header.substr(at, 32'768));
    client.sends_octets("\r\n.\r\n").expects("552 5.3.4");
    EXPECT_THAT(accepted, IsEmpty());
}

struct Refused {
    const char* what;
    const char* mail;
    const char* recipient;
    const char* content;
    const char* reply;
};

// What policy says reaches the client as it is.
TEST_F(ReceptionTest, PassesEachRefusalOfPolicyOn) {
    for (const Refused& row : {
             Refused{"sender's domain", "x@foreign.example", nullptr, nullptr, "550 5.7.1"},
             Refused{"literal sender", "x@[192.0.2.1]", nullptr, nullptr, "550 5.7.1"},
             Refused{"From", "a@example.com", "b@example.net", "From: x@foreign.example\r\n\r\n", "550 5.7.1"},
             Refused{"no From", "a@example.com", "b@example.net", "Subject: x\r\n\r\n", "550 5.6."},
             Refused{"two From", "a@example.com", "b@example.net", "From: a@example.com\r\nFrom: a@example.com\r\n\r\n",
                     "550 5.6."},
         }) {
        SCOPED_TRACE(row.what);
        Client client = connect();
        client.greets().logs_in().expects("235").sends("MAIL FROM:<" + std::string(row.mail) + ">");
        if (row.recipient != nullptr) client.expects("250").sends("RCPT TO:<" + std::string(row.recipient) + ">");
        if (row.content != nullptr) client.expects("250").sends_content(row.content);
        const std::string reply = client.reply();
        EXPECT_THAT(reply, StartsWith(std::string(row.reply).substr(0, 6))) << reply;
        EXPECT_GE(log.count("smtp.refused"), 1U);
    }
    EXPECT_THAT(accepted, IsEmpty());
}

TEST_F(ReceptionTest, DemandsALogin) {
    Client client = connect();
    client.greets().sends("MAIL FROM:<a@example.com>").expects("530 5.7.0");
}

// A relay listener takes mail from anybody for whom it is responsible, and as it is.
TEST_F(ReceptionTest, TakesInboundMailFromAnybody) {
    listener.role = ListenerRole::relay;
    listener.session.authentication = smtp::Authentication::not_offered;
    Client client = connect();
    client.greets().sends("MAIL FROM:<x@foreign.example>").expects("250");
    client.sends("RCPT TO:<b@example.net>").expects("550");
    client.sends("RCPT TO:<b@inbound.example>").expects("250");
    const std::string content = "From: x@foreign.example\r\nBcc: c@example.org\r\n\r\nText\r\n";
    client.sends_content(content).expects("250");
    EXPECT_THAT(content_of_last(), AllOf(EndsWith(content), HasSubstr("\r\nAuthentication-Results: mx.relevo.example;"),
                                         Not(HasSubstr("Message-ID"))));
    EXPECT_EQ(accepted[0]->tenant, TenantId{});
    EXPECT_EQ(accepted[0]->credential, CredentialId{});
}

TEST_F(ReceptionTest, TellsWhoWroteInboundMailAndRefusesForgeries) {  // RFC 7372 §3.3
    dns.txt("foreign.example", "v=spf1 -all").txt("_dmarc.foreign.example", "v=DMARC1; p=reject");
    listener.role = ListenerRole::relay;
    listener.session.authentication = smtp::Authentication::not_offered;
    Client client = connect();
    client.greets().sends("MAIL FROM:<x@foreign.example>").expects("250");
    client.sends("RCPT TO:<b@inbound.example>").expects("250");
    client.sends_content("From: x@foreign.example\r\n\r\nText\r\n").expects("550 5.7.26");
    EXPECT_THAT(accepted, IsEmpty());
    client.sends("MAIL FROM:<x@silent.example>").expects("250");
    client.sends("RCPT TO:<b@inbound.example>").expects("250");
    client.sends_content("From: x@silent.example\r\n\r\nText\r\n").expects("250");
    EXPECT_THAT(content_of_last(), AllOf(HasSubstr("dmarc=none"), HasSubstr("header.from=silent.example")));
}

TEST_F(ReceptionTest, TellsThatTheDiskIsFull) {
    store.accept("", {"x@example.net"});
    Octets used = 0;
    for (const auto& [name, octets] : store.disk.image()) used += octets.size();
    Client client = connect();
    client.greets().logs_in().expects("235").begins_mail();
    store.disk.set_capacity(used + 8'000);
    client.sends_content(simple_mail + std::string(60'000, 'x') + "\r\n").expects("452 4.3.1");
    EXPECT_THAT(accepted, IsEmpty());
    store.disk.set_capacity(1024 * mebibyte);
    client.begins_mail().sends_content(simple_mail);
    EXPECT_THAT(client.reply(), testing::AnyOf(StartsWith("250"), StartsWith("45"))) << "the session goes on";
}

TEST_F(ReceptionTest, TellsThatTheMessageCouldNotBeStored) {
    Client client = connect();
    client.greets().logs_in().expects("235").begins_mail();
    store.disk.set_fault([](const simulation::Call& call) -> std::optional<Error> {
        if (call.kind == simulation::Call::Kind::sync) return Error{ErrorKind::io, "the device is gone"};
        return std::nullopt;
    });
    client.sends_content(simple_mail).expects("451 4.3.0");
    store.disk.set_fault(nullptr);
    EXPECT_THAT(accepted, IsEmpty());
    EXPECT_EQ(log.count("spool.refused"), 1U);
    EXPECT_THAT(log.lines(), testing::Contains(AllOf(HasSubstr("smtp.refused"), HasSubstr("from=a@example.com"))))
        << "the log names the sender";
}

// --- rate

TEST_F(ReceptionTest, CountsAMessageWhenItIsTaken) {
    Client client = connect();
    client.greets().logs_in("slow").expects("235").begins_mail().sends_content(simple_mail).expects("250");
    client.sends("MAIL FROM:<a@example.com>").expects("450 4.7.1");
    EXPECT_EQ(store.number("SELECT sum(messages) FROM usage_hour"), 1) << "in the transaction that took the message";
}

TEST_F(ReceptionTest, GivesTheShareOfAMessageBackThatWasNotTaken) {
    Client client = connect();
    client.greets().logs_in("slow").expects("235");
    client.begins_mail().sends_content("From: x@foreign.example\r\n\r\n").expects("550");
    client.begins_mail().sends_content("From: a@example.com\r\n\r\nbare\nnewline\r\n").expects("550 5.6.11");
    client.begins_mail().sends_octets("BDAT 3\r\nFro").expects("250").sends("RSET").expects("250");
    {
        Client other = connect();
        other.greets().logs_in("slow").expects("235").begins_mail().sends("DATA").expects("354");
        other.sends("From: a@example.com");
    }  // gone in the middle
    ASSERT_TRUE(store.run_until([&] { return reception.session_count() == 1; }));
    client.begins_mail().sends_content(simple_mail).expects("250");
    client.sends("MAIL FROM:<a@example.com>").expects("450");
}

TEST_F(ReceptionTest, MessagesUnderWayCount) {
    Client one = connect();
    Client two = connect();
    one.greets().logs_in("slow").expects("235").begins_mail();
    two.greets().logs_in("slow").expects("235").begins_mail();
    one.sends("DATA").expects("354");
    two.sends("DATA").expects("450 4.7.1");
    one.sends_octets(simple_mail + ".\r\n").expects("250");
}

}  // namespace
}  // namespace relevo::test
