// Messages that were being attempted each time the process died: one of them may be why. Narrowed down in three runs,
// and the one that is left is held (security row R18, decision 0015).
//
// After one cut-off run its messages are attempted as all others. Those that were under way when a second one was cut
// off, without an attempt of theirs having ended in between, are attempted one at a time; so a third time blames
// exactly one of them. An attempt that ends, however it ends, acquits.
#pragma once

#include "core/delivery/attempt_trace.h"
#include "core/ports/database.h"
#include "core/ports/task.h"

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

namespace relevo {

using SuspectCounts = std::map<MessageId, std::uint32_t>;  // how many runs in a row

// --- rows; threads as of the Transaction or Reader

// Counts a run that was cut off, once, and returns all suspects with what they stand at. Those whose message waits no
// more are forgotten, and those that were not under way stay as they were.
[[nodiscard]] Result<SuspectCounts> count_cut_off(Transaction& transaction, const CutOffRun& run);
[[nodiscard]] Result<SuspectCounts> load_suspects(Reader& reader);
[[nodiscard]] Result<void> forget_suspect(Transaction& transaction, MessageId message);

// --- while the server runs. Threads: any.
class Suspects {
 public:
    static constexpr std::uint32_t one_at_a_time = 2;
    static constexpr std::uint32_t held = 3;

    // Before the engines start. `acquitted` is told of each suspect that ended an attempt, on the thread where it did.
    void set(SuspectCounts counts, std::function<void(MessageId)> acquitted);
    // Nobody is called any more.
    void close();

    // The right to attempt a message. Gives the next ones their turn when it goes.
    class Turn {
     public:
        Turn() = default;
        Turn(Turn&& other) noexcept : suspects_(std::exchange(other.suspects_, nullptr)) {}
        Turn& operator=(Turn&& other) noexcept {
            end();
            suspects_ = std::exchange(other.suspects_, nullptr);
            return *this;
        }
        ~Turn() { end(); }

     private:
        friend class Suspects;
        explicit Turn(Suspects& suspects) : suspects_(&suspects) {}
        void end() {
            if (suspects_ != nullptr) std::exchange(suspects_, nullptr)->end();
        }
        Suspects* suspects_ = nullptr;
    };
    // Nothing: another one is being attempted. `again` is called, on any thread, when that has ended.
    [[nodiscard]] std::optional<Turn> begin(MessageId message, std::function<void()> again);
    // An attempt of it ended and its outcome is written.
    void acquit(MessageId message);
    // How many runs it was under way in; 0: it is no suspect.
    [[nodiscard]] std::uint32_t count_of(MessageId message) const;

 private:
    void end();

    std::atomic<std::size_t> left_ = 0;  // so that nobody waits for the mutex when there are none
    mutable std::mutex mutex_;
    SuspectCounts counts_;
    std::function<void(MessageId)> acquitted_;
    MessageId current_;         // the one that has its turn
    std::size_t attempts_ = 0;  // of it: it may go to several destinations at once
    std::vector<std::function<void()>> waiting_;
};

}  // namespace relevo
