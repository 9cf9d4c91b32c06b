#include "core/webhooks/webhooks.h"

#include "adapters/memory/key_vault.h"
#include "adapters/memory/resolver.h"
#include "adapters/memory/telemetry.h"
#include "core/spool/spool_fixture.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/schema.h"
#include "core/webhooks/retry_schedule.h"
#include "core/webhooks/schema.h"
#include "core/webhooks/signature.h"

#include <gmock/gmock.h>

namespace relevo {
namespace {

using namespace std::chrono_literals;
using test::SpoolStore;
using testing::ElementsAre;
using testing::HasSubstr;

std::vector<Migration> migrations() {
    std::vector<Migration> all;
    for (const auto list : {tenancy_migrations(), webhooks_migrations()})
        all.insert(all.end(), list.begin(), list.end());
    return all;
}

// A receiver, as a test wants it.
class Receiver final : public WebPages {
 public:
    Task<Result<Page>> fetch(PageRequest request) override {
        requests.push_back(std::move(request));
        co_return answer;
    }
    Result<Page> answer = Page{.status = 204, .content_type = {}, .body = {}};
    std::vector<PageRequest> requests;
};

class WebhooksTest : public testing::Test {
 protected:
    WebhooksTest() {
        dns.address("hooks.example", "93.184.215.14");
        EXPECT_TRUE(store
                        .write([&](Transaction& transaction) -> Result<void> {
                            RELEVO_TRY(acme, create_tenant(transaction, "acme", mail::Language::english, now));
                            RELEVO_TRY(other, create_tenant(transaction, "other", mail::Language::english, now));
                            return {};
                        })
                        .has_value());
        open();
    }
    ~WebhooksTest() override {
        webhooks.reset();
        store.committer->stop();
    }
    void open() {
        webhooks.reset();
        writer = {};
        EXPECT_TRUE(
            store.run(read_rows(*store.committer, [&](Reader& reader) { return writer.recover(reader); })).has_value());
        webhooks = std::make_unique<Webhooks>(Webhooks::Ports{.shard = store.shard,
                                                              .resolver = dns,
                                                              .pages = receiver,
                                                              .committer = *store.committer,
                                                              .vault = vault,
                                                              .log = log,
                                                              .metrics = numbers,
                                                              .now = [this] { return now; }},
                                              options);
    }
    WebhookId add(std::optional<TenantId> tenant, std::vector<std::string> events = {},
                  std::string url = "https://hooks.example/relevo?a=1") {
        WebhookId id;
        const auto added = store.write([&](Transaction& transaction) -> Result<void> {
            RELEVO_TRY(const auto wanted, WebhookEventSet::parse(events));
            RELEVO_TRY(id, create_webhook(transaction, vault, {.tenant = tenant, .url = url, .events = wanted},
                                          "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", now));
            return {};
        });
        EXPECT_TRUE(added.has_value()) << added.error().detail;
        return id;
    }
    void happens(EventKind kind, TenantId tenant, int times = 1) {
        const auto written = store.write([&](Transaction& transaction) -> Result<void> {
            for (int i = 0; i < times; ++i)
                RELEVO_CHECK(writer.append(transaction, {.id = {},
                                                         .at = now,
                                                         .kind = kind,
                                                         .message = MessageId{42},
                                                         .ordinal = 0,
                                                         .tenant = tenant,
                                                         .detail = R"({"recipient":"b@example.net"})"}));
            return {};
        });
        EXPECT_TRUE(written.has_value()) << written.error().detail;
    }
    void round() {
        store.run(webhooks->round());
        EXPECT_TRUE(store.run_until([&] { return !webhooks->is_sending(); }));
    }
    Webhook row(WebhookId id) {
        Webhook found;
        EXPECT_TRUE(store
                        .run(read_rows(*store.committer,
                                       [&](Reader& reader) -> Result<void> {
                                           RELEVO_TRY(found, webhook_with_id(reader, id));
                                           return {};
                                       }))
                        .has_value());
        return found;
    }
    std::vector<WebhookAttempt> attempts(WebhookId id) {
        std::vector<WebhookAttempt> found;
        EXPECT_TRUE(store
                        .run(read_rows(*store.committer,
                                       [&](Reader& reader) -> Result<void> {
                                           RELEVO_TRY(found, list_attempts(reader, id, {}, 0, 100));
                                           return {};
                                       }))
                        .has_value());
        return found;
    }
    std::string field(std::size_t request, std::string_view name) {
        for (const std::string& one : receiver.requests.at(request).post->fields)
            if (one.starts_with(std::string(name) + ": ")) return one.substr(name.size() + 2);
        return "";
    }
    std::set<std::string> ids_seen() {
        std::set<std::string> ids;
        for (std::size_t i = 0; i < receiver.requests.size(); ++i) ids.insert(field(i, "webhook-id"));
        return ids;
    }

    WallClock::time_point now = std::chrono::sys_days(std::chrono::year(2026) / 11 / 26) + 12h;
    std::vector<Migration> tables = migrations();
    SpoolStore store{test::CommitterThreads::none, tables};
    MemoryResolver dns;
    MemoryKeyVault vault;
    MemoryLog log;
    MemoryMetrics numbers;
    Receiver receiver;
    WebhookOptions options;
    EventWriter writer;
    TenantId acme, other;
    std::unique_ptr<Webhooks> webhooks;
};

// Standard Webhooks 1.0, the example of its reference implementations; checked with an HMAC of another program.
TEST(WebhookSignature, IsTheOneOfTheSpecification) {
    const auto signature = webhook_signature({"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, "msg_p5jXN8AQM9LWM0D4loKWxJek",
                                             1614265330, R"({"test": 2432232314})");
    ASSERT_TRUE(signature.has_value());
    EXPECT_EQ(*signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(WebhookSignature, HasOnePerSecretWhileRotating) {  // security row E5
    const std::string first = generate_webhook_secret(system_random()),
                      second = generate_webhook_secret(system_random());
    const std::string both = webhook_signature({first, second}, "a", 1, "").value();
    EXPECT_EQ(both,
              webhook_signature({first}, "a", 1, "").value() + " " + webhook_signature({second}, "a", 1, "").value());
    EXPECT_NE(webhook_signature({first}, "a", 1, "").value(), webhook_signature({first}, "a", 1, "{}").value());
    EXPECT_NE(webhook_signature({first}, "a", 1, "").value(), webhook_signature({first}, "a", 601, "").value());
    EXPECT_FALSE(webhook_signature({"whsec_c2hvcnQ="}, "a", 1, "").has_value());
}

TEST(WebhookSchedule, RetriesForThreeDaysAndThenGivesUp) {
    EXPECT_EQ(webhook_retry_after(1), 5s);
    EXPECT_EQ(webhook_retry_after(2), 5min);
    EXPECT_EQ(webhook_retry_after(9), 24h);
    EXPECT_EQ(webhook_retry_after(10), std::nullopt);
    EXPECT_EQ(webhook_retry_after(0), std::nullopt);
}

TEST(WebhookUrl, MustBeHttpsWithAHostName) {  // security row E4
    EXPECT_TRUE(parse_webhook_url("https://hooks.example:8443/a?b", PlainHttp::refused).has_value());
    for (const std::string_view url :
         {"http://hooks.example/", "https://127.0.0.1/", "https://[::1]/", "https://user@hooks.example/",
          "ftp://a.example/", "https://2130706433/", "https://0x7f.1/", "file:///etc/passwd", ""})
        EXPECT_FALSE(parse_webhook_url(url, PlainHttp::refused).has_value()) << url;
    const auto plain = parse_webhook_url("http://hooks.example/a", PlainHttp::allowed);
    ASSERT_TRUE(plain.has_value());
    EXPECT_EQ(plain->port, 80);
    EXPECT_EQ(plain->scheme, WebScheme::http);
    EXPECT_EQ(plain->path, "/a");
}

TEST_F(WebhooksTest, PostsWhatWasSubscribedOfItsTenantAlone) {
    const WebhookId mine = add(acme, {"message.bounced"});
    happens(EventKind::delivered, acme);
    happens(EventKind::failed, other);
    happens(EventKind::failed, acme);
    happens(EventKind::bounced, acme);
    round();
    ASSERT_EQ(receiver.requests.size(), 2U);
    const PageRequest& request = receiver.requests[0];
    EXPECT_EQ(request.host, "hooks.example");
    EXPECT_EQ(request.path, "/relevo?a=1");
    EXPECT_EQ(request.scheme, WebScheme::https);
    EXPECT_LE(request.time_limit, 5s);
    EXPECT_EQ(
        request.post->octets,
        R"({"type":"message.bounced","timestamp":"2026-11-26T12:00:00.000Z","data":{"event":"evt_0000000000003",)"
        R"("kind":"failed","message":"msg_000000000001a","recipient_number":0,"detail":{"recipient":"b@example.net"}}})");
    EXPECT_EQ(field(0, "webhook-signature"),
              webhook_signature({"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, field(0, "webhook-id"),
                                std::stoll(field(0, "webhook-timestamp")), request.post->octets)
                  .value());
    EXPECT_EQ(row(mine).delivered, 2);
    EXPECT_EQ(row(mine).pending, 0);
    round();
    EXPECT_EQ(receiver.requests.size(), 2U);
}

TEST_F(WebhooksTest, ServersWebhookHearsOfEveryTenantFromItsMakingOn) {
    happens(EventKind::delivered, acme);
    now += 1s;
    add(std::nullopt);
    happens(EventKind::delivered, acme);
    happens(EventKind::opened, other);
    happens(EventKind::reported, other);
    round();
    EXPECT_EQ(receiver.requests.size(), 2U);
}

TEST_F(WebhooksTest, RetriesWithTheSameIdUntilItIsADeadLetterAndRedelivers) {
    options.disable_after = 24h * 30;
    open();
    const WebhookId id = add(acme);
    receiver.answer = Page{.status = 500, .content_type = {}, .body = std::string("no\x01room")};
    happens(EventKind::delivered, acme);
    round();
    for (const auto wait : webhook_retries) {
        const std::size_t before = receiver.requests.size();
        now += wait - 1s;
        round();
        EXPECT_EQ(receiver.requests.size(), before);
        now += 2s;
        round();
        EXPECT_EQ(receiver.requests.size(), before + 1);
    }
    EXPECT_EQ(ids_seen().size(), 1U);
    EXPECT_EQ(row(id).dead, 1);
    EXPECT_EQ(row(id).pending, 0);
    EXPECT_EQ(attempts(id).size(), 10U);
    EXPECT_THAT(attempts(id).front().problem, HasSubstr("500"));
    EXPECT_EQ(numbers.counter("relevo_webhook_dead_total", "").value(), 1U);
    receiver.answer = Page{.status = 200, .content_type = {}, .body = {}};
    ASSERT_TRUE(store
                    .write([&](Transaction& transaction) -> Result<void> {
                        RELEVO_TRY(const std::int64_t again, redeliver(transaction, id, {}, 10, now));
                        EXPECT_EQ(again, 1);
                        return {};
                    })
                    .has_value());
    round();
    EXPECT_EQ(ids_seen().size(), 1U);
    EXPECT_EQ(row(id).delivered, 1);
    EXPECT_EQ(row(id).failing_since, WallClock::time_point{});
}

TEST_F(WebhooksTest, NothingButFailuresForDaysSwitchesItOff) {
    const WebhookId id = add(acme);
    receiver.answer = failure(ErrorKind::timeout, "no answer");
    happens(EventKind::delivered, acme);
    round();
    EXPECT_TRUE(row(id).enabled);
    now += 24h * 5;
    round();
    EXPECT_FALSE(row(id).enabled);
    EXPECT_THAT(row(id).reason, HasSubstr("nothing but failures since 2026-11-26"));
    const std::size_t before = receiver.requests.size();
    happens(EventKind::delivered, acme);
    now += 1h;
    round();
    EXPECT_EQ(receiver.requests.size(), before);
}

TEST_F(WebhooksTest, CrashBetweenBatchesNeitherLosesNorDoublesAnEvent) {
    const WebhookId id = add(acme);
    constexpr int events = 3 * static_cast<int>(WebhookFeed::batch_limit) + 7;
    happens(EventKind::delivered, acme, events);
    for (int batch = 0; batch < 4; ++batch) {
        WebhookFeed feed(*store.committer, [this] { return now; });
        ASSERT_TRUE(store.run(feed.round(options.pending_limit)).has_value());
        webhooks.reset();
        store.restart();
        open();
    }
    EXPECT_EQ(row(id).pending, events);
    while (row(id).pending > 0) round();
    EXPECT_EQ(ids_seen().size(), static_cast<std::size_t>(events));
    EXPECT_EQ(receiver.requests.size(), static_cast<std::size_t>(events));
}

TEST_F(WebhooksTest, FullLineGivesUpTheOldestAndCountsThem) {  // security row R19
    options.pending_limit = 5;
    open();
    const WebhookId id = add(acme);
    receiver.answer = failure(ErrorKind::closed, "nobody there");
    happens(EventKind::delivered, acme, 50);
    WebhookFeed feed(*store.committer, [this] { return now; });
    ASSERT_TRUE(store.run(feed.round(5)).has_value());
    EXPECT_EQ(row(id).pending, 5);
    EXPECT_EQ(row(id).given_up, 45);
    EXPECT_EQ(store.number("SELECT count(*) FROM webhook_delivery"), 5);
    EXPECT_EQ(store.number("SELECT min(event_id) FROM webhook_delivery"), 46);
}

TEST_F(WebhooksTest, PrivateAddressesAreNotAsked) {  // security row E4
    dns.address("inside.example", "127.0.0.1");
    dns.address("inside.example", "10.1.2.3");
    dns.address("inside.example", "::1");
    const WebhookId id = add(acme, {}, "https://inside.example/");
    happens(EventKind::delivered, acme);
    round();
    EXPECT_TRUE(receiver.requests.empty());
    EXPECT_THAT(attempts(id).front().problem, HasSubstr("no public address"));
}

TEST_F(WebhooksTest, FailingEndpointGetsOneRequestAtATime) {
    const WebhookId id = add(acme);
    receiver.answer = failure(ErrorKind::timeout, "no answer");
    happens(EventKind::delivered, acme, 20);
    round();
    EXPECT_EQ(receiver.requests.size(), Webhooks::at_once_of_one);
    round();
    EXPECT_EQ(receiver.requests.size(), Webhooks::at_once_of_one + 1);
    EXPECT_EQ(row(id).pending, 20);
}

TEST_F(WebhooksTest, RotatedSecretsBothSignUntilTheOldOneEnds) {  // security row E5
    const WebhookId id = add(acme);
    const std::string fresh = generate_webhook_secret(system_random());
    ASSERT_TRUE(store
                    .write([&](Transaction& transaction) {
                        return rotate_webhook_secret(transaction, vault, id, fresh, now + 24h);
                    })
                    .has_value());
    happens(EventKind::delivered, acme);
    round();
    EXPECT_THAT(field(0, "webhook-signature"), HasSubstr(" v1,"));
    now += 25h;
    happens(EventKind::delivered, acme);
    round();
    EXPECT_EQ(field(1, "webhook-signature"),
              webhook_signature({fresh}, field(1, "webhook-id"), std::stoll(field(1, "webhook-timestamp")),
                                receiver.requests[1].post->octets)
                  .value());
}

TEST_F(WebhooksTest, RemovedWithItsTenantAndForgottenWithTime) {
    const WebhookId id = add(acme);
    const WebhookId others = add(other);
    happens(EventKind::delivered, acme);
    happens(EventKind::delivered, other);
    round();
    ASSERT_TRUE(
        store.write([&](Transaction& transaction) { return remove_webhooks_of(transaction, acme); }).has_value());
    EXPECT_EQ(store.number("SELECT count(*) FROM webhook"), 1);
    EXPECT_EQ(store.number("SELECT count(*) FROM webhook_delivery"), 1);
    EXPECT_NE(id, others);
    ASSERT_TRUE(store.write([&](Transaction& transaction) { return webhooks->keep_house(transaction, now + 24h * 8); })
                    .has_value());
    EXPECT_EQ(store.number("SELECT count(*) FROM webhook_delivery"), 0);
    EXPECT_EQ(store.number("SELECT count(*) FROM webhook_attempt"), 0);
}

TEST_F(WebhooksTest, WaitForACommitAndLookAtNothingUntilThen) {
    add(acme);
    bool has_ended = false;
    const auto run = [](Webhooks& service, bool& ended) -> Task<> {
        co_await service.run();
        ended = true;
    };
    store.shard.spawn(run(*webhooks, has_ended));
    ASSERT_TRUE(store.run_until([&] { return numbers.counted("relevo_webhook_attempts_total{result=taken}") == 0; }));
    store.run(webhooks->round());  // the first round of run() is behind us, too
    happens(EventKind::delivered, acme);
    EXPECT_FALSE(store.run_until([&] { return !receiver.requests.empty(); }, 1200ms)) << "nobody has told";
    webhooks->committed();
    EXPECT_TRUE(store.run_until([&] { return receiver.requests.size() == 1; }));
    webhooks->stop();
    EXPECT_TRUE(store.run_until([&] { return has_ended && !webhooks->is_sending(); }));
}

// security row E9
TEST_F(WebhooksTest, WhatIsTheOperatorsReachesNoTenant) {
    const auto tenants = add(acme), operators = add(std::nullopt);
    const auto written = store.write([&](Transaction& transaction) -> Result<void> {
        for (const EventKind kind : all_event_kinds())
            if (topic_of(kind) != EventTopic::message)
                RELEVO_CHECK(writer.append(transaction, occasion(kind, "x", acme, now, JsonWriter())));
        return {};
    });
    ASSERT_TRUE(written.has_value());
    while (receiver.requests.size() < 25) round();
    std::set<std::string> told;
    for (const WebhookAttempt& attempt : attempts(tenants)) told.insert(std::string(name_of(attempt.type)));
    EXPECT_TRUE(told.contains("domain.status_changed"));
    for (const std::string& type : told)
        EXPECT_FALSE(type.starts_with("source.") || type.starts_with("certificate.")) << type;
    EXPECT_EQ(attempts(operators).size(), 17U);
    EXPECT_EQ(attempts(tenants).size(), 8U);
}

}  // namespace
}  // namespace relevo
