#include "lib/mailauth/dmarc.h"

#include "lib/mailauth/dmarc_test_zone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo::mailauth {
namespace {

using testing::HasSubstr;

SpfVerdict spf(SpfResult result, std::string domain) {
    SpfVerdict verdict;
    verdict.result = result;
    verdict.domain = std::move(domain);
    return verdict;
}

DkimVerdict dkim(DkimResult result, std::string domain) {
    DkimVerdict verdict;
    verdict.result = result;
    verdict.domain = std::move(domain);
    return verdict;
}

DmarcQuery from(std::string value) { return {.from_fields = {std::move(value)}, .spf = {}, .dkim = {}}; }

TestZone rejecting(std::string record = "v=DMARC1; p=reject") {
    return {.texts = {{"_dmarc.example.com", {std::move(record)}}}};
}

TEST(Dmarc, PassesOnAnAlignedIdentifierOfEitherMechanism) {  // RFC 9989 §5.3.5
    DmarcQuery by_spf = from("Alice <alice@example.com>");
    by_spf.spf = spf(SpfResult::pass, "bounce.example.com");
    const auto first = rejecting().run(check_dmarc(by_spf));
    EXPECT_EQ(first.result, DmarcResult::pass);
    EXPECT_TRUE(first.spf_aligned);
    EXPECT_FALSE(first.dkim_aligned);
    EXPECT_EQ(first.disposition, DmarcPolicy::none);
    EXPECT_EQ(first.published, DmarcPolicy::reject);

    DmarcQuery by_dkim = from("alice@mail.example.com");
    by_dkim.dkim = {dkim(DkimResult::fail, "example.com"), dkim(DkimResult::pass, "esp.example"),
                    dkim(DkimResult::pass, "news.example.com")};
    const auto second = rejecting().run(check_dmarc(by_dkim));
    EXPECT_EQ(second.result, DmarcResult::pass);
    EXPECT_TRUE(second.dkim_aligned);
    EXPECT_EQ(second.organizational_domain, "example.com");
}

TEST(Dmarc, FailsWithThePublishedPolicy) {
    DmarcQuery query = from("alice@example.com");
    query.spf = spf(SpfResult::pass, "attacker.example");
    query.dkim = {dkim(DkimResult::pass, "example.com.attacker.example"), dkim(DkimResult::pass, "com"),
                  dkim(DkimResult::pass, "notexample.com")};
    const auto verdict = rejecting().run(check_dmarc(query));
    EXPECT_EQ(verdict.result, DmarcResult::fail);
    EXPECT_EQ(verdict.disposition, DmarcPolicy::reject);
    EXPECT_EQ(verdict.policy_domain, "example.com");
    EXPECT_EQ(verdict.record, "v=DMARC1; p=reject");
    EXPECT_THAT(verdict.reason, HasSubstr("not for example.com"));
    EXPECT_FALSE(verdict.steps.empty());
}

TEST(Dmarc, TakesStrictAlignmentByTheLetter) {  // RFC 9989 §4.4
    DmarcQuery query = from("alice@example.com");
    query.spf = spf(SpfResult::pass, "bounce.example.com");
    query.dkim = {dkim(DkimResult::pass, "mail.example.com")};
    EXPECT_EQ(rejecting("v=DMARC1; p=reject; adkim=s; aspf=s").run(check_dmarc(query)).result, DmarcResult::fail);
    EXPECT_EQ(rejecting("v=DMARC1; p=reject; adkim=s").run(check_dmarc(query)).result, DmarcResult::pass);
    query.dkim = {dkim(DkimResult::pass, "EXAMPLE.com")};
    EXPECT_EQ(rejecting("v=DMARC1; p=reject; adkim=s; aspf=s").run(check_dmarc(query)).result, DmarcResult::pass);
}

TEST(Dmarc, DoesNotAlignAcrossAnOrganizationThatPsdCutsOff) {  // RFC 9989 §4.10.2 rule 1
    TestZone zone = rejecting();
    zone.texts["_dmarc.tenant.example.com"] = {"v=DMARC1; p=reject; psd=n"};
    DmarcQuery query = from("alice@example.com");
    query.dkim = {dkim(DkimResult::pass, "tenant.example.com")};
    EXPECT_EQ(zone.run(check_dmarc(query)).result, DmarcResult::fail);
    query = from("alice@tenant.example.com");
    query.dkim = {dkim(DkimResult::pass, "example.com")};
    EXPECT_EQ(zone.run(check_dmarc(query)).result, DmarcResult::fail);
    query.dkim = {dkim(DkimResult::pass, "x.tenant.example.com")};
    EXPECT_EQ(zone.run(check_dmarc(query)).result, DmarcResult::pass);
}

TEST(Dmarc, DoesNotCountASignatureThatLeavesTheBodyOpen) {  // security row C1
    DmarcQuery query = from("alice@example.com");
    query.dkim = {dkim(DkimResult::pass, "example.com")};
    query.dkim[0].covers_body = false;
    EXPECT_EQ(rejecting().run(check_dmarc(query)).result, DmarcResult::fail);
    query.dkim.push_back(dkim(DkimResult::pass, "example.com"));
    EXPECT_EQ(rejecting().run(check_dmarc(query)).result, DmarcResult::pass);
}

TEST(Dmarc, RefusesMessagesThatNameNoAuthorOrSeveralWays) {  // security row C4, RFC 9989 §5.3.1
    using namespace std::string_literals;
    const std::pair<std::vector<std::string>, const char*> cases[] = {
        {{}, "no From field"},
        {{"alice@example.com", "alice@example.com"}, "2 From fields"},
        {{"alice@example.com", "mallory@attacker.example"}, "2 From fields"},
        {{"undisclosed:;"}, "group"},
        {{""}, "cannot be read"},
        {{"alice"}, "cannot be read"},
        {{"alice@example.com\0.attacker.example"s}, "cannot be read"},
        {{"alice@exam\x01ple.com"s}, "cannot be read"},
        {{"<alice@example.com> <bob@attacker.example>"}, "cannot be read"},
        {{"alice@example.com <bob@attacker.example>"}, "cannot be read"},
        {{"=?utf-8?q?alice=40example.com?= <bob@attacker.example"}, "cannot be read"},
        {{"alice@example.com(comment"}, "cannot be read"},
        {{"alice@[192.0.2.1]"}, "number instead of a domain"},
        {{"alice@example\xE3\x80\x82"
          "com"},
         "cannot be read"},  // U+3002, a dot to some
        {{"alice@e\xF0\x9D\x90\xB1"
          "ample.com"},
         "cannot be read"},  // mathematical x
        {{"a@1.example, a@2.example, a@3.example, a@4.example, a@5.example"}, "5 domains"},
    };
    for (const auto& [fields, reason] : cases) {
        DmarcQuery query;
        query.from_fields = fields;
        query.spf = spf(SpfResult::pass, "attacker.example");
        query.dkim = {dkim(DkimResult::pass, "attacker.example"), dkim(DkimResult::pass, "example.com")};
        TestZone zone = rejecting();
        const auto verdict = zone.run(check_dmarc(query));
        EXPECT_EQ(verdict.result, DmarcResult::permerror) << testing::PrintToString(fields);
        EXPECT_THAT(verdict.reason, HasSubstr(reason)) << testing::PrintToString(fields);
        EXPECT_TRUE(zone.asked.empty());
    }
}

TEST(Dmarc, IsNotFooledByDisplayNames) {  // security row C4
    DmarcQuery query = from("\"alice@example.com\" <mallory@attacker.example>");
    query.dkim = {dkim(DkimResult::pass, "attacker.example")};
    EXPECT_EQ(rejecting().run(check_dmarc(query)).author_domain, "attacker.example");
    query = from("\"x\\\" <mallory@attacker.example>, \" <alice@example.com>");
    EXPECT_EQ(rejecting().run(check_dmarc(query)).author_domain, "example.com");
}

TEST(Dmarc, TakesTheWorstOfSeveralAuthors) {  // RFC 9989, security row C4
    TestZone zone = rejecting();
    zone.texts["_dmarc.soft.example"] = {"v=DMARC1; p=quarantine"};
    zone.texts["_dmarc.attacker.example"] = {"v=DMARC1; p=none"};
    DmarcQuery query = from("m@attacker.example, a@soft.example, alice@example.com");
    query.dkim = {dkim(DkimResult::pass, "attacker.example")};
    const auto failed = zone.run(check_dmarc(query));
    EXPECT_EQ(failed.result, DmarcResult::fail);
    EXPECT_EQ(failed.author_domain, "example.com");
    EXPECT_EQ(failed.disposition, DmarcPolicy::reject);
    EXPECT_THAT(failed.reason, HasSubstr("worst of 3 author domains"));

    query = from("m@attacker.example, alice@example.com, bob@Example.COM");
    query.dkim = {dkim(DkimResult::pass, "attacker.example"), dkim(DkimResult::pass, "example.com")};
    EXPECT_EQ(zone.run(check_dmarc(query)).result, DmarcResult::pass);
    query = from("m@attacker.example, alice@unprotected.example");
    query.dkim = {dkim(DkimResult::pass, "attacker.example")};
    EXPECT_EQ(zone.run(check_dmarc(query)).result, DmarcResult::none);
}

TEST(Dmarc, TurnsUnicodeDomainsIntoALabels) {  // RFC 9989 §5.3.1
    TestZone zone{.texts = {{"_dmarc.xn--bcher-kva.example", {"v=DMARC1; p=reject"}}}};
    DmarcQuery query = from(
        "a@B\xC3\xBC"
        "cher.example");
    query.dkim = {dkim(DkimResult::pass, "xn--bcher-kva.example")};
    const auto verdict = zone.run(check_dmarc(query));
    EXPECT_EQ(verdict.author_domain, "xn--bcher-kva.example");
    EXPECT_EQ(verdict.result, DmarcResult::pass);
}

TEST(Dmarc, IsNoneWithoutARecord) {
    const auto verdict = TestZone{}.run(check_dmarc(from("alice@example.org")));
    EXPECT_EQ(verdict.result, DmarcResult::none);
    EXPECT_EQ(verdict.disposition, DmarcPolicy::none);
    EXPECT_EQ(rejecting("v=DMARC1; p=nope").run(check_dmarc(from("alice@example.com"))).result, DmarcResult::none);
}

TEST(Dmarc, AppliesSpAndNpToSubdomains) {  // RFC 9989 §4.10.1, §3.2.13 (RFC 8020)
    TestZone zone = rejecting("v=DMARC1; p=none; sp=quarantine; np=reject");
    zone.names = {"known.example.com"};
    EXPECT_EQ(zone.run(check_dmarc(from("a@example.com"))).disposition, DmarcPolicy::none);
    EXPECT_EQ(zone.run(check_dmarc(from("a@known.example.com"))).disposition, DmarcPolicy::quarantine);
    EXPECT_EQ(zone.run(check_dmarc(from("a@unknown.example.com"))).disposition, DmarcPolicy::reject);
    zone.faulty = {"unknown.example.com"};
    EXPECT_EQ(zone.run(check_dmarc(from("a@unknown.example.com"))).result, DmarcResult::temperror);
    TestZone suffix{.texts = {{"_dmarc.bank", {"v=DMARC1; p=none; sp=reject; psd=y"}}}};
    const auto verdict = suffix.run(check_dmarc(from("a@www.example.bank")));
    EXPECT_EQ(verdict.disposition, DmarcPolicy::reject);
    EXPECT_EQ(verdict.organizational_domain, "example.bank");
}

TEST(Dmarc, LowersATestedPolicyByOneStep) {  // RFC 9989 §4.7 t, RFC 7489 §6.6.4 pct=0
    for (const char* tag : {"t=y", "pct=0"}) {
        const auto verdict =
            rejecting(std::string("v=DMARC1; p=reject; ") + tag).run(check_dmarc(from("a@example.com")));
        EXPECT_EQ(verdict.published, DmarcPolicy::reject);
        EXPECT_EQ(verdict.disposition, DmarcPolicy::quarantine);
        EXPECT_EQ(verdict.override_reason, DmarcOverride::policy_test_mode);
    }
    EXPECT_EQ(rejecting("v=DMARC1; p=quarantine; t=y").run(check_dmarc(from("a@example.com"))).disposition,
              DmarcPolicy::none);
}

TEST(Dmarc, IsTemperrorWhenTheDnsFails) {  // never a refusal
    TestZone no_policy{.faulty = {"_dmarc.example.com"}};
    const auto unknown = no_policy.run(check_dmarc(from("a@example.com")));
    EXPECT_EQ(unknown.result, DmarcResult::temperror);
    EXPECT_EQ(unknown.disposition, DmarcPolicy::none);

    DmarcQuery query = from("a@example.com");
    query.dkim = {dkim(DkimResult::temperror, "mail.example.com")};
    EXPECT_EQ(rejecting().run(check_dmarc(query)).result, DmarcResult::temperror);
    query.dkim.push_back(dkim(DkimResult::pass, "example.com"));
    EXPECT_EQ(rejecting().run(check_dmarc(query)).result, DmarcResult::pass);

    TestZone half = rejecting();
    half.faulty = {"_dmarc.com"};
    query = from("a@example.com");
    query.dkim = {dkim(DkimResult::pass, "sub.example.com")};
    EXPECT_EQ(half.run(check_dmarc(query)).result, DmarcResult::temperror);
    query.dkim = {dkim(DkimResult::pass, "example.com")};
    EXPECT_EQ(half.run(check_dmarc(query)).result, DmarcResult::pass);
}

TEST(Dmarc, LetsNoStrangersBrokenDnsSuspendAPolicy) {
    TestZone zone = rejecting();
    zone.faulty = {"_dmarc.attacker.example", "_dmarc.example", "_dmarc.x.attacker.example"};
    DmarcQuery query = from("a@example.com");
    query.spf = spf(SpfResult::temperror, "attacker.example");
    query.dkim = {dkim(DkimResult::temperror, "x.attacker.example"), dkim(DkimResult::pass, "attacker.example")};
    const auto verdict = zone.run(check_dmarc(query));
    EXPECT_EQ(verdict.result, DmarcResult::fail);
    EXPECT_EQ(verdict.disposition, DmarcPolicy::reject);
}

TEST(Dmarc, AsksABoundedNumberOfQuestions) {
    DmarcQuery query = from("a@1.b.c.d.e.f.g.h.x.example, a@2.b.c.d.e.f.g.h.x.example");
    for (int i = 0; i < 500; ++i)
        query.dkim.push_back(dkim(DkimResult::pass, "s" + std::to_string(i) + ".b.c.d.e.f.g.x.example"));
    TestZone zone{.texts = {{"_dmarc.x.example", {"v=DMARC1; p=reject; np=none"}}}};
    for (int i = 0; i < 500; ++i)
        zone.texts["_dmarc.s" + std::to_string(i) + ".b.c.d.e.f.g.x.example"] = {"v=DMARC1; p=none; psd=n"};
    (void)zone.run(check_dmarc(query));
    EXPECT_LE(zone.asked.size(), 2U * (8 + 1 + 20 * 8));
}

TEST(Dmarc, LiftsAPolicyOnlyForAChainOfTrustedSealers) {  // security row C6, RFC 8617 §9
    DmarcQuery query = from("a@example.com");
    query.arc.result = ArcResult::pass;
    query.arc.sealers = {"list.example", "forwarder.example"};
    query.trusted_sealers = {"LIST.example", "forwarder.example"};
    query.arc.first_passed_domains = {"example.com"};
    const auto lifted = rejecting().run(check_dmarc(query));
    EXPECT_EQ(lifted.result, DmarcResult::fail);
    EXPECT_EQ(lifted.disposition, DmarcPolicy::none);
    EXPECT_EQ(lifted.override_reason, DmarcOverride::local_policy);
    EXPECT_EQ(lifted.override_comment, "arc=pass as.d=list.example as.d=forwarder.example");

    DmarcQuery untrusted = query;
    untrusted.trusted_sealers = {"forwarder.example"};
    EXPECT_EQ(rejecting().run(check_dmarc(untrusted)).disposition, DmarcPolicy::reject);
    DmarcQuery broken = query;
    broken.arc.result = ArcResult::fail;
    EXPECT_EQ(rejecting().run(check_dmarc(broken)).disposition, DmarcPolicy::reject);
    DmarcQuery never_passed = query;
    never_passed.arc.first_passed_domains = {"attacker.example"};
    EXPECT_EQ(rejecting().run(check_dmarc(never_passed)).disposition, DmarcPolicy::reject);
    DmarcQuery empty = query;
    empty.arc.sealers.clear();
    EXPECT_EQ(rejecting().run(check_dmarc(empty)).disposition, DmarcPolicy::reject);
}

}  // namespace
}  // namespace relevo::mailauth
