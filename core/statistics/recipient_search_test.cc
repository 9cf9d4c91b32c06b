#include "core/statistics/statistics_fixture.h"

#include <fmt/chrono.h>
#include <gmock/gmock.h>

namespace relevo {
namespace {

using namespace test;
using mailsearch::State;
using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(StatisticsTest, FindsMailByRecipientSenderDomainStateAndId) {
    const auto one = store.accept("Shop@acme.example", {"Ana@example.org", "b@example.net"});
    const auto two = store.accept("news@acme.example", {"ana@example.net"});
    happens({event_of(one->id, EventKind::failed, 0,
                      outcome("Ana@example.org", R"("class":"unknown_user","nature":"hard")"), now),
             event_of(two->id, EventKind::delivered, 0, outcome("ana@example.net", R"("status":"2.0.0")"), now),
             event_of(two->id, EventKind::opened, 0, R"({"by":"human"})", now),
             event_of(one->id, EventKind::held, whole_message, "{}", now)});
    take_all();
    EXPECT_THAT(found(""), ElementsAre("ana@example.net", "b@example.net", "ana@example.org"));
    EXPECT_THAT(found("to:ana@"), ElementsAre("ana@example.net", "ana@example.org"));
    EXPECT_THAT(found("ana@example.org"), ElementsAre("ana@example.org"));
    EXPECT_THAT(found("domain:example.net"), ElementsAre("ana@example.net", "b@example.net"));
    EXPECT_THAT(found("domain:example.net from:shop@acme.example"), ElementsAre("b@example.net"));
    EXPECT_THAT(found("from:news@acme.example"), ElementsAre("ana@example.net"));
    EXPECT_THAT(found("status:bounced"), ElementsAre("ana@example.org"));
    EXPECT_THAT(found("status:held"), ElementsAre("b@example.net"));
    EXPECT_THAT(found("status:opened"), ElementsAre("ana@example.net"));
    EXPECT_THAT(found(one->id.text()), ElementsAre("b@example.net", "ana@example.org"));
    EXPECT_THAT(found("before:2020-01-01"), IsEmpty());
    EXPECT_THAT(found("after:2020-01-01").size(), 3U);
    EXPECT_EQ(page("status:bounced").rows.front().reason, "unknown_user");
    // security row E9: what is another's is not there
    EXPECT_THAT(found("to:ana@", TenantId{2}), IsEmpty());
    EXPECT_THAT(found("to:ana@", std::nullopt).size(), 2U);
}

TEST_F(StatisticsTest, FindsAndCountsMailByTheWordsOfItsSubjectAndByTags) {
    const auto accept = [&](const std::string& recipient, std::string origin) {
        Submission made = store.submission(envelope("shop@acme.example", {recipient}));
        made.origin = std::move(origin);
        return store.accept(std::move(made));
    };
    const auto one =
        accept("a@example.net", R"({"subject":"Información: su pedido nº 4711","tags":["Welcome","VIP 1"]})");
    accept("b@example.net", R"({"subject":"Your order 4711 – thank you 😀","tags":["welcome"]})");
    accept("c@example.net", R"({"subject":"ΤΙΜΟΛΌΓΙΟ и счёт 請求書"})");
    take_all();
    for (const auto& [query, recipient] :
         {std::pair{"subject:informacion", "a@example.net"}, std::pair{"subject:PEDIDO", "a@example.net"},
          std::pair{"subject:\"order thank you!\"", "b@example.net"}, std::pair{"subject:τιμολόγιο", "c@example.net"},
          std::pair{"subject:Счёт", "c@example.net"}, std::pair{"subject:請求書", "c@example.net"},
          std::pair{"tag:\"vip 1\"", "a@example.net"}, std::pair{"tag:welcome to:b@", "b@example.net"},
          std::pair{"subject:4711 tag:welcome from:shop@ status:waiting subject:su", "a@example.net"}})
        EXPECT_THAT(found(query), ElementsAre(recipient)) << query;
    EXPECT_THAT(found("subject:4711"), ElementsAre("b@example.net", "a@example.net"));
    for (const std::string query :
         {"subject:ped", "tag:vip", "subject:welcome", "tag:4711", "subject:4711 status:bounced"})
        EXPECT_THAT(found(query), IsEmpty()) << query;
    EXPECT_EQ(page("tag:welcome to:a@").rows.at(0).labels.tags, (std::vector<std::string>{"Welcome", "VIP 1"}));
    // What happens later is counted by the same tags, after a restart too.
    take_all(Counters::now);
    restart();
    happens({event_of(one->id, EventKind::delivered, 0, outcome("a@example.net", R"("status":"2.0.0")"), now)});
    take_all();
    EXPECT_THAT(names(Dimension::tag), ElementsAre("welcome", "vip 1"));
    EXPECT_EQ(counts({.tenant = acme, .dimension = Dimension::tag, .name = "vip 1"}).of(Counted::delivered), 1);
    EXPECT_EQ(counts({.tenant = acme, .dimension = Dimension::tag, .name = "welcome"}).of(Counted::accepted), 2);
}

TEST_F(StatisticsTest, FindsMailAsScheduledUntilItsTime) {
    const auto accept = [&](const std::string& recipient, WallClock::time_point send_at) {
        Submission made = store.submission(envelope("shop@acme.example", {recipient}));
        made.origin = fmt::format(R"({{"send_at":"{:%FT%TZ}"}})", std::chrono::floor<std::chrono::seconds>(send_at));
        return store.accept(std::move(made));
    };
    const auto later = accept("later@example.net", now + hours(1));
    accept("dropped@example.net", now + hours(2));
    store.accept("shop@acme.example", {"at-once@example.net"});
    take_all();
    EXPECT_THAT(found("status:scheduled"), ElementsAre("dropped@example.net", "later@example.net"));
    EXPECT_THAT(found("status:waiting"), ElementsAre("at-once@example.net"));
    EXPECT_EQ(page("to:later@").rows.at(0).send_at, std::chrono::floor<std::chrono::seconds>(now + hours(1)));
    EXPECT_EQ(page("to:at-once@").rows.at(0).send_at, std::nullopt);

    // What happens to it comes first; what its time changes lasts over a restart.
    happens({event_of(later->id, EventKind::held, whole_message, "{}", now)});
    take_all();
    EXPECT_THAT(found("status:held"), ElementsAre("later@example.net"));
    accept("due@example.net", now - hours(1));  // it came while nothing was counted
    take_all(Counters::now);
    restart();
    take_all();
    EXPECT_THAT(found("status:waiting"), ElementsAre("due@example.net", "at-once@example.net"));
    EXPECT_EQ(page("to:due@").rows.at(0).changed_at, std::chrono::floor<std::chrono::seconds>(now - hours(1)));
    EXPECT_THAT(found("status:scheduled"), ElementsAre("dropped@example.net"));
    EXPECT_THAT(found("status:held"), ElementsAre("later@example.net")) << "a person holds it";
}

TEST_F(StatisticsTest, PagesThroughAllThatIsFoundOnce) {
    std::vector<std::string> recipients;
    for (int i = 0; i < 25; ++i) recipients.push_back("r" + std::to_string(i) + "@example.net");
    for (int i = 0; i < 4; ++i) store.accept("shop@acme.example", recipients);
    take_all();
    for (const std::string query : {"", "domain:example.net", "status:waiting", "to:r", "from:shop@acme.example"}) {
        std::vector<std::int64_t> keys;
        std::int64_t before = 0;
        do {
            const RecipientPage one = page(query, acme, before, 7);
            for (const FoundRecipient& row : one.rows) keys.push_back(key_of(row.id));
            before = one.next;
        } while (before != 0);
        EXPECT_EQ(keys.size(), 100U) << query;
        EXPECT_TRUE(std::ranges::is_sorted(keys, std::ranges::greater())) << query;
    }
}

}  // namespace
}  // namespace relevo
