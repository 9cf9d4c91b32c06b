#include "core/tracking/tracker.h"

#include "core/tracking/tracking_fixture.h"

namespace relevo::test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

std::string field(const HttpResponse& response, std::string_view name) {
    for (const auto& [key, value] : response.fields)
        if (key == name) return value;
    return {};
}

TEST_F(TrackingTest, AnswersWithAnImageOrARedirectAndWritesEvents) {
    const auto found = paths(send());
    ASSERT_THAT(found, SizeIs(3));
    const HttpResponse link = ask(found[0]);
    EXPECT_EQ(link.status, 302U);
    EXPECT_EQ(field(link, "Location"), "https://a.example/?x=1&y=2");
    EXPECT_EQ(field(link, "Referrer-Policy"), "no-referrer");
    const HttpResponse image = ask(found[2]);
    EXPECT_EQ(image.status, 200U);
    EXPECT_EQ(image.content_type, "image/gif");
    EXPECT_THAT(image.body, SizeIs(43));
    EXPECT_EQ(field(image, "Cache-Control"), "no-store");
    const auto clicked = events(EventKind::clicked), opened = events(EventKind::opened);
    ASSERT_THAT(clicked, SizeIs(1));
    EXPECT_EQ(clicked[0].ordinal, 0);
    EXPECT_EQ(clicked[0].tenant, acme.id);
    for (const std::string_view part :
         {R"("recipient":"b@example.net")", R"("link":1)", R"("url":"https://a.example/?x=1&y=2")", R"("by":"human")",
          R"("rule":"nothing_else")", R"("agent":"Mozilla/5.0 (X11)", R"("address":"198.51.100.0/24")"})
        EXPECT_THAT(clicked[0].detail, HasSubstr(std::string(part)));
    ASSERT_THAT(opened, SizeIs(1));
    EXPECT_EQ(numbers.counted("relevo_tracking_events_total{kind=opened,by=human}"), 1U);
}

// security row E6: another tenant's token, a URL in the request, a tenant that is suspended.
TEST_F(TrackingTest, RedirectsNowhereElse) {
    const auto found = paths(send());
    for (const std::string& path : std::vector<std::string>{
             "/c/", "/c/x", found[0] + "A", found[0].substr(0, found[0].size() - 1), "/o/" + found[0].substr(3),
             "/c/" + found[2].substr(3), found[0] + "/https://evil.example/", "/c/https://evil.example/",
             "/c//evil.example", "/c/javascript:alert(1)"})
        EXPECT_EQ(ask(path).status, 404U) << path;
    EXPECT_EQ(field(ask(found[0] + "?url=https://evil.example/"), "Location"), "https://a.example/?x=1&y=2");
    EXPECT_EQ(ask(found[0], "t.other.example").status, 404U) << "the host of another tenant";
    EXPECT_EQ(ask(found[0], "T.Other.example:8443").status, 404U);
    EXPECT_EQ(ask(found[0], "links.example", "POST").status, 405U);
    acme.suspended = true;
    EXPECT_EQ(ask(found[0]).status, 404U);
    EXPECT_EQ(ask(found[2]).status, 404U);
    acme.suspended = false;
    EXPECT_EQ(ask(found[0]).status, 302U);
    acme.id = TenantId{3};
    EXPECT_EQ(ask(found[0]).status, 404U) << "the tenant is gone";
}

TEST_F(TrackingTest, HeadIsAnsweredAndMakesNoEventButMarksWhatFollows) {
    const auto found = paths(send());
    EXPECT_EQ(ask(found[0], "links.example", "HEAD").status, 302U);
    EXPECT_THAT(events(EventKind::clicked), IsEmpty());
    ask(found[0]);
    const auto clicked = events(EventKind::clicked);
    ASSERT_THAT(clicked, SizeIs(1));
    EXPECT_THAT(clicked[0].detail, HasSubstr("head_request"));
}

TEST_F(TrackingTest, TheSameAgainWithinTheWindowIsOneEvent) {
    const auto found = paths(send());
    for (int i = 0; i < 5; ++i) ask(found[2]);
    EXPECT_THAT(events(EventKind::opened), SizeIs(1));
    ask(found[2]);
    EXPECT_THAT(events(EventKind::opened), SizeIs(1)) << "in a later round too";
    EXPECT_EQ(numbers.counted("relevo_tracking_repeated_total"), 5U);
    agent = "Mozilla/5.0";
    ask(found[2]);
    EXPECT_THAT(events(EventKind::opened), SizeIs(2)) << "a program beside a person";
    options.repeat_window = seconds(0);
    tracker.set_options(options);
    ask(found[2]);
    EXPECT_THAT(events(EventKind::opened), SizeIs(3));
}

TEST_F(TrackingTest, WhoFollowsAllLinksAtOnceIsAProgram) {
    page.insert(page.find("</body>"), "<a href=\"https://c.example/\">C</a>");
    const auto found = paths(send());
    for (int i = 0; i < 3; ++i) ask(found[static_cast<std::size_t>(i)]);
    const auto clicked = events(EventKind::clicked);
    ASSERT_THAT(clicked, SizeIs(3));
    for (const Event& event : clicked) EXPECT_THAT(event.detail, HasSubstr("links_at_once"));
}

TEST_F(TrackingTest, WhoFollowsALinkRightAfterDeliveryIsAProgram) {
    const auto found = paths(send({"b@example.net"}, WallClock::now() - milliseconds(200)));
    ask(found[0]);
    const auto clicked = events(EventKind::clicked);
    ASSERT_THAT(clicked, SizeIs(1));
    EXPECT_THAT(clicked[0].detail, HasSubstr("at_once"));
}

TEST_F(TrackingTest, EventsOfAMessageToSeveralAreOfTheMessage) {
    const auto found = paths(send({"b@example.net", "c@example.net"}));
    ask(found[2]);
    const auto opened = events(EventKind::opened);
    ASSERT_THAT(opened, SizeIs(1));
    EXPECT_EQ(opened[0].ordinal, whole_message);
    EXPECT_THAT(opened[0].detail, Not(HasSubstr("recipient")));
}

TEST_F(TrackingTest, KeepsAsMuchOfAnAddressAsIsWanted) {
    const auto found = paths(send());
    options.repeat_window = seconds(0);
    for (const auto& [kept, part] :
         {std::pair{KeptAddress::full, "\"198.51.100.77\""}, std::pair{KeptAddress::network, "\"198.51.100.0/24\""}}) {
        options.address = kept;
        tracker.set_options(options);
        ask(found[2]);
        EXPECT_THAT(events(EventKind::opened).back().detail, HasSubstr(part));
    }
    options.address = KeptAddress::none;
    tracker.set_options(options);
    ask(found[2]);
    EXPECT_THAT(events(EventKind::opened).back().detail, Not(HasSubstr("address")));
}

TEST_F(TrackingTest, DropsVisitsAndNeverWaitsWhenThereAreTooMany) {
    const auto found = paths(send());
    ask(found[0]);  // its URL is remembered now
    VisitLog visits({.shard = store.shard,
                     .spool = *store.spool,
                     .committer = *store.committer,
                     .log = log,
                     .metrics = numbers,
                     .options = [this] { return tracker.options(); }});
    const auto token = read_tracking_token(*keys, TrackedKind::click, found[0].substr(3)).value();
    for (std::size_t i = 0; i < VisitLog::waiting_limit + 7; ++i)
        visits.take({.kind = TrackedKind::click, .token = token, .at = WallClock::now(), .agent = agent});
    EXPECT_EQ(numbers.counted("relevo_tracking_dropped_total"), 7U);
    const auto finished = [](VisitLog& log_of_visits) -> Task<bool> {
        co_await log_of_visits.finish();
        co_return true;
    };
    store.run(finished(visits));
    EXPECT_THAT(events(EventKind::clicked), Not(IsEmpty()));
}

TEST_F(TrackingTest, ForgetsLinksThatNoMailHasAnyMore) {
    const auto found = paths(send());
    EXPECT_EQ(store.number("SELECT count(*) FROM tracked_link"), 2);
    send();
    EXPECT_EQ(store.number("SELECT count(*) FROM tracked_link"), 2) << "the same URLs are the same rows";
    const std::int64_t last = day_of(time_of(message));
    EXPECT_TRUE(
        store.write([&](Transaction& transaction) { return LinkBook::forget_before(transaction, last); }).has_value());
    EXPECT_EQ(store.number("SELECT count(*) FROM tracked_link"), 2);
    EXPECT_TRUE(store.write([&](Transaction& transaction) { return LinkBook::forget_before(transaction, last + 1); })
                    .has_value());
    EXPECT_EQ(ask(found[0]).status, 404U);
}

TEST_F(TrackingTest, DomainsStreamsAndMessagesDecide) {
    using mail::MessageStream;
    const Tracked all{.opens = true, .clicks = true}, opens{.opens = true}, none;
    EXPECT_EQ(tracked_of(options, &domain, MessageStream::bulk, {}), all);
    EXPECT_EQ(tracked_of(options, nullptr, MessageStream::bulk, {}), all);
    domain.tracking = opens;
    EXPECT_EQ(tracked_of(options, &domain, MessageStream::bulk, {}), opens);
    EXPECT_EQ(tracked_of(options, &domain, MessageStream::bulk, all), opens) << "not more than the domain allows";
    EXPECT_EQ(tracked_of(options, &domain, MessageStream::bulk, none), none);
    options.of_all = none;
    EXPECT_EQ(tracked_of(options, nullptr, MessageStream::transactional, opens), opens);
    options.streams = TrackedStreams::bulk;
    EXPECT_EQ(tracked_of(options, &domain, MessageStream::transactional, {}), none);
    EXPECT_EQ(tracked_of(options, &domain, MessageStream::transactional, opens), opens) << "it asks itself";
    EXPECT_EQ(tracking_base(options, &domain), "https://links.example:8443");
    domain.tracking_host = "t.acme.example";
    EXPECT_EQ(tracking_base(options, &domain), "https://t.acme.example:8443");
    options.base_url = "http://[2001:db8::1]:80";
    EXPECT_EQ(tracking_base(options, &domain), "http://t.acme.example:80");
    options.base_url = "https://links.example";
    EXPECT_EQ(tracking_base(options, &domain), "https://t.acme.example");
    options.base_url.clear();
    EXPECT_EQ(tracked_of(options, &domain, MessageStream::bulk, all), none);
}

TEST_F(TrackingTest, SaysWhyAMessageIsLeftAlone) {
    const PreparationRequest request{.tenant = acme.id,
                                     .message = MessageId{5},
                                     .tracked = {.opens = true, .clicks = true},
                                     .base_url = options.base_url,
                                     .signs_for = {}};
    const PreparedMessage signed_one = tracker.prepare("DKIM-Signature: d=x.example\r\n" + page, request);
    EXPECT_EQ(signed_one.content, "");
    EXPECT_THAT(signed_one.summary, HasSubstr("left alone: signed by others (x.example)"));
    EXPECT_THAT(tracker.prepare(page, request).summary, HasSubstr("2 links, opens"));
    EXPECT_THAT(tracker.prepare("Subject: a\r\n\r\nText\r\n", request).summary, HasSubstr("nothing to track"));
}

}  // namespace
}  // namespace relevo::test
