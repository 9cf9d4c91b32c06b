// What messages, tenants and operators ask of TLS, and what the owners of destinations are told about it.
#include "core/delivery/delivery_fixture.h"

namespace relevo::test {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

class DeliveryTls : public DeliveryTest {
 protected:
    void offer_tls(MemoryStreamOptions streams = {}) {
        server.script.extensions.push_back("STARTTLS");
        server.listen(dialer, first_ip, 25, std::move(streams));
    }
    // The server has TLSA records, and a certificate that none of them names.
    void break_dane() {
        resolver.data("_25._tcp.mx1.example.net", dns::RecordType::tlsa,
                      std::string("\3\1\1", 3) + std::string(32, 'k'));
        for (const std::string_view name : {"example.net", "mx1.example.net", "_25._tcp.mx1.example.net"})
            resolver.secure(name);
        offer_tls({.tls_fault = TlsFault::certificate_not_trusted});
    }
    std::shared_ptr<const Message> send_optional(const std::vector<std::string>& recipients) {
        mail::Envelope of = envelope("a@sender.example", recipients);
        of.tls_optional = true;
        return send(store.submission(std::move(of), "TLS-Required: No\r\n\r\nText\r\n"));
    }
    static MemoryStreamOptions verified() {
        return {.tls = {.protocol = "TLSv1.3", .cipher = "TLS_AES_256_GCM_SHA384", .verified = true}};
    }
    std::vector<TlsSession> told_of(std::string_view domain) {
        std::vector<TlsSession> some;
        for (const TlsSession& session : told)
            if (session.policy_domain == domain) some.push_back(session);
        return some;
    }
};

TEST_F(DeliveryTls, OwnersAreToldOfEachConnectionOnceAndOfEachDomainThatUsesIt) {  // RFC 8460 §4.3
    resolver.mx("example.org", 10, "mx1.example.net");
    offer_tls();
    fallback.connection_limit = 1;
    start();
    for (const char* to : {"b@example.net", "c@example.net", "d@example.org", "e@example.org"}) {
        const std::size_t before = log.count("delivery.delivered");
        send({to});
        ASSERT_TRUE(happens("delivery.delivered", before + 1));
    }
    EXPECT_EQ(server.connections, 1);
    for (const std::string_view domain : {"example.net", "example.org"}) {
        const auto sessions = told_of(domain);
        ASSERT_THAT(sessions, SizeIs(1)) << domain;
        EXPECT_EQ(sessions[0].policy, TlsPolicyType::none);
        EXPECT_EQ(sessions[0].result, TlsResult::success);
        EXPECT_EQ(sessions[0].host, "mx1.example.net");
        EXPECT_EQ(sessions[0].address, first_ip);
    }
}

// RFC 8461 §5: it is the domain's policy that is tested, whoever's mail the connection was opened for.
TEST_F(DeliveryTls, AFailureOfATestedPolicyIsToldOnAConnectionOfAnotherDomainToo) {
    class NoPages final : public WebPages {
     public:
        Task<Result<Page>> fetch(PageRequest) override { co_return failure(ErrorKind::closed, "no web here"); }
    } pages;
    MtaStsCache policies;
    auto policy =
        tlspolicy::parse_mta_sts_policy("version: STSv1\nmode: testing\nmx: mx1.example.net\nmax_age: 604800\n");
    ASSERT_TRUE(policy.has_value());
    policies.put("example.org", {.record_id = "1",
                                 .file = "",
                                 .policy = std::make_shared<const tlspolicy::MtaStsPolicy>(*std::move(policy)),
                                 .fetched_at = WallClock::now()});
    MtaStsFinder finder({.shard = store.shard,
                         .resolver = resolver,
                         .pages = pages,
                         .committer = *store.committer,
                         .log = log,
                         .cache = policies},
                        {});
    mta_sts = &finder;
    resolver.mx("example.org", 10, "mx1.example.net");
    offer_tls({.tls_fault = TlsFault::certificate_not_trusted});
    fallback.connection_limit = 1;
    start();
    std::size_t delivered = 0;
    for (const char* to : {"b@example.net", "c@example.org", "d@example.org"}) {
        send({to});
        ASSERT_TRUE(happens("delivery.delivered", ++delivered));
        EXPECT_EQ(log.count("delivery.mta_sts_test_failed"), delivered > 1 ? 1U : 0U);
    }
    EXPECT_EQ(server.connections, 1);
    EXPECT_EQ(log.count("host=mx1.example.net problem=TLSv1.3"), 1U);
}

TEST_F(DeliveryTls, OwnersAreToldThatTheirServerHasNoTls) {
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    ASSERT_THAT(told_of("example.net"), SizeIs(1));
    EXPECT_EQ(told_of("example.net")[0].result, TlsResult::starttls_not_supported);
}

TEST_F(DeliveryTls, AHandshakeThatFailedIsToldOnceForEachConnectionInClear) {
    offer_tls({.tls_failure = Error{ErrorKind::invalid, "no shared cipher"}});
    options.messages_per_connection = 1;
    start();
    for (const std::size_t count : {1U, 2U}) {
        send({"b@example.net"});
        ASSERT_TRUE(happens("delivery.delivered", count));
    }
    const auto sessions = told_of("example.net");
    ASSERT_THAT(sessions, SizeIs(2)) << "the second did not try, but TLS would still not work";
    for (const TlsSession& session : sessions) {
        EXPECT_EQ(session.result, TlsResult::validation_failure);
        EXPECT_THAT(session.problem, HasSubstr("no shared cipher"));
    }
}

TEST_F(DeliveryTls, DaneThatIsNotKeptIsToldWithItsRecords) {
    break_dane();
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    const auto sessions = told_of("example.net");
    ASSERT_THAT(sessions, SizeIs(1));
    EXPECT_EQ(sessions[0].policy, TlsPolicyType::tlsa);
    ASSERT_THAT(sessions[0].policy_strings, SizeIs(1));
    EXPECT_THAT(sessions[0].policy_strings[0], HasSubstr("3 1 1 6B6B"));
    EXPECT_EQ(sessions[0].result, TlsResult::certificate_not_trusted);
}

TEST_F(DeliveryTls, TlsaRecordsThatCannotBeAskedForAreDnssecFaults) {  // RFC 8460 §4.3.2.1
    break_dane();
    resolver.fault("_25._tcp.mx1.example.net", MemoryResolver::Fault::servfail);
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    ASSERT_THAT(told_of("example.net"), SizeIs(1));
    EXPECT_EQ(told_of("example.net")[0].result, TlsResult::dnssec_invalid);
    EXPECT_EQ(told_of("example.net")[0].address, "");
}

TEST_F(DeliveryTls, WhereARuleDemandsDaneADestinationWithoutRecordsGetsNothing) {  // RFC 8460 §4.3.2.1
    shaping_rules.push_back({.selectors = {.domain = "example.net"},
                             .values = {.tls = shaping::TlsMode::dane},
                             .authority = shaping::Authority::operators,
                             .origin = "a test"});
    server.listen(dialer, first_ip, 25, verified());
    start();
    const auto kept = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_THAT(detail(kept->id),
                AllOf(HasSubstr("4.7.5"), HasSubstr("a shaping rule demands DANE of mx1.example.net")));
    ASSERT_THAT(told_of("example.net"), SizeIs(1));
    EXPECT_EQ(told_of("example.net")[0].result, TlsResult::dane_required);
    EXPECT_EQ(told_of("example.net")[0].policy, TlsPolicyType::tlsa);
    send_optional({"c@example.net"});  // RFC 8689 §5: only what destinations demand
    ASSERT_TRUE(happens("delivery.deferred", 2));
    EXPECT_THAT(server.mails, SizeIs(0));
}

// RFC 8689 §5; security row B2.
TEST_F(DeliveryTls, AMessageThatNeedsNoTlsGoesWhereOthersWait) {
    break_dane();
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    const auto message = send_optional({"c@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_THAT(server.mails, SizeIs(1));
    EXPECT_THAT(server.mails[0].content, HasSubstr("TLS-Required: No")) << "the next server must know it too";
    EXPECT_THAT(told, SizeIs(1)) << "such mail is told to nobody: reports are such mail";
    send({"d@example.net"});
    ASSERT_TRUE(settles());
    EXPECT_THAT(server.mails, SizeIs(1)) << "the connection that ignores DANE is for no other mail";
    EXPECT_THAT(detail(message->id), HasSubstr("TLSv1.3"));
}

TEST_F(DeliveryTls, WhatIsAskedOfTlsOutlivesARestart) {
    mail::Envelope of = envelope("a@sender.example", {"b@example.net"});
    of.tls_optional = true;
    const auto message = store.accept(store.submission(std::move(of)));
    store.restart();
    EXPECT_TRUE(store.rows().at(0).tls_optional);
    std::vector<bool> recovered;
    ASSERT_TRUE(store.database
                    ->read([&](Reader& reader) -> Result<void> {
                        RELEVO_CHECK(store.spool->recover(reader, *store.contents, [&](const PendingDelivery& pending) {
                            recovered.push_back(pending.tls_optional);
                        }));
                        return {};
                    })
                    .has_value());
    EXPECT_EQ(recovered, std::vector<bool>{true});
    const auto loaded = store.run(store.spool->load(message->id, {0}));
    ASSERT_TRUE(loaded.has_value());
    EXPECT_TRUE((*loaded)->envelope.tls_optional);
}

TEST_F(DeliveryTls, ATenantsDemandHoldsForItsMailAlone) {
    dispatcher.set_tls_of_tenants(
        [](TenantId tenant) { return tenant == TenantId{7} ? mail::TlsWish::required : mail::TlsWish::usual; });
    start();
    Submission demanding = store.submission(envelope("a@sender.example", {"b@example.net"}));
    demanding.tenant = TenantId{7};
    const auto kept = send(std::move(demanding));
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_THAT(detail(kept->id), AllOf(HasSubstr("4.7.5"), HasSubstr("demanded by the tenant")));
    send({"c@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    ASSERT_THAT(server.mails, SizeIs(1));
    EXPECT_FALSE(server.mails[0].tls);
}

TEST_F(DeliveryTls, ATenantThatDemandsProofSharesOnlyConnectionsThatGiveIt) {
    dispatcher.set_tls_of_tenants(
        [](TenantId tenant) { return tenant == TenantId{7} ? mail::TlsWish::verified : mail::TlsWish::usual; });
    offer_tls({.tls_fault = TlsFault::certificate_expired});
    start();
    send({"c@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    Submission demanding = store.submission(envelope("a@sender.example", {"b@example.net"}));
    demanding.tenant = TenantId{7};
    demanding.envelope.tls_optional = true;  // its tenant knows better
    const auto kept = send(demanding);
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_THAT(detail(kept->id), HasSubstr("demanded by the tenant"));
    server.listen(dialer, first_ip, 25, verified());
    on_shard([&] { engine->retry("example.net#tls=verified", {{kept->id, 0}}); });
    ASSERT_TRUE(happens("delivery.delivered", 2));
    EXPECT_THAT(detail(kept->id), HasSubstr("certificate verified"));
}

TEST_F(DeliveryTls, AnOperatorNamesTheKeysThatADestinationMustShow) {
    shaping_rules.push_back({.selectors = {.domain = "example.net"},
                             .values = {.tls_keys = shaping::KeyPins{{std::string(32, 'k'), std::string(32, 'l')}}},
                             .authority = shaping::Authority::operators,
                             .origin = "a test"});
    offer_tls({.tls_fault = TlsFault::certificate_not_trusted});
    start();
    const auto kept = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_THAT(detail(kept->id), AllOf(HasSubstr("4.7.5"), HasSubstr("demanded by a shaping rule")));
    server.listen(dialer, first_ip, 25, verified());
    retry_all("example.net", kept->id);
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_THAT(detail(kept->id), HasSubstr("certificate verified by the pinned key"));
}

TEST_F(DeliveryTls, ADestinationThatIsSuspendedIsSoForAllMail) {
    start();
    dispatcher.suspend("example.net", true);
    ASSERT_TRUE(settles());
    send({"b@example.net"});
    send_optional({"c@example.net"});
    send_optional({"d@sender.example"});
    ASSERT_TRUE(happens("delivery.delivered")) << "that one is not suspended";
    on_shard([] {});
    EXPECT_THAT(server.mails, IsEmpty());
    dispatcher.suspend("example.net", false);
    ASSERT_TRUE(happens("delivery.delivered", 3));
}

}  // namespace
}  // namespace relevo::test
