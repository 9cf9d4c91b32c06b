#include "app/relevo/waiting.h"

#include <gmock/gmock.h>

namespace relevo {
namespace {

using std::chrono::minutes;
using testing::AllOf;
using testing::HasSubstr;

const WallClock::time_point noon{std::chrono::seconds(1'800'014'400)};

// The strongest reason alone is told: each case has all the weaker ones too.
TEST(Waiting, NamesTheOneThingThatMailWaitsFor) {
    Standing standing{.source = "mx1", .before = 3, .ready = 10, .connections = 2, .connection_limit = 20};
    DestinationStatus status;
    status.key = "example.net";
    status.site = "mx.example.net";
    status.ready = 10;
    const auto why = [&](const Standing* place) { return why_due_mail_waits("example.net", &status, place, {}, noon); };
    EXPECT_EQ(why(&standing).reason, "due");
    EXPECT_THAT(why(&standing).sentence.english, AllOf(HasSubstr("3 of its tenant"), HasSubstr("6 others")));
    EXPECT_THAT(why(&standing).sentence.spanish, HasSubstr("su turno"));

    standing.connections = 20;
    EXPECT_EQ(why(&standing).hindrance, "connections");
    standing.no_connection_left = true;
    EXPECT_EQ(why(&standing).hindrance, "all_connections");

    standing.hindered =
        Hindered{.by = "google",
                 .source = "mx1",
                 .permission = {.hindrance = shaping::Hindrance::warm_up, .amount = 50, .until = noon + minutes(5)}};
    EXPECT_EQ(why(&standing).reason, "limit");
    EXPECT_EQ(why(&standing).hindrance, "warm_up");
    EXPECT_EQ(why(&standing).until, noon + minutes(5));
    EXPECT_THAT(why(&standing).sentence.english, HasSubstr("The 50 messages of today's warm-up to google from mx1"));

    standing.connections = 0;
    standing.last_problem = "connection refused";
    standing.next_connection = noon + minutes(1);
    EXPECT_EQ(why(&standing).reason, "backing_off");
    EXPECT_THAT(why(&standing).sentence.english, HasSubstr("connection refused"));

    status.is_sought = true;
    EXPECT_EQ(why(&standing).reason, "looking_up");
    EXPECT_FALSE(why(&standing).until);

    const std::vector<Spool::Suspension> suspensions = {{.site = "provider:google", .reason = "quiet", .since = noon},
                                                        {.site = "site:mx.example.net", .reason = "", .since = noon}};
    EXPECT_EQ(why_due_mail_waits("example.net", &status, &standing, suspensions, noon).reason, "site_suspended");
    status.site = "mx.google";
    status.provider = "google";
    EXPECT_THAT(why_due_mail_waits("example.net", &status, &standing, suspensions, noon).sentence.english,
                AllOf(HasSubstr("quiet"), HasSubstr("relevo site resume google")));
}

TEST(Waiting, OfADestinationThatIsInNoLane) {
    DestinationStatus status;
    status.key = "example.net";
    status.last_problem = "no answer from the DNS";
    status.next_connection = noon + minutes(1);
    EXPECT_EQ(why_due_mail_waits("example.net", &status, nullptr, {}, noon).reason, "backing_off");
    status.next_connection.reset();
    status.lacks_source = true;
    EXPECT_EQ(why_due_mail_waits("example.net", &status, nullptr, {}, noon).reason, "drained");
    EXPECT_EQ(why_due_mail_waits("example.net", nullptr, nullptr, {}, noon).reason, "due");
    const std::vector<Spool::Suspension> suspensions = {{.site = "example.net", .reason = "asked", .since = noon}};
    EXPECT_EQ(why_due_mail_waits("example.net", nullptr, nullptr, suspensions, noon).reason, "suspended");
}

}  // namespace
}  // namespace relevo
