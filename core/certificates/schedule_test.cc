#include "core/certificates/schedule.h"

#include <gtest/gtest.h>

#include <set>

namespace relevo {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

const WallClock::time_point start = WallClock::from_time_t(1'800'000'000);

acme::ChainFacts facts_of(WallClock::duration life, std::string serial = "0") {
    return {.names = {}, .not_before = start, .not_after = start + life, .serial = std::move(serial), .issuer = {}};
}

TEST(Schedule, RenewsAtTwoThirdsOfTheLifeSpreadOverAThirtieth) {
    std::set<WallClock::time_point> times;
    for (int serial = 0; serial < 100; ++serial) {
        const auto facts = facts_of(days(90), std::to_string(serial));
        const auto time = renewal_time(facts, {});
        EXPECT_GE(time, start + days(57));
        EXPECT_LE(time, start + days(60));
        EXPECT_EQ(time, renewal_time(facts, {})) << "a certificate's time does not move";
        times.insert(time);
    }
    EXPECT_GT(times.size(), 90U);
    // Six days, as some authorities give them: not later than the fourth.
    EXPECT_LE(renewal_time(facts_of(days(6)), {}), start + days(4));
}

TEST(Schedule, NeverSpendsLessThanHalfOfTheLife) {
    EXPECT_GE(renewal_time(facts_of(days(6)), days(30)), start + days(2));
    EXPECT_GE(renewal_time(facts_of(days(90)), days(10)), start + days(77));
}

TEST(Schedule, FollowsWhatTheAuthoritySuggestsForThisCertificate) {  // RFC 9773 §4.2
    auto facts = facts_of(days(90));
    facts.renewal_id = "key.number";
    CertificateRecord record;
    record.suggestion = {.certificate = "key.number",
                         .info = {.start = start + days(20), .end = start + days(22), .explanation = {}},
                         .moment = start + days(21),
                         .next_look_at = {}};
    EXPECT_EQ(renewal_time(facts, {}, record), start + days(21));
    EXPECT_EQ(renewal_time(facts, days(80), record), start + days(21)) << "never before half of the life by ourselves";
    record.suggestion.moment = start + days(70);
    EXPECT_EQ(renewal_time(facts, days(40), record), renewal_time(facts, days(40))) << "a person wants it earlier";
    record.suggestion.moment = start + days(100);
    EXPECT_EQ(renewal_time(facts, {}, record), start + days(81)) << "an authority's mistake lets none expire";
    facts.renewal_id = "key.other";
    EXPECT_EQ(renewal_time(facts, {}, record), renewal_time(facts, {})) << "it was for the one before";
}

TEST(Schedule, AnAuthorityThatWantsEachReplacedAtOnceGetsFourADay) {
    auto facts = facts_of(days(90));
    facts.renewal_id = "key.number";
    CertificateRecord record;
    record.followed_at = start + days(1);
    record.suggestion = {.certificate = "key.number",
                         .info = {.start = start - days(2), .end = start - days(1), .explanation = {}},
                         .moment = start - days(1),
                         .next_look_at = {}};
    EXPECT_EQ(renewal_time(facts, {}, record), record.followed_at + hours(6));
}

TEST(Schedule, TriesAgainLaterAndLaterButEveryDay) {
    EXPECT_EQ(pause_after_failure(1, 0), minutes(10));
    EXPECT_EQ(pause_after_failure(2, 0), minutes(20));
    EXPECT_EQ(pause_after_failure(1, 1), minutes(11));
    for (const std::uint32_t failures : {9U, 30U, 4'000'000'000U})
        EXPECT_EQ(pause_after_failure(failures, 0), hours(24));
}

TEST(Schedule, LeavesAnAuthorityAloneThatHasReachedItsLimit) {  // RFC 8555 §6.6
    acme::Refusal refusal;
    EXPECT_EQ(pause_asked_for(refusal).count(), 0);
    refusal.problem = acme::Problem{.type = "rateLimited", .detail = {}};
    EXPECT_EQ(pause_asked_for(refusal), hours(1));
    refusal.retry_after = hours(30);
    EXPECT_EQ(pause_asked_for(refusal), hours(30));
}

TEST(Schedule, AllowsSoManyOrdersInAnHour) {
    std::vector<WallClock::time_point> orders{start - hours(2), start - minutes(50), start - minutes(10)};
    EXPECT_EQ(next_order_time(orders, 2, start), start + minutes(10));
    EXPECT_EQ(orders.size(), 2U) << "old ones are forgotten";
    EXPECT_EQ(next_order_time(orders, 3, start), std::nullopt);
    orders.push_back(start + days(400));  // before the clock was put right
    EXPECT_EQ(next_order_time(orders, 3, start), std::nullopt);
}

TEST(Records, ComeBackAsTheyWereAndDamagedOnesAsNone) {
    CertificateRecord record{
        .directory = "https://ca.example/dir",
        .order = "https://ca.example/order/1",
        .failures = 3,
        .tried_at = start,
        .retry_at = start + hours(1),
        .blocked_until = start + hours(2),
        .problem = "port 80 \"closed\"",
        .suggestion = {.certificate = "key.number",
                       .info = {.start = start, .end = start + hours(1), .explanation = "https://x"},
                       .moment = start + minutes(7),
                       .next_look_at = start + minutes(9)}};
    const CertificateRecord again = parse_certificate_record(text_of(record));
    EXPECT_EQ(text_of(again), text_of(record));
    EXPECT_EQ(again.problem, record.problem);
    EXPECT_EQ(again.blocked_until, record.blocked_until);
    EXPECT_EQ(again.suggestion.info, record.suggestion.info);
    EXPECT_EQ(again.suggestion.moment, record.suggestion.moment);
    AccountRecord account{
        .directory = "https://ca.example/dir", .account = "https://ca.example/1", .orders = {start, start}};
    EXPECT_EQ(text_of(parse_account_record(text_of(account))), text_of(account));
    for (const std::string text : {"", "{", "[]", R"({"failures":-1,"retry_at":"x","orders":{}})"}) {
        EXPECT_EQ(parse_certificate_record(text).failures, 0U);
        EXPECT_TRUE(parse_account_record(text).orders.empty());
    }
}

}  // namespace
}  // namespace relevo
