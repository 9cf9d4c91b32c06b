// What a server tracks, and how.
#pragma once

#include "core/tenancy/model.h"
#include "lib/tracking/machine_rules.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace relevo {

enum class TrackedStreams : std::uint8_t { all, bulk, transactional };
// How much of a reader's address is kept.
enum class KeptAddress : std::uint8_t {
    full,
    network,  // /24 of IPv4, /48 of IPv6
    none,
};

struct TrackingOptions {
    Tracked of_all;                                // mail of domains that do not say
    TrackedStreams streams = TrackedStreams::all;  // mail of others only if it asks for it itself
    // Where links go: "https://links.example.com", without a final slash; a domain's own host takes scheme and port
    // from it. Empty: nothing is tracked.
    std::string base_url;
    KeptAddress address = KeptAddress::network;
    std::chrono::seconds repeat_window{600};  // the same again within it is one event
    std::chrono::days keep_links{365};        // after the last mail with them
    std::shared_ptr<const tracking::MachineRules> rules;
};

}  // namespace relevo
