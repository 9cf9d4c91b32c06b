// What was begun with a stranger and not finished: each may be finished once, in time, and all of it is bounded.
#pragma once

#include "core/ports/task.h"

#include <algorithm>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace relevo {

// `Entry` has the members `network`, of the peer, and `ends`, a Deadline, and the constant `lifetime`; `key` is the
// member by which it is found. Threads: one at a time.
template <class Entry, std::string Entry::* key>
class Pending {
 public:
    static constexpr auto lifetime = Entry::lifetime;
    static constexpr std::size_t limit = 10'000, limit_of_network = 200;

    // Adds one, its ends set. The oldest of the same network gives way if that has too many. False: there is no room.
    bool add(Entry entry, Deadline now) {
        while (!in_order_.empty() && in_order_.front().ends <= now) remove(in_order_.begin());
        const auto count = of_network_.find(entry.network);
        if (count != of_network_.end() && count->second >= limit_of_network)
            remove(std::ranges::find(in_order_, entry.network, &Entry::network));
        if (in_order_.size() >= limit) return false;
        entry.ends = now + lifetime;
        ++of_network_[entry.network];
        const Place place = in_order_.insert(in_order_.end(), std::move(entry));
        by_key_.emplace((*place).*key, place);
        return true;
    }

    // Takes it out, whatever becomes of it. Nothing: never begun, finished, or too old.
    [[nodiscard]] std::optional<Entry> take(std::string_view wanted, Deadline now) {
        const auto found = by_key_.find(std::string(wanted));
        if (found == by_key_.end()) return std::nullopt;
        std::optional<Entry> taken = *found->second;
        remove(found->second);
        if (taken->ends <= now) return std::nullopt;
        return taken;
    }

    [[nodiscard]] std::size_t size() const { return in_order_.size(); }

 private:
    using Place = typename std::list<Entry>::iterator;
    void remove(Place place) {
        const auto count = of_network_.find(place->network);
        if (count != of_network_.end() && --count->second == 0) of_network_.erase(count);
        by_key_.erase((*place).*key);
        in_order_.erase(place);
    }

    std::list<Entry> in_order_;  // oldest first
    std::unordered_map<std::string, Place> by_key_;
    std::unordered_map<std::string, std::size_t> of_network_;
};

}  // namespace relevo
