#include "core/delivery/suspects.h"

#include <utility>

namespace relevo {
namespace {

constexpr std::int64_t last_ordinal = 65'535;  // MessageIdSource's bound

Result<bool> waits(Reader& reader, MessageId message) {
    bool found = false;
    RELEVO_CHECK(
        reader.query("SELECT 1 FROM delivery WHERE id >= $1 AND id <= $2 AND message_id = $3 AND state = 0 LIMIT 1",
                     {message.value, message.value + last_ordinal, message.value}, [&](const Row&) -> Result<void> {
                         found = true;
                         return {};
                     }));
    return found;
}

}  // namespace

Result<SuspectCounts> load_suspects(Reader& reader) {
    SuspectCounts counts;
    RELEVO_CHECK(reader.query("SELECT message_id, runs FROM suspect", {}, [&](const Row& row) -> Result<void> {
        counts.emplace(MessageId{row.integer(0)}, static_cast<std::uint32_t>(row.integer(1)));
        return {};
    }));
    return counts;
}

Result<void> forget_suspect(Transaction& transaction, MessageId message) {
    RELEVO_CHECK(transaction.execute("DELETE FROM suspect WHERE message_id = $1", {message.value}));
    return {};
}

Result<SuspectCounts> count_cut_off(Transaction& transaction, const CutOffRun& run) {
    RELEVO_TRY(SuspectCounts counts, load_suspects(transaction));
    std::int64_t counted = 0;
    RELEVO_CHECK(transaction.query("SELECT run FROM cut_off_run WHERE id = 1", {}, [&](const Row& row) -> Result<void> {
        counted = row.integer(0);
        return {};
    }));
    // The start that counted it may have been cut off itself.
    if (counted == run.run) return counts;
    for (const MessageId message : run.attempted) ++counts[message];
    for (auto suspect = counts.begin(); suspect != counts.end();) {
        RELEVO_CHECK(forget_suspect(transaction, suspect->first));
        RELEVO_TRY(const bool is_there, waits(transaction, suspect->first));
        if (!is_there) {
            suspect = counts.erase(suspect);
            continue;
        }
        RELEVO_CHECK(transaction.execute("INSERT INTO suspect (message_id, runs) VALUES ($1, $2)",
                                         {suspect->first.value, static_cast<std::int64_t>(suspect->second)}));
        ++suspect;
    }
    RELEVO_CHECK(transaction.execute("DELETE FROM cut_off_run WHERE id = 1", {}));
    RELEVO_CHECK(transaction.execute("INSERT INTO cut_off_run (id, run) VALUES (1, $1)", {run.run}));
    return counts;
}

void Suspects::set(SuspectCounts counts, std::function<void(MessageId)> acquitted) {
    const std::lock_guard lock(mutex_);
    counts_ = std::move(counts);
    left_ = counts_.size();
    acquitted_ = std::move(acquitted);
}

void Suspects::close() {
    const std::lock_guard lock(mutex_);
    acquitted_ = nullptr;
    waiting_.clear();
    counts_.clear();
    left_ = 0;
}

std::optional<Suspects::Turn> Suspects::begin(MessageId message, std::function<void()> again) {
    if (left_ == 0) return Turn();
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(message);
    if (found == counts_.end() || found->second < one_at_a_time) return Turn();
    if (attempts_ > 0 && current_ != message) {
        waiting_.push_back(std::move(again));
        return std::nullopt;
    }
    current_ = message;
    ++attempts_;
    return Turn(*this);
}

// All that wait ask again, since any one of them may have to wait for something else by now.
void Suspects::end() {
    std::vector<std::function<void()>> next;
    {
        const std::lock_guard lock(mutex_);
        if (--attempts_ == 0) next = std::exchange(waiting_, {});
    }
    for (const auto& again : next) again();
}

void Suspects::acquit(MessageId message) {
    if (left_ == 0) return;
    std::function<void(MessageId)> tell;
    {
        const std::lock_guard lock(mutex_);
        if (counts_.erase(message) == 0) return;
        left_ = counts_.size();
        tell = acquitted_;
    }
    if (tell) tell(message);
}

std::uint32_t Suspects::count_of(MessageId message) const {
    const std::lock_guard lock(mutex_);
    const auto found = counts_.find(message);
    return found == counts_.end() ? 0 : found->second;
}

}  // namespace relevo
