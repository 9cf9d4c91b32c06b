#include "core/delivery/attempt_trace.h"

#include <algorithm>
#include <atomic>
#include <cstring>

namespace relevo {
namespace {

constexpr std::string_view magic = "RelevoA1";
constexpr std::int64_t running = 1;
constexpr std::size_t state_at = 8, run_at = 16, boot_at = 24;
constexpr std::size_t boot_octets = attempts_header_octets - boot_at;

std::int64_t number_at(std::span<const std::byte> octets, std::size_t at) {
    std::int64_t value = 0;
    std::memcpy(&value, octets.data() + at, sizeof value);
    return value;
}

void set_number(std::span<std::byte> octets, std::size_t at, std::int64_t value) {
    std::memcpy(octets.data() + at, &value, sizeof value);
}

std::string_view text_at(std::span<const std::byte> octets, std::size_t at, std::size_t size) {
    const std::string_view all(reinterpret_cast<const char*>(octets.data()) + at, size);
    return all.substr(0, all.find('\0'));
}

}  // namespace

std::optional<CutOffRun> cut_off_run(std::span<const std::byte> octets, std::string_view boot) {
    const bool is_ours = octets.size() >= attempts_header_octets && text_at(octets, 0, magic.size()) == magic &&
                         number_at(octets, state_at) == running && text_at(octets, boot_at, boot_octets) == boot;
    if (!is_ours) return std::nullopt;
    CutOffRun run{.run = number_at(octets, run_at), .attempted = {}};
    for (std::size_t at = attempts_header_octets; at + attempts_slot_octets <= octets.size();
         at += attempts_slot_octets)
        if (const std::int64_t message = number_at(octets, at); message > 0) run.attempted.push_back({message});
    std::ranges::sort(run.attempted);
    const auto repeated = std::ranges::unique(run.attempted);
    run.attempted.erase(repeated.begin(), repeated.end());
    return run;
}

void begin_run(std::span<std::byte> octets, std::int64_t run, std::string_view boot) {
    std::ranges::fill(octets, std::byte{});
    std::memcpy(octets.data(), magic.data(), magic.size());
    set_number(octets, run_at, run);
    std::memcpy(octets.data() + boot_at, boot.data(), std::min(boot.size(), boot_octets));
    set_number(octets, state_at, running);
}

void end_run(std::span<std::byte> octets) { set_number(octets, state_at, 0); }

std::span<std::byte> slots_of(std::span<std::byte> octets, unsigned shard, std::size_t slots) {
    return octets.subspan(attempts_header_octets + shard * slots * attempts_slot_octets, slots * attempts_slot_octets);
}

AttemptTrace::AttemptTrace(std::span<std::byte> slots) : slots_(slots) {
    for (auto slot = static_cast<std::uint32_t>(slots.size() / attempts_slot_octets); slot > 0; --slot)
        free_.push_back(slot - 1);
}

AttemptTrace::Mark AttemptTrace::begin(MessageId message) {
    if (free_.empty()) return {};
    const std::uint32_t slot = free_.back();
    free_.pop_back();
    store(slot, message.value);
    return {*this, slot};
}

void AttemptTrace::end(std::uint32_t slot) {
    store(slot, 0);
    free_.push_back(slot);
}

// Before whatever the attempt does: a compiler that moved it behind would have the process die without a trace.
void AttemptTrace::store(std::uint32_t slot, std::int64_t value) {
    std::memcpy(slots_.data() + slot * attempts_slot_octets, &value, sizeof value);
    std::atomic_signal_fence(std::memory_order_seq_cst);
}

}  // namespace relevo
