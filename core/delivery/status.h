// How deliveries stand, for people: what `queue why`, `queue top` and `site show` tell.
#pragma once

#include "core/queue/entry.h"
#include "core/shaping/throttle.h"

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace relevo {

// What a throttle refuses now: "google", "mx1", and why.
struct Hindered {
    std::string by;
    std::string source;
    shaping::Permission permission;
};

struct DestinationStatus {
    std::string key;
    std::string route;
    std::string site;      // empty: its mail servers are not known yet
    std::string provider;  // of the site; empty: nobody's that we know
    std::size_t ready = 0, waiting = 0, active = 0;
    std::uint32_t connections = 0;  // to its site
    std::uint32_t connection_limit = 0;
    bool suspended = false;
    bool site_suspended = false;
    bool is_sought = false;     // its mail servers are being looked up, or it waits for that
    bool lacks_source = false;  // something is due, and all sources that it could leave from are drained
    std::string last_problem;
    std::optional<WallClock::time_point> next_connection;  // backing off until then
    std::optional<Hindered> hindered;                      // if something is ready
};

// What goes to a site from one source.
struct LaneStatus {
    std::string source;
    std::size_t ready = 0;
    std::uint32_t connections = 0;
    std::uint32_t connection_limit = 0;
    std::string last_problem;
    std::optional<WallClock::time_point> next_connection;
    std::optional<Hindered> hindered;  // if something is ready
    shaping::Limits limits;
    shaping::ThrottleStatus throttle;  // shared with the other sites of the provider
};

struct SiteStatus {
    std::string key;
    std::string shaping_key;  // "provider:google"
    std::string provider;
    std::string domain;  // of one of its destinations
    std::vector<std::string> hosts;
    std::size_t destinations = 0;                    // that lead there
    std::size_t ready = 0, waiting = 0, active = 0;  // of these
    bool suspended = false;
    std::vector<LaneStatus> lanes;
};

// One recipient that waits for its turn.
struct Standing {
    std::string source;
    std::size_t before = 0;  // of the same tenant and kind
    std::size_t ready = 0;   // in all, from this source to this site
    std::uint32_t connections = 0;
    std::uint32_t connection_limit = 0;
    bool no_connection_left = false;  // those of the whole server are in use
    std::string last_problem;
    std::optional<WallClock::time_point> next_connection;
    std::optional<Hindered> hindered;
    std::optional<Hindered> of_tenant;  // what limits its tenant alone; `source` is the tenant then
    std::uint32_t weight = 1;           // turns of its tenant in a round
    std::size_t tenants = 0;            // that take turns there
};

struct FlowTally {
    MailFlow flow;
    std::size_t ready = 0, waiting = 0;
    MessageId oldest;
};
struct QueueTally {
    std::vector<FlowTally> flows;
    std::map<std::string, MessageId> oldest;  // by destination
};

// What is known of a path, in use or not.
struct ThrottleReport {
    std::string source;
    std::string shaping_key;
    shaping::ThrottleStatus status;
    shaping::Limits limits;
};

// What outlives the process.
struct KeptThrottle {
    std::string source;
    std::string shaping_key;
    shaping::ThrottleState state;
};
struct ThrottleChanges {
    std::vector<KeptThrottle> changed;
    std::vector<std::pair<std::string, std::string>> forgotten;  // source and shaping key
};

}  // namespace relevo
