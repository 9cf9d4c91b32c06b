#include "core/setup/domain_checks.h"

#include "adapters/memory/resolver.h"
#include "adapters/memory/zone_servers.h"
#include "lib/mailauth/signing_key.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace relevo::setup {
namespace {

using testing::HasSubstr;

const std::string key_record =
    mailauth::SigningKey::generate(mailauth::SigningAlgorithm::ed25519_sha256).value().record();

// A web server with one page, or none.
class OnePage final : public WebPages {
 public:
    Result<Page> page = failure(ErrorKind::refused, "connection refused");
    std::vector<PageRequest> asked;
    Task<Result<Page>> fetch(PageRequest request) override {
        asked.push_back(std::move(request));
        co_return page;
    }
};

class DomainChecks : public testing::Test {
 protected:
    DomainChecks() {
        facts_.domain = "shop.example";
        facts_.host_name = "mail.relay.example";
        facts_.egress = {dns::IpAddress::parse("192.0.2.25").value()};
        facts_.keys = {{"r1._domainkey.shop.example", key_record}};
        facts_.ownership_proven = true;
        names_.ns("shop.example", "ns1.shop.example");
    }
    // A domain with nothing to find fault with but p=none.
    void set_up_well() {
        names_.txt("r1._domainkey.shop.example", key_record);
        names_.txt("shop.example", "v=spf1 mx ip4:192.0.2.25 -all").mx("shop.example", 10, "mx.shop.example");
        names_.address("mx.shop.example", "192.0.2.7");
        names_.txt("_dmarc.shop.example", "v=DMARC1; p=none; rua=mailto:d@shop.example");
    }
    void look() {
        items_.clear();
        Shard shard(0);  // a new one: a shard that was stopped does not run again
        shard.spawn(look_once(shard));
        shard.run();
    }
    CheckItem find(std::string_view id) {
        const auto found = std::ranges::find(items_, id, &CheckItem::id);
        if (found != items_.end()) return *found;
        ADD_FAILURE() << "no item " << id;
        return {};
    }
    MemoryResolver names_;
    OnePage web_;
    DomainFacts facts_;
    DomainCheckOptions options_{.view = {.deadline = Clock::now() + std::chrono::seconds(30)}};
    std::vector<CheckItem> items_;

 private:
    Task<> look_once(Shard& shard) {
        DomainReport report = co_await check_domain(shard, names_, nullptr, facts_, options_);
        items_ = std::move(report.items);
        shard.stop();
    }
};

TEST_F(DomainChecks, FindNoFaultWithADomainThatIsSetUpWell) {
    set_up_well();
    look();
    EXPECT_EQ(count_of(items_, CheckStatus::fail), 0U);
    EXPECT_EQ(count_of(items_, CheckStatus::warn), 1U);
    EXPECT_EQ(find("dmarc.policy").status, CheckStatus::warn);
    EXPECT_EQ(find("spf.covers").found.english, "pass (ip4:192.0.2.25)");
    for (const CheckItem& item : items_) {
        EXPECT_FALSE(item.found.english.empty()) << item.key();
        EXPECT_FALSE(item.found.spanish.empty()) << item.key();
        if (item.status == CheckStatus::warn) EXPECT_FALSE(item.action.empty()) << item.key();
    }
}

TEST_F(DomainChecks, SayWhatToDoAboutEverythingThatIsMissing) {
    look();
    for (const char* id : {"dkim.record", "spf.record", "mx.hosts"}) {
        EXPECT_EQ(find(id).status, CheckStatus::fail) << id;
        EXPECT_FALSE(find(id).action.english.empty()) << id;
        EXPECT_NE(find(id).action.english, find(id).action.spanish) << id;
    }
    EXPECT_EQ(find("dkim.record").expected, key_record);
}

TEST_F(DomainChecks, CountTheLookUpsOfSpf) {  // RFC 7208 §4.6.4
    set_up_well();
    std::string record = "v=spf1 ip4:192.0.2.25";
    for (int index = 0; index < 11; ++index) {
        const std::string name = "s" + std::to_string(index) + ".example";
        record += " include:" + name;
        names_.txt(name, "v=spf1 -all");
    }
    facts_.domain = "other.example";
    names_.txt("other.example", record + " -all");
    look();
    EXPECT_EQ(find("spf.lookups").status, CheckStatus::fail);
    EXPECT_THAT(find("spf.lookups").found.english, HasSubstr("11 of 10"));
}

TEST_F(DomainChecks, TwoSpfRecordsAreNone) {  // RFC 7208 §4.5
    set_up_well();
    names_.txt("shop.example", "v=spf1 include:other.example ~all");
    look();
    EXPECT_EQ(find("spf.record").status, CheckStatus::fail);
    EXPECT_THAT(find("spf.record").found.english, HasSubstr("several SPF records"));
    EXPECT_EQ(find("spf.covers").status, CheckStatus::fail);
}

TEST_F(DomainChecks, LeaveAnSpfRecordAloneThatLetsUsSendByOtherWords) {
    set_up_well();
    facts_.domain = "alike.example";
    names_.txt("alike.example", "v=spf1 a:mail.relay.example -all").address("mail.relay.example", "192.0.2.25");
    look();
    EXPECT_EQ(find("spf.record").status, CheckStatus::ok);
}

TEST_F(DomainChecks, ANullMxIsAReasonNotToSendFromIt) {  // RFC 7505 §4.2
    names_.mx("shop.example", 0, "");
    look();
    EXPECT_EQ(find("mx.hosts").status, CheckStatus::warn);
    EXPECT_THAT(find("mx.hosts").found.english, HasSubstr("null MX"));
}

TEST_F(DomainChecks, ReportsToOthersNeedTheirConsent) {  // RFC 9990
    set_up_well();
    facts_.domain = "far.example";
    names_.txt("_dmarc.far.example", "v=DMARC1; p=reject; rua=mailto:r@reports.example");
    look();
    EXPECT_EQ(find("dmarc.policy").status, CheckStatus::ok);
    EXPECT_EQ(find("dmarc.reports").status, CheckStatus::warn);
    EXPECT_EQ(find("dmarc.reports").expected, "far.example._report._dmarc.reports.example TXT v=DMARC1");
    names_.txt("far.example._report._dmarc.reports.example", "v=DMARC1");
    look();
    EXPECT_EQ(find("dmarc.reports").status, CheckStatus::ok);
}

TEST_F(DomainChecks, OurCertificateMustBeTheOneThatDaneNames) {  // RFC 7672 §3.1
    set_up_well();
    facts_.mail_exchanger = "mx.shop.example";
    options_.certificates = {{.certificate_sha256 = std::string(32, 'c'), .key_sha256 = std::string(32, 'k')}};
    const std::string name = "_25._tcp.mx.shop.example";
    names_.data(name, dns::RecordType::tlsa, std::string("\3\1\1", 3) + std::string(32, 'x')).secure(name);
    look();
    EXPECT_EQ(find("dane.tlsa").status, CheckStatus::fail);
    names_.data(name, dns::RecordType::tlsa, std::string("\3\1\1", 3) + std::string(32, 'k'));
    look();
    EXPECT_EQ(find("dane.tlsa").status, CheckStatus::ok);
}

// RFC 8461 §3.3, §4.1
TEST_F(DomainChecks, AnMtaStsPolicyMustNameEachMx) {
    set_up_well();
    options_.pages = &web_;
    names_.txt("_mta-sts.shop.example", "v=STSv1; id=7;").address("mta-sts.shop.example", "203.0.114.80");
    const auto publish = [&](const std::string& mode, const std::string& mx) {
        web_.page = Page{.status = 200,
                         .content_type = "text/plain",
                         .body = "version: STSv1\nmode: " + mode + "\nmx: " + mx + "\nmax_age: 604800\n"};
        look();
        return find("mta-sts.policy");
    };
    EXPECT_EQ(publish("enforce", "mx.shop.example").status, CheckStatus::ok);
    EXPECT_THAT(find("mta-sts.policy").found.english, HasSubstr("7 days"));
    ASSERT_EQ(web_.asked.size(), 1U);
    EXPECT_EQ(web_.asked[0].host + web_.asked[0].path, "mta-sts.shop.example/.well-known/mta-sts.txt");
    EXPECT_EQ(publish("testing", "mx.elsewhere.example").status, CheckStatus::warn);
    EXPECT_EQ(publish("enforce", "mx.elsewhere.example").status, CheckStatus::fail);
    EXPECT_THAT(find("mta-sts.policy").found.spanish, HasSubstr("no nombra mx.shop.example"));
}

TEST_F(DomainChecks, AnMtaStsRecordWithoutAPolicyIsSaid) {
    set_up_well();
    options_.pages = &web_;
    names_.txt("_mta-sts.shop.example", "v=STSv1; id=7;");
    look();
    EXPECT_THAT(find("mta-sts.policy").found.english, HasSubstr("has no address"));
    names_.address("mta-sts.shop.example", "203.0.114.80");
    look();
    EXPECT_EQ(find("mta-sts.policy").status, CheckStatus::warn);
    EXPECT_THAT(find("mta-sts.policy").found.english, HasSubstr("connection refused"));
    web_.page = Page{.status = 302, .content_type = {}, .body = {}};
    look();
    EXPECT_THAT(find("mta-sts.policy").found.english, HasSubstr("redirects are not followed"));
    EXPECT_FALSE(find("mta-sts.policy").action.empty());
    web_.page = failure(ErrorKind::full, "busy");
    look();
    EXPECT_EQ(find("mta-sts.policy").status, CheckStatus::skipped);
    EXPECT_TRUE(find("mta-sts.policy").action.empty());
}

TEST_F(DomainChecks, AStrangersZoneDoesNotLeadTheFetchIntoOurNetwork) {  // security row B5
    set_up_well();
    options_.pages = &web_;
    names_.txt("_mta-sts.shop.example", "v=STSv1; id=7;").address("mta-sts.shop.example", "10.0.0.80");
    look();
    EXPECT_TRUE(web_.asked.empty());
    EXPECT_THAT(find("mta-sts.policy").found.english, HasSubstr("private addresses"));
}

// RFC 8461 §3.1: "If the number of resulting records is not one, […] senders MUST assume" that there is no policy.
TEST_F(DomainChecks, TwoMtaStsRecordsAreNone) {
    options_.pages = &web_;
    names_.txt("_mta-sts.shop.example", "v=STSv1; id=7;").txt("_mta-sts.shop.example", "v=STSv1; id=8;");
    look();
    EXPECT_EQ(find("mta-sts.policy").status, CheckStatus::warn);
    EXPECT_TRUE(web_.asked.empty());
}

TEST_F(DomainChecks, AFaultOfTheDnsIsSkippedAndNeverAFailure) {  // security row B5
    for (const char* name : {"shop.example", "_dmarc.shop.example", "r1._domainkey.shop.example",
                             "_mta-sts.shop.example", "_smtp._tls.shop.example"})
        names_.fault(name, MemoryResolver::Fault::servfail);
    look();
    for (const CheckItem& item : items_)
        if (item.id != "ownership.proof" && item.id != "dmarc.alignment")
            EXPECT_EQ(item.status, CheckStatus::skipped) << item.key() << ": " << item.found.english;
}

TEST_F(DomainChecks, TellSignedZonesFromUnsignedAndFromForgedOnes) {  // RFC 4035 §4.3
    set_up_well();
    look();
    EXPECT_EQ(find("domain.dnssec").status, CheckStatus::skipped);
    EXPECT_THAT(find("domain.dnssec").found.english, HasSubstr("not validated here"));
    options_.validates = true;
    look();
    EXPECT_EQ(find("domain.dnssec").status, CheckStatus::skipped);
    EXPECT_THAT(find("domain.dnssec").found.english, HasSubstr("not signed"));
    names_.secure("shop.example");
    look();
    EXPECT_EQ(find("domain.dnssec").status, CheckStatus::ok);
    EXPECT_THAT(find("domain.dnssec").found.spanish, HasSubstr("secure"));
    names_.fault("shop.example", MemoryResolver::Fault::bogus);
    look();
    EXPECT_EQ(find("domain.dnssec").status, CheckStatus::fail);
    EXPECT_FALSE(find("domain.dnssec").action.empty());
    EXPECT_EQ(find("spf.record").status, CheckStatus::skipped);
    EXPECT_EQ(find("mx.hosts").status, CheckStatus::skipped);
}

TEST_F(DomainChecks, PrivateNameServersAreNotAsked) {  // security row B5
    MemoryResolver published;
    MemoryZoneServers servers(published);
    names_.address("ns1.shop.example", "10.0.0.53");
    Shard shard(0);
    shard.spawn([](Shard& on, MemoryResolver& names, MemoryZoneServers& zone_servers) -> Task<> {
        DnsView view(on, names, &zone_servers, {});
        co_await view.find_zone("shop.example");
        EXPECT_THAT(view.why_not_authoritative().english, HasSubstr("no address that may be asked"));
        on.stop();
    }(shard, names_, servers));
    shard.run();
    EXPECT_TRUE(servers.asked().empty());
}

}  // namespace
}  // namespace relevo::setup
