// The Committer over a Database and a ContentStore: one thread writes in groups, one makes the last group durable
// meanwhile, one reads (architecture D8).
#pragma once

#include "core/ports/committer.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>

namespace relevo {

struct CommitterOptions {
    std::string name = "store";                 // of its threads, with "-commit" and "-flush": at most 8 octets
    std::size_t group_requests = 512;           // at most in one transaction
    Octets group_octets = 16 * mebibyte;        // of contents in one transaction, unless one request has more
    Octets waiting_octets = 64 * mebibyte;      // of contents; beyond, commit() answers limit
    std::size_t waiting_requests = 65'536;      // with contents; beyond, commit() answers limit
    std::size_t waiting_reads = 65'536;         // beyond, reads answer limit
    Octets log_octets = 64 * mebibyte;          // a checkpoint is made when the log is larger
    std::chrono::milliseconds idle_after{200};  // without requests: checkpoint and compaction
    // So long requests without contents wait for one with contents, to share its two flushes of the disk.
    std::chrono::milliseconds patience{1};
    std::chrono::milliseconds compaction_retry{60'000};  // after a compaction failed
    // For simulation: run_once() leaves the flush of its group to the next call, as if the other thread were slow.
    bool flushes_late = false;
    // Of the writing thread: 0 as the others, up to 19, which takes what they leave of the processors.
    int niceness = 0;
    Octets held_log_octets = 512 * mebibyte;  // a hold of the database file ends when the log is larger
    // Compaction asks the owner of the rows; without these two, room is won back at the next start only. Both run on
    // the committer's thread.
    // is_live must see what is committed; record_move writes the new location into the row.
    std::function<Result<bool>(Reader&, MessageId)> is_live;
    std::function<Result<void>(Transaction&, const ContentStore::Move&)> record_move;
    // A group was worked off, and what succeeded is durable. On the thread that answers; must be quick.
    std::function<void()> committed;
    // Failures of housekeeping, which no request is told of. On the committer's thread.
    std::function<void(const Error&)> report;
};

struct CommitterMetrics {
    std::uint64_t groups = 0;    // transactions tried for several requests at once
    std::uint64_t requests = 0;  // completed, with whatever result
    std::uint64_t failed_requests = 0;
    std::uint64_t octets = 0;  // of contents made durable
    std::uint64_t checkpoints = 0;
    std::uint64_t compactions = 0;
    std::chrono::nanoseconds content_sync_time{0};  // total
    std::chrono::nanoseconds commit_time{0};        // total, of transactions
    std::size_t waiting = 0;                        // now
    std::size_t last_group = 0;
};

// commit(), read(), read_content(), drop_content() and metrics(): any thread. Completions are posted, one handler per
// shard and group.
class GroupCommitter final : public Committer {
 public:
    // Both must outlive the committer, and be used by nobody else while it runs.
    GroupCommitter(Database& database, ContentStore& contents, CommitterOptions options = {});
    ~GroupCommitter() override;  // stops

    // Starts the threads. Without it, run_once() does their work: for tests and simulation.
    void start();
    // Finishes what waits, makes a checkpoint, ends the threads. Later requests are answered `closed`. The first call
    // counts.
    void stop();
    // One group of writes and every read that waits, on the caller's thread. False if nothing waited.
    bool run_once();
    // Checkpoint, and compaction if it is due, on the caller's thread. The writing thread does it by itself.
    void tidy();

    void commit(CommitRequest request, Completer<Result<void>> done) override;
    void read(std::move_only_function<Result<void>(Reader&)> work, Completer<Result<void>> done) override;
    void read_content(MessageId id, ContentLocation location, Completer<Result<std::string>> done) override;
    void drop_content(ContentLocation location) override;

    // Keeps the store's files as they are at one moment, for whoever copies or examines them: the database file is
    // whole without its log then and not written to, and no content is moved or removed. Commits go on, into the log
    // and behind what is there. `at_that_moment` runs on the writing thread, between two groups. The hold ends by
    // itself after `lease` if it is not renewed, or when the log has become too large; see renew_hold(). Errors:
    // conflict – there is a hold already. temporary – a long read keeps the log in use. What `at_that_moment` returned.
    // closed, io, full.
    void hold(std::chrono::milliseconds lease, std::function<Result<void>()> at_that_moment,
              Completer<Result<void>> done);
    // From now on for `lease` again. HeldFiles::contents lets the database file go. False: the hold has ended; what was
    // read since then may be of different moments. Threads: any.
    enum class HeldFiles : std::uint8_t { all, contents };
    [[nodiscard]] bool renew_hold(std::chrono::milliseconds lease, HeldFiles held);
    void end_hold();

    [[nodiscard]] CommitterMetrics metrics() const;

 private:
    class Writer;
    class ReadSide;
    std::unique_ptr<Writer> writer_;
    std::unique_ptr<ReadSide> reads_;
};

}  // namespace relevo
