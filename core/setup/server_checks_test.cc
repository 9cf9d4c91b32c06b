#include "core/setup/server_checks.h"

#include "adapters/memory/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace relevo::setup {
namespace {

using testing::HasSubstr;

class ServerChecks : public testing::Test {
 protected:
    ServerChecks() {
        facts_.host_name = "mail.relay.example";
        facts_.sources = {{.name = "default",
                           .ehlo_name = "mail.relay.example",
                           .addresses = {dns::IpAddress::parse("192.0.2.25").value()}}};
        facts_.validates = true;
        facts_.deadline = Clock::now() + std::chrono::seconds(10);
        names_.address("mail.relay.example", "192.0.2.25");
    }
    using Check = Task<std::vector<CheckItem>> (*)(Resolver&, ServerFacts);
    std::vector<CheckItem> look_at_all(Check check) {
        std::vector<CheckItem> items;
        Shard shard(0);  // a new one: a shard that was stopped does not run again
        shard.spawn(look_once(shard, check, items));
        shard.run();
        return items;
    }
    CheckItem look(Check check, std::string_view id) {
        const std::vector<CheckItem> items = look_at_all(check);
        const auto found = std::ranges::find(items, id, &CheckItem::id);
        return found != items.end() ? *found : CheckItem{};
    }
    MemoryResolver names_;
    ServerFacts facts_;

 private:
    Task<> look_once(Shard& shard, Check check, std::vector<CheckItem>& items) {
        items = co_await check(names_, facts_);
        shard.stop();
    }
};

TEST_F(ServerChecks, AnAddressNeedsANameThatLeadsBack) {  // RFC 8601 §3
    CheckItem item = look(check_names, "names.ptr");
    EXPECT_EQ(item.status, CheckStatus::fail);
    EXPECT_EQ(item.expected, "mail.relay.example");
    names_.ptr("192.0.2.25", "static-25.provider.example");
    item = look(check_names, "names.ptr");
    EXPECT_EQ(item.status, CheckStatus::fail);
    EXPECT_THAT(item.found.english, HasSubstr("does not lead back"));
    names_.address("static-25.provider.example", "192.0.2.25");
    EXPECT_EQ(look(check_names, "names.ptr").status, CheckStatus::ok);
}

TEST_F(ServerChecks, TheNameInEhloIsTheOneOfTheAddress) {
    names_.ptr("192.0.2.25", "static-25.provider.example").address("static-25.provider.example", "192.0.2.25");
    const CheckItem item = look(check_names, "names.helo");
    EXPECT_EQ(item.status, CheckStatus::warn);
    EXPECT_EQ(item.expected, "EHLO static-25.provider.example");
    names_.ptr("192.0.2.25", "mail.relay.example");
    EXPECT_EQ(look(check_names, "names.helo").status, CheckStatus::ok);
}

TEST_F(ServerChecks, EachSourceIsHeldAgainstItsOwnName) {
    names_.ptr("192.0.2.25", "mail.relay.example").ptr("192.0.2.26", "bulk.relay.example");
    names_.address("bulk.relay.example", "192.0.2.26");
    facts_.sources.push_back({.name = "bulk",
                              .ehlo_name = "bulk.relay.example",
                              .addresses = {dns::IpAddress::parse("192.0.2.26").value()}});
    facts_.sources.push_back({.name = "far", .ehlo_name = "far.relay.example", .addresses = {}, .is_proxied = true});
    std::map<std::string, CheckStatus> found;
    for (const CheckItem& item : look_at_all(check_names)) found[item.key()] = item.status;
    EXPECT_THAT(found, testing::UnorderedElementsAre(testing::Pair("names.host mail.relay.example", CheckStatus::ok),
                                                     testing::Pair("names.ptr default 192.0.2.25", CheckStatus::ok),
                                                     testing::Pair("names.helo default 192.0.2.25", CheckStatus::ok),
                                                     testing::Pair("names.ehlo bulk.relay.example", CheckStatus::ok),
                                                     testing::Pair("names.ptr bulk 192.0.2.26", CheckStatus::ok),
                                                     testing::Pair("names.helo bulk 192.0.2.26", CheckStatus::ok),
                                                     testing::Pair("names.ehlo far.relay.example", CheckStatus::fail),
                                                     testing::Pair("names.ptr far", CheckStatus::skipped)));
}

TEST_F(ServerChecks, AFaultOfTheDnsIsNotAMissingName) {  // security row B5
    names_.fault(dns::IpAddress::parse("192.0.2.25").value().reverse_name(), MemoryResolver::Fault::servfail);
    EXPECT_EQ(look(check_names, "names.ptr").status, CheckStatus::skipped);
}

TEST_F(ServerChecks, AResolverThatLeavesOutSignaturesDoesNotValidate) {
    EXPECT_EQ(look(check_resolver, "dns.dnssec").status, CheckStatus::warn);
    names_.ns("org", "a0.org.afilias-nst.info").secure("org");
    EXPECT_EQ(look(check_resolver, "dns.dnssec").status, CheckStatus::ok);
    facts_.validates = false;
    EXPECT_EQ(look(check_resolver, "dns.dnssec").status, CheckStatus::warn);
    names_.fault("org", MemoryResolver::Fault::servfail);
    EXPECT_EQ(look(check_resolver, "dns.resolver").status, CheckStatus::fail);
}

}  // namespace
}  // namespace relevo::setup
