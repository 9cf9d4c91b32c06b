// Security row R3: the power is cut after every call of a scripted life of the store, and whatever may be left on the
// disk must recover to exactly what was acknowledged.
#include "adapters/simulation/crash_model.h"
#include "adapters/simulation/crash_workload.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace relevo::simulation {
namespace {

std::size_t wanted_states() {
    const char* const text = std::getenv("RELEVO_CRASH_STATES");
    return text == nullptr ? 10'000 : std::strtoul(text, nullptr, 10);
}

struct Findings {
    std::size_t states = 0, nested_states = 0, problems = 0, lost = 0;
    std::string first;

    void add(const std::optional<std::string>& problem, std::string_view where) {
        if (!problem) return;
        ++problems;
        if (problem->ends_with("is lost")) ++lost;
        if (first.empty()) first = fmt::format("{}: {}", where, *problem);
    }
};

constexpr std::string_view name_of(Fate fate) {
    constexpr std::string_view names[] = {"lost", "kept", "ordered", "mixed"};
    return names[static_cast<std::size_t>(fate)];
}

// Recovery itself loses power too, after any of its calls.
void crash_recovery(const DiskImage& image, const std::vector<Call>& calls, const Recording& recording,
                    std::size_t position, Chance& chance, Findings& findings) {
    CrashModel model(image);
    const std::size_t stop = chance() % (calls.size() + 1);
    for (std::size_t place = 0; place < stop; ++place) model.apply(calls[place]);
    const Verdict verdict = check(model.crash(Fate::mixed, chance), recording.lives, position, false);
    ++findings.nested_states;
    findings.add(verdict.problem, fmt::format("call {} of the recovery after call {}", stop, position));
}

Findings crash_everywhere(const Recording& recording, std::size_t states, std::uint64_t seed) {
    Findings findings;
    Chance chance(seed);
    CrashModel model({});
    const std::size_t positions = recording.calls.size() + 1;
    for (std::size_t position = 0; position < positions; ++position) {
        if (position > 0) model.apply(recording.calls[position - 1]);
        const std::size_t due = states * (position + 1) / positions;
        const std::size_t here = model.unsynced() == 0 || due <= findings.states ? 1 : due - findings.states;
        for (std::size_t count = 0; count < here; ++count) {
            constexpr Fate fates[] = {Fate::lost, Fate::kept, Fate::mixed, Fate::ordered, Fate::mixed};
            const Fate fate = count < 2 ? fates[count] : fates[2 + count % 3];
            const DiskImage image = model.crash(fate, chance);
            const Verdict verdict = check(image, recording.lives, position, chance() % 8 == 0);
            ++findings.states;
            findings.add(verdict.problem, fmt::format("after call {}, unsynced writes {}", position, name_of(fate)));
            if (!verdict.problem && chance() % 4 == 0)
                crash_recovery(image, verdict.calls, recording, position, chance, findings);
        }
    }
    return findings;
}

std::size_t accepted(const Recording& recording) {
    return static_cast<std::size_t>(
        std::ranges::count_if(recording.lives, [](const auto& entry) { return entry.second.accepted.has_value(); }));
}

void print(std::string_view title, const Recording& recording, const Findings& findings) {
    fmt::print(
        "{}: {} calls, {} messages acknowledged, {} compactions, {} checkpoints; {} crash states and {} crashes of "
        "the recovery; {} problems, {} of them losses\n",
        title, recording.calls.size(), accepted(recording), recording.metrics.compactions,
        recording.metrics.checkpoints, findings.states, findings.nested_states, findings.problems, findings.lost);
}

TEST(PowerCut, LosesNothingAcknowledgedAtAnyCall) {
    SimulatedDisk disk;
    Script script(disk, 20260101);
    script.run(150);
    const Recording recording = script.recording();
    ASSERT_GT(recording.metrics.compactions, 2U);
    ASSERT_GT(recording.metrics.checkpoints, 5U);
    ASSERT_GT(accepted(recording), 100U);
    const Findings findings = crash_everywhere(recording, wanted_states(), 1);
    print("syncs honoured", recording, findings);
    EXPECT_EQ(findings.problems, 0U) << findings.first;
    EXPECT_GE(findings.states, wanted_states());
}

TEST(PowerCut, LosesMailWhenSyncsAreIgnored) {  // the negative control
    SimulatedDisk disk({}, Syncs::ignored);
    Script script(disk, 20260101);
    script.run(60);
    const Recording recording = script.recording();
    const Findings findings = crash_everywhere(recording, 500, 2);
    print("syncs ignored", recording, findings);
    EXPECT_GT(findings.lost, 50U);
}

TEST(PowerCut, MissesContentsWhenSyncsOfTheFolderAreIgnored) {  // the negative control
    SimulatedDisk disk({}, Syncs::of_folder_ignored);
    Script script(disk, 20260101);
    script.run(60);
    const Recording recording = script.recording();
    const Findings findings = crash_everywhere(recording, 500, 3);
    print("syncs of the folder ignored", recording, findings);
    EXPECT_GT(findings.problems, 50U);
}

// Fails about one call in `rarity`, and the `length` - 1 calls after it.
class Faults {
 public:
    Faults(SimulatedDisk& disk, std::uint64_t seed, unsigned rarity, unsigned length)
        : disk_(disk), chance_(seed), rarity_(rarity), length_(length) {}

    std::optional<Error> operator()(const Call& call) {
        const bool may_fail = call.kind == Call::Kind::sync || call.kind == Call::Kind::write ||
                              call.kind == Call::Kind::sync_folder || length_ > 1;
        if (!may_fail || disk_.calls().size() < 60) return std::nullopt;
        if (left_ == 0 && chance_() % rarity_ == 0) left_ = length_ == 1 ? 1 : 1 + chance_() % length_;
        if (left_ == 0) return std::nullopt;
        --left_;
        ++count;
        return Error{chance_() % 4 == 0 ? ErrorKind::full : ErrorKind::io, "simulated fault"};
    }

    std::size_t count = 0;

 private:
    SimulatedDisk& disk_;
    Chance chance_;
    unsigned rarity_, length_;
    std::uint64_t left_ = 0;
};

// Runs scripts on a failing disk, restarts included, then crashes them everywhere. The number of faults.
std::size_t survive_faults(unsigned rarity, unsigned length, Script::Refusal refusal) {
    std::size_t count = 0;
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        SimulatedDisk disk;
        Faults faults(disk, seed, rarity, length);
        disk.set_fault(std::ref(faults));
        Script script(disk, seed);
        script.run_with_faults(80, refusal);
        disk.set_fault(nullptr);
        const Recording recording = script.recording();
        const Findings findings = crash_everywhere(recording, wanted_states() / 20, seed);
        print(fmt::format("{} faults, seed {}", faults.count, seed), recording, findings);
        EXPECT_EQ(findings.problems, 0U) << findings.first;
        count += faults.count;
    }
    return count;
}

// Security row R4: a sync that fails once leaves nothing acknowledged that was not written anew.
TEST(PowerCut, LosesNothingAfterSingleFaults) { EXPECT_GT(survive_faults(60, 1, Script::Refusal::certain), 50U); }

TEST(PowerCut, LosesNothingWhenTheDiskFailsForAWhile) {
    EXPECT_GT(survive_faults(150, 40, Script::Refusal::doubtful), 200U);
}

}  // namespace
}  // namespace relevo::simulation
