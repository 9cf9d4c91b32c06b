// Whether all name servers of a zone publish a record: what an authority sees that asks any of them (RFC 8555 §8.4).
#pragma once

#include "core/setup/dns_view.h"

#include <chrono>
#include <string>
#include <vector>

namespace relevo::setup {

struct TextRecord {
    std::string name;   // A-labels, lower case
    std::string value;  // its strings joined
};

struct PublicationOptions {
    bool allow_private_addresses = false;  // of name servers
    Deadline deadline = no_deadline;       // no look begins after it; one that has begun may take some questions' time
    std::chrono::milliseconds first_pause{1000};  // between looks; twice as long each time, ten seconds at most
};

// What the last look has found. The record is out when both lists are empty.
struct Publication {
    std::string name;                  // that must have the record: where CNAMEs led
    std::vector<std::string> lacking;  // servers that answered without it
    std::vector<std::string> silent;   // servers that could not be asked, or why there are none, with the reason
    [[nodiscard]] bool is_complete() const { return lacking.empty() && silent.empty(); }
};

// Asks each server of the zone again and again until all have the record, or until the deadline; once at least. The
// zone is found anew for each look, and no answer is remembered from one look to the next: what was missing a moment
// ago may be there now. CNAMEs of the name are followed, eight at most, to the zone where they lead. Threads: the
// shard's; all three ports must live until the end.
Task<Publication> wait_for_publication(Shard& shard, Resolver& resolver, ZoneServers& zone_servers, TextRecord record,
                                       PublicationOptions options);

}  // namespace relevo::setup
