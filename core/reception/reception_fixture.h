// Reception over connections in memory, with tenants, a guard and a spool, for tests.
#pragma once

#include "adapters/memory/resolver.h"
#include "adapters/memory/stream.h"
#include "adapters/memory/telemetry.h"
#include "core/reception/reception.h"
#include "core/spool/spool_fixture.h"
#include "core/tenancy/schema.h"
#include "lib/base/base64.h"
#include "lib/base/octets.h"

#include <gmock/gmock.h>

namespace relevo::test {

inline constexpr std::string_view password = "correct-horse-battery";
// Long enough not to live inside a std::string.
inline constexpr std::string_view long_login = "a-rather-long-login-of-the-accounting-department";

// The client of one connection, to read like the conversation that it is.
class Client {
 public:
    Client(SpoolStore& store, std::unique_ptr<MemoryStream> stream) : store_(store), stream_(std::move(stream)) {}
    ~Client() { stream_->close(); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    Client& sends(const std::string& line) { return sends_octets(line + "\r\n"); }
    Client& sends_octets(std::string octets) {
        const auto written = store_.run(write(std::move(octets)));
        EXPECT_TRUE(written.has_value()) << written.error().detail;
        return *this;
    }
    // The next reply, all its lines, begins its last line so ("250", "550 5.1.1").
    Client& expects(const std::string& beginning) {
        const std::string got = reply();
        const std::size_t last = got.size() < 2 ? 0 : got.rfind('\n', got.size() - 2) + 1;
        EXPECT_TRUE(got.substr(last).starts_with(beginning)) << "expected " << beginning << ", got: " << got;
        return *this;
    }
    Client& expects_text(std::string_view part) {
        const std::string got = reply();
        EXPECT_THAT(got, testing::HasSubstr(std::string(part)));
        return *this;
    }
    // The server says no more and closes.
    void expects_close() {
        EXPECT_EQ(reply(), "");
        EXPECT_TRUE(store_.run_until([&] { return stream_->has_ended(); }));
    }
    // Whole, with its CRLFs; empty if the connection ended before.
    std::string reply() {
        std::size_t from = 0;
        for (;;) {
            const std::size_t end = input_.find("\r\n", from);
            if (end != std::string::npos) {
                if (input_.size() > from + 3 && input_[from + 3] == '-') {
                    from = end + 2;
                    continue;
                }
                std::string whole = input_.substr(0, end + 2);
                input_.erase(0, end + 2);
                return whole;
            }
            auto octets = store_.run(read());
            if (!octets.has_value()) return {};
            input_ += *octets;
        }
    }
    Client& starts_tls() {
        sends("STARTTLS").expects("220");
        const auto info = store_.run(handshake());
        EXPECT_TRUE(info.has_value());
        return *this;
    }
    Client& greets() { return expects("220").sends("EHLO client.example").expects("250"); }
    Client& logs_in(std::string_view login = "crm", std::string_view with = password) {
        const std::string plain = std::string(1, '\0') + std::string(login) + std::string(1, '\0') + std::string(with);
        return sends("AUTH PLAIN " + encode_base64(plain));
    }
    // EHLO to RCPT of a user who has logged in.
    Client& begins_mail(const std::string& from = "a@example.com", const std::string& to = "b@example.net") {
        return sends("MAIL FROM:<" + from + ">").expects("250").sends("RCPT TO:<" + to + ">").expects("250");
    }
    Client& sends_content(const std::string& content) {
        return sends("DATA").expects("354").sends_octets(content + ".\r\n");
    }
    [[nodiscard]] MemoryStream& stream() { return *stream_; }

 private:
    Task<Result<void>> write(std::string octets) {
        co_return co_await stream_->write(octets, Clock::now() + seconds(3));
    }
    Task<Result<std::string>> read() {
        const auto octets = co_await stream_->read(Clock::now() + seconds(3));
        if (!octets.has_value()) co_return std::unexpected(octets.error());
        co_return std::string(as_text(*octets));
    }
    Task<Result<TlsInfo>> handshake() { co_return co_await stream_->start_tls_client({}, Clock::now() + seconds(3)); }

    SpoolStore& store_;
    std::unique_ptr<MemoryStream> stream_;
    std::string input_;
};

inline const std::string simple_mail = "From: a@example.com\r\nSubject: hello\r\n\r\nText\r\n";

class ReceptionTest : public testing::Test {
 protected:
    ReceptionTest() {
        listener.name = "submission";
        listener.starttls = true;
        listener.session.host_name = "relay.example";
        listener.session.authentication = smtp::Authentication::required;
        listener.session.authentication_without_tls = true;
        listener.session.mechanisms = sasl::server_mechanisms(false);
        shared.directory = make_directory();
    }
    ~ReceptionTest() override {
        EXPECT_TRUE(no_sessions()) << "a session outlives its client";
        store.committer->stop();
    }

    // One secret for all, because each costs 20 ms.
    static const StoredSecret& secret() {
        static const StoredSecret made = make_secret(password, system_random()).value();
        return made;
    }
    static Credential credential(std::int64_t id, std::string login) {
        Credential made;
        made.id = CredentialId{id};
        made.tenant = TenantId{1};
        made.login = std::move(login);
        made.secret = secret();
        return made;
    }
    std::shared_ptr<const Directory> make_directory() {
        std::vector<Credential> credentials{credential(1, "crm"), credential(2, std::string(long_login)),
                                            credential(3, "slow"), credential(4, "off")};
        credentials[2].limits.messages_per_hour = 1;
        credentials[3].smtp_enabled = false;
        Tenant acme;
        acme.id = TenantId{1};
        acme.name = "Acme";
        Domain domain;
        domain.id = DomainId{1};
        domain.ownership = Ownership::trusted;
        domain.tenant = acme.id;
        domain.name = "example.com";
        domain.ownership = Ownership::trusted;
        return Directory::of({acme}, {domain}, std::move(credentials), {});
    }

    // A new connection, from `ip`.
    Client connect(std::string_view ip = "192.0.2.7", MemoryStreamOptions options = {}) {
        options.client.address = dns::IpAddress::parse(ip).value();
        MemoryStreamPair pair = make_memory_streams(store.shard, std::move(options));
        reception.serve(listener, std::move(pair.server));
        return {store, std::move(pair.client)};
    }
    std::string content_of_last() { return *accepted.back()->content; }
    [[nodiscard]] bool no_sessions() {
        return store.run_until([&] { return reception.session_count() == 0; });
    }

    SpoolStore store{CommitterThreads::none, tenancy_migrations()};
    MemoryLog log;
    MemoryMetrics numbers;
    ReceptionMetrics metrics{numbers};
    // One attempt at a time: an attempt without a verdict would lock the login.
    LoginGuard guard{system_random(),
                     {.free_failures_of_address = 1000,
                      .free_failures_of_account = 1000,
                      .free_failures_of_pair = 1000,
                      .pending_limit = 1,
                      .known_pending_limit = 1}};
    std::unique_ptr<PasswordChecker> passwords = PasswordChecker::start(system_random(), {.threads = 1}).value();
    RateLimiter rates;
    QuotaLedger quotas;
    int logins_recorded = 0;
    ReceptionShared shared{
        .directory = nullptr,
        .guard = guard,
        .passwords = *passwords,
        .rates = rates,
        .quotas = quotas,
        .ledger = {},
        .decoy_secret = "decoy",
        .is_inbound = [](std::string_view domain) { return domain == "inbound.example"; },
        .login_succeeded = [this](CredentialId, const dns::IpAddress&, WallClock::time_point) { ++logins_recorded; },
        .message_checked = nullptr,
        .message_accepted = nullptr};
    MemoryResolver dns;
    Verifier verifier{store.shard, dns,
                      std::make_shared<const VerificationOptions>(VerificationOptions{
                          .authserv_id = "mx.relevo.example", .time_limit = std::chrono::milliseconds(500)})};
    RecipientCheck::Lists address_lists;  // null: recipients are not looked up
    RecipientCheck recipients{dns, address_lists,
                              [](std::string_view domain, TenantId) { return domain != "routed.example"; }};
    std::vector<std::shared_ptr<const Message>> accepted;
    ListenerOptions listener;
    Reception reception{
        {.shard = store.shard,
         .spool = *store.spool,
         .log = log,
         .metrics = metrics,
         .ids = store.ids,
         .shared = shared,
         .verifier = verifier,
         .recipients = recipients,
         .accepted = [this](std::shared_ptr<const Message> message) { accepted.push_back(std::move(message)); }}};
};

}  // namespace relevo::test
