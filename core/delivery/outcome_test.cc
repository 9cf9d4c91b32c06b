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

TEST(FailurePolicy, SaysWhyWithoutChangingWhatFollows) {
    using enum bounces::BounceClass;
    using enum bounces::BounceNature;
    using smtp::ClientStage;
    const bounces::PatternTable patterns = bounces::PatternTable::built_in();
    const PeerFacts google{.host = "gmail-smtp-in.l.google.com", .endpoint = {}};
    struct Case {
        std::uint16_t code;
        std::string_view text;
        ClientStage stage;
        bounces::BounceClass kind;
        bounces::BounceNature nature;
        const PeerFacts* peer = nullptr;
        std::string_view domain = "example.net";
    };
    for (const Case& row : std::initializer_list<Case>{
             {550, "No such user", ClientStage::rcpt, unknown_user, hard},
             {450, "No such user", ClientStage::rcpt, unknown_user, soft},
             {550, "No such user", ClientStage::end_of_data, unknown_user, soft},
             {550, "Access denied", ClientStage::mail, sender_rejected, block},
             {550, "bye", ClientStage::rcpt, unknown, soft},
             {421, "4.7.28 unusual rate of unsolicited mail", ClientStage::end_of_data, rate_limited, soft, &google},
             {550, "User unknown", ClientStage::end_of_data, recipient_restricted, block, nullptr, "ezweb.ne.jp"},
             {552, "bye", ClientStage::end_of_data, mailbox_full, soft}}) {
        const smtp::RecipientResult result{
            .accepted = false, .stage = row.stage, .reply = {row.code, std::nullopt, std::string(row.text)}};
        AttemptResult judged = judge(0, result, {}, false);
        const Outcome outcome = judged.outcome;
        classify(judged, row.peer, row.domain, patterns);
        EXPECT_EQ(name_of(judged.kind), name_of(row.kind)) << row.code << " " << row.text;
        EXPECT_EQ(name_of(judged.nature), name_of(row.nature)) << row.code << " " << row.text;
        EXPECT_EQ(judged.outcome, outcome);
        EXPECT_THAT(event_detail(judged, {}), HasSubstr(R"("class":")" + std::string(name_of(row.kind)) + "\""));
    }
}

TEST(FailurePolicy, SaysWhyNobodyCouldBeAsked) {
    using enum bounces::BounceClass;
    const bounces::PatternTable patterns = bounces::PatternTable::built_in();
    const auto kind_of = [&patterns](const RoutingProblem& problem) {
        AttemptResult judged = judge(0, problem);
        classify(judged, nullptr, "example.net", patterns);
        return judged;
    };
    EXPECT_EQ(kind_of({.permanent = true, .status = {5, 1, 2}, .text = "example.net does not exist"}).kind,
              no_such_domain);
    EXPECT_EQ(kind_of({.permanent = true, .status = {5, 1, 2}, .text = "x"}).nature, bounces::BounceNature::hard);
    EXPECT_EQ(kind_of({.permanent = true, .status = {5, 1, 10}, .text = "takes no mail"}).kind, no_such_domain);
    EXPECT_EQ(kind_of({.permanent = false, .status = {4, 4, 3}, .text = "no answer from the DNS"}).kind, dns_failure);
    EXPECT_EQ(
        kind_of({.permanent = false, .status = {4, 4, 1}, .text = "mx.example [192.0.2.1]: connection refused"}).kind,
        network_failure);
    EXPECT_EQ(kind_of({.permanent = false,
                       .status = {4, 7, 5},
                       .text = "the MTA-STS policy of example.net does not name its mail server mx.example"})
                  .kind,
              tls_required);
    EXPECT_EQ(kind_of({.permanent = false, .status = {4, 4, 0}, .text = "mx.example: connection refused"}).kind,
              network_failure);
    // A refusing greeting is put off by us: what it says is about our address, and not for good.
    const AttemptResult refused = kind_of(
        problem_of({.stage = smtp::ClientStage::greeting, .reply = {554, std::nullopt, "go away"}, .detail = {}},
                   {.host = "mx.example", .endpoint = {.address = dns::IpAddress::v4({11, 0, 0, 1}), .port = 25}}));
    EXPECT_EQ(refused.kind, address_blocked);
    EXPECT_EQ(refused.outcome, Outcome::deferred);
    AttemptResult success{.outcome = Outcome::delivered};
    classify(success, nullptr, "example.net", patterns);
    EXPECT_EQ(success.nature, bounces::BounceNature::not_a_bounce);
    EXPECT_THAT(event_detail(success, {}), Not(HasSubstr("class")));
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
