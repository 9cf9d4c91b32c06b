#include "core/setup/blocklist.h"

#include "adapters/memory/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace relevo::setup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

dns::IpAddress ip(std::string_view text) { return dns::IpAddress::parse(text).value(); }

class Blocklists : public testing::Test {
 protected:
    std::vector<CheckItem> look(std::vector<std::string> zones, std::vector<dns::IpAddress> addresses,
                                std::vector<std::string> domains = {}) {
        std::vector<CheckItem> items;
        Shard shard(0);  // a new one: a shard that was stopped does not run again
        shard.spawn(look_once(shard, {.zones = std::move(zones), .keys = keys_}, std::move(addresses),
                              std::move(domains), items));
        shard.run();
        return items;
    }
    MemoryResolver names_;
    std::map<std::string, std::string, std::less<>> keys_;

 private:
    Task<> look_once(Shard& shard, BlocklistOptions options, std::vector<dns::IpAddress> addresses,
                     std::vector<std::string> domains, std::vector<CheckItem>& items) {
        const Deadline deadline = Clock::now() + std::chrono::seconds(10);
        items = domains.empty() ? co_await check_address_lists(shard, names_, options, addresses, deadline)
                                : co_await check_domain_lists(shard, names_, options, domains, deadline);
        shard.stop();
    }
};

TEST_F(Blocklists, ReverseAddressesAsTheListsWantThem) {  // RFC 5782 §2.1, §2.4
    EXPECT_EQ(list_label(ip("192.0.2.99")), "99.2.0.192");
    EXPECT_EQ(list_label(ip("2001:db8:1:2:3:4:567:89ab")),
              "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2");
}

TEST_F(Blocklists, TellWhatTheCodeMeansAndWhereToAskForRemoval) {
    names_.address("2.0.0.127.zen.spamhaus.org", "127.0.0.2").address("9.2.0.192.zen.spamhaus.org", "127.0.0.4");
    names_.address("9.2.0.192.zen.spamhaus.org", "127.0.0.10");
    const auto items = look({"zen.spamhaus.org"}, {ip("192.0.2.9"), ip("192.0.2.10")});
    ASSERT_THAT(items, SizeIs(2));
    EXPECT_EQ(items[0].status, CheckStatus::fail);
    EXPECT_THAT(items[0].found.english, HasSubstr("XBL"));
    EXPECT_THAT(items[0].found.english, HasSubstr("PBL"));
    EXPECT_THAT(items[0].action.spanish, HasSubstr("https://check.spamhaus.org/"));
    EXPECT_EQ(items[1].status, CheckStatus::ok);
}

TEST_F(Blocklists, ARefusalIsNotAListing) {
    names_.address("2.0.0.127.zen.spamhaus.org", "127.255.255.254");
    const auto items = look({"zen.spamhaus.org"}, {ip("192.0.2.9")});
    EXPECT_EQ(items[0].status, CheckStatus::skipped);
    EXPECT_THAT(items[0].found.english, HasSubstr("public resolvers"));
}

TEST_F(Blocklists, AListWithoutItsTestEntryOrThatListsEverythingSaysNothing) {  // RFC 5782 §5
    EXPECT_EQ(look({"bl.spamcop.net"}, {ip("192.0.2.9")})[0].status, CheckStatus::skipped);
    for (const char* name : {"2.0.0.127.bl.spamcop.net", "1.0.0.127.bl.spamcop.net", "9.2.0.192.bl.spamcop.net"})
        names_.address(name, "127.0.0.2");
    const auto items = look({"bl.spamcop.net"}, {ip("192.0.2.9")});
    EXPECT_EQ(items[0].status, CheckStatus::skipped);
    EXPECT_THAT(items[0].found.english, HasSubstr("lists everything"));
}

TEST_F(Blocklists, AnInventedAnswerIsNotAListing) {  // RFC 5782 §2.3: codes lie in 127/8
    names_.address("2.0.0.127.bl.spamcop.net", "203.0.113.80");
    EXPECT_EQ(look({"bl.spamcop.net"}, {ip("192.0.2.9")})[0].status, CheckStatus::skipped);
}

TEST_F(Blocklists, AFaultIsNotNotListed) {
    names_.address("2.0.0.127.bl.spamcop.net", "127.0.0.2")
        .fault("9.2.0.192.bl.spamcop.net", MemoryResolver::Fault::servfail);
    EXPECT_EQ(look({"bl.spamcop.net"}, {ip("192.0.2.9")})[0].status, CheckStatus::skipped);
}

TEST_F(Blocklists, AskListsOfIpv6WithNibblesAndOthersNotAtAll) {
    names_.address("2.0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.zen.spamhaus.org", "127.0.0.2");
    names_.address(list_label(ip("2001:db8::9")) + ".zen.spamhaus.org", "127.0.0.3");
    const auto items = look({"zen.spamhaus.org", "bl.spamcop.net"}, {ip("2001:db8::9")});
    ASSERT_THAT(items, SizeIs(1));
    EXPECT_THAT(items[0].found.english, HasSubstr("CSS"));
}

TEST_F(Blocklists, AKeyChangesTheNameThatIsAsked) {
    keys_["zen.spamhaus.org"] = "secretkey";
    names_.address("2.0.0.127.secretkey.zen.dq.spamhaus.net", "127.0.0.2");
    const auto items = look({"zen.spamhaus.org"}, {ip("192.0.2.9")});
    EXPECT_EQ(items[0].status, CheckStatus::ok);
    EXPECT_THAT(items[0].subject, testing::Not(HasSubstr("secretkey")));
}

TEST_F(Blocklists, TheKeyIsNotShownWhenTheListDoesNotAnswer) {  // security row E12
    keys_["zen.spamhaus.org"] = "secretkey";
    names_.fault("2.0.0.127.secretkey.zen.dq.spamhaus.net", MemoryResolver::Fault::servfail);
    EXPECT_THAT(look({"zen.spamhaus.org"}, {ip("192.0.2.9")})[0].found.english, testing::Not(HasSubstr("secretkey")));
}

TEST_F(Blocklists, ReadCodesThatAreSetsOfBits) {
    names_.address("2.0.0.127.multi.surbl.org", "127.0.0.254").address("bad.example.multi.surbl.org", "127.0.0.24");
    const auto items = look({"multi.surbl.org"}, {}, {"bad.example"});
    EXPECT_EQ(items[0].found.english, "listed: phishing; malware");
    names_.address("2.0.0.127.multi.uribl.com", "127.0.0.1");
    EXPECT_EQ(look({"multi.uribl.com"}, {}, {"bad.example"})[0].status, CheckStatus::skipped);
}

TEST(BlocklistTable, HasAPlaceToAskForRemovalAndNoZoneTwice) {
    std::set<std::string_view> zones;
    for (const Blocklist& list : blocklist_table()) {
        EXPECT_TRUE(zones.insert(list.zone).second) << list.zone;
        EXPECT_TRUE(list.delisting.starts_with("https://")) << list.zone;
        EXPECT_NE(list.lists_domains, list.lists_ipv4 || list.lists_ipv6) << list.zone;
    }
}

}  // namespace
}  // namespace relevo::setup
