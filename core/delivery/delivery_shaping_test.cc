// From which source mail goes, in which turn, and how much of it.
#include "core/delivery/delivery_fixture.h"

namespace relevo::test {
namespace {

using shaping::Hindrance;
using testing::Contains;
using testing::Each;
using testing::Field;
using testing::HasSubstr;
using testing::SizeIs;

class DeliveryShaping : public DeliveryTest {
 protected:
    static std::shared_ptr<const EgressSource> source_at(std::string name, std::string_view ip, bool drained = false) {
        return std::make_shared<const EgressSource>(EgressSource{.name = name,
                                                                 .ipv4 = dns::IpAddress::parse(ip).value(),
                                                                 .ipv6 = {},
                                                                 .public_addresses = {},
                                                                 .client_name = name + ".relay.example",
                                                                 .proxy = {},
                                                                 .drained = drained});
    }
    void set_sources(std::vector<std::shared_ptr<const EgressSource>> sources) {
        EgressPool pool;
        pool.name = "all";
        for (const auto& each : sources) pool.members.push_back({.source = each});
        tables_made_here = true;
        dispatcher.set_egress(
            std::make_shared<const EgressTable>(std::move(sources), std::vector<EgressPool>{pool}, "all"),
            std::make_shared<const shaping::ShapingTable>(providers, shaping_rules));
    }
    void two_sources() { set_sources({source_at("one", "11.0.9.1"), source_at("two", "11.0.9.2")}); }
    void start_with_tables() {
        set_routes();
        engine = new_engine(1);
        dispatcher.set_engines({engine.get()});
        engine->start();
    }
    std::map<std::string, int> messages_by_source() {
        std::map<std::string, int> counts;
        for (const std::string& line : server.commands)
            if (line.starts_with("EHLO ")) ++counts[line.substr(5)];
        return counts;
    }
    shaping::Rule& rule_for_all() {
        shaping_rules.push_back(
            {.selectors = {}, .values = {}, .authority = shaping::Authority::operators, .origin = "test"});
        return shaping_rules.back();
    }
};

TEST_F(DeliveryShaping, MailOfAPoolGoesFromAllItsSources) {
    options.messages_per_connection = 1;
    two_sources();
    start_with_tables();
    for (int i = 0; i < 20; ++i) send({"b" + std::to_string(i) + "@example.net"});
    ASSERT_TRUE(happens("delivery.delivered", 20));
    const auto counts = messages_by_source();
    ASSERT_THAT(counts, SizeIs(2)) << "each with the name that it gives in EHLO";
    for (const auto& [name, count] : counts) EXPECT_GE(count, 3) << name;
    std::set<std::string> addresses;
    for (const DialOptions& dialed : dialer.dialed()) addresses.insert(dialed.source.text());
    EXPECT_EQ(addresses, (std::set<std::string>{"11.0.9.1", "11.0.9.2"}));
}

TEST_F(DeliveryShaping, ADrainedSourceTakesNothingNewAndComesBack) {
    options.messages_per_connection = 1;
    set_sources({source_at("one", "11.0.9.1", true), source_at("two", "11.0.9.2")});
    start_with_tables();
    for (int i = 0; i < 10; ++i) send({"b" + std::to_string(i) + "@example.net"});
    ASSERT_TRUE(happens("delivery.delivered", 10));
    EXPECT_EQ(messages_by_source().count("one.relay.example"), 0U);
    two_sources();
    for (int i = 0; i < 20; ++i) send({"c" + std::to_string(i) + "@example.net"});
    ASSERT_TRUE(happens("delivery.delivered", 30));
    EXPECT_EQ(messages_by_source().count("one.relay.example"), 1U);
}

TEST_F(DeliveryShaping, WithEverySourceDrainedMailWaitsUntilOneIsBack) {
    set_sources({source_at("one", "11.0.9.1", true)});
    start_with_tables();
    send({"b@example.net"});
    ASSERT_TRUE(store.run_until([&] {
        const auto status = engine->destination("example.net");
        return status && !status->site.empty() && status->ready == 1;
    }));
    EXPECT_EQ(server.connections, 0);
    set_sources({source_at("one", "11.0.9.1")});
    EXPECT_TRUE(happens("delivery.delivered"));
}

// S62: what the provider's rate leaves over waits, and people are told for what.
TEST_F(DeliveryShaping, MailOverTheRateWaitsAndSaysForWhat) {
    rule_for_all().values.message_rate = shaping::Rates{.per_hour = 2};
    start();
    for (const char* to : {"b@example.net", "c@example.net", "d@example.net"}) send({to});
    ASSERT_TRUE(happens("delivery.delivered", 2));
    ASSERT_TRUE(store.run_until([&] { return destination("example.net").ready == 1; }));
    const DestinationStatus status = destination("example.net");
    ASSERT_TRUE(status.hindered.has_value());
    EXPECT_EQ(status.hindered->permission.hindrance, Hindrance::message_rate);
    EXPECT_EQ(status.hindered->by, "mx1.example.net");
    EXPECT_EQ(status.hindered->source, "default");
    EXPECT_GT(status.hindered->permission.until, WallClock::now());
    EXPECT_THAT(server.mails, SizeIs(2));
}

TEST_F(DeliveryShaping, WhatOneSourceMayNotSendGoesFromAnother) {
    shaping::Rule& rule = rule_for_all();
    rule.selectors.source = "one";
    rule.values.message_rate = shaping::Rates{.per_day = 1};
    two_sources();
    start_with_tables();
    for (int i = 0; i < 12; ++i) send({"b" + std::to_string(i) + "@example.net"});
    ASSERT_TRUE(happens("delivery.delivered", 12)) << "the second source has no limit";
}

TEST_F(DeliveryShaping, ASourceThatCannotConnectLeavesItsMailToAnother) {
    dialer.break_source(dns::IpAddress::parse("11.0.9.1").value());
    fallback.retry.delays = {seconds(0)};
    two_sources();
    start_with_tables();
    for (int i = 0; i < 8; ++i) send({"b" + std::to_string(i) + "@example.net"});
    ASSERT_TRUE(happens("delivery.delivered", 8));
    EXPECT_EQ(messages_by_source().count("one.relay.example"), 0U);
}

TEST_F(DeliveryShaping, ARulesConnectionLimitCountsForAllSitesOfAProvider) {
    providers = {{.name = "great", .host_suffixes = {"great.example"}}};
    shaping::Rule& rule = rule_for_all();
    rule.selectors.provider = "great";
    rule.values.connections = 1;
    resolver.mx("a.example", 10, "mx1.great.example").address("mx1.great.example", "11.0.2.1");
    resolver.mx("b.example", 10, "mx2.great.example").address("mx2.great.example", "11.0.2.2");
    MailServer one(store.shard), two(store.shard);
    one.listen(dialer, "11.0.2.1");
    two.listen(dialer, "11.0.2.2");
    one.script.greeting = "silence";
    options.timeouts.greeting = seconds(1);
    start();
    send({"x@a.example"});
    ASSERT_TRUE(store.run_until([&] { return one.connections == 1; }));
    send({"x@b.example"});
    ASSERT_TRUE(store.run_until([&] { return destination("b.example").ready == 1; }));
    EXPECT_EQ(two.connections, 0) << "the provider's one connection is busy";
    EXPECT_EQ(destination("b.example").hindered->permission.hindrance, Hindrance::connections);
    EXPECT_EQ(destination("b.example").hindered->by, "great");
    ASSERT_TRUE(happens("delivery.delivered")) << "it goes when the first has ended";
    EXPECT_EQ(two.connections, 1);
}

TEST_F(DeliveryShaping, ARuleForADomainGivesItLanesOfItsOwn) {
    resolver.mx("example.org", 10, "mx1.example.net");
    shaping::Rule& rule = rule_for_all();
    rule.selectors.domain = "example.org";
    rule.values.message_rate = shaping::Rates{.per_day = 1};
    start();
    for (const char* to : {"a@example.org", "b@example.org", "c@example.net", "d@example.net"}) send({to});
    ASSERT_TRUE(happens("delivery.delivered", 3));
    ASSERT_TRUE(store.run_until([&] { return destination("example.org").ready == 1; }));
    EXPECT_EQ(destination("example.org").site, "mx1.example.net@example.org");
    EXPECT_EQ(destination("example.net").site, "mx1.example.net");
}

// A server that refuses the address of one source gets the mail from another one.
TEST_F(DeliveryShaping, WhereASourceIsBlockedOthersGoOn) {
    two_sources();
    start_with_tables();
    // The sources are told apart by their names.
    for (const char* command : {"EHLO one", "HELO one"})
        server.script.replies[command] = "550 5.7.1 Service unavailable, host [11.0.9.1] is on our block list";
    fallback.connection_limit = 1;
    for (int i = 0; i < 12; ++i) send({"b" + std::to_string(i) + "@example.net"});
    ASSERT_TRUE(
        store.run_until([&] { return log.count("delivery.delivered") + log.count("delivery.deferred") >= 12; }));
    EXPECT_LE(log.count("delivery.deferred"), 2U) << "most of its mail went from the other one";
    for (int i = 0; i < 8; ++i) send({"c" + std::to_string(i) + "@example.net"});
    ASSERT_TRUE(happens("delivery.delivered", 18));
    std::vector<SiteStatus> sites;
    on_shard([&] { sites = engine->sites(); });
    ASSERT_THAT(sites, SizeIs(1));
    for (const LaneStatus& lane : sites[0].lanes)
        EXPECT_EQ(lane.next_connection.has_value(), lane.source == "one") << lane.source;
}

// R20, in small: a tenant with much does not make another with little wait for all of it.
TEST_F(DeliveryShaping, TenantsTakeTurns) {
    fallback.connection_limit = 1;
    start();
    on_shard([&] { engine->suspend("example.net", true); });
    const auto send_of = [&](TenantId tenant, mail::MessageStream stream, const std::string& to) {
        Submission submission = store.submission(envelope("a@sender.example", {to}));
        submission.tenant = tenant;
        submission.stream = stream;
        send(std::move(submission));
    };
    for (int i = 0; i < 40; ++i)
        send_of(TenantId{1}, mail::MessageStream::transactional, "many" + std::to_string(i) + "@example.net");
    for (int i = 0; i < 5; ++i)
        send_of(TenantId{2}, mail::MessageStream::bulk, "bulk" + std::to_string(i) + "@example.net");
    for (int i = 0; i < 2; ++i)
        send_of(TenantId{2}, mail::MessageStream::transactional, "few" + std::to_string(i) + "@example.net");
    ASSERT_TRUE(store.run_until([&] { return engine->destination("example.net")->ready == 47; }));
    on_shard([&] { engine->suspend("example.net", false); });
    ASSERT_TRUE(happens("delivery.delivered", 47));
    std::size_t last_few = 0, first_bulk = 99, last_many = 0;
    for (std::size_t i = 0; i < server.mails.size(); ++i) {
        const std::string& to = server.mails[i].recipients.front();
        if (to.contains("few")) last_few = i;
        if (to.contains("bulk")) first_bulk = std::min(first_bulk, i);
        if (to.contains("many")) last_many = i;
    }
    EXPECT_LE(last_few, 4U) << "by turns with the one who has many";
    EXPECT_GE(first_bulk, 5U) << "after transactional mail";
    EXPECT_LT(first_bulk, last_many) << "but not after all of it";
}

TEST_F(DeliveryShaping, ATenantOfMoreWeightHasMoreTurns) {
    weights = {{TenantId{2}, 3}};
    fallback.connection_limit = 1;
    start();
    on_shard([&] { engine->suspend("example.net", true); });
    for (int i = 0; i < 12; ++i)
        for (const std::int64_t tenant : {1, 2}) {
            Submission submission = store.submission(envelope(
                "a@sender.example", {"t" + std::to_string(tenant) + "-" + std::to_string(i) + "@example.net"}));
            submission.tenant = TenantId{tenant};
            send(std::move(submission));
        }
    ASSERT_TRUE(store.run_until([&] { return engine->destination("example.net")->ready == 24; }));
    on_shard([&] { engine->suspend("example.net", false); });
    ASSERT_TRUE(happens("delivery.delivered", 24));
    const auto of_heavy = std::ranges::count_if(
        std::span(server.mails).first(12), [](const auto& mail) { return mail.recipients.front().contains("t2-"); });
    EXPECT_NEAR(static_cast<double>(of_heavy), 9, 1) << "three turns to one";
}

// S62: a limit for one tenant lets the others pass, and opens no connection in vain.
TEST_F(DeliveryShaping, ARuleForATenantLimitsItAlone) {
    shaping::Rule& rule = rule_for_all();
    rule.selectors.tenant = TenantId{1}.text();
    rule.values.message_rate = shaping::Rates{.per_day = 2};
    start();
    for (int i = 0; i < 5; ++i) send({"a" + std::to_string(i) + "@example.net"});
    for (int i = 0; i < 5; ++i) {
        Submission submission =
            store.submission(envelope("a@sender.example", {"b" + std::to_string(i) + "@example.net"}));
        submission.tenant = TenantId{2};
        send(std::move(submission));
    }
    ASSERT_TRUE(happens("delivery.delivered", 7));
    ASSERT_TRUE(store.run_until([&] { return destination("example.net").ready == 3; }));
    const auto of_limited =
        std::ranges::count_if(server.mails, [](const auto& mail) { return mail.recipients.front().contains("<a"); });
    EXPECT_EQ(of_limited, 2);
    shaping_rules.clear();
    set_tables();
    ASSERT_TRUE(happens("delivery.delivered", 10)) << "without the rule they go";
}

// security row R20: the places of a shard are never all one tenant's.
TEST_F(DeliveryShaping, ATenantWhoseServersAreSilentLeavesPlacesToOthers) {
    options.connection_limit = 4;
    options.timeouts.greeting = seconds(20);
    std::vector<std::unique_ptr<MailServer>> silent;
    for (int i = 0; i < 6; ++i) {
        const std::string name = "silent" + std::to_string(i) + ".example", ip = "11.0.3." + std::to_string(i + 1);
        resolver.mx(name, 10, "mx." + name).address("mx." + name, ip);
        silent.push_back(std::make_unique<MailServer>(store.shard));
        silent.back()->listen(dialer, ip);
        silent.back()->script.greeting = "silence";
    }
    const auto connected = [&] {
        return std::ranges::count_if(silent, [](const auto& each) { return each->connections > 0; });
    };
    start();
    const auto send_of_two = [&](const std::string& to) {
        Submission submission = store.submission(envelope("b@sender.example", {to}));
        submission.tenant = TenantId{2};
        send(std::move(submission));
    };
    send_of_two("first@example.net");
    ASSERT_TRUE(happens("delivery.delivered"));
    for (int i = 0; i < 6; ++i) send({"a@silent" + std::to_string(i) + ".example"});
    ASSERT_TRUE(store.run_until([&] { return connected() == 3; })) << "three of four";
    send_of_two("second@example.net");
    ASSERT_TRUE(happens("delivery.delivered", 2)) << "the last place is for others";
    EXPECT_EQ(connected(), 3);
    EXPECT_EQ(log.count("delivery.deferred"), 0U) << "the silent ones are waited for still";
}

TEST_F(DeliveryShaping, NewLimitsCountAtOnce) {
    rule_for_all().values.message_rate = shaping::Rates{.per_day = 1};
    start();
    for (const char* to : {"b@example.net", "c@example.net"}) send({to});
    ASSERT_TRUE(happens("delivery.delivered"));
    ASSERT_TRUE(store.run_until([&] { return destination("example.net").ready == 1; }));
    shaping_rules.clear();
    set_tables();
    ASSERT_TRUE(happens("delivery.delivered", 2));
}

TEST_F(DeliveryShaping, ARuleMayDemandTls) {
    rule_for_all().values.tls = shaping::TlsMode::required;
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred")) << "the server does not offer it";
    EXPECT_THAT(detail(message->id), HasSubstr("TLS is demanded by a shaping rule"));
    EXPECT_THAT(server.mails, SizeIs(0));
}

}  // namespace
}  // namespace relevo::test
