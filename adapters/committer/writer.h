// The writing half of GroupCommitter.
#pragma once

#include "adapters/committer/completions.h"
#include "adapters/committer/group_committer.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

namespace relevo {

class GroupCommitter::Writer {
 public:
    Writer(Database& database, ContentStore& contents, CommitterOptions options)
        : database_(database), contents_(contents), options_(std::move(options)) {}

    // Threads: any.
    void add(CommitRequest request, Completer<Result<void>> done);
    void drop(ContentLocation location);
    void hold(std::chrono::milliseconds lease, std::function<Result<void>()> at_that_moment,
              Completer<Result<void>> done);
    bool renew_hold(std::chrono::milliseconds lease, HeldFiles held);
    void end_hold();
    void start();
    void stop();
    [[nodiscard]] CommitterMetrics metrics() const;

    // Rows can be read that a power cut would take away. Threads: any.
    [[nodiscard]] bool is_flushing() const;
    // Returns when there are none: before that nobody shall act on what was read. Errors: io – the disk refused, and
    // the rows are gone. Threads: any but the writing one.
    Result<void> await_flush();

    // Threads: the writing one.
    bool run_once();
    void tidy();

 private:
    struct Item {
        CommitRequest request;
        Completer<Result<void>> done;
        Octets octets = 0;
        Result<void> result;
        bool settled = false;  // its result is final
    };
    using Group = std::vector<Item>;
    enum class FlushState : std::uint8_t { none, committing, wanted, failed };
    struct Hold {
        std::chrono::steady_clock::time_point until;
        HeldFiles held = HeldFiles::all;
    };
    struct HoldRequest {
        std::chrono::milliseconds lease;
        std::function<Result<void>()> at_that_moment;
        Completer<Result<void>> done;
    };

    void run();
    Group take_group();
    void write(Group& group);
    bool append_contents(Group& group);
    bool sync_contents(Group& group);
    Result<void> append_all(Item& item);
    void drop_contents(const Item& item);
    Result<void> execute_together(Group& group);
    Result<void> commit_together();
    void flush(Group group);
    bool finish_flush();
    void flush_now(committing::Completions& completions);
    void run_flushes();
    void set_flush_state(FlushState state);
    void settle_all(Group& group);
    void write_each(Group& group);
    Result<void> write_alone(Item& item);
    void settle(Item& item, Result<void> result);
    void complete(Group& group, committing::Completions& completions);
    void apply_drops();
    void begin_holds();
    Result<void> begin_hold(const HoldRequest& request);
    // What is held now; ends a hold that is over.
    std::optional<HeldFiles> held();
    void checkpoint();
    void compact();
    Result<bool> compact_one();
    Result<void> record_moves(const std::vector<ContentStore::Move>& moves);
    void report(const Error& error);

    Database& database_;
    ContentStore& contents_;
    const CommitterOptions options_;

    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<Item> queue_;
    std::vector<ContentLocation> drops_;
    Octets waiting_octets_ = 0;
    std::size_t waiting_with_contents_ = 0;
    bool stopping_ = false;
    bool closed_ = false;
    std::optional<Hold> hold_;
    std::vector<HoldRequest> hold_requests_;
    std::thread thread_;

    // The group whose rows are committed and on their way to the disk, while the next is prepared: at most one, and
    // none without a thread for it. Changes under the mutex.
    std::mutex flush_mutex_;
    std::condition_variable flush_wanted_;   // for the thread that flushes
    std::condition_variable flush_changed_;  // for who waits for the end of a flush
    std::atomic<FlushState> flush_state_ = FlushState::none;
    std::uint64_t flushes_begun_ = 0, flushes_ended_ = 0, failed_flushes_ = 0;
    Group flushing_;
    bool flusher_stops_ = false;
    std::thread flusher_;

    // The writing thread's own:
    committing::Completions completions_;
    std::vector<ContentLocation> unwanted_;  // appended for requests that failed
    bool log_in_use_ = true;
    std::chrono::steady_clock::time_point compaction_not_before_{};

    std::atomic<std::uint64_t> groups_ = 0, requests_ = 0, failed_requests_ = 0, octets_ = 0;
    std::atomic<std::uint64_t> checkpoints_ = 0, compactions_ = 0;
    std::atomic<std::int64_t> content_sync_nanoseconds_ = 0, commit_nanoseconds_ = 0;
    std::atomic<std::size_t> last_group_ = 0;
};

}  // namespace relevo
