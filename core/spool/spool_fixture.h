// A whole spool over a disk in memory, and a shard to run its coroutines on, for tests.
#pragma once

#include "adapters/committer/group_committer.h"
#include "adapters/segments/segment_store.h"
#include "adapters/simulation/simulated_disk.h"
#include "adapters/sqlite/sqlite_database.h"
#include "core/events/event_list.h"
#include "core/ports/migration.h"
#include "core/spool/spool.h"

#include <boost/asio/executor_work_guard.hpp>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace relevo::test {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline mail::Address address(std::string_view text) { return mail::Address::parse(text, mail::Utf8::allowed).value(); }

inline mail::Envelope envelope(std::string_view sender, const std::vector<std::string>& recipients) {
    mail::Envelope made;
    if (!sender.empty()) made.reverse_path = mail::ReversePath(address(sender));
    for (const std::string& recipient : recipients)
        made.recipients.push_back({.address = address(recipient), .notify = {}, .original_recipient = {}});
    return made;
}

// Who does the committer's work: the test's own thread, so that everything happens in one order, or its threads.
enum class CommitterThreads : std::uint8_t { none, own };

// The parts of a store, as the app puts them together; restart() opens them again on what the disk holds.
class SpoolStore {
 public:
    // `more`: the tables of others, whose rows go into the same transactions.
    explicit SpoolStore(CommitterThreads threads = CommitterThreads::none, std::span<const Migration> more = {})
        : threads_(threads), more_(more) {
        open();
    }
    SpoolStore(const SpoolStore&) = delete;
    SpoolStore& operator=(const SpoolStore&) = delete;
    ~SpoolStore() { close(); }

    void restart() {
        close();
        open();
    }

    // Runs the shard, and the committer if it has no threads, until `condition` holds. False after `limit`.
    bool run_until(const std::function<bool()>& condition, milliseconds limit = seconds(5)) {
        const Deadline deadline = Clock::now() + limit;
        shard.context().restart();
        const auto guard = boost::asio::make_work_guard(shard.context());
        while (!condition()) {
            if (Clock::now() >= deadline) return false;
            if (shard.context().poll_one() > 0) continue;
            if (threads_ == CommitterThreads::none && committer->run_once()) continue;
            shard.context().run_one_for(milliseconds(2));
        }
        return true;
    }
    // Runs a coroutine to its end.
    template <class T>
    T run(Task<T> task) {
        auto answer = std::make_shared<std::optional<T>>();
        shard.spawn(keep(std::move(task), answer));
        EXPECT_TRUE(run_until([&] { return answer->has_value(); })) << "the coroutine did not end";
        return std::move(**answer);
    }

    // One of `content`, accepted now unless `accepted_at` says otherwise.
    Submission submission(mail::Envelope of, std::string content = "Subject: a\r\n\r\nText\r\n",
                          WallClock::time_point accepted_at = WallClock::now()) {
        Submission made;
        made.id = ids.next(accepted_at, of.recipients.size());
        made.tenant = TenantId{1};
        made.credential = CredentialId{2};
        made.envelope = std::move(of);
        made.content = std::make_shared<const std::string>(std::move(content));
        made.accepted_at = accepted_at;
        made.origin = R"({"client":"192.0.2.7"})";
        return made;
    }
    std::shared_ptr<const Message> accept(Submission made) {
        auto accepted = run(spool->accept(std::move(made)));
        EXPECT_TRUE(accepted.has_value()) << accepted.error().detail;
        return accepted.value_or(nullptr);
    }
    std::shared_ptr<const Message> accept(const std::string& sender, const std::vector<std::string>& recipients) {
        return accept(submission(envelope(sender, recipients)));
    }
    std::vector<DeliveryRow> rows(DeliveryFilter filter = {}) {
        return run(spool->list(std::move(filter), 0, 10'000)).value();
    }
    // Every event about that, oldest first: "source.drained source.resumed".
    std::string told_about(const std::string& subject) {
        EventList list;
        std::string text;
        const auto listed = run(read_rows(*committer, [&](Reader& reader) -> Result<void> {
            RELEVO_TRY(const EventList::Page page, list.page(reader, {.subject = subject}, std::nullopt, 1000));
            for (const Event& event : page.events)
                text = std::string(name_of(event.kind)) + (text.empty() ? "" : " ") + text;
            return {};
        }));
        EXPECT_TRUE(listed.has_value()) << listed.error().detail;
        return text;
    }
    std::vector<Event> events(MessageId id) { return run(spool->show(id)).value().events; }
    // "accepted delivered", in order.
    std::string kinds(MessageId id) {
        std::string text;
        for (const Event& event : events(id)) text += (text.empty() ? "" : " ") + std::string(name_of(event.kind));
        return text;
    }
    // Bounds how the store is used by a test: one integer of one row.
    std::int64_t number(std::string_view sql) {
        std::int64_t found = -1;
        const auto read = run(read_rows(*committer, [&](Reader& reader) {
            return reader.query(kept(sql), {}, [&](const Row& row) -> Result<void> {
                found = row.integer(0);
                return {};
            });
        }));
        EXPECT_TRUE(read.has_value()) << read.error().detail;
        return found;
    }
    Result<void> write(std::function<Result<void>(Transaction&)> rows_of_test) {
        CommitRequest request;
        request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) {
            return rows_of_test(transaction);
        };
        return run(commit(*committer, std::move(request)));
    }

    simulation::SimulatedDisk disk;
    std::unique_ptr<Database> database;
    std::unique_ptr<ContentStore> contents;
    std::unique_ptr<GroupCommitter> committer;
    std::unique_ptr<Spool> spool;
    Shard shard{0};
    MessageIdSource ids{0};
    // What the last start found.
    Spool::Recovery recovery;
    struct Recovered {
        DeliveryId id;
        TenantId tenant;
        std::string recipient;
        WallClock::time_point due_at;
        std::uint32_t attempts = 0;
        DeliveryState state = DeliveryState::waiting;
        bool delay_reported = false;
    };
    std::vector<Recovered> recovered;

 private:
    template <class T>
    static Task<> keep(Task<T> task, std::shared_ptr<std::optional<T>> answer) {
        *answer = co_await std::move(task);
    }
    // Statements are prepared once and kept by address.
    std::string_view kept(std::string_view sql) {
        return *statements_.emplace_back(std::make_unique<std::string>(sql));
    }

    void open() {
        recovered.clear();
        database = open_sqlite(disk).value();
        std::vector<Migration> migrations;
        for (const auto list : {history_migrations(), spool_migrations(), more_})
            migrations.insert(migrations.end(), list.begin(), list.end());
        EXPECT_TRUE(migrate(*database, migrations).has_value());
        contents = open_segments(disk, {.segment_octets = 16 * kibibyte,
                                        .allocation_octets = 4 * kibibyte,
                                        .reserve_octets = 0,
                                        .slack_octets = 16 * kibibyte,
                                        .space_age = milliseconds(0)})
                       .value();
        CommitterOptions options;
        options.is_live = &Spool::is_live;
        options.record_move = [this](Transaction& transaction, const ContentStore::Move& move) {
            return spool->record_move(transaction, move);
        };
        committer = std::make_unique<GroupCommitter>(*database, *contents, std::move(options));
        spool = std::make_unique<Spool>(*committer);
        EXPECT_TRUE(database->read([&](Reader& reader) { return recover(reader); }).has_value());
        EXPECT_TRUE(contents->finish_recovery().has_value());
        if (threads_ == CommitterThreads::own) committer->start();
    }
    Result<void> recover(Reader& reader) {
        RELEVO_TRY(recovery, spool->recover(reader, *contents, [this](const PendingDelivery& pending) {
            recovered.push_back({.id = pending.id,
                                 .tenant = pending.tenant,
                                 .recipient = std::string(pending.recipient),
                                 .due_at = pending.due_at,
                                 .attempts = pending.attempts,
                                 .state = pending.state,
                                 .delay_reported = pending.delay_reported});
        }));
        return {};
    }
    void close() {
        committer->stop();
        committer.reset();
        spool.reset();
        contents.reset();
        database.reset();
        statements_.clear();
    }

    CommitterThreads threads_;
    std::span<const Migration> more_;
    std::vector<std::unique_ptr<std::string>> statements_;
};

}  // namespace relevo::test
