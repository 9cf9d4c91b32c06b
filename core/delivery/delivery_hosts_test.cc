// Where mail goes: hosts and addresses in order, and what becomes of mail that has nowhere to go.
#include "core/delivery/delivery_fixture.h"

namespace relevo::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class DeliveryHosts : public DeliveryTest {
 protected:
    // Adds example.org with two mail servers.
    void two_hosts() {
        resolver.mx("example.org", 10, "mx1.example.org").mx("example.org", 20, "mx2.example.org");
        resolver.address("mx1.example.org", "11.0.1.1").address("mx2.example.org", "11.0.1.2");
        best.listen(dialer, "11.0.1.1");
        other.listen(dialer, "11.0.1.2");
    }
    std::vector<std::string> dialed() {
        std::vector<std::string> targets;
        for (const DialOptions& options : dialer.dialed()) targets.push_back(options.target.text());
        return targets;
    }
    MailServer best{store.shard};
    MailServer other{store.shard};
};

struct Nowhere {
    const char* domain;
    const char* status;
    const char* text;
};

// RFC 5321 §5.1, RFC 7505 §3: what no retry can mend is told at once.
TEST_F(DeliveryHosts, ReportsDestinationsThatCannotTakeMail) {
    resolver.mx("null.example", 0, ".");
    resolver.mx("self.example", 10, "relay.example").mx("self.example", 20, "mx2.self.example");
    resolver.mx("inside.example", 10, "mx.inside.example").address("mx.inside.example", "10.1.2.3");
    resolver.address("loop.example", "127.0.0.1");
    resolver.mx("bare.example", 10, "mx.bare.example").txt("mx.bare.example", "no address");
    start();
    for (const Nowhere& nowhere :
         {Nowhere{"nowhere.example", "5.1.2", "does not exist"}, Nowhere{"null.example", "5.1.10", "takes no mail"},
          Nowhere{"self.example", "5.4.6", "loops"}, Nowhere{"inside.example", "5.4.6", "private or loopback"},
          Nowhere{"loop.example", "5.4.6", "private or loopback"},
          Nowhere{"bare.example", "5.4.4", "has no address"}}) {
        const auto message = send({std::string("b@") + nowhere.domain}, "");
        ASSERT_TRUE(happens(std::string("to=b@") + nowhere.domain)) << nowhere.domain;
        EXPECT_EQ(store.kinds(message->id), "accepted failed") << nowhere.domain;
        EXPECT_THAT(detail(message->id),
                    AllOf(HasSubstr(std::string(R"("status":")") + nowhere.status + '"'), HasSubstr(nowhere.text)));
    }
    EXPECT_THAT(dialer.dialed(), IsEmpty());
}

// RFC 5321 §5.1: a DNS that does not answer says nothing about the domain.
TEST_F(DeliveryHosts, NeverBouncesForADnsThatDoesNotAnswer) {
    resolver.fault("broken.example", MemoryResolver::Fault::servfail);
    resolver.fault("bogus.example", MemoryResolver::Fault::bogus);
    resolver.mx("half.example", 10, "mx.half.example").fault("mx.half.example", MemoryResolver::Fault::servfail);
    start();
    for (const std::string domain : {"broken.example", "bogus.example", "half.example"}) {
        const auto message = send({"b@" + domain});
        ASSERT_TRUE(happens("delivery.deferred message=" + message->id.text())) << domain;
        EXPECT_EQ(store.kinds(message->id), "accepted deferred") << domain;
        EXPECT_THAT(detail(message->id), HasSubstr(R"("status":"4.4.3")")) << domain;
    }
    EXPECT_EQ(metrics.failed.value(), 0U);
}

TEST_F(DeliveryHosts, AsksTheMostPreferredServerFirst) {
    two_hosts();
    start();
    send({"b@example.org"});
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(best.mails.size(), 1U);
    EXPECT_THAT(dialed(), ElementsAre("11.0.1.1:25"));
}

// RFC 5321 §5.1: "the SMTP client MUST be able to try (and retry) each of the relevant addresses in this list in
// order".
TEST_F(DeliveryHosts, GoesToTheNextServerWhenTheFirstDoesNotListen) {
    two_hosts();
    dialer.refuse({dns::IpAddress::parse("11.0.1.1").value(), 25}, {ErrorKind::refused, "connection refused"});
    start();
    send({"b@example.org"});
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(other.mails.size(), 1U);
    EXPECT_THAT(dialed(), ElementsAre("11.0.1.1:25", "11.0.1.2:25"));
}

TEST_F(DeliveryHosts, GoesToTheNextServerWhenTheFirstGreetsWithARefusal) {
    two_hosts();
    start();
    for (const std::string greeting : {"421 4.3.2 Too busy", "554 5.3.2 No service here", "close"}) {
        best.script.greeting = greeting;
        const auto message = send({"b@example.org"});
        ASSERT_TRUE(happens("delivery.delivered message=" + message->id.text())) << greeting;
        EXPECT_THAT(detail(message->id), HasSubstr("mx2.example.org")) << greeting;
        other.close_connections();
    }
    EXPECT_THAT(best.mails, IsEmpty());
}

TEST_F(DeliveryHosts, DefersWhenNoServerWantsToTalk) {
    two_hosts();
    best.script.greeting = "554 5.3.2 No service here";
    other.script.greeting = "554 5.3.2 Nor here";
    start();
    const auto message = send({"b@example.org"});
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_THAT(detail(message->id), AllOf(HasSubstr("554 5.3.2 Nor here"), HasSubstr(R"("status":"4.)")))
        << "the fault lies with the servers, not with the recipient";
    EXPECT_EQ(metrics.failed.value(), 0U);
    EXPECT_EQ(log.count("delivery.back_off site=(mx1|mx2).example.org"), 1U);
}

TEST_F(DeliveryHosts, ATemporaryProblemOutweighsAPermanentOneOfAnotherServer) {
    resolver.mx("mixed.example", 10, "mx1.mixed.example").mx("mixed.example", 20, "mx2.mixed.example");
    resolver.address("mx1.mixed.example", "11.0.3.1").address("mx2.mixed.example", "10.0.0.1");
    start();
    const auto message = send({"b@mixed.example"});
    ASSERT_TRUE(happens("delivery.deferred"));
    EXPECT_THAT(detail(message->id), AllOf(HasSubstr(R"("status":"4.4.1")"), HasSubstr("connection refused")))
        << "a deferred delivery tells why it is worth another try";
}

// RFC 5321 §5.1: "as if it was associated with an implicit MX RR, with a preference of 0, pointing to that host".
TEST_F(DeliveryHosts, UsesTheDomainsOwnAddressWithoutMx) {
    resolver.address("plain.example", "11.0.2.1");
    best.listen(dialer, "11.0.2.1");
    start();
    send({"b@plain.example"});
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(best.mails.size(), 1U);
}

TEST_F(DeliveryHosts, TriesEveryAddressOfAServer) {
    resolver.mx("many.example", 10, "mx.many.example");
    resolver.address("mx.many.example", "2600::1").address("mx.many.example", "11.0.2.2");
    best.listen(dialer, "11.0.2.2");
    start();
    send({"b@many.example"});
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_THAT(dialed(), ElementsAre("[2600::1]:25", "11.0.2.2:25"));
}

TEST_F(DeliveryHosts, NeverConnectsToItself) {
    // The same address on both ends and a port of ours: only we listen there.
    MemoryStreamOptions ours;
    ours.client.address = dns::IpAddress::parse("11.0.2.3").value();
    resolver.mx("back.example", 10, "mx.back.example").address("mx.back.example", "11.0.2.3");
    best.listen(dialer, "11.0.2.3", 25, ours);
    options.own_endpoints = {{.address = {}, .port = 25}};
    start();
    const auto message = send({"b@back.example"}, "");
    ASSERT_TRUE(happens("delivery.failed"));
    EXPECT_THAT(detail(message->id), AllOf(HasSubstr(R"("status":"5.4.6")"), HasSubstr("loops")));
    EXPECT_THAT(best.commands, IsEmpty());
}

TEST_F(DeliveryHosts, OneOwnAddressOfAServerDoesNotCondemnTheOthers) {
    MemoryStreamOptions ours;
    ours.client.address = dns::IpAddress::parse("11.0.2.3").value();
    resolver.mx("back.example", 10, "mx.back.example");
    resolver.address("mx.back.example", "2600::9").address("mx.back.example", "11.0.2.3");  // IPv6 first: it refuses
    best.listen(dialer, "11.0.2.3", 25, ours);
    options.own_endpoints = {{.address = {}, .port = 25}};
    start();
    const auto message = send({"b@back.example"}, "");
    ASSERT_TRUE(happens("to=b@back.example"));
    EXPECT_EQ(store.kinds(message->id), "accepted deferred") << "the other address may answer later";
}

TEST_F(DeliveryHosts, PrivateAddressesNeedARouteThatAllowsThem) {
    rules.push_back({.name = "office",
                     .kind = RouteKind::smarthost,
                     .domains = {"office.example"},
                     .host = "10.1.2.3",
                     .port = 2525,
                     .allow_private_addresses = true});
    best.listen(dialer, "10.1.2.3", 2525);
    start();
    const auto message = send({"b@office.example"});
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(best.mails.size(), 1U);
    EXPECT_THAT(detail(message->id), HasSubstr(R"("site":"route:office")"));
}

// RFC 5321 §4.1.3.
TEST_F(DeliveryHosts, ConnectsToAnAddressLiteral) {
    best.listen(dialer, "11.0.2.4");
    start();
    send({"b@[11.0.2.4]"});
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(best.mails.size(), 1U);
}

// RFC 5891: the DNS is asked for A-labels.
TEST_F(DeliveryHosts, AsksTheDnsForTheAsciiName) {
    resolver.mx("xn--bcher-kva.example", 10, "mx1.example.net");
    start();
    const auto message =
        send({"b@b\xC3\xBC"
              "cher.example"});
    ASSERT_TRUE(happens("delivery."));
    EXPECT_THAT(resolver.questions(), testing::Contains(testing::StartsWith("xn--bcher-kva.example")));
}

TEST_F(DeliveryHosts, SendsFromTheConfiguredAddress) {
    source.ipv4 = dns::IpAddress::parse("11.0.9.9").value();
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_TRUE(dialer.dialed().front().has_source);
    EXPECT_THAT(detail(message->id), HasSubstr(R"("source":"11.0.9.9")"));
}

}  // namespace
}  // namespace relevo::test
