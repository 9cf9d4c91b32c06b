#include "adapters/memory/resolver.h"
#include "adapters/memory/zone_servers.h"
#include "core/setup/plan_status.h"
#include "core/setup/provider.h"
#include "core/setup/zone.h"
#include "lib/base/text.h"
#include "lib/dns/service.h"
#include "lib/mailauth/signing_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace relevo::setup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::StartsWith;

const std::string key_record = mailauth::SigningKey::generate(mailauth::SigningAlgorithm::rsa_sha256).value().record();

DomainFacts shop() {
    DomainFacts facts;
    facts.domain = "shop.example";
    facts.host_name = "mail.relay.example";
    facts.egress = {dns::IpAddress::parse("192.0.2.25").value(), dns::IpAddress::parse("2001:db8::25").value()};
    facts.keys = {{"r1._domainkey.shop.example", key_record}};
    facts.ownership_name = "_relevo-challenge.shop.example";
    facts.ownership_value = "relevo-verification=abc";
    facts.report_address = "reports@relay.example";
    return facts;
}

const PlannedRecord* find(const DnsPlan& plan, Purpose purpose, dns::RecordType type = dns::RecordType::txt) {
    const auto found = std::ranges::find_if(
        plan.records, [&](const PlannedRecord& record) { return record.purpose == purpose && record.type == type; });
    return found != plan.records.end() ? &*found : nullptr;
}

// Runs one look at the domain.
class PlanAgainstDns : public testing::Test {
 protected:
    DnsPlan look(const DomainFacts& facts) {
        DnsPlan plan;
        Shard shard(0);  // a new one: a shard that was stopped does not run again
        shard.spawn(look_once(shard, facts, plan));
        shard.run();
        return plan;
    }
    MemoryResolver remembered_;
    MemoryResolver published_;
    MemoryZoneServers servers_{published_};

 private:
    Task<> look_once(Shard& shard, DomainFacts facts, DnsPlan& plan) {
        DnsView view(shard, remembered_, &servers_, {.allow_private_addresses = true});
        co_await view.find_zone(facts.domain);
        plan = co_await plan_against_dns(view, facts);
        shard.stop();
    }
};

TEST(DnsPlan, NamesEveryRecordWithItsWholeNameAndSaysWhy) {
    const DnsPlan plan = make_plan(shop(), {});
    std::vector<std::string> names;
    for (const PlannedRecord& record : plan.records) {
        names.push_back(std::string(name_of(record.purpose)) + " " + record.name);
        EXPECT_FALSE(record.why.english.empty() || record.why.spanish.empty()) << names.back();
        EXPECT_FALSE(record.value.empty()) << names.back();
        EXPECT_NE(record.why.english, record.why.spanish);
    }
    EXPECT_THAT(names, ElementsAre("ownership _relevo-challenge.shop.example", "dkim r1._domainkey.shop.example",
                                   "spf shop.example", "dmarc _dmarc.shop.example",
                                   "service shop.example._report._dmarc.relay.example"));
    EXPECT_FALSE(plan.is_complete());
}

TEST(DnsPlan, OffersACnameIntoTheOperatorsZoneAndTellsTheOperatorWhatStandsThere) {
    DomainFacts facts = shop();
    facts.spf_include = "_spf.relay.example";
    facts.key_zone = "keys.relay.example";
    const DnsPlan plan = make_plan(facts, {});
    EXPECT_EQ(find(plan, Purpose::signing_key)->instead, "r1._domainkey.shop.example.keys.relay.example");
    EXPECT_EQ(find(plan, Purpose::sending_hosts)->value, "v=spf1 include:_spf.relay.example ~all");
    std::vector<std::string> ours;
    for (const PlannedRecord& record : plan.records)
        if (record.zone == Zone::operator_zone) ours.push_back(record.name + " " + record.value.substr(0, 40));
    EXPECT_THAT(ours, ElementsAre("_spf.relay.example v=spf1 ip4:192.0.2.25 ip6:2001:db8::25 ~",
                                  StartsWith("r1._domainkey.shop.example.keys.relay.example v=DKIM1"),
                                  "shop.example._report._dmarc.relay.example v=DMARC1"));
}

TEST(DnsPlan, KeepsThePolicyThatTheOwnerHasChosen) {
    const DnsPlan plan = make_plan(shop(), {.dmarc = {"v=DMARC1; p=reject"}});
    EXPECT_EQ(find(plan, Purpose::policy)->value, "v=DMARC1; p=reject");
}

TEST(DnsPlan, BeginsDmarcWithoutHarmAndExplainsTheStepsThatFollow) {
    const PlannedRecord policy = *find(make_plan(shop(), {}), Purpose::policy);
    EXPECT_EQ(policy.value, "v=DMARC1; p=none; rua=mailto:reports@relay.example");
    for (const std::string& text : {policy.why.english, policy.why.spanish}) {
        EXPECT_THAT(text, HasSubstr("quarantine"));
        EXPECT_THAT(text, HasSubstr("reject"));
    }
}

TEST(DnsPlan, MovesBouncesToTheSubDomainIfThereIsOne) {
    DomainFacts facts = shop();
    facts.return_path = "bounces.shop.example";
    const DnsPlan plan = make_plan(facts, {});
    EXPECT_EQ(find(plan, Purpose::return_path, dns::RecordType::mx)->value, "10 mail.relay.example");
    EXPECT_EQ(find(plan, Purpose::return_path)->name, "bounces.shop.example");
    EXPECT_EQ(find(plan, Purpose::sending_hosts)->need, Need::required);
}

TEST(DnsPlan, ProposesMtaStsWhereAWebServerHasThePolicy) {  // RFC 8461 §3.1
    DomainFacts facts = shop();
    const auto records = [&] {
        std::vector<std::string> lines;
        for (const PlannedRecord& record : make_plan(facts, {}).records)
            if (record.purpose == Purpose::transport_policy) lines.push_back(record.name + " " + record.value);
        return lines;
    };
    facts.policy_host = "policy.relay.example";
    EXPECT_TRUE(records().empty());
    facts.mail_exchanger = "mail.relay.example";
    EXPECT_THAT(records(),
                ElementsAre("mta-sts.shop.example policy.relay.example", "_mta-sts.shop.example v=STSv1; id=1;"));
    facts.policy_host.clear();
    EXPECT_TRUE(records().empty());
}

DomainFacts shop_with_clients() {
    DomainFacts facts = shop();
    facts.submission_port = 587;
    facts.submissions_port = 465;
    facts.autodiscover_port = 443;
    facts.serves_autoconfig = true;
    return facts;
}

// RFC 6186 §3.1, RFC 8314 §5.1
TEST(DnsPlan, LetsMailClientsFindWhatThisServerHas) {
    const DnsPlan plan = make_plan(shop_with_clients(), {});
    const std::string zone = zone_text(plan, Zone::customer, mail::Language::english);
    EXPECT_THAT(zone, HasSubstr("\n_submissions._tcp.shop.example. 3600 IN SRV 0 1 465 mail.relay.example.\n"));
    EXPECT_THAT(zone, HasSubstr("\n_submission._tcp.shop.example. 3600 IN SRV 10 1 587 mail.relay.example.\n"));
    EXPECT_THAT(zone, HasSubstr("\n_autodiscover._tcp.shop.example. 3600 IN SRV 0 1 443 mail.relay.example.\n"));
    EXPECT_THAT(zone, HasSubstr("\nautoconfig.shop.example. 3600 IN CNAME mail.relay.example.\n"));
    EXPECT_EQ(find(make_plan(shop(), {}), Purpose::clients, dns::service_record), nullptr);
    EXPECT_TRUE(std::ranges::all_of(plan.records, [](const PlannedRecord& record) {
        return record.purpose != Purpose::clients || record.need == Need::optional;
    }));
}

// RFC 6186 §3.2, §3.3
TEST(DnsPlan, LetsMailClientsFindMailboxesElsewhere) {
    DomainFacts facts = shop_with_clients();
    facts.mailboxes = {{"_imaps._tcp", "imap.provider.example", 993}, {"_pop3._tcp", "pop.provider.example", 1110}};
    const std::string zone = zone_text(make_plan(facts, {}), Zone::customer, mail::Language::english);
    EXPECT_THAT(zone, HasSubstr("\n_imaps._tcp.shop.example. 3600 IN SRV 0 1 993 imap.provider.example.\n"));
    EXPECT_THAT(zone, HasSubstr("\n_pop3._tcp.shop.example. 3600 IN SRV 0 1 1110 pop.provider.example.\n"));
}

// RFC 2782: the owner may weigh targets and name others beside ours.
TEST(DnsPlan, AServiceIsThereWithAnyPriority) {
    const DnsPlan plan = make_plan(shop_with_clients(), {});
    PlannedRecord record = *find(plan, Purpose::clients, dns::service_record);
    const auto seen = [](std::vector<dns::Service> services) {
        dns::Answer answer;
        for (const dns::Service& service : services) answer.data.push_back(dns::encode_service(service));
        return Observation{answer, answer, true};
    };
    judge_record(record, seen({{5, 9, 465, "other.example"}, {7, 3, 465, "mail.relay.example"}}));
    EXPECT_EQ(record.status, RecordStatus::found);
    judge_record(record, seen({{0, 1, 465, "other.example"}}));
    EXPECT_EQ(record.status, RecordStatus::differs);
    EXPECT_THAT(record.found, ElementsAre("0 1 465 other.example"));
    judge_record(record, seen({{0, 1, 1465, "mail.relay.example"}, {0, 1, 465, "email.relay.example"}}));
    EXPECT_EQ(record.status, RecordStatus::differs);
    judge_record(record, seen({}));
    EXPECT_EQ(record.status, RecordStatus::missing);
}

TEST(Zone, SplitsLongTextsAndEscapesWhatAZoneFileWouldRead) {  // RFC 1035 §3.3.14, §5.1
    EXPECT_THAT(quoted_strings(std::string(300, 'x')),
                ElementsAre("\"" + std::string(255, 'x') + "\"", "\"" + std::string(45, 'x') + "\""));
    EXPECT_THAT(quoted_strings("a\"b\\c\n;"), ElementsAre("\"a\\\"b\\\\c\\010;\""));
    EXPECT_THAT(quoted_strings(""), ElementsAre("\"\""));
}

TEST(Zone, LeavesOutAsCommentsWhatIsPublishedAlready) {
    DnsPlan plan = make_plan(shop(), {});
    plan.records[0].status = RecordStatus::found;
    const std::string text = zone_text(plan, Zone::customer, mail::Language::english);
    EXPECT_THAT(text, HasSubstr("\n; _relevo-challenge.shop.example. 3600 IN TXT"));
    EXPECT_THAT(text, HasSubstr("\nr1._domainkey.shop.example. 3600 IN TXT (\n"));
    for (const std::string_view line : split(text, '\n')) EXPECT_LE(line.size(), 100U) << line;
    EXPECT_THAT(text, Not(HasSubstr("_report")));
}

TEST(Provider, IsToldByItsNameServersAlone) {
    EXPECT_EQ(find_provider({"ana.ns.cloudflare.com", "bob.ns.cloudflare.com"})->name, "Cloudflare");
    EXPECT_EQ(find_provider({"ns-1.awsdns-01.org", "ns-2.awsdns-02.co.uk"})->name, "Amazon Route 53");
    EXPECT_EQ(find_provider({"ns1.notovh.net"}), nullptr);
    EXPECT_EQ(find_provider({"ns1.ovh.net.evil.example"}), nullptr);
    EXPECT_EQ(find_provider({"ana.ns.cloudflare.com", "ns1.domaincontrol.com"}), nullptr);
    EXPECT_EQ(find_provider({}), nullptr);
    EXPECT_EQ(relative_host("r1._domainkey.shop.example", "shop.example"), "r1._domainkey");
    EXPECT_EQ(relative_host("shop.example", "shop.example"), "@");
    EXPECT_EQ(relative_host("myshop.example", "shop.example"), "myshop.example");
}

TEST_F(PlanAgainstDns, AsksTheZonesOwnServersAndSaysWhatResolversStillRemember) {
    remembered_.ns("shop.example", "ns1.shop.example").address("ns1.shop.example", "192.0.2.53");
    published_.txt("r1._domainkey.shop.example", key_record);
    published_.txt("_relevo-challenge.shop.example", "something else");
    const DnsPlan plan = look(shop());
    EXPECT_THAT(servers_.asked(), ElementsAre("shop.example 192.0.2.53"));
    const PlannedRecord& key = *find(plan, Purpose::signing_key);
    EXPECT_EQ(key.status, RecordStatus::found);
    EXPECT_THAT(key.remark.english, HasSubstr("resolvers may remember"));
    EXPECT_EQ(find(plan, Purpose::ownership)->status, RecordStatus::differs);
    EXPECT_EQ(find(plan, Purpose::policy)->status, RecordStatus::missing);
    EXPECT_EQ(find(plan, Purpose::policy)->action.spanish, "Publique este registro.");
}

TEST_F(PlanAgainstDns, AFaultIsNeverTakenForAMissingRecord) {  // security row B5
    remembered_.ns("shop.example", "ns1.shop.example");
    remembered_.fault("r1._domainkey.shop.example", MemoryResolver::Fault::servfail);
    const DnsPlan plan = look(shop());
    EXPECT_EQ(find(plan, Purpose::signing_key)->status, RecordStatus::unknown);
    EXPECT_THAT(find(plan, Purpose::signing_key)->action.english, IsEmpty());
}

TEST_F(PlanAgainstDns, TwoKeyRecordsAreNobodys) {  // RFC 6376 §3.6.2.2
    remembered_.txt("r1._domainkey.shop.example", key_record).txt("r1._domainkey.shop.example", "v=DKIM1; p=BBBB");
    EXPECT_EQ(find(look(shop()), Purpose::signing_key)->status, RecordStatus::differs);
}

TEST_F(PlanAgainstDns, AKeyThatAPanelHasWrappedIsStillTheKey) {
    std::string wrapped = key_record;
    wrapped.insert(200, " ");
    remembered_.txt("r1._domainkey.shop.example", wrapped);
    EXPECT_EQ(find(look(shop()), Purpose::signing_key)->status, RecordStatus::found);
}

}  // namespace
}  // namespace relevo::setup
