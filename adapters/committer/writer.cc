#include "adapters/committer/writer.h"

#include <algorithm>
#include <cassert>
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>

namespace relevo {
namespace {

using SteadyClock = std::chrono::steady_clock;

// Adds the time until the end of the scope to a total.
class Stopwatch {
 public:
    explicit Stopwatch(std::atomic<std::int64_t>& total) : total_(total), start_(SteadyClock::now()) {}
    Stopwatch(const Stopwatch&) = delete;
    Stopwatch& operator=(const Stopwatch&) = delete;
    ~Stopwatch() { total_ += std::chrono::nanoseconds(SteadyClock::now() - start_).count(); }

 private:
    std::atomic<std::int64_t>& total_;
    SteadyClock::time_point start_;
};

// A device that fails once is not asked 500 times more.
bool is_hopeless(const Result<void>& result) { return !result.has_value() && result.error().kind == ErrorKind::io; }

// On Linux a thread has a niceness of its own, which counts for ordinary scheduling only. More of it is always allowed.
void give_way(int niceness) {
    if (niceness <= 0) return;
    const sched_param ordinary{};
    ::sched_setscheduler(0, SCHED_OTHER, &ordinary);
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), niceness);
}

}  // namespace

void GroupCommitter::Writer::add(CommitRequest request, Completer<Result<void>> done) {
    Item item{.request = std::move(request), .done = std::move(done), .result = {}};
    for (const ContentToStore& content : item.request.contents) item.octets += content.content->size();
    const bool has_contents = !item.request.contents.empty();
    std::unique_lock lock(mutex_);
    if (closed_) {
        lock.unlock();
        return item.done(failure(ErrorKind::closed, "the store is closing"));
    }
    // Only new mail is turned away: outcomes must always get through.
    if (has_contents && waiting_with_contents_ > 0 &&
        (waiting_octets_ + item.octets > options_.waiting_octets ||
         waiting_with_contents_ >= options_.waiting_requests)) {
        lock.unlock();
        return item.done(failure(ErrorKind::limit, "too much mail waits for the disk"));
    }
    waiting_octets_ += item.octets;
    waiting_with_contents_ += has_contents ? 1 : 0;
    queue_.push_back(std::move(item));
    // The thread waits for the first request, then perhaps for contents or for a full group.
    const bool matters =
        queue_.size() == 1 || (has_contents && waiting_with_contents_ == 1) || queue_.size() == options_.group_requests;
    lock.unlock();
    if (matters) wake_.notify_one();
}

void GroupCommitter::Writer::drop(ContentLocation location) {
    std::unique_lock lock(mutex_);
    drops_.push_back(location);
    const bool first = drops_.size() == 1;
    lock.unlock();
    if (first) wake_.notify_one();
}

void GroupCommitter::Writer::start() {
    flusher_ = std::thread([this] { run_flushes(); });
    thread_ = std::thread([this] { run(); });
    ::pthread_setname_np(flusher_.native_handle(), (options_.name + "-flush").c_str());
    ::pthread_setname_np(thread_.native_handle(), (options_.name + "-commit").c_str());
}

void GroupCommitter::Writer::stop() {
    {
        const std::lock_guard guard(mutex_);
        if (closed_) return;
        stopping_ = closed_ = true;
    }
    wake_.notify_one();
    if (thread_.joinable()) thread_.join();
    while (run_once()) {
    }
    finish_flush();
    if (flusher_.joinable()) {
        {
            const std::lock_guard guard(flush_mutex_);
            flusher_stops_ = true;
        }
        flush_wanted_.notify_all();
        flusher_.join();
    }
    end_hold();
    checkpoint();
}

void GroupCommitter::Writer::hold(std::chrono::milliseconds lease, std::function<Result<void>()> at_that_moment,
                                  Completer<Result<void>> done) {
    std::unique_lock lock(mutex_);
    if (closed_) {
        lock.unlock();
        return done(failure(ErrorKind::closed, "the store is closing"));
    }
    hold_requests_.push_back({lease, std::move(at_that_moment), std::move(done)});
    lock.unlock();
    wake_.notify_one();
}

bool GroupCommitter::Writer::renew_hold(std::chrono::milliseconds lease, HeldFiles held) {
    const std::lock_guard guard(mutex_);
    if (!hold_ || hold_->until < SteadyClock::now()) return false;
    hold_->until = SteadyClock::now() + lease;
    hold_->held = std::max(hold_->held, held);
    return true;
}

void GroupCommitter::Writer::end_hold() {
    const std::lock_guard guard(mutex_);
    hold_.reset();
}

void GroupCommitter::Writer::begin_holds() {
    std::vector<HoldRequest> requests;
    {
        const std::lock_guard guard(mutex_);
        requests.swap(hold_requests_);
    }
    for (HoldRequest& request : requests) {
        completions_.add(std::move(request.done), begin_hold(request));
        completions_.post();
    }
}

Result<void> GroupCommitter::Writer::begin_hold(const HoldRequest& request) {
    if (held()) return failure(ErrorKind::conflict, "the store is being copied or examined already");
    finish_flush();
    RELEVO_CHECK(database_.checkpoint_whole());
    RELEVO_CHECK(request.at_that_moment());
    const std::lock_guard guard(mutex_);
    hold_ = Hold{.until = SteadyClock::now() + request.lease, .held = HeldFiles::all};
    return {};
}

std::optional<GroupCommitter::HeldFiles> GroupCommitter::Writer::held() {
    const std::lock_guard guard(mutex_);
    if (hold_ && hold_->until < SteadyClock::now()) hold_.reset();
    return hold_ ? std::optional(hold_->held) : std::nullopt;
}

void GroupCommitter::Writer::run() {
    give_way(options_.niceness);
    while (true) {
        bool idle = false;
        {
            std::unique_lock lock(mutex_);
            const auto wanted = [this] {
                return stopping_ || !queue_.empty() || !hold_requests_.empty() || flush_state_ == FlushState::failed;
            };
            if (!log_in_use_) wake_.wait(lock, [&] { return wanted() || !drops_.empty(); });
            idle = !wake_.wait_for(lock, options_.idle_after, wanted);
            // Outcomes ride with new mail: a group of outcomes alone flushes as often as one that takes mail too.
            if (!idle && waiting_with_contents_ == 0)
                wake_.wait_for(lock, options_.patience, [this] {
                    return stopping_ || waiting_with_contents_ > 0 || queue_.size() >= options_.group_requests;
                });
            if (stopping_) return;
        }
        if (idle)
            tidy();
        else
            run_once();
    }
}

bool GroupCommitter::Writer::run_once() {
    apply_drops();
    if (flush_state_ == FlushState::failed) finish_flush();
    begin_holds();
    Group group = take_group();
    if (group.empty()) {
        // Where there is no other thread, the last group is still to be flushed.
        const bool flushes = !flusher_.joinable() && flush_state_ == FlushState::wanted;
        if (flushes) finish_flush();
        return flushes;
    }
    write(group);
    if (held() == HeldFiles::all && database_.log_size() > options_.held_log_octets) end_hold();
    if (database_.log_size() > options_.log_octets) checkpoint();
    compact();
    return true;
}

GroupCommitter::Writer::Group GroupCommitter::Writer::take_group() {
    Group group;
    Octets octets = 0;
    const std::lock_guard guard(mutex_);
    while (!queue_.empty() && group.size() < options_.group_requests &&
           (group.empty() || octets + queue_.front().octets <= options_.group_octets)) {
        octets += queue_.front().octets;
        waiting_with_contents_ -= queue_.front().request.contents.empty() ? 0 : 1;
        group.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    waiting_octets_ -= octets;
    return group;
}

void GroupCommitter::Writer::write(Group& group) {
    ++groups_;
    last_group_ = group.size();
    log_in_use_ = true;
    const bool has_contents = append_contents(group);
    const auto open = std::ranges::count_if(group, [](const Item& item) { return !item.settled; });
    // Rows are written while the contents are on their way to the disk, and committed when those are there.
    bool executed = open > 1 && execute_together(group).has_value();
    if (has_contents && !sync_contents(group) && executed) {
        database_.rollback();
        executed = false;
    }
    // A flush that failed takes this transaction along.
    if (!finish_flush()) executed = false;
    if (executed && commit_together().has_value()) return flush(std::move(group));
    write_each(group);
    complete(group, completions_);
}

// True if there are any.
bool GroupCommitter::Writer::append_contents(Group& group) {
    bool any = false;
    for (Item& item : group) {
        if (item.request.contents.empty()) continue;
        any = true;
        if (auto appended = append_all(item); !appended.has_value()) settle(item, std::move(appended));
    }
    if (any && group.size() > 1) contents_.begin_sync();
    return any;
}

// False: none of them is safe, and their requests have failed.
bool GroupCommitter::Writer::sync_contents(Group& group) {
    const Stopwatch stopwatch(content_sync_nanoseconds_);
    const auto synced = contents_.sync();
    // After a failed sync they are void already.
    if (synced.has_value())
        for (const ContentLocation& location : unwanted_) contents_.drop(location);
    unwanted_.clear();
    for (Item& item : group) {
        if (item.settled || item.request.contents.empty()) continue;
        if (synced.has_value())
            octets_ += item.octets;
        else
            settle(item, std::unexpected(synced.error()));
    }
    return synced.has_value();
}

Result<void> GroupCommitter::Writer::append_all(Item& item) {
    auto& contents = item.request.contents;
    for (auto content = contents.begin(); content != contents.end(); ++content) {
        auto location = contents_.append(content->id, *content->content);
        if (!location.has_value()) {
            for (auto stored = contents.begin(); stored != content; ++stored) unwanted_.push_back(stored->location);
            return std::unexpected(std::move(location).error());
        }
        content->location = *location;
    }
    return {};
}

Result<void> GroupCommitter::Writer::execute_together(Group& group) {
    const Stopwatch stopwatch(commit_nanoseconds_);
    RELEVO_CHECK(database_.begin());
    for (Item& item : group) {
        if (item.settled) continue;
        auto written = item.request.rows(database_.transaction(), item.request.contents);
        if (written.has_value()) continue;
        database_.rollback();
        return written;
    }
    return {};
}

Result<void> GroupCommitter::Writer::commit_together() {
    const Stopwatch stopwatch(commit_nanoseconds_);
    set_flush_state(FlushState::committing);
    auto committed = database_.commit_unsynced();
    if (!committed.has_value()) set_flush_state(FlushState::none);
    return committed;
}

// Hands the group to the other thread, which answers its requests when the rows are safe.
void GroupCommitter::Writer::flush(Group group) {
    flushing_ = std::move(group);
    set_flush_state(FlushState::wanted);
    if (!flusher_.joinable() && !options_.flushes_late) flush_now(completions_);
}

void GroupCommitter::Writer::set_flush_state(FlushState state) {
    {
        const std::lock_guard guard(flush_mutex_);
        flush_state_ = state;
        if (state == FlushState::committing) ++flushes_begun_;
        if (state == FlushState::none) flushes_ended_ = flushes_begun_;
        failed_flushes_ += state == FlushState::failed ? 1 : 0;
    }
    // Each wakes a thread, which costs more than what it then looks at.
    if (state == FlushState::wanted) flush_wanted_.notify_one();
    if (state == FlushState::none || state == FlushState::failed) flush_changed_.notify_all();
}

void GroupCommitter::Writer::flush_now(committing::Completions& completions) {
    bool synced = false;
    {
        const Stopwatch stopwatch(commit_nanoseconds_);
        synced = database_.sync().has_value();
    }
    if (synced) {
        settle_all(flushing_);
        complete(flushing_, completions);
        flushing_.clear();
    }
    set_flush_state(synced ? FlushState::none : FlushState::failed);
}

void GroupCommitter::Writer::run_flushes() {
    committing::Completions completions;
    while (true) {
        {
            std::unique_lock lock(flush_mutex_);
            flush_wanted_.wait(lock, [this] { return flusher_stops_ || flush_state_ == FlushState::wanted; });
            if (flush_state_ != FlushState::wanted) return;
        }
        flush_now(completions);
        if (flush_state_ != FlushState::failed) continue;
        // The writing thread has to clear up, and may be waiting for work.
        {
            const std::lock_guard guard(mutex_);
        }
        wake_.notify_one();
    }
}

// Waits for the other thread, or does its work where there is none. False: the flush failed, a transaction that was
// open is rolled back, and the requests of the group were written anew and answered.
bool GroupCommitter::Writer::finish_flush() {
    if (!flusher_.joinable() && flush_state_ == FlushState::wanted) flush_now(completions_);
    Group failed;
    {
        std::unique_lock lock(flush_mutex_);
        flush_changed_.wait(lock, [this] { return flush_state_ != FlushState::wanted; });
        if (flush_state_ == FlushState::none) return true;
        failed = std::exchange(flushing_, {});
    }
    database_.rollback();
    set_flush_state(FlushState::none);
    write_each(failed);
    complete(failed, completions_);
    return false;
}

bool GroupCommitter::Writer::is_flushing() const { return flush_state_ != FlushState::none; }

Result<void> GroupCommitter::Writer::await_flush() {
    std::unique_lock lock(flush_mutex_);
    const std::uint64_t failed_before = failed_flushes_;
    // Not for a moment without any: under load there is none.
    flush_changed_.wait(lock, [this, wanted = flushes_begun_] { return flushes_ended_ >= wanted; });
    if (failed_flushes_ == failed_before) return {};
    return failure(ErrorKind::io, "what was read could not be made safe on the disk");
}

// One of them failed, or all, or there is but one: each by itself, so that only the guilty fail.
void GroupCommitter::Writer::write_each(Group& group) {
    const Stopwatch stopwatch(commit_nanoseconds_);
    Result<void> last;
    for (Item& item : group) {
        if (item.settled) continue;
        if (!is_hopeless(last)) last = write_alone(item);
        settle(item, last);
    }
}

Result<void> GroupCommitter::Writer::write_alone(Item& item) {
    RELEVO_CHECK(database_.begin());
    if (auto written = item.request.rows(database_.transaction(), item.request.contents); !written.has_value()) {
        database_.rollback();
        drop_contents(item);
        return written;
    }
    // Contents of a failed commit are not dropped: as long as the database could not be repaired, the rows might come
    // back. They count as alive until the next start.
    return database_.commit();
}

void GroupCommitter::Writer::drop_contents(const Item& item) {
    for (const ContentToStore& content : item.request.contents) contents_.drop(content.location);
}

void GroupCommitter::Writer::settle(Item& item, Result<void> result) {
    if (!result.has_value()) ++failed_requests_;
    item.result = std::move(result);
    item.settled = true;
}

void GroupCommitter::Writer::settle_all(Group& group) {
    for (Item& item : group)
        if (!item.settled) settle(item, {});
}

void GroupCommitter::Writer::complete(Group& group, committing::Completions& completions) {
    requests_ += group.size();
    for (Item& item : group)
        if (item.done) completions.add(std::move(item.done), std::move(item.result));
    completions.post();
    if (options_.committed) options_.committed();
}

void GroupCommitter::Writer::apply_drops() {
    std::vector<ContentLocation> drops;
    {
        const std::lock_guard guard(mutex_);
        drops.swap(drops_);
    }
    for (const ContentLocation& location : drops) contents_.drop(location);
}

void GroupCommitter::Writer::tidy() {
    apply_drops();
    checkpoint();
    compact();
}

void GroupCommitter::Writer::checkpoint() {
    if (held() == HeldFiles::all) return;  // and again when the hold is over
    finish_flush();
    log_in_use_ = false;
    const auto done = database_.checkpoint();
    if (!done.has_value()) return report(done.error());
    ++checkpoints_;
}

void GroupCommitter::Writer::compact() {
    if (!options_.is_live || !options_.record_move || SteadyClock::now() < compaction_not_before_ || held()) return;
    auto done = compact_one();
    if (done.has_value()) {
        compactions_ += *done ? 1 : 0;
        return;
    }
    compaction_not_before_ = SteadyClock::now() + options_.compaction_retry;
    report(done.error());
}

Result<bool> GroupCommitter::Writer::compact_one() {
    bool begun = false;
    Result<void> asked;
    // Most of the time there is nothing to do, and so no transaction. What cannot be asked is taken for alive. A row
    // that is gone, but not yet from the disk, may come back and want its content.
    const auto is_live = [&](MessageId id) {
        if (!begun && asked.has_value()) {
            finish_flush();
            asked = database_.begin();
            begun = asked.has_value();
        }
        if (!asked.has_value()) return true;
        auto live = options_.is_live(database_.transaction(), id);
        if (live.has_value()) return *live;
        asked = std::unexpected(std::move(live).error());
        return true;
    };
    const auto moves = contents_.compact(is_live);
    if (!moves.has_value()) asked = std::unexpected(moves.error());
    if (asked.has_value() && !moves->empty()) asked = record_moves(*moves);
    const bool moved = asked.has_value() && !moves->empty();
    if (begun && !moved) database_.rollback();
    RELEVO_CHECK(asked);
    if (!moved) return false;
    log_in_use_ = true;
    RELEVO_CHECK(database_.commit());
    RELEVO_CHECK(contents_.finish_compaction());
    return true;
}

Result<void> GroupCommitter::Writer::record_moves(const std::vector<ContentStore::Move>& moves) {
    for (const ContentStore::Move& move : moves) RELEVO_CHECK(options_.record_move(database_.transaction(), move));
    return {};
}

void GroupCommitter::Writer::report(const Error& error) {
    if (options_.report) options_.report(error);
}

CommitterMetrics GroupCommitter::Writer::metrics() const {
    const std::lock_guard guard(mutex_);
    return {.groups = groups_,
            .requests = requests_,
            .failed_requests = failed_requests_,
            .octets = octets_,
            .checkpoints = checkpoints_,
            .compactions = compactions_,
            .content_sync_time = std::chrono::nanoseconds(content_sync_nanoseconds_),
            .commit_time = std::chrono::nanoseconds(commit_nanoseconds_),
            .waiting = queue_.size(),
            .last_group = last_group_};
}

}  // namespace relevo
