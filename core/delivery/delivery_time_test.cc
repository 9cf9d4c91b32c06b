// What time, people and faults do to a queue: expiry, warnings, back-off, suspension, drain, damage.
#include "core/delivery/delivery_fixture.h"

namespace relevo::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class DeliveryTime : public DeliveryTest {
 protected:
    void refuse_connections() {
        dialer.refuse({dns::IpAddress::parse(first_ip).value(), 25},
                      {ErrorKind::refused, "connection refused by 11.0.0.1:25"});
    }
    // As after a crash: a new engine, not started yet, has what waits in the store.
    void restart() {
        store.restart();
        make_engine();
        for (const auto& pending : store.recovered) {
            const mail::Address to = address(pending.recipient);
            engine->restore(dispatcher.queued({.id = pending.id,
                                               .flow = {.tenant = pending.tenant},
                                               .domain = to.domain(),
                                               .attempts = static_cast<std::uint16_t>(pending.attempts),
                                               .delay_reported = pending.delay_reported,
                                               .due = pending.due_at}));
        }
    }
};

// RFC 5321 §4.5.4.1: "the give-up time generally needs to be at least 4-5 days".
TEST_F(DeliveryTime, GivesUpWhenItsTimeIsOver) {
    fallback.retry.expire_after = hours(96);
    server.script.replies["RCPT"] = "450 4.2.1 Mailbox busy";
    start();
    const auto message = send_old(hours(97), {"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered")) << "the report";
    EXPECT_EQ(store.kinds(message->id), "accepted expired reported");
    EXPECT_EQ(metrics.expired.value(), 1U);
    ASSERT_THAT(sender_server.mails, SizeIs(1));
    EXPECT_THAT(sender_server.mails[0].content,
                AllOf(HasSubstr("Action: failed"), HasSubstr("Status: 5."), HasSubstr("450 4.2.1 Mailbox busy")));
}

TEST_F(DeliveryTime, MakesTheLastTryWhenTheTimeIsUpAndNotLater) {
    fallback.retry.expire_after = hours(1);
    server.script.replies["RCPT"] = "450 4.2.1 Mailbox busy";
    start();
    send_old(minutes(57), {"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    ASSERT_THAT(store.rows(), SizeIs(1));
    EXPECT_NEAR(minutes_to_retry(store.rows()[0]), 3, 0.5);
}

TEST_F(DeliveryTime, ReportsThemselvesHaveLessTime) {
    server.script.replies["RCPT"] = "450 4.2.1 Mailbox busy";
    start();
    const auto message = send_old(hours(25), {"b@example.net"}, "");
    ASSERT_TRUE(happens("delivery.expired"));
    EXPECT_EQ(store.kinds(message->id), "accepted expired");
    EXPECT_EQ(metrics.reports.value(), 0U);
}

// RFC 3464 §2.3.3 "delayed".
TEST_F(DeliveryTime, WarnsOfADelayOnce) {
    server.script.replies["RCPT"] = "450 4.2.1 Mailbox busy";
    start();
    const auto message = send_old(hours(5), {"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered")) << "the warning";
    ASSERT_THAT(sender_server.mails, SizeIs(1));
    EXPECT_THAT(sender_server.mails[0].content, AllOf(HasSubstr("Action: delayed"), HasSubstr("Will-Retry-Until:")));
    retry_all("example.net", message->id);
    ASSERT_TRUE(happens("delivery.deferred", 2));
    ASSERT_TRUE(settles());
    EXPECT_EQ(metrics.reports.value(), 1U);
    store.committer->stop();
    engine.reset();
    store.restart();
    EXPECT_TRUE(store.recovered.at(0).delay_reported) << "nor again after a restart";
}

TEST_F(DeliveryTime, DoesNotWarnBeforeItIsTime) {
    server.script.replies["RCPT"] = "450 4.2.1 Mailbox busy";
    start();
    send_old(hours(3), {"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_EQ(metrics.reports.value(), 0U);
}

TEST_F(DeliveryTime, BacksOffFromAServerThatDoesNotAnswer) {
    refuse_connections();
    fallback.connection_limit = 1;
    start();
    on_shard([&] { engine->suspend("example.net", true); });
    for (const char* to : {"b@example.net", "c@example.net", "d@example.net"}) send({to});
    ASSERT_TRUE(store.run_until([&] { return engine->destination("example.net")->ready == 3; }));
    on_shard([&] { engine->suspend("example.net", false); });
    ASSERT_TRUE(happens("delivery.deferred", 3)) << "the queue shares the fate of the one that was tried";
    EXPECT_THAT(dialer.dialed(), SizeIs(1));
    const DestinationStatus status = destination("example.net");
    EXPECT_TRUE(status.next_connection.has_value());
    EXPECT_EQ(status.waiting, 3U);
    EXPECT_THAT(status.last_problem, HasSubstr("connection refused"));
    send({"e@example.net"});
    ASSERT_TRUE(store.run_until([&] { return engine->destination("example.net")->ready == 1; }));
    EXPECT_THAT(dialer.dialed(), SizeIs(1)) << "not before its time";
}

TEST_F(DeliveryTime, ProbesWithOneConnectionUntilTheServerAnswers) {
    refuse_connections();
    start();
    const auto first = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    for (const char* to : {"c@example.net", "d@example.net", "e@example.net"}) send({to});
    ASSERT_TRUE(store.run_until([&] { return engine->destination("example.net")->ready == 3; }));
    server.listen(dialer, first_ip);
    server.script.greeting = "silence";
    on_shard([&] { engine->retry("example.net", {{first->id, 0}}); });
    ASSERT_TRUE(store.run_until([&] { return server.connections == 1; }));
    EXPECT_EQ(destination("example.net").connections, 1U) << "one probe, although four wait";
}

TEST_F(DeliveryTime, ForgetsTheBackOffOnceTheServerAnswers) {
    refuse_connections();
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    server.listen(dialer, first_ip);
    options.idle_timeout = seconds(0);
    retry_all("example.net", message->id);
    ASSERT_TRUE(happens("delivery.delivered"));
    ASSERT_TRUE(settles());
    EXPECT_FALSE(destination("example.net").next_connection.has_value());
    EXPECT_EQ(destination("example.net").last_problem, "");
}

TEST_F(DeliveryTime, ASuspendedDestinationKeepsItsMail) {
    start();
    on_shard([&] { engine->suspend("example.net", true); });
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(store.run_until([&] { return engine->destination("example.net")->ready == 1; }));
    EXPECT_THAT(dialer.dialed(), IsEmpty());
    EXPECT_TRUE(destination("example.net").suspended);
    on_shard([&] { engine->suspend("example.net", false); });
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(store.kinds(message->id), "accepted delivered");
}

TEST_F(DeliveryTime, DeliversWhatWasRecovered) {
    const auto message = store.accept("a@sender.example", {"b@example.net", "c@example.net"});
    restart();
    engine->start();
    ASSERT_TRUE(happens("delivery.delivered", 2));
    ASSERT_THAT(server.mails, SizeIs(1)) << "together, as they came";
    EXPECT_EQ(server.mails[0].content, *message->content);
}

TEST_F(DeliveryTime, WhatAPersonTakesOutIsNotDelivered) {
    start();
    on_shard([&] { engine->suspend("example.net", true); });
    const auto message = send({"b@example.net", "c@example.net"});
    ASSERT_TRUE(store.run_until([&] { return engine->destination("example.net")->ready == 2; }));
    on_shard([&] { engine->remove("example.net", {{message->id, 0}}); });
    on_shard([&] { engine->suspend("example.net", false); });
    ASSERT_TRUE(happens("delivery.delivered"));
    ASSERT_THAT(server.mails, SizeIs(1));
    EXPECT_THAT(server.mails[0].recipients, testing::ElementsAre("<c@example.net>"));
    EXPECT_TRUE(store.run_until([&] { return metrics.queue.value() == 0; }));
}

TEST_F(DeliveryTime, WhatWasHeldDuringAnAttemptStaysHeld) {
    server.script.replies["."] = "silence";
    options.timeouts.end_of_data = seconds(1);
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(store.run_until([&] { return !server.mails.empty(); }));
    ASSERT_THAT(store.run(store.spool->change(store.rows(), Spool::Change::hold, "stop it")).value(), SizeIs(1));
    on_shard([&] { engine->remove("example.net", {{message->id, 0}}); });
    ASSERT_TRUE(happens("delivery.deferred"));
    server.script.replies.clear();
    retry_all("example.net", message->id);
    ASSERT_TRUE(settles());
    ASSERT_THAT(store.rows(), SizeIs(1));
    EXPECT_EQ(store.rows()[0].state, DeliveryState::held);
    EXPECT_EQ(store.kinds(message->id), "accepted held deferred");
    EXPECT_THAT(server.mails, SizeIs(1)) << "the attempt under way, and no other";
}

// Hold, then release, of a recipient while its attempt runs: as the control socket does it.
class ReleaseDuringAnAttempt : public DeliveryTime {
 protected:
    void hold_and_release() {
        ASSERT_THAT(store.run(store.spool->change(store.rows(), Spool::Change::hold, "")).value(), SizeIs(1));
        on_shard([&] { engine->remove("example.net", {{message->id, 0}}); });
        ASSERT_THAT(store.run(store.spool->change(store.rows(), Spool::Change::release, "")).value(), SizeIs(1));
        on_shard([&] { engine->remove("example.net", {{message->id, 0}}); });
        dispatcher.enqueue({.id = {message->id, 0},
                            .flow = {message->tenant, message->stream},
                            .domain = "example.net",
                            .due = WallClock::now()});
        on_shard([] {});  // it has come in
    }
    std::shared_ptr<const Message> message;
};

TEST_F(ReleaseDuringAnAttempt, NeverSendsItTwice) {
    server.script.replies["."] = "silence";
    start();
    message = send({"b@example.net"});
    ASSERT_TRUE(store.run_until([&] { return server.mails.size() == 1; }));
    hold_and_release();
    on_shard([] {});
    server.speak("250 2.0.0 Taken");
    ASSERT_TRUE(happens("delivery.delivered"));
    ASSERT_TRUE(settles());
    EXPECT_THAT(server.mails, SizeIs(1));
    EXPECT_EQ(server.connections, 1);
    EXPECT_EQ(metrics.queue.value(), 0);
}

TEST_F(ReleaseDuringAnAttempt, TriesAgainAtOnceIfTheAttemptFails) {
    server.script.replies["DATA"] = "silence";
    start();
    message = send({"b@example.net"});
    ASSERT_TRUE(store.run_until([&] { return server.count("DATA") == 1; }));
    hold_and_release();
    server.script.replies.clear();
    server.speak("451 4.3.0 Not now");
    ASSERT_TRUE(happens("delivery.delivered"));
    ASSERT_TRUE(settles());
    EXPECT_THAT(server.mails, SizeIs(1));
    EXPECT_EQ(server.count("DATA"), 2U) << "one attempt after the other";
    EXPECT_EQ(metrics.queue.value(), 0);
}

TEST_F(DeliveryTime, DrainLetsARunningTransactionFinish) {
    server.script.replies["DATA"] = "silence";
    server.script.extensions = {"8BITMIME"};
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(store.run_until([&] { return server.count("DATA") == 1; }));
    bool drained = false;
    engine->drain(Clock::now() + minutes(1), [&] { drained = true; });
    const auto later = send({"c@example.net"});
    ASSERT_TRUE(store.run_until([&] { return metrics.queue.value() == 2; }));
    EXPECT_FALSE(drained);
    server.close_connections();  // in place of the reply that never came
    ASSERT_TRUE(store.run_until([&] { return drained; }));
    EXPECT_EQ(store.kinds(message->id), "accepted deferred") << "its outcome is written before the end";
    EXPECT_EQ(store.kinds(later->id), "accepted") << "nothing new begins";
}

TEST_F(DeliveryTime, DrainEndsIdleConnectionsPolitely) {
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    bool drained = false;
    engine->drain(Clock::now() + minutes(1), [&] { drained = true; });
    ASSERT_TRUE(store.run_until([&] { return drained; }));
    EXPECT_EQ(server.count("QUIT"), 1U);
    EXPECT_EQ(metrics.connections.value(), 0);
}

TEST_F(DeliveryTime, DrainEndsAtItsDeadline) {
    server.script.replies["DATA"] = "silence";
    start();
    send({"b@example.net"});
    ASSERT_TRUE(store.run_until([&] { return server.count("DATA") == 1; }));
    bool drained = false;
    engine->drain(Clock::now() + milliseconds(50), [&] { drained = true; });
    EXPECT_TRUE(store.run_until([&] { return drained; }));
}

TEST_F(DeliveryTime, DamagedContentIsSetAsideAndNamed) {
    options.fresh_content_limit = 0;  // read from the spool
    start();
    on_shard([&] { engine->suspend("example.net", true); });
    const auto message = send({"b@example.net"});
    {
        auto file = store.disk.open("segment-0000000001", OpenMode::existing).value();
        const std::string garbage = "xxxx";
        ASSERT_TRUE(file->write_at(message->location.offset + 40, as_octets(garbage)).has_value());
    }
    on_shard([&] { engine->suspend("example.net", false); });
    ASSERT_TRUE(happens("spool.damaged message=" + message->id.text()));
    ASSERT_TRUE(store.run_until([&] { return store.kinds(message->id) == "accepted held"; }));
    EXPECT_EQ(store.rows().at(0).state, DeliveryState::held);
    EXPECT_THAT(detail(message->id), AllOf(HasSubstr("cannot be read"), HasSubstr("segment")));
    EXPECT_THAT(server.mails, IsEmpty());
    EXPECT_THAT(dialer.dialed(), IsEmpty());
}

// Nothing was sent, so it need not be written now: no connection waits for it, others get theirs.
TEST_F(DeliveryTime, WhatHasADamagedRowStaysInTheStoreForItsRepair) {  // security row R14
    const auto message = store.accept("a@sender.example", {"b@example.net"});
    restart();
    const std::size_t place = store.disk.image().at("relevo.db").find("b@example.net");
    ASSERT_NE(place, std::string::npos);
    ASSERT_TRUE(store.disk.open("relevo.db", OpenMode::existing)
                    .value()
                    ->write_at(place, as_octets(std::string("c")))
                    .has_value());
    // A connection reads again what another one may have changed.
    ASSERT_TRUE(
        store.write([&](Transaction& transaction) { return transaction.define("CREATE TABLE other (id INTEGER)"); })
            .has_value());
    engine->start();
    ASSERT_TRUE(happens("spool.damaged message=" + message->id.text()));
    ASSERT_TRUE(happens("spool.write_failed message=" + message->id.text()));
    ASSERT_TRUE(store.run_until([&] { return engine->destinations().empty(); })) << "nothing waits in memory";
    EXPECT_EQ(log.count("spool.write_failed"), 1U);
    EXPECT_THAT(dialer.dialed(), IsEmpty());
}

TEST_F(DeliveryTime, MissingContentIsSetAsideAndNamed) {
    options.fresh_content_limit = 0;
    start();
    on_shard([&] { engine->suspend("example.net", true); });
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(store
                    .write([&](Transaction& transaction) {
                        return transaction.define("UPDATE message_" + std::to_string(day_of(time_of(message->id))) +
                                                  " SET segment = 77");
                    })
                    .has_value());
    on_shard([&] { engine->suspend("example.net", false); });
    ASSERT_TRUE(happens("spool.damaged message=" + message->id.text())) << "never lost without a word";
    EXPECT_TRUE(store.run_until([&] { return store.kinds(message->id) == "accepted held"; }));
}

TEST_F(DeliveryTime, AFailingStoreIsToldOfAnOutcomeUntilItTakesIt) {
    server.script.replies["."] = "silence";
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(store.run_until([&] { return !server.mails.empty(); }));
    // The committer is quiet now: nothing is under way.
    ASSERT_TRUE(store
                    .write([&](Transaction& transaction) {
                        return transaction.define(
                            "CREATE TRIGGER stop BEFORE DELETE ON delivery BEGIN SELECT RAISE(ABORT, 'broken'); END");
                    })
                    .has_value());
    server.script.replies["."] = "250 2.0.0 Taken";
    options.timeouts.end_of_data = seconds(1);
    const auto second = send({"c@example.net"});
    ASSERT_TRUE(happens("spool.write_failed"));
    EXPECT_EQ(log.count("delivery.delivered"), 0U);
    ASSERT_TRUE(
        store.write([&](Transaction& transaction) { return transaction.define("DROP TRIGGER stop"); }).has_value());
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(store.kinds(second->id), "accepted delivered") << "once, however often it was tried";
}

// One engine's places are shared by its destinations.
TEST_F(DeliveryTime, ADestinationWithoutAPlaceGetsTheNextOne) {
    options.connection_limit = 1;
    start();
    resolver.mx("example.org", 10, "mx.example.org").address("mx.example.org", second_ip);
    MailServer other(store.shard);
    other.listen(dialer, second_ip);
    send({"b@example.net"});
    send({"b@example.org"});
    ASSERT_TRUE(happens("delivery.delivered", 2));
    EXPECT_EQ(server.connections, 1);
    EXPECT_EQ(other.connections, 1);
}

TEST_F(DeliveryTime, OpensNoMoreConnectionsThanTheRouteAllows) {
    fallback.connection_limit = 2;
    server.script.greeting = "silence";
    start();
    for (const char* to : {"b@example.net", "c@example.net", "d@example.net"}) send({to});
    ASSERT_TRUE(store.run_until([&] { return metrics.queue.value() == 3 && server.connections == 2; }));
    EXPECT_EQ(destination("example.net").connections, 2U);
    EXPECT_EQ(destination("example.net").ready, 1U);
}

// A reload replaces the routes while connections that were opened by the old ones live.
TEST_F(DeliveryTime, NewRoutesDoNotPullTheOldOnesFromUnderAConnection) {
    server.script.greeting = "silence";
    server.script.extensions.emplace_back("STARTTLS");
    rules.push_back({.name = "relay", .domains = {"example.net"}});
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(store.run_until([&] { return server.connections == 1; }));
    set_routes();  // nothing but the engine holds the former ones
    send({"c@example.net"});
    ASSERT_TRUE(store.run_until([&] { return server.connections == 2; }));
    server.speak("220 mx.example at last");
    ASSERT_TRUE(happens("delivery.delivered", 2));
    EXPECT_TRUE(server.mails[0].tls);
}

TEST_F(DeliveryTime, ComesBackByItselfWhenTheBackOffIsOver) {
    options.first_back_off = milliseconds(100);
    refuse_connections();
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    send({"c@example.net"});
    server.listen(dialer, first_ip);
    ASSERT_TRUE(happens("delivery.delivered")) << "c waited for the probe; b has its own time";
    EXPECT_THAT(server.mails[0].recipients, testing::ElementsAre("<c@example.net>"));
}

TEST_F(DeliveryTime, WaitsLongerAfterEachFailure) {
    options.first_back_off = milliseconds(50);
    refuse_connections();
    start();
    for (const char* to : {"b@example.net", "c@example.net", "d@example.net"}) {
        send({to});
        ASSERT_TRUE(happens("to=" + std::string(to)));
    }
    EXPECT_EQ(log.count("delivery.back_off site=mx1.example.net failures=3"), 1U);
}

TEST_F(DeliveryTime, ConnectionsThatFailTogetherAreOneFailure) {
    dialer.fall_silent({.address = dns::IpAddress::parse(first_ip).value(), .port = 25});
    options.timeouts.connect = seconds(1);
    start();
    on_shard([&] { engine->suspend("example.net", true); });
    for (const char* to : {"b@example.net", "c@example.net", "d@example.net"}) send({to});
    ASSERT_TRUE(store.run_until([&] { return engine->destination("example.net")->ready == 3; }));
    on_shard([&] { engine->suspend("example.net", false); });
    ASSERT_TRUE(happens("delivery.deferred", 3));
    EXPECT_THAT(dialer.dialed(), SizeIs(3));
    EXPECT_EQ(log.count("delivery.back_off"), 1U);
}

// Each was let go before the first failed, and reads its message before it connects.
TEST_F(DeliveryTime, ConnectionsThatAreRefusedAtOnceAreOneFailure) {
    options.fresh_content_limit = 0;  // read from the spool
    refuse_connections();
    start();
    on_shard([&] { engine->suspend("example.net", true); });
    for (const char* to : {"b@example.net", "c@example.net", "d@example.net"}) send({to});
    ASSERT_TRUE(store.run_until([&] { return engine->destination("example.net")->ready == 3; }));
    on_shard([&] { engine->suspend("example.net", false); });
    ASSERT_TRUE(happens("delivery.deferred", 3));
    EXPECT_EQ(log.count("delivery.back_off"), 1U);
}

TEST_F(DeliveryTime, LeavesADestinationAloneNoLongerThanTheScheduleSays) {
    fallback.retry.delays = {seconds(1)};
    refuse_connections();
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    const auto next = destination("example.net").next_connection;
    ASSERT_TRUE(next.has_value());
    EXPECT_LE(*next, WallClock::now() + milliseconds(1200));
}

TEST_F(DeliveryTime, OneBusyGreetingPutsNothingOff) {
    options.first_back_off = milliseconds(50);
    server.script.greeting = "421 4.3.2 Too many connections";
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(store.run_until([&] { return server.connections == 1; }));
    server.script.greeting = "220 mx.example ESMTP";
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(store.kinds(message->id), "accepted delivered");
    EXPECT_EQ(log.count("delivery.back_off"), 0U);
}

TEST_F(DeliveryTime, AServerThatStaysBusyIsBackedOffFrom) {
    options.first_back_off = milliseconds(50);
    server.script.greeting = "421 4.3.2 Too many connections";
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_EQ(server.connections, 2) << "one, and one more try";
    EXPECT_EQ(log.count("delivery.back_off"), 1U);
}

// What it takes goes on over the connection that it has.
TEST_F(DeliveryTime, AServerWithRoomForOneConnectionGetsEverythingOverIt) {
    options.first_back_off = milliseconds(50);
    server.script.replies["."] = "silence";
    start();
    send({"b@example.net"});
    ASSERT_TRUE(store.run_until([&] { return server.mails.size() == 1; }));
    server.script.greeting = "421 4.3.2 One is enough";
    send({"c@example.net"});
    ASSERT_TRUE(store.run_until([&] { return server.connections == 2; }));
    send({"d@example.net"});
    server.script.replies.clear();
    server.speak("250 2.0.0 Taken");
    ASSERT_TRUE(happens("delivery.delivered", 3));
    EXPECT_EQ(log.count("delivery.deferred"), 0U);
    EXPECT_EQ(log.count("delivery.back_off"), 0U);
}

TEST_F(DeliveryTime, ADeadDestinationIsForgottenWhenNothingIsLeft) {
    options.first_back_off = milliseconds(50);
    refuse_connections();
    start();
    send_old(hours(25), {"b@example.net"}, "");
    ASSERT_TRUE(happens("delivery.expired"));
    EXPECT_TRUE(store.run_until([&] { return engine->destinations().empty(); }));
}

}  // namespace
}  // namespace relevo::test
