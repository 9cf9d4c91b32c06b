#include "core/signing/rotation.h"

#include <algorithm>

namespace relevo {
namespace {

using mailauth::SigningAlgorithm;

bool is_waiting(const KeyRow& key) { return key.state == KeyState::next || key.state == KeyState::published; }

bool has_waiting(std::span<const KeyRow> keys, SigningAlgorithm algorithm) {
    return std::ranges::any_of(keys, [&](const KeyRow& key) { return key.algorithm == algorithm && is_waiting(key); });
}

bool has_active(std::span<const KeyRow> keys, SigningAlgorithm algorithm) {
    return std::ranges::any_of(
        keys, [&](const KeyRow& key) { return key.algorithm == algorithm && key.state == KeyState::active; });
}

// The state that the DNS alone gives a key which waits.
KeyState seen_state(const KeyRow& key) {
    if (key.state == KeyState::next && key.presence == Presence::present) return KeyState::published;
    const bool is_gone = key.presence == Presence::absent || key.presence == Presence::different;
    if (key.state == KeyState::published && is_gone) return KeyState::next;
    return key.state;
}

bool is_ready(const KeyRow& key) { return seen_state(key) == KeyState::published; }

bool has_ready(std::span<const KeyRow> keys, SigningAlgorithm algorithm) {
    return std::ranges::any_of(keys, [&](const KeyRow& key) { return key.algorithm == algorithm && is_ready(key); });
}

// Whether every algorithm that signs now, and shall sign on, has its successor in the DNS, or none to wait for: a key
// that was imported, or made while another had not begun to sign, must not wait for a partner that nobody makes.
bool may_switch(std::span<const KeyRow> keys, const RotationOptions& options, bool is_due) {
    return std::ranges::all_of(options.algorithms, [&](SigningAlgorithm algorithm) {
        const bool has_no_partner = !is_due && !has_waiting(keys, algorithm);
        return !has_active(keys, algorithm) || has_ready(keys, algorithm) || has_no_partner;
    });
}

bool may_retire(std::span<const KeyRow> keys, SigningAlgorithm algorithm, const RotationOptions& options) {
    const bool is_wanted = std::ranges::find(options.algorithms, algorithm) != options.algorithms.end();
    return !is_wanted || has_ready(keys, algorithm);
}

KeyState next_state(std::span<const KeyRow> keys, const KeyRow& key, bool switches, const RotationOptions& options,
                    WallClock::time_point now) {
    switch (key.state) {
        case KeyState::next:
        case KeyState::published:
            if (!is_ready(key)) return seen_state(key);
            // An algorithm that did not sign so far replaces nothing and need not wait.
            return switches || !has_active(keys, key.algorithm) ? KeyState::active : KeyState::published;
        case KeyState::active:
            return switches && may_retire(keys, key.algorithm, options) ? KeyState::retiring : KeyState::active;
        case KeyState::retiring:
            return now >= key.retired_at + options.keep_published ? KeyState::withdrawn : KeyState::retiring;
        case KeyState::withdrawn: return KeyState::withdrawn;
    }
    return key.state;
}

bool is_due(std::span<const KeyRow> keys, const RotationOptions& options, WallClock::time_point now) {
    if (options.interval.count() == 0) return false;
    WallClock::time_point newest{};
    for (const KeyRow& key : keys)
        if (key.state == KeyState::active) newest = std::max(newest, key.activated_at);
    return newest != WallClock::time_point{} && now >= newest + options.interval;
}

}  // namespace

RotationPlan plan_rotation(std::span<const KeyRow> keys, const RotationOptions& options, WallClock::time_point now) {
    RotationPlan plan;
    const bool due = is_due(keys, options, now);
    const bool any_ready = std::ranges::any_of(keys, is_ready);
    const bool switches = any_ready && may_switch(keys, options, due);
    for (const KeyRow& key : keys)
        if (const KeyState to = next_state(keys, key, switches, options, now); to != key.state)
            plan.moves.push_back({key, to});
    for (const SigningAlgorithm algorithm : options.algorithms)
        if (!has_waiting(keys, algorithm) && (due || !has_active(keys, algorithm))) plan.new_keys.push_back(algorithm);
    return plan;
}

std::vector<SigningAlgorithm> keys_for_rotation(std::span<const KeyRow> keys, const RotationOptions& options) {
    std::vector<SigningAlgorithm> wanted;
    for (const SigningAlgorithm algorithm : options.algorithms)
        if (!has_waiting(keys, algorithm)) wanted.push_back(algorithm);
    return wanted;
}

}  // namespace relevo
