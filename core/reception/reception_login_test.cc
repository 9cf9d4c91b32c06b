// AUTH (RFC 4954): each mechanism, each way to fail, and one verdict for the guard in every case.
#include "core/reception/reception_fixture.h"
#include "lib/sasl/mechanism.h"

namespace relevo::test {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class ReceptionLogin : public ReceptionTest {
 protected:
    // The exchange of a client library. The last reply.
    std::string exchange(Client& client, sasl::ClientMechanism& mechanism) {
        const auto initial = mechanism.initial_response().value();
        client.sends("AUTH " + std::string(mechanism.name()) + (initial ? " " + encode_base64(*initial) : ""));
        for (;;) {
            const std::string reply = client.reply();
            if (!reply.starts_with("334")) return reply;
            const std::string challenge = decode_base64(reply.substr(4, reply.size() - 6)).value();
            const auto answer = mechanism.respond(challenge);
            if (!answer.has_value()) {
                client.sends("*");
                continue;
            }
            client.sends(encode_base64(*answer));
        }
    }
    std::string log_in(Client& client, const std::string& mechanism, std::string_view login,
                       std::string_view with = password, const sasl::ChannelBindings& bindings = {}) {
        const auto made = sasl::choose_client_mechanism(
            {mechanism}, {.user = std::string(login), .password = std::string(with)}, true, bindings);
        EXPECT_TRUE(made.has_value()) << made.error().detail;
        return exchange(client, **made);
    }
    // The guard lets one attempt through at a time: this fails if an earlier one was left without a verdict.
    void expect_login_is_free(std::string_view login = "crm") {
        Client client = connect();
        client.greets();
        EXPECT_THAT(log_in(client, "PLAIN", login), StartsWith("235")) << "an attempt has no verdict";
    }
};

TEST_F(ReceptionLogin, EachMechanismLogsIn) {
    for (const std::string mechanism : {"PLAIN", "LOGIN", "SCRAM-SHA-256"}) {
        SCOPED_TRACE(mechanism);
        Client client = connect();
        client.greets();
        EXPECT_THAT(log_in(client, mechanism, "crm"), StartsWith("235 2.7.0"));
        client.begins_mail().sends_content(simple_mail).expects("250");
        EXPECT_THAT(store.events(accepted.back()->id).at(0).detail, HasSubstr("\"mechanism\":\"" + mechanism + "\""));
    }
    EXPECT_EQ(metrics.logins.value(), 3U);
    EXPECT_EQ(logins_recorded, 1) << "the address is known after the first";
}

// The login must be looked up after the exchange that named it is over.
TEST_F(ReceptionLogin, ScramTakesALongLogin) {
    Client client = connect();
    client.greets();
    EXPECT_THAT(log_in(client, "SCRAM-SHA-256", long_login), StartsWith("235"));
    client.begins_mail().sends_content(simple_mail).expects("250");
    EXPECT_EQ(accepted.back()->credential, CredentialId{2});
}

// RFC 5802 §6, RFC 9266.
TEST_F(ReceptionLogin, ScramBindsToTheTlsConnection) {
    Client client = connect();
    client.greets().starts_tls().sends("EHLO client.example").expects_text("SCRAM-SHA-256-PLUS");
    sasl::ChannelBindings bindings{.tls_exporter = client.stream().tls()->exporter_binding, .tls_server_end_point = {}};
    EXPECT_THAT(log_in(client, "SCRAM-SHA-256-PLUS", "crm", password, bindings), StartsWith("235"));
}

TEST_F(ReceptionLogin, AnotherChannelBindingIsRefused) {
    Client client = connect();
    client.greets().starts_tls().sends("EHLO client.example").expects("250");
    const sasl::ChannelBindings others{.tls_exporter = std::string(32, 'm'), .tls_server_end_point = {}};
    EXPECT_THAT(log_in(client, "SCRAM-SHA-256-PLUS", "crm", password, others), StartsWith("5"));
    expect_login_is_free();
}

TEST_F(ReceptionLogin, WrongPasswordsAndUnknownLoginsSoundTheSame) {
    for (const std::string mechanism : {"PLAIN", "LOGIN", "SCRAM-SHA-256"}) {
        SCOPED_TRACE(mechanism);
        Client client = connect();
        client.greets();
        const std::string wrong = log_in(client, mechanism, "crm", "not-the-password");
        const std::string unknown = log_in(client, mechanism, "nobody", "not-the-password");
        EXPECT_THAT(wrong, StartsWith("535 5.7.8"));
        EXPECT_EQ(wrong, unknown) << "security row A13";
        client.sends("MAIL FROM:<a@example.com>").expects("530");
    }
    EXPECT_EQ(metrics.failed_logins.value(), 6U);
    EXPECT_EQ(log.count("not-the-password"), 0U) << "no secret in the log";
    expect_login_is_free();
    expect_login_is_free(long_login);
}

TEST_F(ReceptionLogin, TellsWhatIsWrongWithTheAccountOnlyToWhoHasThePassword) {
    Client client = connect();
    client.greets();
    EXPECT_THAT(log_in(client, "PLAIN", "off", "not-the-password"), StartsWith("535 5.7.8"));
    const std::string reply = log_in(client, "PLAIN", "off");
    EXPECT_THAT(reply, StartsWith("5"));
    EXPECT_THAT(reply, Not(StartsWith("535 5.7.8")));
    client.sends("MAIL FROM:<a@example.com>").expects("530");
}

TEST_F(ReceptionLogin, NobodyActsForAnother) {
    Client client = connect();
    client.greets();
    const std::string plain = "slow" + std::string(1, '\0') + "crm" + std::string(1, '\0') + std::string(password);
    client.sends("AUTH PLAIN " + encode_base64(plain)).expects("535");
    expect_login_is_free();
}

// Every way to end an exchange leaves the guard with a verdict.
TEST_F(ReceptionLogin, AbortedExchangesOccupyNothing) {
    Client client = connect();
    client.greets().sends("AUTH PLAIN").expects("334").sends("*").expects("501");
    client.sends("AUTH PLAIN !!!").expects("501");
    client.sends("AUTH PLAIN " + encode_base64("no nulls")).expects("501 5.5.2");
    client.sends("AUTH LOGIN").expects("334").sends(encode_base64("crm")).expects("334").sends("*").expects("501");
    client.sends("AUTH NOSUCH").expects("504 5.5.4");
    expect_login_is_free();
    const auto scram = sasl::choose_client_mechanism({"SCRAM-SHA-256"}, {.user = "crm", .password = "x"}, false, {});
    const std::string first = encode_base64((*scram)->initial_response().value().value());
    client.sends("AUTH SCRAM-SHA-256 " + first).expects("334").sends("*").expects("501");
    expect_login_is_free();
    client.sends("AUTH SCRAM-SHA-256 " + first).expects("334").sends(encode_base64("c=biws,nonsense")).expects("5");
    expect_login_is_free();
    {
        Client gone = connect();
        gone.greets().sends("AUTH SCRAM-SHA-256 " + first).expects("334");
    }
    ASSERT_TRUE(store.run_until([&] { return reception.session_count() == 1; }));
    expect_login_is_free();
}

TEST_F(ReceptionLogin, AnExchangeThatTimesOutOccupiesNothing) {
    listener.command_timeout = milliseconds(300);
    Client client = connect();
    const auto scram = sasl::choose_client_mechanism({"SCRAM-SHA-256"}, {.user = "crm", .password = "x"}, false, {});
    client.greets();
    client.sends("AUTH SCRAM-SHA-256 " + encode_base64((*scram)->initial_response().value().value())).expects("334");
    client.expects("421 4.4.2").expects_close();
    expect_login_is_free();
}

TEST_F(ReceptionLogin, TheGuardHoldsAttemptsBack) {
    Client one = connect();
    const auto scram = sasl::choose_client_mechanism({"SCRAM-SHA-256"}, {.user = "crm", .password = "x"}, false, {});
    one.greets().sends("AUTH SCRAM-SHA-256 " + encode_base64((*scram)->initial_response().value().value()));
    one.expects("334");
    Client two = connect();
    two.greets();
    EXPECT_THAT(log_in(two, "PLAIN", "crm"), StartsWith("454 4.7.0")) << "one attempt is under way";
    EXPECT_EQ(log.count("smtp.login_held_back"), 1U);
    one.sends("*").expects("501");
    EXPECT_THAT(log_in(two, "PLAIN", "crm"), StartsWith("235"));
}

// RFC 4954 §4: "After an AUTH command has been successfully completed, no more AUTH commands may be issued".
TEST_F(ReceptionLogin, OnlyOnce) {
    Client client = connect();
    client.greets();
    EXPECT_THAT(log_in(client, "PLAIN", "crm"), StartsWith("235"));
    client.logs_in("crm").expects("503");
}

// RFC 3207 §4.2: what was learnt before TLS is forgotten.
TEST_F(ReceptionLogin, StartTlsForgetsTheLogin) {
    Client client = connect();
    client.greets();
    EXPECT_THAT(log_in(client, "PLAIN", "crm"), StartsWith("235"));
    client.sends("STARTTLS");
    if (!client.reply().starts_with("220")) return;  // not offered any more: nothing to forget
    ASSERT_TRUE(store
                    .run([](MemoryStream& stream) -> Task<Result<TlsInfo>> {
                        co_return co_await stream.start_tls_client({}, Clock::now() + seconds(3));
                    }(client.stream()))
                    .has_value());
    client.sends("EHLO client.example").expects("250").sends("MAIL FROM:<a@example.com>").expects("530");
}

}  // namespace
}  // namespace relevo::test
