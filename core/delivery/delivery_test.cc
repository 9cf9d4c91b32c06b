#include "core/delivery/delivery_fixture.h"

namespace relevo::test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST_F(DeliveryTest, HandsTheMessageOverAndForgetsIt) {
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered"));
    ASSERT_EQ(server.mails.size(), 1U);
    EXPECT_EQ(server.mails[0].sender, "<a@sender.example>");
    EXPECT_THAT(server.mails[0].recipients, ElementsAre("<b@example.net>"));
    EXPECT_EQ(server.mails[0].content, *message->content);
    EXPECT_EQ(store.kinds(message->id), "accepted delivered");
    EXPECT_THAT(store.rows(), IsEmpty());
    EXPECT_TRUE(store.run_until([&] { return store.contents->usage().live == 0; }))
        << "the content is of no use any more";
    EXPECT_THAT(detail(message->id),
                AllOf(HasSubstr(R"("host":"mx1.example.net")"), HasSubstr(R"("address":"11.0.0.1")"),
                      HasSubstr(R"("reply":"250 2.0.0 Taken")"), HasSubstr(R"("attempt":1)"),
                      HasSubstr(R"("recipient":"b@example.net")")));
    ASSERT_TRUE(settles());
    EXPECT_EQ(metrics.delivered.value(), 1U);
    EXPECT_EQ(metrics.queue.value(), 0);
    EXPECT_THAT(sender_server.mails, IsEmpty()) << "nobody asked for a report of success";
}

// RFC 5321 §4.2.1: 4yz, "the action may be requested again".
TEST_F(DeliveryTest, TriesAgainLaterAfterATemporaryRefusal) {
    server.script.replies["RCPT"] = "450 4.2.1 Mailbox busy";
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.deferred"));
    const auto rows = store.rows();
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].attempts, 1U);
    EXPECT_EQ(rows[0].last_reply, "450 4.2.1 Mailbox busy");
    EXPECT_NEAR(minutes_to_retry(rows[0]), 7, 0.5) << "as the schedule says";
    EXPECT_EQ(store.kinds(message->id), "accepted deferred");
    EXPECT_EQ(metrics.replies(bounces::BounceClass::temporary_failure).value(), 1U);
    EXPECT_THAT(detail(message->id),
                AllOf(HasSubstr(R"("class":"temporary_failure","nature":"soft")"), HasSubstr(R"("status":"4.2.1")"),
                      HasSubstr(R"("stage":"RCPT")"), HasSubstr("next_attempt"), HasSubstr("RCPT TO:<b@example.net>")));

    server.script.replies.clear();
    retry_all("example.net", message->id);
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(store.kinds(message->id), "accepted deferred delivered");
    EXPECT_THAT(detail(message->id), HasSubstr(R"("attempt":2)"));
    ASSERT_EQ(server.mails.size(), 1U);
    EXPECT_EQ(server.mails[0].content, *message->content) << "read from the spool again";
}

// RFC 5321 §6.1: "MUST formulate and mail a notification message".
TEST_F(DeliveryTest, ReportsAPermanentRefusalToTheSender) {
    server.script.replies["RCPT"] = "550 5.1.1 No such user";
    start();
    const auto message = send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.delivered")) << "the report goes the same way";
    EXPECT_EQ(store.kinds(message->id), "accepted failed reported");
    ASSERT_EQ(sender_server.mails.size(), 1U);
    EXPECT_EQ(sender_server.mails[0].sender, "<>") << "RFC 5321 §4.5.5";
    EXPECT_THAT(sender_server.mails[0].recipients, ElementsAre("<a@sender.example>"));
    EXPECT_THAT(sender_server.mails[0].content,
                AllOf(HasSubstr("Action: failed"), HasSubstr("Status: 5.1.1"), HasSubstr("550 5.1.1 No such user"),
                      HasSubstr("b@example.net"), HasSubstr("mx1.example.net")));
    EXPECT_THAT(store.rows(), IsEmpty());
    EXPECT_EQ(metrics.reports.value(), 1U);
}

// RFC 5321 §6.1: never a report about a report.
TEST_F(DeliveryTest, NeverReportsToTheNullReversePath) {
    server.script.replies["RCPT"] = "550 5.1.1 No such user";
    start();
    const auto message = send({"b@example.net"}, "");
    ASSERT_TRUE(happens("delivery.failed"));
    EXPECT_EQ(store.kinds(message->id), "accepted failed");
    EXPECT_THAT(store.rows(), IsEmpty());
    EXPECT_EQ(metrics.reports.value(), 0U);
}

TEST_F(DeliveryTest, AReportThatFailsEndsThere) {
    server.script.replies["RCPT"] = "550 5.1.1 No such user";
    sender_server.script.replies["RCPT"] = "550 5.1.1 Nor this one";
    start();
    send({"b@example.net"});
    ASSERT_TRUE(happens("delivery.failed", 2));
    EXPECT_THAT(store.rows(), IsEmpty());
    EXPECT_EQ(metrics.reports.value(), 1U);
}

// RFC 3461 §4.1: NOTIFY=NEVER.
TEST_F(DeliveryTest, SaysNothingToASenderWhoWantsNoReport) {
    server.script.replies["RCPT"] = "550 5.1.1 No such user";
    start();
    auto to = envelope("a@sender.example", {"b@example.net"});
    to.recipients[0].notify.bits = mail::DsnNotify::never;
    send(store.submission(std::move(to)));
    ASSERT_TRUE(happens("delivery.failed"));
    EXPECT_EQ(metrics.reports.value(), 0U);
}

// RFC 3461 §5.2.3: a server without DSN is given the mail, and the sender a "relayed" report.
TEST_F(DeliveryTest, ReportsRelayingToAServerThatDoesNotKnowReports) {
    start();
    auto to = envelope("a@sender.example", {"b@example.net"});
    to.recipients[0].notify.bits = mail::DsnNotify::success;
    send(store.submission(std::move(to)));
    ASSERT_TRUE(happens("delivery.delivered", 2));
    ASSERT_EQ(sender_server.mails.size(), 1U);
    EXPECT_THAT(sender_server.mails[0].content, HasSubstr("Action: relayed"));
}

TEST_F(DeliveryTest, LeavesTheReportToAServerThatOffersIt) {
    server.script.extensions.push_back("DSN");
    start();
    auto to = envelope("a@sender.example", {"b@example.net"});
    to.recipients[0].notify.bits = mail::DsnNotify::success;
    send(store.submission(std::move(to)));
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(server.count("RCPT TO:<b@example.net> NOTIFY=SUCCESS"), 1U);
    EXPECT_EQ(metrics.reports.value(), 0U);
}

TEST_F(DeliveryTest, SendsOneCopyToTheRecipientsOfADomain) {
    start();
    const auto message = send({"b@example.net", "c@example.net", "d@example.net"});
    ASSERT_TRUE(happens("delivery.delivered", 3));
    ASSERT_EQ(server.mails.size(), 1U);
    EXPECT_THAT(server.mails[0].recipients, ElementsAre("<b@example.net>", "<c@example.net>", "<d@example.net>"));
    EXPECT_EQ(store.kinds(message->id), "accepted delivered delivered delivered");
}

TEST_F(DeliveryTest, SplitsRecipientsOverItsOwnLimit) {
    options.recipients_per_transaction = 2;
    fallback.connection_limit = 1;
    start();
    send({"b@example.net", "c@example.net", "d@example.net"});
    ASSERT_TRUE(happens("delivery.delivered", 3));
    ASSERT_EQ(server.mails.size(), 2U);
    EXPECT_THAT(server.mails[1].recipients, ElementsAre("<d@example.net>"));
    EXPECT_EQ(server.connections, 1);
}

TEST_F(DeliveryTest, JudgesEachRecipientByItsOwnReply) {
    server.script.replies["RCPT TO:<c@"] = "450 4.2.2 Full";
    server.script.replies["RCPT TO:<d@"] = "550 5.1.1 No such user";
    start();
    const auto message = send({"b@example.net", "c@example.net", "d@example.net"});
    ASSERT_TRUE(happens("delivery.delivered", 2)) << "b's and the report's";
    EXPECT_THAT(detail(message->id, 0), HasSubstr("250 2.0.0 Taken"));
    EXPECT_THAT(detail(message->id, 1), HasSubstr("450 4.2.2 Full"));
    EXPECT_THAT(detail(message->id, 2), HasSubstr("550 5.1.1 No such user"));
    ASSERT_EQ(store.rows().size(), 1U);
    EXPECT_EQ(store.rows()[0].recipient, "c@example.net");
    ASSERT_EQ(sender_server.mails.size(), 1U);
    EXPECT_THAT(sender_server.mails[0].content, AllOf(HasSubstr("d@example.net"), Not(HasSubstr("c@example.net"))));
}

TEST_F(DeliveryTest, ARefusalOfTheContentIsOfEveryRecipient) {
    server.script.replies["."] = "552 5.3.4 Too big";
    start();
    const auto message = send({"b@example.net", "c@example.net"});
    ASSERT_TRUE(happens("delivery.failed", 2));
    EXPECT_THAT(detail(message->id, 1), HasSubstr(R"("stage":"end of data")"));
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(sender_server.mails.size(), 1U) << "one report of both";
}

// Routes that need no connection.
TEST_F(DeliveryTest, ABounceRouteRefusesAndReports) {
    rules.push_back({.name = "closed", .kind = RouteKind::bounce, .domains = {"closed.example"}, .text = "Moved away"});
    start();
    const auto message = send({"b@closed.example"});
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(store.kinds(message->id), "accepted failed reported");
    EXPECT_THAT(detail(message->id), AllOf(HasSubstr("Moved away"), HasSubstr(R"("status":"5.7.1")")));
    ASSERT_EQ(sender_server.mails.size(), 1U);
    EXPECT_THAT(sender_server.mails[0].content, HasSubstr("Moved away"));
}

TEST_F(DeliveryTest, ADiscardRouteTakesAndForgets) {
    rules.push_back({.name = "void", .kind = RouteKind::discard, .domains = {"void.example"}});
    start();
    auto to = envelope("a@sender.example", {"b@void.example"});
    to.recipients[0].notify.bits = mail::DsnNotify::success;
    const auto message = send(store.submission(std::move(to)));
    ASSERT_TRUE(happens("delivery.delivered"));
    EXPECT_EQ(store.kinds(message->id), "accepted delivered");
    EXPECT_THAT(detail(message->id), HasSubstr("discarded by route void"));
    EXPECT_EQ(metrics.reports.value(), 0U);
    EXPECT_THAT(dialer.dialed(), IsEmpty());
}

TEST_F(DeliveryTest, AHoldRouteKeepsForAPerson) {
    rules.push_back({.name = "check", .kind = RouteKind::hold, .domains = {"check.example"}, .text = "Look first"});
    start();
    const auto message = send({"b@check.example"});
    ASSERT_TRUE(store.run_until([&] { return store.kinds(message->id) != "accepted"; }));
    EXPECT_EQ(store.kinds(message->id), "accepted held");
    ASSERT_EQ(store.rows().size(), 1U);
    EXPECT_EQ(store.rows()[0].state, DeliveryState::held);
    EXPECT_THAT(detail(message->id), AllOf(HasSubstr("Look first"), HasSubstr("b@check.example")));
    EXPECT_EQ(store.events(message->id).back().tenant, TenantId{1});
}

}  // namespace
}  // namespace relevo::test
