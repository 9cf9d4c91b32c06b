// What people are told of deliveries, and what outlives the process.
#include "core/delivery/delivery_fixture.h"
#include "core/delivery/schema.h"
#include "core/delivery/throttle_rows.h"

namespace relevo::test {
namespace {

using shaping::Hindrance;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class DeliveryStatus : public DeliveryTest {
 protected:
    shaping::Rule& rule_for_all() {
        shaping_rules.push_back(
            {.selectors = {}, .values = {}, .authority = shaping::Authority::operators, .origin = "test"});
        return shaping_rules.back();
    }
    std::map<DeliveryId, Standing> standings(const std::set<DeliveryId>& ids, const std::set<std::string>& keys) {
        std::map<DeliveryId, Standing> found;
        on_shard([&] { found = engine->standings(ids, keys); });
        return found;
    }
    ThrottleChanges take_changes(std::size_t most = 100) {
        ThrottleChanges changes;
        on_shard([&] { changes = engine->take_throttle_changes(most); });
        return changes;
    }
    [[nodiscard]] bool is_ready(std::string_view key, std::size_t count) {
        return store.run_until([&] { return engine->destination(key).value_or(DestinationStatus{}).ready == count; });
    }
};

// S37: one may stop what goes to a provider, whatever domains there are.
TEST_F(DeliveryStatus, ASuspendedSiteKeepsTheMailOfDestinationsThatLeadThereLater) {
    resolver.mx("example.org", 10, "mx1.example.net");
    start();
    dispatcher.set_suspended_sites({"site:mx1.example.net"});
    send({"a@example.net"});
    ASSERT_TRUE(store.run_until([&] { return destination("example.net").site_suspended; }));
    send({"b@example.org"});
    ASSERT_TRUE(store.run_until([&] { return destination("example.org").site_suspended; }));
    EXPECT_EQ(server.connections, 0);
    dispatcher.set_suspended_sites({});
    EXPECT_TRUE(happens("delivery.delivered", 2));
}

TEST_F(DeliveryStatus, AProviderIsSuspendedWithAllItsSites) {
    providers = {{.name = "great", .host_suffixes = {"example.net"}}};
    start();
    dispatcher.set_suspended_sites({"provider:great"});
    send({"a@example.net"});
    ASSERT_TRUE(store.run_until([&] { return destination("example.net").site_suspended; }));
    EXPECT_EQ(destination("example.net").provider, "great");
    EXPECT_EQ(server.connections, 0);
}

TEST_F(DeliveryStatus, AStandingTellsHowManyOfTheTenantAreBefore) {
    rule_for_all().values.message_rate = shaping::Rates{.per_day = 1};
    start();
    send({"first@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    std::vector<std::shared_ptr<const Message>> waiting;
    for (int i = 0; i < 3; ++i) waiting.push_back(send({"b" + std::to_string(i) + "@example.net"}));
    Submission others = store.submission(envelope("a@sender.example", {"c@example.net"}));
    others.tenant = TenantId{2};
    const auto other = send(std::move(others));
    ASSERT_TRUE(is_ready("example.net", 4));
    const auto found = standings({{waiting[2]->id, 0}, {other->id, 0}}, {"example.net"});
    ASSERT_THAT(found, SizeIs(2));
    const Standing& last = found.at({waiting[2]->id, 0});
    EXPECT_EQ(last.before, 2U);
    EXPECT_EQ(last.ready, 4U);
    EXPECT_EQ(last.source, "default");
    ASSERT_TRUE(last.hindered.has_value());
    EXPECT_EQ(last.hindered->permission.hindrance, Hindrance::message_rate);
    EXPECT_EQ(found.at({other->id, 0}).before, 0U) << "tenants take turns";
}

TEST_F(DeliveryStatus, TheTallyCountsFlowsAndTheOldest) {
    start();
    on_shard([&] { engine->suspend("example.net", true); });
    const auto first = send({"a@example.net", "b@example.net"});
    Submission others = store.submission(envelope("a@sender.example", {"c@example.net"}));
    others.tenant = TenantId{2};
    others.stream = mail::MessageStream::bulk;
    send(std::move(others));
    ASSERT_TRUE(is_ready("example.net", 3));
    QueueTally tally;
    on_shard([&] { tally = engine->tally({"example.net"}); });
    ASSERT_THAT(tally.flows, SizeIs(2));
    const auto& flow = tally.flows[tally.flows[0].flow.tenant == TenantId{1} ? 0 : 1];
    EXPECT_EQ(flow.ready, 2U);
    EXPECT_EQ(flow.waiting, 0U);
    EXPECT_EQ(flow.oldest, first->id);
    EXPECT_EQ(tally.oldest.at("example.net"), first->id);
}

TEST_F(DeliveryStatus, WithEverySourceDrainedItSaysSo) {
    source.drained = true;
    start();
    send({"a@example.net"});
    ASSERT_TRUE(store.run_until([&] { return destination("example.net").lacks_source; }));
    EXPECT_FALSE(destination("example.net").hindered.has_value());
}

TEST_F(DeliveryStatus, ChangesOfThrottlesAreTakenOnceAndCountAgainAfterARestart) {
    rule_for_all().values.message_rate = shaping::Rates{.per_day = 1};
    start();
    send({"a@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    const ThrottleChanges changes = take_changes();
    ASSERT_THAT(changes.changed, SizeIs(1));
    EXPECT_EQ(changes.changed[0].shaping_key, "site:mx1.example.net");
    EXPECT_THAT(take_changes().changed, IsEmpty()) << "nothing has changed";
    on_shard([&] { engine->throttles_not_written(); });
    EXPECT_THAT(take_changes().changed, SizeIs(1)) << "the store did not take them";
    // The next process, as far as that goes.
    auto next = new_engine(1);
    next->restore_throttle(changes.changed[0]);
    dispatcher.set_engines({next.get()});
    next->start();
    std::swap(engine, next);
    send({"b@example.net"});
    ASSERT_TRUE(store.run_until([&] { return destination("example.net").hindered.has_value(); }));
    EXPECT_EQ(destination("example.net").hindered->permission.hindrance, Hindrance::message_rate) << "the day's count";
    EXPECT_EQ(server.mails.size(), 1U);
}

TEST_F(DeliveryStatus, ThrottlesWithNothingToRememberAreForgotten) {
    options.bearings_last = milliseconds(50);
    options.idle_timeout = seconds(0);
    start();
    send({"a@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_FALSE(take_changes().changed.empty());
    // A back-off wakes the one who looks at the time; otherwise he sleeps for a minute.
    resolver.fault("example.org", MemoryResolver::Fault::servfail);
    send({"b@example.org"});
    ASSERT_TRUE(store.run_until([&] { return engine->sites().empty(); }));
    EXPECT_THAT(take_changes().forgotten, ElementsAre(testing::Pair("default", "site:mx1.example.net")));
    std::vector<ThrottleReport> left;
    on_shard([&] { left = engine->throttles(); });
    EXPECT_THAT(left, IsEmpty());
}

TEST_F(DeliveryStatus, ABoundedNumberIsWrittenAtOnceAndTheRestNextTime) {
    for (const char* domain : {"example.org", "example.com"}) {
        const std::string host = "mx." + std::string(domain);
        resolver.mx(domain, 10, host).address(host, "11.0.0.2");
    }
    MailServer other(store.shard);
    other.listen(dialer, second_ip);
    start();
    for (const char* to : {"a@example.net", "b@example.org", "c@example.com"}) send({to});
    ASSERT_TRUE(happens("delivery.delivered", 3));
    std::set<std::string> keys;
    for (int round = 0; round < 3; ++round) {
        const ThrottleChanges changes = take_changes(1);
        ASSERT_THAT(changes.changed, SizeIs(1));
        keys.insert(changes.changed[0].shaping_key);
    }
    EXPECT_THAT(keys, SizeIs(3));
}

TEST_F(DeliveryStatus, ForgettingWhatWasLearnedLetsMailGo) {
    server.script.greeting = "550 5.7.1 Service unavailable, host [11.0.9.1] is on our block list";
    start();
    send({"a@example.net"});
    ASSERT_TRUE(store.run_until([&] { return destination("example.net").next_connection.has_value(); }));
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(is_ready("example.net", 1));
    server.script.greeting = "220 mx.example ESMTP";
    std::size_t forgotten = 0;
    on_shard([&] { forgotten = engine->forget_learned("site:mx1.example.net", "mx1.example.net", ""); });
    EXPECT_EQ(forgotten, 1U);
    EXPECT_TRUE(happens("delivery.delivered message=" + message->id.text()));
}

TEST_F(DeliveryStatus, TellsOnceThatASiteRefusesTheAddressOfASource) {
    options.first_back_off = milliseconds(10);
    rule_for_all().values.first_back_off = seconds(0);
    server.script.greeting = "554 5.7.1 Service unavailable, host [11.0.9.1] is on our block list";
    set_routes();
    set_tables();
    std::vector<std::pair<std::string, std::string>> closed;
    engine = std::make_unique<DeliveryEngine>(
        DeliveryEngine::Ports{.shard = store.shard,
                              .spool = *store.spool,
                              .resolver = resolver,
                              .dialer = dialer,
                              .log = log,
                              .metrics = metrics,
                              .dispatcher = dispatcher,
                              .ids = store.ids,
                              .patterns = patterns,
                              .language_of = [](TenantId) { return mail::Language::english; },
                              .source_closed =
                                  [&closed](const std::string& source_name, const std::string& shaping_key) {
                                      closed.emplace_back(source_name, shaping_key);
                                  }},
        options, 1);
    dispatcher.set_engines({engine.get()});
    engine->start();
    send({"a@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_THAT(closed, IsEmpty()) << "one refusal may be an accident";
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred", 2));
    EXPECT_THAT(closed, ElementsAre(testing::Pair("default", "site:mx1.example.net")));
}

// As rows they say the same afterwards.
TEST(ThrottleRows, SurviveTheStore) {
    SpoolStore store(CommitterThreads::none, delivery_migrations());
    const KeptThrottle kept{
        .source = "mx1",
        .shaping_key = "provider:google",
        .state = {
            .messages_of_hour = {.quarter = 7, .current = 3, .before = {1, 2, 0, 9}},
            .messages_of_day = {.quarter = 2, .current = 30, .before = {}},
            .connections_of_hour = {},
            .connections_of_day = {.quarter = 2, .current = 4, .before = {}},
            .pace = {.rate = 2.5,
                     .ceiling = 4,
                     .phase = shaping::AdaptivePace::Phase::pausing,
                     .cause = bounces::BounceClass::rate_limited,
                     .level = 3,
                     .resume_at = shaping::Time(seconds(1'800'000'000))},
            .learned_connections = 6,
            .warm_up = {.day = 20'000, .ended = false, .target = 50, .sent = 20, .delivered = 19, .deferred = 1}}};
    const auto load = [&] {
        std::vector<KeptThrottle> all;
        std::size_t passed_over = 0;
        EXPECT_TRUE(store
                        .run(read_rows(*store.committer,
                                       [&](Reader& reader) -> Result<void> {
                                           RELEVO_TRY(passed_over, load_throttles(reader, [&](const auto& one) {
                                                          all.push_back(one);
                                                      }));
                                           return {};
                                       }))
                        .has_value());
        return std::pair{all, passed_over};
    };
    for (int twice = 0; twice < 2; ++twice)
        ASSERT_TRUE(store
                        .write([&](Transaction& transaction) {
                            return save_throttles(transaction, store.spool->events(),
                                                  {.changed = {kept}, .forgotten = {}}, WallClock::now());
                        })
                        .has_value());
    EXPECT_EQ(store.told_about("source:mx1"), "source.warm_up_step") << "once, however often it is written";
    ASSERT_THAT(load().first, SizeIs(1));
    EXPECT_EQ(load().first[0].state, kept.state);
    EXPECT_EQ(load().first[0].source, "mx1");
    // A damaged row harms nobody.
    ASSERT_TRUE(store
                    .write([&](Transaction& transaction) -> Result<void> {
                        RELEVO_CHECK(transaction.execute("UPDATE throttle SET messages_of_day = '1 2'", {}));
                        return {};
                    })
                    .has_value());
    EXPECT_EQ(load().second, 1U);
    ASSERT_TRUE(store
                    .write([&](Transaction& transaction) {
                        return save_throttles(transaction, store.spool->events(),
                                              {.changed = {}, .forgotten = {{"mx1", "provider:google"}}},
                                              WallClock::now());
                    })
                    .has_value());
    EXPECT_THAT(load().first, IsEmpty());
    EXPECT_EQ(load().second, 0U);
}

}  // namespace
}  // namespace relevo::test
