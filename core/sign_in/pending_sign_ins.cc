#include "core/sign_in/pending_sign_ins.h"

#include <algorithm>

namespace relevo {

void PendingSignIns::remove(Place place) {
    const auto count = of_network_.find(place->network);
    if (count != of_network_.end() && --count->second == 0) of_network_.erase(count);
    by_state_.erase(place->state);
    in_order_.erase(place);
}

bool PendingSignIns::add(PendingSignIn pending, Deadline now) {
    while (!in_order_.empty() && in_order_.front().ends <= now) remove(in_order_.begin());
    const auto count = of_network_.find(pending.network);
    if (count != of_network_.end() && count->second >= limit_of_network)
        remove(std::ranges::find(in_order_, pending.network, &PendingSignIn::network));
    if (in_order_.size() >= limit) return false;
    pending.ends = now + lifetime;
    ++of_network_[pending.network];
    const Place place = in_order_.insert(in_order_.end(), std::move(pending));
    by_state_.emplace(place->state, place);
    return true;
}

std::optional<PendingSignIn> PendingSignIns::take(std::string_view state, Deadline now) {
    const auto found = by_state_.find(std::string(state));
    if (found == by_state_.end()) return std::nullopt;
    std::optional<PendingSignIn> taken = *found->second;
    remove(found->second);
    if (taken->ends <= now) return std::nullopt;
    return taken;
}

}  // namespace relevo
