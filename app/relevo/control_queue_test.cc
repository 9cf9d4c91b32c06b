// docs/control-protocol.md, request by request: the queue, sites, sources, messages.
#include "app/relevo/control_fixture.h"

namespace relevo::test {
namespace {

TEST_F(ControlTest, ListsShowsAndChangesTheQueue) {
    ask("tenant.add", R"({"name":"acme"})");
    const MessageId id = accept({"b@example.net", "c@example.net", "d@example.org"});
    const std::string message = id.text();
    const json::object all = ask("queue.list");
    ASSERT_EQ(all.at("entries").as_array().size(), 3U);
    EXPECT_TRUE(all.at("next").is_null());
    EXPECT_EQ(text(entry(all, "entries"), "id"), message + "/0");
    EXPECT_EQ(text(entry(all, "entries"), "destination"), "example.net");
    EXPECT_EQ(text(entry(all, "entries"), "tenant"), "acme");
    const json::object first = ask("queue.list", R"({"limit":2})");
    const json::object second = ask("queue.list", R"({"limit":2,"after":")" + text(first, "next") + R"("})");
    EXPECT_EQ(second.at("entries").as_array().size(), 1U);
    EXPECT_EQ(ask("queue.list", R"({"destination":"example.org"})").at("entries").as_array().size(), 1U);
    EXPECT_EQ(ask("queue.show", R"({"id":")" + message + R"("})").at("entries").as_array().size(), 3U);

    const std::string one = R"({"id":")" + message + R"(/1","reason":"look")";
    EXPECT_FALSE(ask("queue.hold", one + R"(,"dry_run":true})").at("changed").as_bool());
    EXPECT_TRUE(ask("queue.list", R"({"state":"held"})").at("entries").as_array().empty());
    EXPECT_EQ(ask("queue.hold", one + "}").at("count").to_number<int>(), 1);
    EXPECT_EQ(text(entry(ask("queue.list", R"({"state":"held"})"), "entries"), "recipient"), "c@example.net");
    EXPECT_EQ(text(entry(ask("queue.why", one.substr(0, one.find(",")) + "}"), "answers"), "reason"), "held");
    EXPECT_EQ(ask("queue.retry", R"({"domain":"example.net","dry_run":true})").at("count").to_number<int>(), 1)
        << "what is held waits for a person";
    EXPECT_EQ(ask("queue.retry", R"({"state":"held","dry_run":true})").at("count").to_number<int>(), 1) << "named";
    EXPECT_EQ(ask("queue.retry", one.substr(0, one.find(",")) + R"(,"dry_run":true})").at("count").to_number<int>(), 1);
    EXPECT_EQ(ask("queue.release", R"({"all":true})").at("count").to_number<int>(), 1) << "only what is held";
    EXPECT_EQ(ask("queue.retry", R"({"domain":"example.net"})").at("count").to_number<int>(), 2);
    EXPECT_EQ(ask("queue.drop", R"({"recipient":"d@example.org"})").at("count").to_number<int>(), 1);
    EXPECT_EQ(ask("queue.drop", R"({"all":true})").at("count").to_number<int>(), 2);
    EXPECT_EQ(text(entry(ask("queue.why", R"({"id":")" + message + R"("})"), "answers"), "reason"), "finished");
}

TEST_F(ControlTest, ReleasesOnlyWhatIsHeldHoweverTheStateIsLeftOut) {
    accept({"b@example.net"});
    EXPECT_EQ(ask("queue.release", R"({"all":true,"state":null})").at("count").to_number<int>(), 0)
        << "absent and null mean the same";
}

TEST_F(ControlTest, SuspendsAndExplains) {
    const MessageId id = accept({"b@example.net"});
    EXPECT_TRUE(ask("queue.suspend", R"({"destination":"Example.NET","reason":"asked"})").at("suspended").as_bool());
    const std::string named = R"({"id":")" + id.text() + R"("})";
    EXPECT_THAT(text(entry(ask("queue.why", named), "answers"), "sentence"), HasSubstr("asked"));
    const json::object summary = ask("queue.summary");
    EXPECT_EQ(text(entry(summary, "destinations"), "suspension_reason"), "asked");
    EXPECT_FALSE(ask("queue.resume", R"({"destination":"example.net"})").at("suspended").as_bool());
    EXPECT_TRUE(run(store->spool().suspensions()).value().empty());
}

// The DNS never answers: the attempt lasts as long as the test wants.
TEST_F(ControlTest, TellsWhatIsBeingDelivered) {
    resolver.mx("busy.example", 10, "mx.busy.example").fault("mx.busy.example", MemoryResolver::Fault::timeout);
    const MessageId id = accept({"b@busy.example"});
    const std::string named = R"({"id":")" + id.text() + R"("})";
    EXPECT_EQ(text(entry(ask("queue.list"), "entries"), "state"), "waiting");
    dispatcher.enqueue(WaitingRecipient{
        .id = {id, 0}, .flow = {.tenant = TenantId{1}}, .domain = "busy.example", .due = WallClock::now()});
    ASSERT_TRUE(run_until([&] { return engine->leased_of({{id, 0}}).size() == 1; }));
    EXPECT_EQ(text(entry(ask("queue.list"), "entries"), "state"), "active");
    EXPECT_EQ(ask("queue.list", R"({"state":"active"})").at("entries").as_array().size(), 1U);
    EXPECT_TRUE(ask("queue.list", R"({"state":"waiting"})").at("entries").as_array().empty());
    EXPECT_EQ(text(entry(ask("queue.why", named), "answers"), "reason"), "delivering");
}

// Two domains with the same mail servers: which mail goes to them only the engines know.
TEST_F(ControlTest, NamesMailByItsSite) {
    for (const char* domain : {"example.org", "example.com"}) resolver.mx(domain, 10, "mx1.great.example");
    const MessageId id = accept({"b@example.org", "c@example.com", "d@example.net"});
    ask("site.suspend", R"({"site":"great","reason":"their request"})");
    for (std::uint32_t ordinal = 0; ordinal < 2; ++ordinal)
        dispatcher.enqueue(WaitingRecipient{.id = {id, ordinal},
                                            .flow = {.tenant = TenantId{1}},
                                            .domain = ordinal == 0 ? "example.org" : "example.com",
                                            .due = WallClock::now()});
    ASSERT_TRUE(run_until([&] {
        return engine->destination("example.org").value_or(DestinationStatus{}).site_suspended &&
               engine->destination("example.com").value_or(DestinationStatus{}).site_suspended;
    }));
    EXPECT_EQ(ask("queue.list", R"({"site":"mx1.great.example"})").at("entries").as_array().size(), 2U);
    EXPECT_EQ(ask("queue.list", R"({"site":"great"})").at("entries").as_array().size(), 2U);
    EXPECT_TRUE(ask("queue.list", R"({"site":"nowhere.example"})").at("entries").as_array().empty());
    EXPECT_EQ(text(entry(ask("queue.list"), "entries"), "site"), "mx1.great.example");
    const json::object answer = entry(ask("queue.why", R"({"id":")" + id.text() + R"(/0"})"), "answers");
    EXPECT_EQ(text(answer, "reason"), "site_suspended");
    EXPECT_THAT(text(answer, "sentence"), AllOf(HasSubstr("their request"), HasSubstr("relevo site resume great")));
    const json::object shown = entry(ask("site.show", R"({"site":"example.com"})"), "sites");
    EXPECT_EQ(text(shown, "site"), "mx1.great.example");
    EXPECT_EQ(text(shown, "suspension_reason"), "their request");
    EXPECT_EQ(shown.at("destination_names").as_array().size(), 2U);
    EXPECT_EQ(text(entry(shown, "sources"), "state"), "open");
    const json::object listed = ask("site.list");
    EXPECT_EQ(text(entry(listed, "suspended"), "site"), "great");
    EXPECT_EQ(entry(ask("queue.site", R"({"site":"great"})"), "sites").at("ready").to_number<int>(), 2);
    EXPECT_FALSE(ask("site.resume", R"({"site":"great"})").at("suspended").as_bool());
    EXPECT_THAT(refusal("site.resume", R"({"site":"great"})"), HasSubstr("not_found"));
    EXPECT_THAT(refusal("site.show", R"({"site":"nowhere.example"})"), HasSubstr("relevo site list"));
}

TEST_F(ControlTest, DrainsSourcesAndSaysWhatThatMeans) {
    const json::object drained = ask("source.drain", R"({"source":"default","reason":"moving"})");
    EXPECT_TRUE(drained.at("drained").as_bool());
    EXPECT_EQ(drained.at("pools_without_source").as_array().size(), 1U);
    const json::object listed = entry(ask("source.list", R"({"look":false})"), "sources");
    EXPECT_EQ(text(listed, "state"), "drained");
    EXPECT_EQ(text(listed.at("drain").as_object(), "by"), "person");
    EXPECT_EQ(text(listed.at("drain").as_object(), "reason"), "moving");
    resolver.mx("example.org", 10, "mx1.great.example");
    const MessageId id = accept({"b@example.org"});
    dispatcher.enqueue(WaitingRecipient{
        .id = {id, 0}, .flow = {.tenant = TenantId{1}}, .domain = "example.org", .due = WallClock::now()});
    ASSERT_TRUE(
        run_until([&] { return engine->destination("example.org").value_or(DestinationStatus{}).lacks_source; }));
    const json::object answer = entry(ask("queue.why", R"({"id":")" + id.text() + R"("})"), "answers");
    EXPECT_EQ(text(answer, "reason"), "drained");
    EXPECT_THAT(text(entry(ask("queue.top"), "destinations"), "why"), HasSubstr("relevo source resume"));
    EXPECT_FALSE(ask("source.resume", R"({"source":"default"})").at("drained").as_bool());
    EXPECT_EQ(text(entry(ask("source.list", R"({"look":false})"), "sources"), "state"), "active");
    EXPECT_THAT(refusal("source.drain", R"({"source":"gone"})"), HasSubstr("not_found"));
}

TEST_F(ControlTest, CountsTheQueueByTenantAndStream) {
    ask("tenant.add", R"({"name":"acme"})");
    const MessageId id = accept({"b@example.net"});
    ask("queue.suspend", R"({"destination":"example.net"})");
    dispatcher.enqueue(WaitingRecipient{
        .id = {id, 0}, .flow = {.tenant = TenantId{1}}, .domain = "example.net", .due = WallClock::now()});
    ASSERT_TRUE(run_until([&] { return engine->destination("example.net").value_or(DestinationStatus{}).ready == 1; }));
    const json::object tenant = entry(ask("queue.tenant"), "tenants");
    EXPECT_EQ(text(tenant, "tenant"), "acme");
    EXPECT_EQ(tenant.at("ready").to_number<int>(), 1);
    EXPECT_EQ(text(entry(tenant, "streams"), "stream"), "transactional");
    const json::object pulse = ask("server.pulse");
    EXPECT_EQ(pulse.at("queue").as_object().at("ready").to_number<int>(), 1);
    EXPECT_EQ(text(entry(pulse, "tenants"), "tenant"), "acme");
    EXPECT_THAT(refusal("queue.top", R"({"limit":0})"), HasSubstr("at least 1"));
}

TEST_F(ControlTest, ForgetsWhatWasLearnedOfASiteAfterCounting) {
    resolver.mx("example.org", 10, "mx1.great.example");
    const MessageId id = accept({"b@example.org"});
    ask("site.suspend", R"({"site":"mx1.great.example"})");
    dispatcher.enqueue(WaitingRecipient{
        .id = {id, 0}, .flow = {.tenant = TenantId{1}}, .domain = "example.org", .due = WallClock::now()});
    ASSERT_TRUE(run_until([&] { return !engine->throttles().empty(); }));
    EXPECT_FALSE(ask("site.forget", R"({"site":"great","dry_run":true})").at("changed").as_bool());
    const json::object forgotten = ask("site.forget", R"({"site":"great"})");
    EXPECT_EQ(forgotten.at("count").to_number<int>(), 1);
    EXPECT_EQ(text(entry(forgotten, "paths"), "shaping_key"), "provider:great");
    EXPECT_EQ(ask("site.forget", R"({"site":"great","source":"other"})").at("count").to_number<int>(), 0);
}

TEST_F(ControlTest, TellsThatTheServerStops) {
    const std::string named = R"({"id":")" + accept({"b@example.net"}).text() + R"("})";
    stopping = true;
    EXPECT_EQ(text(entry(ask("queue.why", named), "answers"), "reason"), "stopping");
}

TEST_F(ControlTest, ExplainsADeferral) {
    const MessageId id = accept({"b@example.net"});
    dispatcher.enqueue(WaitingRecipient{
        .id = {id, 0}, .flow = {.tenant = TenantId{1}}, .domain = "example.net", .due = WallClock::now()});
    ASSERT_TRUE(run_until([&] { return log.count("delivery.deferred") == 1; }));
    const std::string named = R"({"id":")" + id.text() + R"("})";
    const json::object answer = entry(ask("queue.why", named), "answers");
    EXPECT_EQ(text(answer, "reason"), "retry_later");
    EXPECT_EQ(answer.at("facts").as_object().at("attempts").to_number<int>(), 1);
    EXPECT_THAT(text(answer, "meaning"), HasSubstr("DNS")) << "in server.language";
    const json::object shown = ask("message.show", named);
    ASSERT_EQ(shown.at("timeline").as_array().size(), 2U);
    EXPECT_THAT(text(entry(shown, "timeline", 0), "text"), HasSubstr("192.0.2.7"));
    EXPECT_EQ(text(entry(shown, "timeline", 1), "kind"), "deferred");
    EXPECT_EQ(text(entry(shown, "timeline", 1), "recipient"), "b@example.net");
    EXPECT_EQ(text(entry(shown, "timeline", 1), "meaning"), text(answer, "meaning"));
    EXPECT_TRUE(entry(shown, "timeline", 0).at("meaning").is_null());
    EXPECT_EQ(shown.at("pending").as_array().size(), 1U);
    EXPECT_EQ(decode_base64(text(ask("message.content", named), "content")).value(), "Subject: x\r\n\r\nText\r\n");
}

TEST_F(ControlTest, AReleaseRemembersThatADelayWasReported) {
    const MessageId id = accept({"b@example.net"}, std::chrono::hours(5));
    dispatcher.enqueue(WaitingRecipient{
        .id = {id, 0}, .flow = {.tenant = TenantId{1}}, .domain = "example.net", .due = WallClock::now()});
    const std::string deferred = "delivery.deferred message=" + id.text();
    ASSERT_TRUE(run_until([&] { return log.count(deferred) == 1; }));
    ASSERT_EQ(log.count("report.accepted"), 1U);
    const std::string named = R"({"id":")" + id.text() + R"("})";
    ask("queue.hold", named);
    ask("queue.release", named);
    ask("queue.retry", named);  // the destination backs off
    ASSERT_TRUE(run_until([&] { return log.count(deferred) == 2; }));
    EXPECT_EQ(log.count("report.accepted"), 1U);
}

// More recipients than one bulk change takes at once.
TEST_F(ControlTest, ABulkChangeOfALargeMessageEnds) {
    std::vector<std::string> many;
    for (int i = 0; i < 2500; ++i) many.push_back("r" + std::to_string(i) + "@example.net");
    const std::string named = R"({"id":")" + accept(many).text() + R"("})";
    EXPECT_EQ(ask("queue.hold", named).at("count").to_number<int>(), 2500);
    EXPECT_EQ(ask("queue.release", named).at("count").to_number<int>(), 2500);
    EXPECT_EQ(ask("queue.drop", named).at("count").to_number<int>(), 2500);
}

TEST_F(OfflineControlTest, WorksOnTheStoreAlone) {
    ask("tenant.add", R"({"name":"acme","language":"en"})");
    const std::string named = R"({"id":")" + accept({"b@example.net"}).text() + R"("})";
    EXPECT_EQ(ask("queue.list").at("entries").as_array().size(), 1U);
    EXPECT_EQ(ask("queue.hold", named).at("count").to_number<int>(), 1);
    EXPECT_EQ(ask("queue.release", named).at("count").to_number<int>(), 1);
    EXPECT_TRUE(ask("queue.suspend", R"({"destination":"example.net"})").at("suspended").as_bool());
    EXPECT_TRUE(ask("site.suspend", R"({"site":"great"})").at("suspended").as_bool());
    EXPECT_TRUE(ask("source.drain", R"({"source":"default"})").at("drained").as_bool());
    EXPECT_THAT(refusal("queue.list", R"({"site":"great"})"), HasSubstr("name a destination instead"));
    EXPECT_EQ(ask("message.show", named).at("timeline").as_array().size(), 3U);
    EXPECT_EQ(ask("queue.drop", named).at("count").to_number<int>(), 1);
    for (const char* command : {"queue.summary", "queue.why", "queue.site", "queue.tenant", "queue.top", "site.list",
                                "source.warmup", "server.pulse", "server.status", "server.reload", "server.problems"})
        EXPECT_THAT(refusal(command, command == std::string("queue.why") ? named : "{}"), HasSubstr("closed: "))
            << command;
}

}  // namespace
}  // namespace relevo::test
