#include "core/spool/spool_fixture.h"

#include <gmock/gmock.h>

namespace relevo::test {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

DeliveryOutcome outcome(std::uint32_t ordinal, Outcome what, std::string reply = "250 2.0.0 Taken") {
    return {.ordinal = ordinal,
            .outcome = what,
            .due_at = WallClock::now() + minutes(10),
            .attempts = 1,
            .last_reply = std::move(reply),
            .detail = R"({"stage":"end of data"})"};
}

class SpoolTest : public testing::Test {
 protected:
    auto record(const std::shared_ptr<const Message>& message, std::vector<DeliveryOutcome> outcomes,
                std::vector<Submission> reports = {}) {
        return store.run(store.spool->record(message, std::move(outcomes), std::move(reports)));
    }
    Octets live() {
        while (store.committer->run_once()) {
        }
        store.committer->tidy();
        return store.contents->usage().live;
    }
    SpoolStore store;
};

// RFC 5321 §6.1, RFC 3461 §4: whatever the envelope says must survive.
TEST_F(SpoolTest, KeepsTheWholeEnvelopeAndTheContent) {
    auto given = envelope("a@example.com", {"b@example.net", "\"odd one\"@example.net", "c@[192.0.2.1]"});
    given.body = mail::BodyType::eight_bit_mime;
    given.smtputf8 = true;
    given.dsn_return = mail::DsnReturn::headers;
    given.require_tls = true;
    given.envelope_id = "QQ+2B314159";
    given.recipients[0].notify.bits = mail::DsnNotify::success | mail::DsnNotify::delay;
    given.recipients[0].original_recipient = "rfc822;x+2By@example.org";
    std::string content = "Subject: octets\r\n\r\n";
    for (int octet = 0; octet < 256; ++octet) content += static_cast<char>(octet);
    const auto accepted = store.accept(store.submission(given, content));
    store.restart();
    const auto loaded = store.run(store.spool->load(accepted->id, {0, 1, 2}));
    ASSERT_TRUE(loaded.has_value()) << loaded.error().detail;
    const Message& message = **loaded;
    EXPECT_EQ(*message.content, content);
    EXPECT_EQ(message.tenant, TenantId{1});
    EXPECT_EQ(message.credential, CredentialId{2});
    EXPECT_EQ(milliseconds_of(message.accepted_at), milliseconds_of(accepted->accepted_at));
    EXPECT_EQ(message.envelope.reverse_path, given.reverse_path);
    EXPECT_EQ(message.envelope.body, given.body);
    EXPECT_TRUE(message.envelope.smtputf8);
    EXPECT_TRUE(message.envelope.require_tls);
    EXPECT_EQ(message.envelope.dsn_return, given.dsn_return);
    EXPECT_EQ(message.envelope.envelope_id, given.envelope_id);
    ASSERT_THAT(message.envelope.recipients, SizeIs(3));
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(message.envelope.recipients[i].address, given.recipients[i].address);
        EXPECT_EQ(message.envelope.recipients[i].notify, given.recipients[i].notify);
        EXPECT_EQ(message.envelope.recipients[i].original_recipient, given.recipients[i].original_recipient);
    }
}

// Every combination of the values that share one column.
TEST_F(SpoolTest, KeepsTheSmallValuesOfTheEnvelopeApart) {
    for (int bits = 0; bits < 36; ++bits) {
        auto given = envelope("", {"b@example.net"});
        given.body = static_cast<mail::BodyType>(bits % 3);
        given.dsn_return = static_cast<mail::DsnReturn>(bits / 3 % 3);
        given.smtputf8 = bits / 9 % 2 == 1;
        given.require_tls = bits / 18 % 2 == 1;
        const auto accepted = store.accept(store.submission(given));
        const auto loaded = store.run(store.spool->load(accepted->id, {0})).value();
        EXPECT_EQ(loaded->envelope.body, given.body) << bits;
        EXPECT_EQ(loaded->envelope.dsn_return, given.dsn_return) << bits;
        EXPECT_EQ(loaded->envelope.smtputf8, given.smtputf8) << bits;
        EXPECT_EQ(loaded->envelope.require_tls, given.require_tls) << bits;
        EXPECT_TRUE(loaded->envelope.reverse_path.is_null()) << bits;
    }
}

TEST_F(SpoolTest, LoadsOnlyTheRecipientsThatAreAskedForAndWait) {
    const auto message = store.accept("a@example.com", {"b@example.net", "c@example.net", "d@example.net"});
    ASSERT_TRUE(record(message, {outcome(1, Outcome::delivered)}).has_value());
    const auto loaded = store.run(store.spool->load(message->id, {1, 2})).value();
    EXPECT_THAT(loaded->ordinals, ElementsAre(2U));
    EXPECT_EQ(loaded->envelope.recipients.at(0).address.text(), "d@example.net");
    const auto gone = store.run(store.spool->load(message->id, {1}));
    ASSERT_FALSE(gone.has_value());
    EXPECT_EQ(gone.error().kind, ErrorKind::not_found);
}

TEST_F(SpoolTest, NeverLoadsRecipientsOfTheNextMessage) {
    const auto first = store.accept("a@example.com", {"b@example.net"});
    const auto second = store.accept("a@example.com", {"x@example.net", "y@example.net"});
    const auto loaded = store.run(store.spool->load(first->id, {0, 1, 2})).value();
    EXPECT_THAT(loaded->ordinals, ElementsAre(0U));
    ASSERT_TRUE(record(first, {outcome(0, Outcome::delivered)}).has_value());
    EXPECT_EQ(store.run(store.spool->load(first->id, {0, 1})).error().kind, ErrorKind::not_found);
    EXPECT_TRUE(store.run(store.spool->load(second->id, {0})).has_value());
}

TEST_F(SpoolTest, WritesWhatBecameOfEachRecipient) {
    const auto message = store.accept("a@example.com", {"b@example.net", "c@example.net", "d@example.net"});
    const DeliveryOutcome later = outcome(2, Outcome::deferred, "450 4.2.1 Busy");
    ASSERT_TRUE(record(message, {outcome(0, Outcome::delivered), outcome(1, Outcome::failed), later}).has_value());
    const auto rows = store.rows();
    ASSERT_THAT(rows, SizeIs(1));
    EXPECT_EQ(rows[0].recipient, "d@example.net");
    EXPECT_EQ(rows[0].last_reply, "450 4.2.1 Busy");
    EXPECT_EQ(rows[0].attempts, 1U);
    EXPECT_EQ(milliseconds_of(rows[0].due_at), milliseconds_of(later.due_at));
    EXPECT_EQ(rows[0].sender, "a@example.com");
    EXPECT_EQ(rows[0].size, message->content->size());
    EXPECT_EQ(store.kinds(message->id), "accepted delivered failed deferred");
    EXPECT_EQ(store.events(message->id)[2].ordinal, 1);
    EXPECT_EQ(store.events(message->id)[2].detail, R"({"stage":"end of data"})");
}

TEST_F(SpoolTest, TheLastOutcomeDropsTheContent) {
    const auto message = store.accept("a@example.com", {"b@example.net", "c@example.net"});
    const Octets before = live();
    ASSERT_TRUE(record(message, {outcome(0, Outcome::delivered)}).has_value());
    EXPECT_EQ(live(), before) << "c's still needs it";
    ASSERT_TRUE(record(message, {outcome(1, Outcome::expired)}).has_value());
    EXPECT_EQ(live(), 0U);
    EXPECT_EQ(store.run(store.spool->show(message->id)).value().recipients, 2U) << "its history stays";
}

// A person drops what is being delivered: its end is told twice, its room is won back once.
TEST_F(SpoolTest, DropsTheContentOnce) {
    const auto message = store.accept("a@example.com", {"b@example.net"});
    const auto other = store.accept("a@example.com", {"c@example.net"});
    const Octets both = live();
    auto rows = store.rows();
    rows.resize(1);
    ASSERT_THAT(store.run(store.spool->change(rows, Spool::Change::drop, "")).value(), SizeIs(1));
    EXPECT_EQ(live(), both / 2);
    ASSERT_TRUE(record(message, {outcome(0, Outcome::delivered)}).has_value());
    EXPECT_EQ(live(), both / 2) << "the other message still lives";
    EXPECT_TRUE(store.run(store.spool->content_of(other->id)).has_value());
}

TEST_F(SpoolTest, ReportsAreAcceptedWithTheOutcomeThatCausedThem) {
    const auto message = store.accept("a@example.com", {"b@example.net"});
    std::vector<Submission> reports;
    reports.push_back(store.submission(envelope("", {"a@example.com"}), "Subject: failed\r\n\r\n"));
    const auto accepted = record(message, {outcome(0, Outcome::failed)}, std::move(reports));
    ASSERT_TRUE(accepted.has_value());
    ASSERT_THAT(*accepted, SizeIs(1));
    ASSERT_THAT(store.rows(), SizeIs(1));
    EXPECT_EQ(store.rows()[0].id.message, accepted->front()->id);
    EXPECT_EQ(*store.run(store.spool->load(accepted->front()->id, {0})).value()->content, "Subject: failed\r\n\r\n");
}

TEST_F(SpoolTest, AnOutcomeWhoseReportCannotBeWrittenIsNotThereEither) {
    const auto message = store.accept("a@example.com", {"b@example.net"});
    std::vector<Submission> reports;
    reports.push_back(store.submission(envelope("", {"a@example.com"})));
    reports.back().id = message->id;  // the key is taken
    EXPECT_FALSE(record(message, {outcome(0, Outcome::failed)}, std::move(reports)).has_value());
    EXPECT_THAT(store.rows(), SizeIs(1));
    EXPECT_EQ(store.kinds(message->id), "accepted");
    EXPECT_TRUE(store.run(store.spool->load(message->id, {0})).has_value());
}

TEST_F(SpoolTest, WhatBelongsToASubmissionIsWrittenWithIt) {
    ASSERT_TRUE(store
                    .write([](Transaction& transaction) {
                        return transaction.define("CREATE TABLE usage_of_test (n INTEGER NOT NULL)");
                    })
                    .has_value());
    auto good = store.submission(envelope("a@example.com", {"b@example.net"}));
    good.also = [](Transaction& transaction) { return transaction.define("INSERT INTO usage_of_test VALUES (1)"); };
    store.accept(std::move(good));
    auto bad = store.submission(envelope("a@example.com", {"b@example.net"}));
    bad.also = [](Transaction& transaction) -> Result<void> {
        RELEVO_CHECK(transaction.define("INSERT INTO usage_of_test VALUES (2)"));
        return failure(ErrorKind::conflict, "no");
    };
    const auto refused = store.run(store.spool->accept(std::move(bad)));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, ErrorKind::conflict);
    EXPECT_EQ(store.number("SELECT count(*) FROM usage_of_test"), 1);
    EXPECT_THAT(store.rows(), SizeIs(1));
}

TEST_F(SpoolTest, AFailedCommitReturnsItsErrorAndLeavesNothing) {
    store.accept("a@example.com", {"b@example.net"});
    const Octets before = live();
    store.disk.set_fault([](const simulation::Call& call) -> std::optional<Error> {
        if (call.kind == simulation::Call::Kind::sync) return Error{ErrorKind::io, "the device is gone"};
        return std::nullopt;
    });
    const auto refused = store.run(store.spool->accept(store.submission(envelope("", {"c@example.net"}))));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, ErrorKind::io);
    store.disk.set_fault(nullptr);
    EXPECT_THAT(store.rows(), SizeIs(1));
    store.restart();
    EXPECT_THAT(store.rows(), SizeIs(1));
    EXPECT_EQ(store.recovery.messages, 1);
    EXPECT_EQ(live(), before);
    store.accept("a@example.com", {"d@example.net"});
    EXPECT_THAT(store.rows(), SizeIs(2));
}

using Accepted = Result<std::shared_ptr<const Message>>;
Task<> keep(Task<Accepted> task, std::optional<Accepted>& answer) { answer = co_await std::move(task); }

// The rows of a group are executed before its contents are safe; then only those of the outcome may be committed.
TEST_F(SpoolTest, ContentThatCannotBeStoredFailsItsMessageAndNoOutcomeOfItsGroup) {
    const auto kept = store.accept("a@example.com", {"b@example.net"});
    std::uint32_t segment = 0;
    for (const simulation::Call& call : store.disk.calls())
        if (call.kind == simulation::Call::Kind::create && call.name.starts_with("segment-")) segment = call.file;
    store.disk.set_fault([segment](const simulation::Call& call) -> std::optional<Error> {
        if (call.kind == simulation::Call::Kind::sync && call.file == segment)
            return Error{ErrorKind::io, "the device is gone"};
        return std::nullopt;
    });
    std::optional<Accepted> refused;
    store.shard.spawn(keep(store.spool->accept(store.submission(envelope("", {"c@example.net"}))), refused));
    ASSERT_TRUE(record(kept, {outcome(0, Outcome::delivered)}).has_value());
    EXPECT_EQ(store.committer->metrics().last_group, 2U);
    ASSERT_TRUE(store.run_until([&] { return refused.has_value(); }));
    ASSERT_FALSE(refused->has_value());
    EXPECT_EQ(refused->error().kind, ErrorKind::io);
    store.disk.set_fault(nullptr);
    EXPECT_EQ(store.kinds(kept->id), "accepted delivered");
    EXPECT_THAT(store.rows(), SizeIs(0));
    store.restart();
    EXPECT_THAT(store.rows(), SizeIs(0));
    EXPECT_EQ(store.recovery.messages, 0);
}

TEST_F(SpoolTest, AFullDiskIsToldAsSuch) {
    store.accept("a@example.com", {"b@example.net"});
    Octets used = 0;
    for (const auto& [name, octets] : store.disk.image()) used += octets.size();
    store.disk.set_capacity(used + 20'000);
    const auto refused =
        store.run(store.spool->accept(store.submission(envelope("", {"c@example.net"}), std::string(100'000, 'x'))));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().kind, ErrorKind::full);
    EXPECT_THAT(store.rows(), SizeIs(1));
}

// Compaction asks the owner of the rows.
TEST_F(SpoolTest, TellsCompactionWhatLives) {
    const auto message = store.accept("a@example.com", {"b@example.net", "c@example.net"});
    const auto is_live = [&](MessageId id) {
        bool answer = false;
        EXPECT_TRUE(store
                        .run(read_rows(*store.committer,
                                       [&](Reader& reader) -> Result<void> {
                                           RELEVO_TRY(answer, Spool::is_live(reader, id));
                                           return {};
                                       }))
                        .has_value());
        return answer;
    };
    EXPECT_TRUE(is_live(message->id));
    ASSERT_TRUE(record(message, {outcome(0, Outcome::delivered)}).has_value());
    EXPECT_TRUE(is_live(message->id)) << "the second recipient waits";
    ASSERT_TRUE(record(message, {outcome(1, Outcome::delivered)}).has_value());
    store.accept("a@example.com", {"d@example.net"});
    EXPECT_FALSE(is_live(message->id)) << "the next message's rows are not this one's";
    EXPECT_FALSE(is_live(MessageId{1}));
}

TEST_F(SpoolTest, ContentMovedByCompactionIsFoundAgain) {
    std::vector<std::shared_ptr<const Message>> messages;
    for (int i = 0; i < 40; ++i)
        messages.push_back(store.accept(store.submission(envelope("a@example.com", {"b@example.net"}),
                                                         std::string(3000, static_cast<char>('a' + i % 26)))));
    for (std::size_t i = 0; i < messages.size(); ++i)
        if (i % 8 != 0) ASSERT_TRUE(record(messages[i], {outcome(0, Outcome::delivered)}).has_value());
    for (int round = 0; round < 20; ++round) live();
    EXPECT_GT(store.committer->metrics().compactions, 0U) << "else nothing was moved";
    bool moved = false;
    for (std::size_t i = 0; i < messages.size(); i += 8) {
        const auto loaded = store.run(store.spool->load(messages[i]->id, {0}));
        ASSERT_TRUE(loaded.has_value()) << loaded.error().detail;
        EXPECT_EQ(*(*loaded)->content, *messages[i]->content);
        moved = moved || !((*loaded)->location == messages[i]->location);
    }
    EXPECT_TRUE(moved);
    // A holder of the old place ends the message: the content is dropped where it is now.
    for (std::size_t i = 0; i < messages.size(); i += 8)
        ASSERT_TRUE(record(messages[i], {outcome(0, Outcome::delivered)}).has_value());
    EXPECT_EQ(live(), 0U);
    store.restart();
    EXPECT_EQ(store.recovery.messages, 0);
}

TEST_F(SpoolTest, AMoveOfAnotherPlaceLeavesTheRowAlone) {
    const auto message = store.accept("a@example.com", {"b@example.net"});
    ContentLocation other = message->location;
    other.offset += 4096;
    ASSERT_TRUE(store
                    .write([&](Transaction& transaction) {
                        return store.spool->record_move(
                            transaction,
                            {.id = message->id, .from = other, .to = {.segment = 9, .offset = 9, .length = 9}});
                    })
                    .has_value());
    EXPECT_EQ(store.run(store.spool->load(message->id, {0})).value()->location, message->location);
}

// The table of a day is that of the message's id, whatever the clock says later.
TEST_F(SpoolTest, MessagesOfYesterdayAreFoundAndEndedToday) {
    auto yesterday = store.submission(envelope("a@example.com", {"b@example.net"}));
    const auto then = WallClock::now() - hours(30);
    MessageIdSource old_ids(0);
    yesterday.id = old_ids.next(then, 1);
    yesterday.accepted_at = then;
    const auto message = store.accept(std::move(yesterday));
    store.accept("a@example.com", {"c@example.net"});
    EXPECT_EQ(store.number("SELECT count(*) FROM history_day WHERE prefix = 'message'"), 2);
    store.restart();
    EXPECT_EQ(store.recovery.messages, 2);
    EXPECT_THAT(store.recovery.damage, IsEmpty());
    EXPECT_EQ(store.recovered.front().id.message, message->id) << "in order of acceptance";
    ASSERT_TRUE(record(message, {outcome(0, Outcome::delivered)}).has_value());
    EXPECT_EQ(store.kinds(message->id), "accepted delivered") << "the timeline spans both days";
}

TEST_F(SpoolTest, ATableMadeInARolledBackTransactionIsMadeAgain) {
    auto refused = store.submission(envelope("a@example.com", {"b@example.net"}));
    refused.also = [](Transaction&) -> Result<void> { return failure(ErrorKind::conflict, "no"); };
    EXPECT_FALSE(store.run(store.spool->accept(std::move(refused))).has_value());
    store.accept("a@example.com", {"b@example.net"});
    EXPECT_THAT(store.rows(), SizeIs(1));
}

TEST_F(SpoolTest, NamesRowsThatHaveLostTheirMessage) {
    const auto message = store.accept("a@example.com", {"b@example.net"});
    store.accept("a@example.com", {"c@example.net"});
    ASSERT_TRUE(store
                    .write([&](Transaction& transaction) {
                        return transaction.define("DELETE FROM message_" +
                                                  std::to_string(day_of(time_of(message->id))) +
                                                  " WHERE id = " + std::to_string(message->id.value));
                    })
                    .has_value());
    store.restart();
    EXPECT_EQ(store.recovery.messages, 1);
    ASSERT_THAT(store.recovery.damage, SizeIs(1));
    EXPECT_THAT(store.recovery.damage[0], testing::HasSubstr(message->id.text()));
    EXPECT_THAT(store.recovered, SizeIs(1)) << "never invented";
    EXPECT_EQ(store.number("SELECT count(*) FROM delivery"), 2) << "never dropped";
}

TEST(MessageIds, NeverRepeatOrFall) {
    MessageIdSource ids(3);
    const WallClock::time_point noon{hours(500'000)};
    const MessageId first = ids.next(noon, 65'536);
    EXPECT_EQ(time_of(first), noon);
    MessageId previous = first;
    std::size_t recipients = 65'536;
    for (const auto at : {noon, noon, noon, noon, noon, noon - hours(1), noon + milliseconds(1), noon + hours(1)}) {
        const MessageId next = ids.next(at, 65'536);
        EXPECT_GE(next.value, previous.value + static_cast<std::int64_t>(recipients)) << "each recipient has an id";
        EXPECT_EQ(next.value >> id_shard_shift & 15, 3);
        previous = next;
    }
}

TEST(MessageIds, AreTextThatComesBack) {
    const MessageId id = MessageIdSource(0).next(WallClock::now(), 1);
    EXPECT_EQ(MessageId::parse(id.text()).value(), id);
}

}  // namespace
}  // namespace relevo::test
