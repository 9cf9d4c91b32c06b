// Sign-ins that were begun and not finished.
#pragma once

#include "core/ports/task.h"
#include "core/tenancy/secret.h"
#include "lib/dns/record.h"

#include <chrono>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace relevo {

struct PendingSignIn {
    std::string provider, issuer;
    std::string state, nonce, code_verifier;
    std::string browser;         // what its cookie holds
    std::string former_session;  // token of the session that the browser had; it ends
    std::string network;         // of the peer
    Deadline ends;
};

// Each may be finished once, by the browser that began it. Threads: one shard's.
class PendingSignIns {
 public:
    static constexpr std::chrono::minutes lifetime{10};
    static constexpr std::size_t limit = 10'000, limit_of_network = 200;

    // Adds one, its ends set. The oldest of the same network gives way if that has too many. False: there is no room.
    bool add(PendingSignIn pending, Deadline now);
    // Takes it out, whatever becomes of it. Nothing: never begun, finished, or too old.
    [[nodiscard]] std::optional<PendingSignIn> take(std::string_view state, Deadline now);
    [[nodiscard]] std::size_t size() const { return in_order_.size(); }

 private:
    using Place = std::list<PendingSignIn>::iterator;
    void remove(Place place);

    std::list<PendingSignIn> in_order_;  // oldest first
    std::unordered_map<std::string, Place> by_state_;
    std::unordered_map<std::string, std::size_t> of_network_;
};

}  // namespace relevo
