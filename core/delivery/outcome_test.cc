// The failure policy, case by case (RFC 5321 §4.2.1).
#include "core/delivery/outcome.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace relevo {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Policy {
    std::uint16_t code;
    bool accepted;
    Outcome outcome;
    const char* status;
};

TEST(FailurePolicy, FollowsTheClassOfTheReply) {
    for (const Policy& policy :
         {Policy{250, true, Outcome::delivered, "2.0.0"}, Policy{251, true, Outcome::delivered, "2.0.0"},
          Policy{421, false, Outcome::deferred, "4.0.0"}, Policy{450, false, Outcome::deferred, "4.0.0"},
          Policy{452, false, Outcome::deferred, "4.0.0"}, Policy{550, false, Outcome::failed, "5.0.0"},
          Policy{554, false, Outcome::failed, "5.0.0"},
          // A positive reply to something that was not accepted is nonsense, never a delivery.
          Policy{250, false, Outcome::deferred, "4.0.0"}, Policy{354, false, Outcome::deferred, "4.0.0"}}) {
        smtp::RecipientResult result{.accepted = policy.accepted, .stage = smtp::ClientStage::end_of_data};
        result.reply = {policy.code, std::nullopt, "text"};
        const AttemptResult judged = judge(3, result, {}, true);
        EXPECT_EQ(judged.outcome, policy.outcome) << policy.code;
        EXPECT_EQ(judged.status, policy.status) << policy.code;
        EXPECT_EQ(judged.ordinal, 3U);
        EXPECT_TRUE(judged.dsn_relayed);
    }
}

TEST(FailurePolicy, TheServersOwnStatusGoesIntoTheReport) {
    smtp::RecipientResult result;
    result.reply = {550, smtp::EnhancedStatus{5, 1, 1}, "No such user\nreally"};
    const AttemptResult judged = judge(0, result, {}, false);
    EXPECT_EQ(judged.status, "5.1.1");
    EXPECT_EQ(judged.reply, "550 5.1.1 No such user / really");
    EXPECT_EQ(judged.explanation, "");
}

TEST(FailurePolicy, ABrokenConnectionIsNeverPermanent) {
    const smtp::RecipientResult silent{.accepted = true, .stage = smtp::ClientStage::end_of_data};
    const AttemptResult judged =
        judge(0, silent, {.stage = smtp::ClientStage::end_of_data, .reply = {}, .detail = "reset by peer"}, false);
    EXPECT_EQ(judged.outcome, Outcome::deferred);
    EXPECT_EQ(judged.status, "4.4.2");
    EXPECT_EQ(judged.reply, "");
    EXPECT_EQ(judged.explanation, "reset by peer");
    EXPECT_FALSE(judge(0, silent, {}, false).explanation.empty()) << "there is always something to tell";
}

TEST(FailurePolicy, ARefusingServerIsNotARefusedRecipient) {
    const PeerFacts peer{.host = "mx.example", .endpoint = {.address = dns::IpAddress::v4({11, 0, 0, 1}), .port = 25}};
    for (const std::uint16_t code : std::initializer_list<std::uint16_t>{421, 554, 535, 0}) {
        const RoutingProblem problem = problem_of(
            {.stage = smtp::ClientStage::greeting, .reply = {code, std::nullopt, "go away"}, .detail = "lost"}, peer);
        EXPECT_FALSE(problem.permanent) << code;
        EXPECT_EQ(problem.status.category, 4) << code;
        EXPECT_THAT(problem.text, HasSubstr("mx.example [11.0.0.1]"));
        EXPECT_EQ(judge(0, problem).outcome, Outcome::deferred) << code;
    }
    EXPECT_EQ(judge(0, RoutingProblem{true, {5, 1, 2}, "no such domain"}).outcome, Outcome::failed);
}

// What a server says goes into JSON and back.
TEST(EventDetail, IsOneObjectWhateverTheServerSaid) {
    AttemptResult result;
    result.reply = "550 \"quoted\" \x01 \\ \xff";
    result.status = "5.0.0";
    result.stage = "RCPT";
    const std::string detail =
        event_detail(result, {.attempt = 2, .recipient = "b@example.net", .site = "example.net"});
    EXPECT_THAT(detail, HasSubstr(R"("attempt":2)"));
    EXPECT_THAT(detail, HasSubstr(R"(\"quoted\")"));
    EXPECT_THAT(detail, Not(HasSubstr("\x01")));
    EXPECT_THAT(detail, Not(HasSubstr("next_attempt"))) << "there is none";
    EXPECT_THAT(detail, Not(HasSubstr("\"host\""))) << "nobody was reached";
}

}  // namespace
}  // namespace relevo
