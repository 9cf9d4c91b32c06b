#include "core/setup/publication.h"

#include "adapters/memory/resolver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

namespace relevo::setup {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// Each server has its own records; `before_look` is called with the number of resolvers that were made so far.
class SeveralServers final : public ZoneServers {
 public:
    std::map<std::string, MemoryResolver> records;  // by address
    std::vector<std::string> asked;                 // "zone address …"
    std::function<void(std::size_t)> before_look = [](std::size_t) {};

    Result<std::unique_ptr<Resolver>> ask_at(Shard& /*shard*/, std::string zone,
                                             std::vector<dns::IpAddress> servers) override {
        before_look(asked.size());
        std::string call = std::move(zone);
        for (const dns::IpAddress& server : servers) call += " " + server.text();
        asked.push_back(call);
        return std::make_unique<AtServer>(records[servers.front().text()]);
    }

 private:
    class AtServer final : public Resolver {
     public:
        explicit AtServer(MemoryResolver& to) : to_(to) {}
        Task<Result<dns::Answer>> query(std::string name, dns::RecordType type, Deadline deadline) override {
            return to_.query(std::move(name), type, deadline);
        }

     private:
        MemoryResolver& to_;
    };
};

class WaitForPublication : public testing::Test {
 protected:
    static constexpr std::string_view name = "_acme-challenge.mail.example.com";
    WaitForPublication() {
        names_.ns("example.com", "ns1.example.com").ns("example.com", "ns2.example.net");
        names_.address("ns1.example.com", "198.18.0.1").address("ns2.example.net", "198.18.0.2");
    }
    Publication wait(std::chrono::milliseconds time) {
        Publication found;
        Shard shard(0);
        const auto task = [&]() -> Task<> {
            found = co_await wait_for_publication(shard, names_, servers_, {std::string(name), "value"},
                                                  {.allow_private_addresses = allow_private_addresses_,
                                                   .deadline = Clock::now() + time,
                                                   .first_pause = std::chrono::milliseconds(1)});
            shard.stop();
        };
        shard.spawn(task());
        shard.run();
        return found;
    }
    MemoryResolver names_;
    SeveralServers servers_;
    bool allow_private_addresses_ = true;
};

TEST_F(WaitForPublication, EndsAtOnceIfAllServersHaveTheRecord) {
    for (const char* server : {"198.18.0.1", "198.18.0.2"})
        servers_.records[server].txt(name, "another order's").txt(name, "value");
    const Publication found = wait(std::chrono::minutes(1));
    EXPECT_TRUE(found.is_complete());
    // The first question is for an alias, at any of them; then each alone.
    EXPECT_THAT(servers_.asked,
                ElementsAre("example.com 198.18.0.1 198.18.0.2", "example.com 198.18.0.1", "example.com 198.18.0.2"));
}

TEST_F(WaitForPublication, AsksAgainUntilTheSlowestServerHasIt) {
    servers_.records["198.18.0.1"].txt(name, "value");
    servers_.before_look = [&](std::size_t looks) {
        if (looks == 9) servers_.records["198.18.0.2"].txt(name, "value");
    };
    EXPECT_TRUE(wait(std::chrono::minutes(1)).is_complete());
    EXPECT_EQ(servers_.asked.size(), 12U) << "four looks of three each";
}

TEST_F(WaitForPublication, NamesTheServersThatLackItAtTheDeadline) {
    servers_.records["198.18.0.1"].txt(name, "value");
    servers_.records["198.18.0.2"].txt(name, "of yesterday");
    const Publication found = wait(std::chrono::milliseconds(20));
    EXPECT_THAT(found.lacking, ElementsAre("ns2.example.net"));
    EXPECT_THAT(found.silent, IsEmpty());
    EXPECT_EQ(found.name, name);
}

TEST_F(WaitForPublication, TellsSilenceFromAbsence) {
    servers_.records["198.18.0.1"].txt(name, "value");
    servers_.records["198.18.0.2"].fault(name, MemoryResolver::Fault::servfail);
    const Publication found = wait(std::chrono::milliseconds(20));
    EXPECT_THAT(found.lacking, IsEmpty());
    EXPECT_THAT(found.silent, ElementsAre(HasSubstr("ns2.example.net (SERVFAIL")));
}

TEST_F(WaitForPublication, FollowsAliasesIntoTheirZones) {  // RFC 8555 §8.4: what a look-up of the name finds
    // A question for the alias's NS is answered with its target's, which know nothing of the alias.
    names_.cname(name, "mail.acme.example.org").ns("mail.acme.example.org", "ns.example.org");
    names_.address("ns.example.org", "198.18.0.3");
    servers_.records["198.18.0.1"].cname(name, "mail.acme.example.org");
    servers_.records["198.18.0.3"].txt("mail.acme.example.org", "value");
    const Publication found = wait(std::chrono::minutes(1));
    EXPECT_TRUE(found.is_complete());
    EXPECT_EQ(found.name, "mail.acme.example.org");
    EXPECT_THAT(servers_.asked, ElementsAre("example.com 198.18.0.1 198.18.0.2", "mail.acme.example.org 198.18.0.3",
                                            "mail.acme.example.org 198.18.0.3"));
}

TEST_F(WaitForPublication, EndsWithAliasesThatLeadInACircle) {
    for (const char* server : {"198.18.0.1", "198.18.0.2"}) {
        servers_.records[server].cname(name, "b.example.com");
        servers_.records[server].cname("b.example.com", name);
    }
    EXPECT_THAT(wait(std::chrono::milliseconds(0)).silent, ElementsAre(HasSubstr("more than 8 aliases")));
}

TEST_F(WaitForPublication, SaysWhyNobodyCouldBeAsked) {
    names_.clear();
    EXPECT_THAT(wait(std::chrono::milliseconds(5)).silent, ElementsAre(HasSubstr("no name servers are known")));
    names_.fault("mail.example.com", MemoryResolver::Fault::servfail);
    EXPECT_THAT(wait(std::chrono::milliseconds(5)).silent, ElementsAre(HasSubstr("SERVFAIL")));
}

TEST_F(WaitForPublication,
       AsksNoPrivateAddressUnlessItMay) {  // security row B5: tracking names are in strangers' zones
    allow_private_addresses_ = false;
    names_.clear();
    names_.ns("example.com", "ns1.example.com").address("ns1.example.com", "10.0.0.53");
    EXPECT_THAT(wait(std::chrono::milliseconds(5)).silent, ElementsAre(HasSubstr("no address that may be asked")));
    EXPECT_THAT(servers_.asked, IsEmpty());
}

}  // namespace
}  // namespace relevo::setup
