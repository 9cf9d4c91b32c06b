// One connection to a mail server: kept, lost, encrypted, logged in.
#include "core/delivery/delivery_fixture.h"

namespace relevo::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

class DeliveryConnection : public DeliveryTest {
 protected:
    Route& smarthost(RouteTls tls) {
        rules.push_back({.name = "relay",
                         .kind = RouteKind::smarthost,
                         .domains = {"*"},
                         .host = "smart.example",
                         .port = 587,
                         .tls = tls});
        resolver.address("smart.example", "11.0.5.1");
        rules.back().retry.delays = {minutes(7)};
        return rules.back();
    }
    std::string command_like(std::string_view part) {
        for (const std::string& command : server.commands)
            if (command.find(part) != std::string::npos) return command;
        return {};
    }
};

TEST_F(DeliveryConnection, CarriesOneMessageAfterTheOther) {
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    send({"c@example.net"});
    ASSERT_TRUE(happens("delivery.delivered", 2));
    EXPECT_EQ(server.connections, 1);
    EXPECT_EQ(metrics.connections_opened.value(), 1U);
}

TEST_F(DeliveryConnection, EndsWithQuitWhenNothingMoreComes) {
    options.idle_timeout = seconds(0);
    start();
    send({"b@example.net"});
    ASSERT_TRUE(store.run_until([&] { return server.count("QUIT") == 1; }));
    ASSERT_TRUE(store.run_until([&] { return metrics.connections.value() == 0; }));
    EXPECT_TRUE(store.run_until([&] { return engine->destinations().empty(); }))
        << "a finished destination is forgotten";
}

TEST_F(DeliveryConnection, EndsAfterAsManyMessagesAsAllowed) {
    options.messages_per_connection = 2;
    fallback.connection_limit = 1;
    make_engine();
    for (const char* to : {"b@example.net", "c@example.net", "d@example.net"}) send({to});
    engine->start();
    ASSERT_TRUE(happens("delivery.delivered", 3));
    EXPECT_EQ(server.connections, 2);
}

// LIMITS MAILMAX (RFC 9422).
TEST_F(DeliveryConnection, KeepsToTheLimitsThatTheServerAnnounces) {
    server.script.extensions.push_back("LIMITS MAILMAX=1 RCPTMAX=2");
    fallback.connection_limit = 1;
    start();
    send({"b@example.net", "c@example.net", "d@example.net"});
    ASSERT_TRUE(happens("delivery.delivered", 3));
    EXPECT_EQ(server.connections, 2);
    ASSERT_EQ(server.mails.size(), 2U);
    EXPECT_EQ(server.mails[0].recipients.size(), 2U);
}

// RFC 5321 §3.8: a server may close an idle connection; nothing was attempted over it.
TEST_F(DeliveryConnection, AConnectionClosedWhileIdleIsNoAttempt) {
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    ASSERT_TRUE(settles());
    server.close_connections();
    const auto message = send({"c@example.net"});
    ASSERT_TRUE(happens("delivery.delivered", 2));
    EXPECT_EQ(store.kinds(message->id), "accepted delivered");
    EXPECT_THAT(detail(message->id), HasSubstr(R"("attempt":1)"));
    EXPECT_EQ(server.connections, 2);
    EXPECT_EQ(log.count("delivery.back_off"), 0U);
}

// The same, found out a moment later: as we write MAIL.
TEST_F(DeliveryConnection, AConnectionThatEndsAtMailAfterIdlingIsNoAttempt) {
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    for (const std::string ending : {"close", "421 4.4.2 Idle too long"}) {
        ASSERT_TRUE(settles());
        const std::size_t mails = server.count("MAIL");
        const int connections = server.connections;
        server.script.replies["MAIL"] = ending;
        const auto message = send({"c@example.net"});
        ASSERT_TRUE(store.run_until([&] { return server.count("MAIL") == mails + 1; }));
        server.script.replies.clear();
        ASSERT_TRUE(happens("delivery.delivered message=" + message->id.text())) << ending;
        EXPECT_EQ(store.kinds(message->id), "accepted delivered") << ending;
        EXPECT_THAT(detail(message->id), HasSubstr(R"("attempt":1)")) << ending;
        EXPECT_EQ(server.connections, connections + 1) << ending;
    }
}

TEST_F(DeliveryConnection, AServerThatClosesAfterEachMessageGetsAConnectionForEach) {
    server.script.closes_after_message = true;
    fallback.connection_limit = 1;
    make_engine();
    for (const char* to : {"b@example.net", "c@example.net", "d@example.net"}) send({to});
    engine->start();
    ASSERT_TRUE(happens("delivery.delivered", 3));
    EXPECT_EQ(log.count("delivery.deferred"), 0U);
    EXPECT_EQ(server.mails.size(), 3U);
}

// RFC 5321 §4.5.3.2.6, RFC 1047: the server may have taken it; only another try makes sure.
TEST_F(DeliveryConnection, ALossAfterTheFinalDotIsDeferred) {
    server.script.replies["."] = "close";
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_EQ(store.kinds(message->id), "accepted deferred");
    EXPECT_THAT(detail(message->id), AllOf(HasSubstr(R"("stage":"end of data")"), HasSubstr(R"("status":"4.4.2")")));
    EXPECT_THAT(store.rows(), testing::SizeIs(1));
}

TEST_F(DeliveryConnection, ALossDuringTheEnvelopeIsDeferredForEveryRecipient) {
    server.script.extensions = {"8BITMIME"};
    server.script.replies["RCPT TO:<c@"] = "close";
    start();
    send({"b@example.net", "c@example.net"});
    ASSERT_TRUE(happens("delivery.deferred", 2));
    EXPECT_THAT(server.mails, IsEmpty());
}

TEST_F(DeliveryConnection, ASilentServerIsGivenUpAfterTheTimeOut) {
    server.script.extensions = {"8BITMIME"};
    server.script.replies["MAIL"] = "silence";
    options.timeouts.command = seconds(1);
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_THAT(detail(message->id), HasSubstr("in time"));
}

TEST_F(DeliveryConnection, FallsBackToHeloForAnOldServer) {
    server.script.replies["EHLO"] = "502 5.5.1 What?";
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(server.count("HELO"), 1U);
}

// RFC 3207, RFC 7435.
TEST_F(DeliveryConnection, EncryptsWhereItIsOffered) {
    server.script.extensions.push_back("STARTTLS");
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    ASSERT_EQ(server.mails.size(), 1U);
    EXPECT_TRUE(server.mails[0].tls);
    EXPECT_THAT(detail(message->id), HasSubstr("TLSv1.3 TLS_AES_256_GCM_SHA384"));
    EXPECT_EQ(server.count("EHLO"), 2U) << "what was said before is forgotten";
}

TEST_F(DeliveryConnection, FallsBackToClearTextAndRemembersIt) {
    MemoryStreamOptions broken;
    broken.tls_failure = Error{ErrorKind::invalid, "no shared cipher"};
    server.script.extensions.push_back("STARTTLS");
    server.listen(dialer, first_ip, 25, broken);
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(log.count("delivery.tls_fallback host=mx1.example.net"), 1U);
    EXPECT_FALSE(server.mails[0].tls);
    EXPECT_EQ(server.connections, 2);
    ASSERT_TRUE(settles());
    server.close_connections();
    send({"c@example.net"});
    ASSERT_TRUE(happens("delivery.delivered", 2));
    EXPECT_EQ(server.connections, 3) << "not another try with TLS";
    EXPECT_EQ(server.count("STARTTLS"), 1U);
}

TEST_F(DeliveryConnection, NeverFallsBackWhereTlsIsRequired) {
    MemoryStreamOptions broken;
    broken.tls_failure = Error{ErrorKind::invalid, "no shared cipher"};
    server.script.extensions.push_back("STARTTLS");
    server.listen(dialer, first_ip, 25, broken);
    fallback.tls = RouteTls::required;
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_THAT(server.mails, IsEmpty());
    EXPECT_EQ(server.connections, 1);
}

TEST_F(DeliveryConnection, DefersWhereRequiredTlsIsNotOffered) {
    fallback.tls = RouteTls::required;
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_EQ(server.count("MAIL"), 0U);
}

// RFC 8689 §4.2.1: the sender's demand holds for a server whose name and certificate are certain, and for no other.
TEST_F(DeliveryConnection, MailThatNeedsTlsAllTheWayGoesToServersThatAreCertain) {
    struct Case {
        bool is_signed, is_verified;
        std::string_view event;
    };
    for (const Case& example : {Case{true, true, "delivery.delivered"}, Case{false, true, "delivery.deferred"},
                                Case{true, false, "delivery.deferred"}}) {
        resolver.clear();
        resolver.mx("example.net", 10, "mx1.example.net").address("mx1.example.net", first_ip);
        if (example.is_signed) resolver.secure("example.net");
        server.mails.clear();
        server.script.extensions = {"STARTTLS", "REQUIRETLS"};
        MemoryStreamOptions streams;
        streams.tls.verified = example.is_verified;
        server.listen(dialer, first_ip, 25, streams);
        start();
        auto demanding = envelope("a@sender.example", {"b@example.net"});
        demanding.require_tls = true;
        const std::size_t before = log.count(example.event);
        const auto message = send(store.submission(std::move(demanding)));
        ASSERT_TRUE(happens(example.event, before + 1)) << example.is_signed << example.is_verified;
        ASSERT_EQ(server.mails.size(), example.event == "delivery.delivered" ? 1U : 0U);
        if (!server.mails.empty())
            EXPECT_THAT(server.mails[0].sender, HasSubstr("REQUIRETLS"));
        else
            EXPECT_THAT(detail(message->id), HasSubstr("\"status\":\"4.7.5\""));
        ASSERT_TRUE(settles());
        server.close_connections();
    }
}

// RFC 8689 §5.
TEST_F(DeliveryConnection, AReportOfMailThatNeedsTlsNeedsItToo) {
    resolver.secure("example.net");
    server.script.extensions = {"STARTTLS"};
    MemoryStreamOptions streams;
    streams.tls.verified = true;
    server.listen(dialer, first_ip, 25, streams);
    sender_server.script.extensions = {"STARTTLS", "REQUIRETLS"};
    sender_server.listen(dialer, "11.0.0.99", 25, streams);
    resolver.secure("sender.example");
    start();
    auto demanding = envelope("a@sender.example", {"b@example.net"});
    demanding.require_tls = true;
    demanding.dsn_return = mail::DsnReturn::full;
    const auto message = send(store.submission(std::move(demanding), "Subject: x\r\n\r\nSecret\r\n"));
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_THAT(detail(message->id), HasSubstr("5.7.30"));
    ASSERT_EQ(sender_server.mails.size(), 1U);
    EXPECT_THAT(sender_server.mails[0].sender, HasSubstr("REQUIRETLS"));
    EXPECT_THAT(sender_server.mails[0].content, Not(HasSubstr("Secret")));
}

// RFC 4954 §9, security row B2.
TEST_F(DeliveryConnection, CredentialsNeverTravelInClear) {
    Route& route = smarthost(RouteTls::opportunistic);
    route.user = "relay@example";
    route.password = "opensesame";
    server.script.extensions.push_back("AUTH PLAIN LOGIN");
    server.listen(dialer, "11.0.5.1", 587);
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_EQ(server.count("AUTH"), 0U);
    EXPECT_THAT(server.mails, IsEmpty());
}

TEST_F(DeliveryConnection, LogsInOverTls) {
    Route& route = smarthost(RouteTls::opportunistic);
    route.user = "relay@example";
    route.password = "opensesame";
    server.script.extensions = {"STARTTLS", "AUTH PLAIN"};
    server.listen(dialer, "11.0.5.1", 587);
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(server.count("AUTH PLAIN "), 1U);
    EXPECT_TRUE(server.mails[0].tls);
    EXPECT_THAT(detail(message->id), Not(HasSubstr("AG9wZW5zZXNhbWU"))) << "no secret in the timeline";
}

TEST_F(DeliveryConnection, AFailedLoginKeepsTheMail) {
    Route& route = smarthost(RouteTls::implicit);
    route.user = "relay@example";
    route.password = "wrong";
    server.script.extensions = {"AUTH PLAIN"};
    server.script.replies["AUTH"] = "535 5.7.8 No";
    MemoryStreamOptions tls;
    dialer.listen({dns::IpAddress::parse("11.0.5.1").value(), 587}, [&](std::unique_ptr<Stream> stream) {
        store.shard.spawn([](std::unique_ptr<Stream> own) -> Task<> {
            const std::shared_ptr<Stream> shared = std::move(own);
            const auto info = co_await shared->start_tls_server(Clock::now() + seconds(5));
            if (!info.has_value()) co_return;
            for (const char* reply : {"220 hello\r\n", "250-smart.example\r\n250 AUTH PLAIN\r\n", "535 5.7.8 No\r\n"}) {
                const auto written = co_await shared->write(reply, no_deadline);
                if (!written.has_value()) co_return;
                const auto octets = co_await shared->read(no_deadline);
                if (!octets.has_value()) co_return;
            }
        }(std::move(stream)));
    });
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_THAT(detail(message->id), HasSubstr("535 5.7.8 No"));
    EXPECT_EQ(metrics.failed.value(), 0U) << "the fault lies with the route, not with the recipient";
}

// RFC 2033 §4.2: one reply for each recipient.
TEST_F(DeliveryConnection, LmtpJudgesEachRecipientAfterTheContent) {
    rules.push_back({.name = "mailboxes",
                     .kind = RouteKind::lmtp,
                     .domains = {"*"},
                     .host = "10.1.1.1",
                     .port = 24,
                     .allow_private_addresses = true});
    server.listen(dialer, "10.1.1.1", 24);
    server.script.replies[". <c@example.net>"] = "452 4.2.2 Over quota";
    start();
    const auto message = send({"b@example.net", "c@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_EQ(server.count("LHLO"), 1U);
    EXPECT_THAT(detail(message->id, 0), HasSubstr("250 2.0.0 Taken"));
    EXPECT_THAT(detail(message->id, 1), HasSubstr("452 4.2.2 Over quota"));
}

// RFC 5321 §4.5.2.
TEST_F(DeliveryConnection, StuffsDots) {
    start();
    send(store.submission(envelope("a@sender.example", {"b@example.net"}), "Subject: dots\r\n\r\n.\r\n..a\r\n"));
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(server.mails[0].content, "Subject: dots\r\n\r\n..\r\n...a\r\n");
}

// RFC 6152 §3: 8-bit content needs the server's consent.
TEST_F(DeliveryConnection, EightBitContentIsRefusedForAServerThatCannotTakeIt) {
    server.script.extensions = {};
    start();
    auto to = envelope("a@sender.example", {"b@example.net"});
    to.body = mail::BodyType::eight_bit_mime;
    const auto message = send(store.submission(std::move(to), "Subject: a\r\n\r\n\xC3\xA9\r\n"));
    ASSERT_TRUE(happens("delivery.failed"));
    EXPECT_THAT(detail(message->id), HasSubstr(R"("status":"5.6.3")"));
}

}  // namespace
}  // namespace relevo::test
