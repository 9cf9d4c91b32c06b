// Which messages are being attempted right now, in memory that outlives the process: the next one learns what was under
// way when it died (decision 0015). A store of eight octets at the beginning and at the end of an attempt, no flush.
//
// docs/formats/attempts.md is the layout.
#pragma once

#include "lib/base/identifier.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace relevo {

inline constexpr std::size_t attempts_header_octets = 64;
inline constexpr std::size_t attempts_slot_octets = 8;

// A run of the process that did not end in order.
struct CutOffRun {
    std::int64_t run = 0;
    std::vector<MessageId> attempted;  // ascending, each once
};
// What the octets tell. Nothing: the run ended in order, or the machine itself ended since (`boot` is another: an
// attempt is not to blame for that), or it is no such file.
[[nodiscard]] std::optional<CutOffRun> cut_off_run(std::span<const std::byte> octets, std::string_view boot);
// A run begins. `run`: greater than that of each run before; `boot`: of the machine, up to 40 octets.
void begin_run(std::span<std::byte> octets, std::int64_t run, std::string_view boot);
// It ended in order: whatever is still attempted is nobody's fault.
void end_run(std::span<std::byte> octets);
// The slots of one shard's trace.
[[nodiscard]] std::span<std::byte> slots_of(std::span<std::byte> octets, unsigned shard, std::size_t slots);

// Threads: one shard's.
class AttemptTrace {
 public:
    // `slots`: must outlive it.
    explicit AttemptTrace(std::span<std::byte> slots);

    // One message that is being attempted, from its loading to its written outcome. Must not outlive the trace.
    class Mark {
     public:
        Mark() = default;
        Mark(Mark&& other) noexcept : trace_(std::exchange(other.trace_, nullptr)), slot_(other.slot_) {}
        Mark& operator=(Mark&& other) noexcept {
            end();
            trace_ = std::exchange(other.trace_, nullptr);
            slot_ = other.slot_;
            return *this;
        }
        ~Mark() { end(); }

     private:
        friend class AttemptTrace;
        Mark(AttemptTrace& trace, std::uint32_t slot) : trace_(&trace), slot_(slot) {}
        void end() {
            if (trace_ != nullptr) std::exchange(trace_, nullptr)->end(slot_);
        }
        AttemptTrace* trace_ = nullptr;
        std::uint32_t slot_ = 0;
    };
    // Without a free slot the attempt leaves no trace.
    [[nodiscard]] Mark begin(MessageId message);

 private:
    void end(std::uint32_t slot);
    void store(std::uint32_t slot, std::int64_t value);

    std::span<std::byte> slots_;
    std::vector<std::uint32_t> free_;
};

}  // namespace relevo
