#include "core/lan/lan_book.h"

#include "adapters/memory/telemetry.h"
#include "core/lan/schema.h"
#include "core/spool/spool_fixture.h"
#include "core/tenancy/administration.h"
#include "core/tenancy/secret.h"

#include <gmock/gmock.h>

namespace relevo::test {
namespace {

const LanOrigin printer{.office = {}, .device = "printer"};
const LanOrigin madrid_crm{.office = LanOfficeId{1}, .device = "crm"};

class LanBookTest : public testing::Test {
 protected:
    std::shared_ptr<const Message> accept(const LanOrigin& origin, const std::vector<std::string>& recipients) {
        Submission made = store.submission(envelope("a@example.com", recipients));
        made.also = [this, origin, id = made.id, count = static_cast<std::int64_t>(recipients.size()),
                     now = made.accepted_at](Transaction& rows) {
            return book.record_arrival(rows, origin, id, count, now);
        };
        return store.accept(std::move(made));
    }
    void end(const std::shared_ptr<const Message>& message, std::uint32_t ordinal, Outcome outcome,
             std::string detail = R"({"reply":"450 busy","class":"greylisted"})") {
        EXPECT_TRUE(store
                        .run(store.spool->record(message,
                                                 {{.ordinal = ordinal,
                                                   .outcome = outcome,
                                                   .due_at = WallClock::now(),
                                                   .attempts = 1,
                                                   .last_reply = "x",
                                                   .detail = std::move(detail)}},
                                                 {}))
                        .has_value());
    }
    LanReport report(std::size_t limit = 1000) {
        LanReport found;
        EXPECT_TRUE(store
                        .run(read_rows(*store.committer,
                                       [&](Reader& reader) -> Result<void> {
                                           RELEVO_TRY(found, book.report(reader, day_of(WallClock::now()) - 1, limit));
                                           return {};
                                       }))
                        .has_value());
        return found;
    }

    SpoolStore store{CommitterThreads::none, lan_migrations()};
    MemoryLog log;
    LanBook book{{.executor = store.shard.executor(), .committer = *store.committer, .log = log, .refresh = nullptr}};
};

TEST_F(LanBookTest, CountsWhatBecameOfEachDevicesMail) {
    const auto two = accept(printer, {"a@example.net", "b@example.net"});
    const auto one = accept(printer, {"c@example.net"});
    const auto other = accept(madrid_crm, {"d@example.net"});
    store.accept("a@example.com", {"nobody-of-the-lan@example.net"});
    end(two, 0, Outcome::delivered);
    end(two, 1, Outcome::deferred);
    end(one, 0, Outcome::failed, R"({"reply":"550 no such user","class":"unknown_user"})");
    const LanReport found = report();
    ASSERT_EQ(found.devices.size(), 2U);
    const DeviceReport& ours = found.devices[0];
    EXPECT_EQ(ours.origin, printer);
    EXPECT_EQ(ours.messages, 2);
    EXPECT_EQ(ours.recipients, 3);
    EXPECT_EQ(ours.delivered, 1);
    EXPECT_EQ(ours.waiting, 1);
    EXPECT_EQ(ours.deferred, 1);
    EXPECT_EQ(ours.refused, 1);
    EXPECT_THAT(ours.problem, testing::HasSubstr("no such user")) << "the last one";
    EXPECT_EQ(found.devices[1].origin, madrid_crm);
    EXPECT_EQ(found.devices[1].waiting, 1);
    EXPECT_EQ(found.devices[1].deferred, 0);
    EXPECT_TRUE(found.devices[1].problem.empty());
}

TEST_F(LanBookTest, CountsADeliveryAfterDeferralsOnce) {
    const auto message = accept(printer, {"a@example.net"});
    end(message, 0, Outcome::deferred);
    end(message, 0, Outcome::deferred);
    end(message, 0, Outcome::delivered);
    const DeviceReport found = report().devices.at(0);
    EXPECT_EQ(found.delivered, 1);
    EXPECT_EQ(found.waiting, 0);
    EXPECT_EQ(found.deferred, 0);
}

TEST_F(LanBookTest, WhatComesBackLaterUndoesNoDelivery) {
    const auto message = accept(printer, {"a@example.net"});
    end(message, 0, Outcome::delivered);
    EXPECT_TRUE(store
                    .write([&](Transaction& rows) -> Result<void> {
                        EventWriter writer;
                        RELEVO_CHECK(writer.recover(rows));
                        return writer.append(rows, {.at = WallClock::now(),
                                                    .kind = EventKind::bounced,
                                                    .message = message->id,
                                                    .ordinal = 0,
                                                    .tenant = message->tenant,
                                                    .detail = R"({"class":"mailbox_full"})"});
                    })
                    .has_value());
    const DeviceReport found = report().devices.at(0);
    EXPECT_EQ(found.delivered, 1);
    EXPECT_EQ(found.waiting, 0);
    EXPECT_EQ(found.problem, R"({"class":"mailbox_full"})");
}

TEST_F(LanBookTest, WritesRefusalsOfManyAtOnce) {
    for (int i = 0; i < 50; ++i) book.note_refusal(printer, "550 5.7.1 number " + std::to_string(i), WallClock::now());
    EXPECT_TRUE(store.run_until([&] { return !report().devices.empty() && report().devices[0].not_taken == 50; }));
    EXPECT_EQ(report().devices[0].problem, "550 5.7.1 number 49");
    EXPECT_EQ(report().devices[0].messages, 0);
}

TEST_F(LanBookTest, SaysWhenItDidNotLookThroughEverything) {
    for (int i = 0; i < 5; ++i) accept(printer, {"a@example.net"});
    EXPECT_FALSE(report(5).cut);
    EXPECT_TRUE(report(4).cut);
    EXPECT_EQ(report(4).devices.at(0).messages, 4);
}

TEST_F(LanBookTest, HistoryGoesWithItsDay) {
    accept(printer, {"a@example.net"});
    EXPECT_EQ(store.number("SELECT count(*) FROM history_day WHERE prefix = 'lan_arrival'"), 1);
}

}  // namespace
}  // namespace relevo::test
