// A delivery engine over a spool in memory, a table for the DNS and scripted mail servers.
#pragma once

#include "adapters/memory/resolver.h"
#include "adapters/memory/telemetry.h"
#include "core/delivery/engine.h"
#include "core/delivery/mail_server_fixture.h"
#include "core/spool/spool_fixture.h"

#include <gmock/gmock.h>

namespace relevo::test {

// Public addresses, so that the ban on private ones does not strike.
inline constexpr std::string_view first_ip = "11.0.0.1";
inline constexpr std::string_view second_ip = "11.0.0.2";

class DeliveryTest : public testing::Test {
 protected:
    DeliveryTest() {
        options.host_name = "relay.example";
        fallback.name = "default";
        fallback.retry.delays = {minutes(7)};
        fallback.retry.jitter = 0;
        // example.net has one mail server; the sender's domain, which takes the reports, has its own.
        resolver.mx("example.net", 10, "mx1.example.net").address("mx1.example.net", first_ip);
        resolver.mx("sender.example", 10, "mx.sender.example").address("mx.sender.example", "11.0.0.99");
        server.listen(dialer, first_ip);
        sender_server.listen(dialer, "11.0.0.99");
    }
    ~DeliveryTest() override {
        // What still runs must not outlive what it refers to.
        store.committer->stop();
    }

    // Makes the engine with `options`, `rules` and `fallback` as the test left them.
    void start() {
        make_engine();
        engine->start();
    }
    void make_engine() {
        set_routes();
        dispatcher.set_engines({});  // nobody tells one of before, which goes now, of the tables
        engine = new_engine(1);
        dispatcher.set_engines({engine.get()});
    }
    void set_tables() {
        dispatcher.set_egress(std::make_shared<const EgressTable>(EgressTable::of_one(source)),
                              std::make_shared<const shaping::ShapingTable>(providers, shaping_rules));
    }
    std::unique_ptr<DeliveryEngine> new_engine(unsigned shards) {
        if (!tables_made_here) set_tables();
        return std::make_unique<DeliveryEngine>(
            DeliveryEngine::Ports{
                .shard = store.shard,
                .spool = *store.spool,
                .resolver = resolver,
                .dialer = dialer,
                .log = log,
                .metrics = metrics,
                .dispatcher = dispatcher,
                .ids = store.ids,
                .patterns = patterns,
                .language_of = [](TenantId) { return mail::Language::english; },
                .weight_of = [this](TenantId tenant) { return weights.contains(tenant) ? weights.at(tenant) : 1U; },
                .tenant_name = [](TenantId tenant) { return tenant.text(); },
                .mta_sts = mta_sts,
                .trace = &trace,
                .suspects = &suspects,
                .before_attempt = before_attempt,
                .tls_session = [this](TlsSession session) { told.push_back(std::move(session)); }},
            options, shards);
    }
    void set_routes() { dispatcher.set_routes(std::make_shared<const RouteTable>(rules, fallback)); }

    std::shared_ptr<const Message> send(Submission submission) {
        auto message = store.accept(std::move(submission));
        dispatcher.enqueue(message);
        return message;
    }
    std::shared_ptr<const Message> send(const std::vector<std::string>& recipients,
                                        const std::string& sender = "a@sender.example") {
        return send(store.submission(envelope(sender, recipients)));
    }
    std::shared_ptr<const Message> send_old(std::chrono::seconds age, const std::vector<std::string>& recipients,
                                            const std::string& sender = "a@sender.example") {
        return send(
            store.submission(envelope(sender, recipients), "Subject: old\r\n\r\nText\r\n", WallClock::now() - age));
    }

    // Waits until the log has had `count` lines with `text`.
    [[nodiscard]] bool happens(std::string_view text, std::size_t count = 1) {
        return store.run_until([&] { return log.count(text) >= count; });
    }
    // On the engine's shard.
    void on_shard(std::function<void()> work) {
        bool done = false;
        store.shard.post([&] {
            work();
            done = true;
        });
        EXPECT_TRUE(store.run_until([&] { return done; }));
    }
    DestinationStatus destination(std::string_view key) {
        std::optional<DestinationStatus> status;
        on_shard([&] { status = engine->destination(key); });
        return status.value_or(DestinationStatus{});
    }
    void retry_all(std::string_view key, MessageId message, std::uint32_t recipients = 1) {
        std::set<DeliveryId> chosen;
        for (std::uint32_t ordinal = 0; ordinal < recipients; ++ordinal) chosen.insert({message, ordinal});
        on_shard([&] { engine->retry(key, chosen); });
    }
    // Lets everything that is due run: nothing is leased and nobody connects any more.
    [[nodiscard]] bool settles() {
        return store.run_until([&] {
            for (const DestinationStatus& status : engine->destinations())
                if (status.active > 0 || status.ready > 0) return false;
            return true;
        });
    }
    // The detail of the last event of a message, or of its last event of one recipient.
    std::string detail(MessageId id, std::int64_t ordinal = 0) {
        std::string found;
        for (const Event& event : store.events(id))
            if (event.ordinal == ordinal) found = event.detail;
        return found;
    }
    // Minutes from now until the delivery is due.
    double minutes_to_retry(const DeliveryRow& row) {
        return std::chrono::duration<double, std::ratio<60>>(row.due_at - WallClock::now()).count();
    }

    std::vector<std::byte> octets = std::vector<std::byte>(attempts_header_octets + 16 * attempts_slot_octets);
    AttemptTrace trace{slots_of(octets, 0, 16)};
    Suspects suspects;
    std::function<void(const Message&)> before_attempt;
    SpoolStore store{CommitterThreads::own};
    MemoryResolver resolver;
    MemoryDialer dialer{store.shard};
    MemoryLog log;
    MemoryMetrics numbers;
    DeliveryMetrics metrics{numbers};
    std::atomic<std::shared_ptr<const bounces::PatternTable>> patterns{
        std::make_shared<const bounces::PatternTable>(bounces::PatternTable::built_in())};
    Dispatcher dispatcher;
    EgressSource source{.name = "default",
                        .ipv4 = dns::IpAddress::v4({}),
                        .ipv6 = dns::IpAddress::v6({}),
                        .public_addresses = {},
                        .client_name = {},
                        .proxy = {}};
    bool tables_made_here = false;  // by the test itself
    std::vector<shaping::Provider> providers;
    std::vector<shaping::Rule> shaping_rules;
    std::map<TenantId, std::uint32_t> weights;  // of the others: 1
    std::vector<TlsSession> told;
    MtaStsFinder* mta_sts = nullptr;
    DeliveryOptions options;
    std::vector<Route> rules;
    Route fallback;
    MailServer server{store.shard};
    MailServer sender_server{store.shard};
    std::unique_ptr<DeliveryEngine> engine;
};

}  // namespace relevo::test
