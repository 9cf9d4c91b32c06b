// What a session may take of our time and places, what a balancer tells of it, and how it ends when the server stops.
#include "core/reception/reception_fixture.h"

namespace relevo::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::StartsWith;

class ReceptionLimits : public ReceptionTest {
 protected:
    std::vector<dns::Network> networks(std::string_view text) { return {dns::Network::parse(text).value()}; }
    void drain() {
        reception.drain(Clock::now() + minutes(1), [this] { drained = true; });
    }
    bool drained = false;
};

// RFC 5321 §4.5.3.2.
TEST_F(ReceptionLimits, AnIdleClientIsToldAndClosed) {
    listener.command_timeout = milliseconds(300);
    Client client = connect();
    client.greets().expects("421 4.4.2").expects_close();
}

// Security row A16: a command must be whole in time, however its octets drip.
TEST_F(ReceptionLimits, ADrippingCommandIsNotGivenMoreTime) {
    listener.command_timeout = milliseconds(300);
    Client client = connect();
    client.greets();
    const Deadline began = Clock::now();
    while (!client.stream().has_unread_input() && Clock::now() < began + seconds(4)) {
        client.sends_octets("N");
        store.run_until([&] { return client.stream().has_unread_input(); }, milliseconds(10));
    }
    client.expects("421 4.4.2");
    EXPECT_LT(Clock::now() - began, seconds(3));
}

TEST_F(ReceptionLimits, ContentThatStopsIsGivenUp) {
    listener.data_timeout = milliseconds(300);
    Client client = connect();
    client.greets().logs_in().expects("235").begins_mail().sends("DATA").expects("354");
    client.sends("From: a@example.com").expects("421 4.4.2").expects_close();
    EXPECT_THAT(accepted, IsEmpty());
}

TEST_F(ReceptionLimits, ATransactionHasAnEnd) {
    listener.transaction_time = milliseconds(300);
    Client client = connect();
    client.greets().logs_in().expects("235").sends("MAIL FROM:<a@example.com>").expects("250");
    client.expects_text("transaction took too long");
    client.expects_close();
}

TEST_F(ReceptionLimits, ASessionHasAnEnd) {
    listener.session_time = milliseconds(300);
    Client client = connect();
    client.greets().expects("421 4.4.2").expects_close();
}

TEST_F(ReceptionLimits, ContentMustComeAtAMinimumRate) {
    listener.data_rate_grace = seconds(1);
    listener.minimum_data_rate = 10'000;
    Client client = connect();
    client.greets().logs_in().expects("235").begins_mail().sends("DATA").expects("354");
    const Deadline until = Clock::now() + seconds(4);
    while (!client.stream().has_unread_input() && Clock::now() < until) {
        client.sends_octets("x");
        store.run_until([&] { return client.stream().has_unread_input(); }, milliseconds(10));
    }
    client.expects_text("too slow");
    client.expects_close();
}

TEST_F(ReceptionLimits, OneAddressHasItsLimit) {
    listener.connection_limit_per_address = 2;
    Client one = connect("192.0.2.7");
    one.expects("220");
    {
        Client two = connect("192.0.2.7");
        two.expects("220");
        Client three = connect("192.0.2.7");
        three.expects("421 4.7.0").expects_close();
        Client elsewhere = connect("192.0.2.8");
        elsewhere.expects("220");
    }
    ASSERT_TRUE(store.run_until([&] { return reception.session_count() == 1; }));
    Client again = connect("192.0.2.7");
    again.expects("220");
    EXPECT_EQ(metrics.refused_connections.value(), 1U);
}

TEST_F(ReceptionLimits, AListenerHasItsLimit) {
    listener.connection_limit = 2;
    Client one = connect("192.0.2.1");
    Client two = connect("192.0.2.2");
    one.expects("220");
    two.expects("220");
    Client three = connect("192.0.2.3");
    three.expects("421 4.3.2").expects_close();
}

// Security row A16: neither may be had without a place.
TEST_F(ReceptionLimits, AHandshakeThatIsNotDoneHoldsAPlace) {
    listener.implicit_tls = true;
    listener.connection_limit_per_address = 1;
    Client one = connect("192.0.2.7");
    ASSERT_TRUE(store.run_until([&] { return reception.session_count() == 1; }));
    Client two = connect("192.0.2.7");
    two.expects_close();
    EXPECT_EQ(metrics.refused_connections.value(), 1U);
    Client elsewhere = connect("192.0.2.8");
    EXPECT_TRUE(store.run_until([&] { return reception.session_count() == 2; }));
}

TEST_F(ReceptionLimits, AProxyHeaderThatDoesNotComeHoldsAPlace) {
    listener.proxy_networks = networks("10.0.0.0/8");
    listener.connection_limit = 2;
    listener.connection_limit_per_address = 1;
    Client one = connect("10.0.0.1");
    Client two = connect("10.0.0.1");  // a balancer is many clients
    Client three = connect("10.0.0.1");
    three.expects("421 4.3.2").expects_close();
    two.sends("PROXY TCP4 203.0.113.9 10.0.0.1 50000 25").expects("220");
    one.sends("PROXY TCP4 203.0.113.9 10.0.0.1 50001 25").expects("421 4.7.0").expects_close();
}

TEST_F(ReceptionLimits, AForeignNetworkIsRefusedInPlaceOfTheGreeting) {
    listener.access.allowed_networks = networks("10.0.0.0/8");
    Client client = connect("192.0.2.7");
    client.expects("554 5.7.1").expects_close();
    Client inside = connect("10.1.2.3");
    inside.expects("220");
}

TEST_F(ReceptionLimits, AFailedHandshakeEndsTheConnection) {
    MemoryStreamOptions broken;
    broken.tls_failure = Error{ErrorKind::invalid, "no shared cipher"};
    Client client = connect("192.0.2.7", broken);
    client.greets().sends("STARTTLS").expects("220");
    EXPECT_FALSE(store
                     .run([](MemoryStream& stream) -> Task<Result<TlsInfo>> {
                         co_return co_await stream.start_tls_client({}, Clock::now() + seconds(3));
                     }(client.stream()))
                     .has_value());
    client.expects_close();
    EXPECT_EQ(log.count("tls.handshake_failed"), 1U);
    EXPECT_THAT(log.lines(), testing::Contains(HasSubstr("problem=no shared cipher")));
}

// RFC 3207, security row A5: what was pipelined behind STARTTLS in clear is never acted on.
TEST_F(ReceptionLimits, OctetsBehindStartTlsAreNotCommands) {
    Client client = connect();
    client.greets().sends_octets("STARTTLS\r\nNOOP\r\n");
    const std::string reply = client.reply();
    EXPECT_THAT(reply, testing::AnyOf(StartsWith("220"), StartsWith("5")));
    EXPECT_FALSE(store.run_until([&] { return client.stream().has_unread_input(); }, milliseconds(50)))
        << "NOOP was obeyed";
}

TEST_F(ReceptionLimits, PlainTextAtATlsPortIsToldInPlainText) {
    listener.implicit_tls = true;
    Client client = connect();
    client.sends("EHLO client.example").expects("5").expects_close();
    EXPECT_EQ(log.count("tls.handshake_failed"), 1U);
}

// The PROXY protocol is believed from listed networks only (security row A10).
TEST_F(ReceptionLimits, TheBalancerTellsTheClientsAddress) {
    listener.proxy_networks = networks("10.0.0.0/8");
    Client client = connect("10.0.0.1");
    client.sends("PROXY TCP4 203.0.113.9 10.0.0.1 50000 25").greets().logs_in().expects("235");
    client.begins_mail().sends_content(simple_mail).expects("250");
    EXPECT_THAT(content_of_last(), HasSubstr("[203.0.113.9]"));
    EXPECT_THAT(store.events(accepted[0]->id).at(0).detail, HasSubstr(R"("client":"203.0.113.9")"));
}

TEST_F(ReceptionLimits, AHeaderInPiecesIsPutTogether) {
    listener.proxy_networks = networks("10.0.0.0/8");
    Client client = connect("10.0.0.1");
    const std::string header = "PROXY TCP4 203.0.113.9 10.0.0.1 50000 25\r\n";
    for (const char octet : header) client.sends_octets(std::string(1, octet));
    client.greets();
}

TEST_F(ReceptionLimits, ABalancerWithoutAHeaderIsClosed) {
    listener.proxy_networks = networks("10.0.0.0/8");
    Client client = connect("10.0.0.1");
    client.sends("EHLO client.example").expects_close();
    EXPECT_EQ(log.count("smtp.proxy_header_missing"), 1U);
}

TEST_F(ReceptionLimits, AHeaderFromElsewhereIsACommandLikeAnother) {
    listener.proxy_networks = networks("10.0.0.0/8");
    Client client = connect("192.0.2.7");
    client.expects("220").sends("PROXY TCP4 203.0.113.9 10.0.0.1 50000 25").expects("5");
    client.sends("EHLO client.example").expects("250");
}

TEST_F(ReceptionLimits, LimitsCountTheRealClientBehindABalancer) {
    listener.proxy_networks = networks("10.0.0.0/8");
    listener.connection_limit_per_address = 1;
    Client one = connect("10.0.0.1");
    one.sends("PROXY TCP4 203.0.113.9 10.0.0.1 50000 25").expects("220");
    Client two = connect("10.0.0.1");
    two.sends("PROXY TCP4 203.0.113.8 10.0.0.1 50000 25").expects("220");
    Client three = connect("10.0.0.1");
    three.sends("PROXY TCP4 203.0.113.9 10.0.0.1 50001 25").expects("421");
}

// RFC 5321 §3.8: "421 … when the SMTP service is shutting down".
TEST_F(ReceptionLimits, DrainTellsIdleClients) {
    Client client = connect();
    client.greets();
    drain();
    client.expects("421 4.3.2").expects_close();
    EXPECT_TRUE(store.run_until([&] { return drained; }));
}

TEST_F(ReceptionLimits, DrainLetsATransactionFinish) {
    Client client = connect();
    client.greets().logs_in().expects("235").begins_mail().sends("DATA").expects("354");
    drain();
    client.sends_octets(simple_mail + ".\r\n").expects("250").expects("421 4.3.2").expects_close();
    EXPECT_THAT(accepted, SizeIs(1));
    EXPECT_TRUE(store.run_until([&] { return drained; }));
}

TEST_F(ReceptionLimits, DrainEndsAtItsDeadline) {
    Client client = connect();
    client.greets().logs_in().expects("235").begins_mail();
    reception.drain(Clock::now() + milliseconds(50), [this] { drained = true; });
    EXPECT_TRUE(store.run_until([&] { return drained; }));
    EXPECT_EQ(reception.session_count(), 1U);
}

TEST_F(ReceptionLimits, DrainWithoutSessionsEndsAtOnce) {
    drain();
    EXPECT_TRUE(store.run_until([&] { return drained; }));
    Client late = connect();
    late.expects("421 4.3.2").expects_close();
}

TEST_F(ReceptionLimits, AClientThatVanishesLeavesNothing) {
    for (const int lines : {0, 1, 2, 3, 4, 5, 6}) {
        Client client = connect();
        const std::vector<std::string> all{
            "EHLO client.example",
            "AUTH PLAIN " + encode_base64(std::string("\0crm\0", 5) + std::string(password)),
            "MAIL FROM:<a@example.com>",
            "RCPT TO:<b@example.net>",
            "DATA",
            "From: a@example.com"};
        client.expects("220");
        for (int i = 0; i < lines; ++i) {
            client.sends(all[static_cast<std::size_t>(i)]);
            if (i < 5) client.reply();
        }
        client.stream().reset();
        EXPECT_TRUE(no_sessions()) << lines;
    }
    EXPECT_EQ(metrics.open_connections.value(), 0);
    EXPECT_THAT(accepted, IsEmpty());
}

}  // namespace
}  // namespace relevo::test
