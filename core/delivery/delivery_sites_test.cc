// Destinations with the same mail servers are one site, wherever their names hash to.
#include "core/delivery/delivery_fixture.h"

namespace relevo::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class DeliverySites : public DeliveryTest {
 protected:
    void share_servers(const std::vector<std::string>& domains) {
        for (const std::string& domain : domains) resolver.mx(domain, 10, "mx1.example.net");
    }
    std::vector<SiteStatus> sites() {
        std::vector<SiteStatus> all;
        on_shard([&] { all = engine->sites(); });
        return all;
    }
};

TEST_F(DeliverySites, MailOfDomainsWithTheSameServersGoesOverOneConnection) {
    share_servers({"example.org", "example.com"});
    fallback.connection_limit = 1;
    start();
    for (const char* to : {"a@example.net", "b@example.org", "c@example.com"}) send({to});
    ASSERT_TRUE(happens("delivery.delivered", 3));
    EXPECT_EQ(server.connections, 1);
    EXPECT_THAT(sites(), ElementsAre(testing::Field(&SiteStatus::key, "mx1.example.net")));
}

// S37: many domains of one provider must not add up to many times its limit.
TEST_F(DeliverySites, TheLimitIsOfTheSiteNotOfTheDomain) {
    share_servers({"example.org", "example.com"});
    fallback.connection_limit = 2;
    server.script.greeting = "silence";
    start();
    for (const char* to : {"a@example.net", "b@example.org", "c@example.com", "d@example.com"}) send({to});
    ASSERT_TRUE(store.run_until([&] { return server.connections == 2; }));
    on_shard([] {});
    EXPECT_EQ(server.connections, 2);
    EXPECT_EQ(destination("example.com").connections, 2U) << "those of its site";
}

TEST_F(DeliverySites, ADeadServerIsTriedOnceForAllItsDomains) {
    share_servers({"example.org"});
    dialer.refuse({dns::IpAddress::parse(first_ip).value(), 25},
                  {ErrorKind::refused, "connection refused by 11.0.0.1:25"});
    start();
    send({"a@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    send({"b@example.org"});
    ASSERT_TRUE(store.run_until([&] { return destination("example.org").ready == 1; }));
    EXPECT_THAT(dialer.dialed(), SizeIs(1)) << "the other domain's mail waits for the same back-off";
    EXPECT_TRUE(destination("example.org").next_connection.has_value());
}

TEST_F(DeliverySites, ADomainThatTheDnsDoesNotAnswerForDoesNotHoldUpTheOthers) {
    resolver.fault("example.org", MemoryResolver::Fault::servfail);
    start();
    send({"a@example.org"});
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(destination("example.org").site, "");
    EXPECT_TRUE(destination("example.org").next_connection.has_value());
}

// security row R12: name servers that never answer hold up nobody else, and bounce nothing.
TEST_F(DeliverySites, ManyDomainsWithDeadNameServersDoNotHoldUpTheOthers) {
    constexpr int dead = 1000;
    options.quick_look_up = milliseconds(200);
    start();
    for (int i = 0; i < dead; ++i) {
        const std::string domain = "dead" + std::to_string(i) + ".example";
        resolver.fault(domain, MemoryResolver::Fault::timeout);
        send({"a@" + domain});
    }
    send({"b@example.net"});
    ASSERT_TRUE(store.run_until([&] { return log.count("delivery.delivered") == 1; }));
    EXPECT_LE(resolver.unanswered_at_once(), 300U) << "look-ups at a time";
    EXPECT_EQ(metrics.failed.value() + metrics.expired.value(), 0U);
}

TEST_F(DeliverySites, ASuspendedDomainLeavesTheOthersOfItsSiteAlone) {
    share_servers({"example.org"});
    start();
    on_shard([&] { engine->suspend("example.org", true); });
    send({"a@example.org"});
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    ASSERT_TRUE(store.run_until([&] { return destination("example.org").ready == 1; }));
    EXPECT_THAT(server.mails, SizeIs(1));
    on_shard([&] { engine->suspend("example.org", false); });
    ASSERT_TRUE(happens("delivery.delivered", 2));
}

TEST_F(DeliverySites, MailFollowsServersThatChange) {
    options.bearings_last = milliseconds(0);
    MailServer other(store.shard);
    other.listen(dialer, second_ip);
    start();
    const auto first = send({"a@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_THAT(detail(first->id), testing::HasSubstr(R"("site":"mx1.example.net")"));
    resolver.clear();
    resolver.mx("example.net", 10, "mx2.example.net").address("mx2.example.net", second_ip);
    const auto next = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered", 2));
    EXPECT_THAT(detail(next->id), testing::HasSubstr(R"("site":"mx2.example.net")"));
    EXPECT_THAT(other.mails, SizeIs(1));
}

// A destination moves to the engine that its site hashes to; nothing is lost or sent twice on the way.
class TwoEngines : public DeliverySites {
 protected:
    void start_two() {
        set_routes();
        for (auto* made : {&engine, &second}) *made = new_engine(2);
        dispatcher.set_engines({engine.get(), second.get()});
        engine->start();
        second->start();
    }
    ~TwoEngines() override { store.committer->stop(); }
    // The n-th domain that does not hash to where its site does.
    static std::string stranger(int number) {
        for (int i = 0;; ++i) {
            std::string name = "d" + std::to_string(i) + ".example";
            const std::hash<std::string_view> hash;
            if (hash(name) % 2 != hash("mx1.example.net") % 2 && number-- == 0) return name;
        }
    }
    std::unique_ptr<DeliveryEngine> second;
};

TEST_F(TwoEngines, EverythingOfOneSiteIsOnOneEngine) {
    std::vector<std::string> domains;
    for (int i = 0; i < 20; ++i) domains.push_back("d" + std::to_string(i) + ".example");
    share_servers(domains);
    fallback.connection_limit = 1;
    start_two();
    for (const std::string& domain : domains) send({"a@" + domain, "b@" + domain});
    ASSERT_TRUE(happens("delivery.delivered", 40));
    EXPECT_EQ(server.connections, 1);
    EXPECT_THAT(server.mails, SizeIs(20)) << "no message went twice";
    DeliveryEngine& home = dispatcher.engine_of_site("mx1.example.net");
    for (const std::string& domain : domains) EXPECT_EQ(&dispatcher.engine_of(domain), &home) << domain;
    // What comes later goes there at once.
    for (const std::string& domain : domains) send({"c@" + domain});
    ASSERT_TRUE(happens("delivery.delivered", 60));
    EXPECT_EQ(server.connections, 1);
    EXPECT_EQ(metrics.queue.value(), 0);
    EXPECT_THAT(store.rows(), IsEmpty());
}

// The DNS answers from its cache here: all of that happens while the clock still looks at the destination.
TEST_F(TwoEngines, WhatBecomesDueMovesAsSoonAsItsServersAreKnown) {
    std::vector<std::string> domains;
    for (int i = 0; i < 20; ++i) domains.push_back(stranger(i));
    share_servers(domains);
    start_two();
    DeliveryEngine& former = dispatcher.engine_of(domains.front());
    const auto due = WallClock::now() + milliseconds(30);
    for (const std::string& domain : domains) {
        const auto waiting = store.accept(store.submission(envelope("a@sender.example", {"b@" + domain})));
        dispatcher.enqueue({.id = {waiting->id, 0}, .flow = {}, .domain = domain, .attempts = 1, .due = due});
    }
    ASSERT_TRUE(happens("delivery.delivered", domains.size()));
    EXPECT_THAT(server.mails, SizeIs(domains.size()));
    ASSERT_TRUE(store.run_until([&] { return former.destinations().empty(); }));
    for (const std::string& domain : domains) EXPECT_NE(&dispatcher.engine_of(domain), &former) << domain;
}

TEST_F(TwoEngines, WhatWaitsMovesToo) {
    const std::string domain = stranger(0);
    share_servers({domain});
    start_two();
    DeliveryEngine& former = dispatcher.engine_of(domain);
    on_shard([&] { former.suspend(domain, true); });
    const auto message = send({"a@" + domain});
    ASSERT_TRUE(store.run_until([&] { return former.destination(domain)->ready == 1; }));
    const auto later = store.accept(store.submission(envelope("a@sender.example", {"b@" + domain})));
    dispatcher.enqueue(
        {.id = {later->id, 0}, .flow = {}, .domain = domain, .attempts = 1, .due = WallClock::now() + minutes(10)});
    ASSERT_TRUE(store.run_until([&] { return former.destination(domain)->waiting == 1; }));
    on_shard([&] { former.suspend(domain, false); });
    ASSERT_TRUE(happens("delivery.delivered"));
    DeliveryEngine& home = dispatcher.engine_of(domain);
    ASSERT_NE(&home, &former);
    EXPECT_EQ(home.destination(domain)->waiting, 1U);
    on_shard([&] { home.retry(domain, {{later->id, 0}}); });
    ASSERT_TRUE(happens("delivery.delivered", 2));
    EXPECT_THAT(server.mails, SizeIs(2));
}

}  // namespace
}  // namespace relevo::test
