// Questions to the DNS. Both ports are implemented by adapters/resolver (libunbound) and adapters/memory (a table).
#pragma once

#include "core/ports/task.h"
#include "lib/dns/inquiry.h"
#include "lib/dns/record.h"

#include <memory>
#include <string>
#include <vector>

namespace relevo {

// Threads: each shard has its own view; call on that shard.
class Resolver {
 public:
    virtual ~Resolver() = default;
    // `name` in ASCII. An empty Answer means: no such record. Errors: temporary – no server answered, SERVFAIL, or
    // bogus DNSSEC (detail says which); timeout; invalid – malformed name. Never turns a fault into "does not exist".
    virtual Task<Result<dns::Answer>> query(std::string name, dns::RecordType type, Deadline deadline) = 0;
};

// Runs an inquiry to its end with answers of the resolver. Questions that are open at the deadline, and all later ones,
// are answered with timeout.
template <class T>
Task<T> resolve(Resolver& resolver, dns::Inquiry<T> inquiry, Deadline deadline) {
    while (const dns::Question* question = inquiry.next())
        inquiry.answer(co_await resolver.query(question->name, question->type, deadline));
    co_return std::move(inquiry).take();
}

// Asks the servers of a zone themselves, past every cache: what they say is what the zone's owner published.
class ZoneServers {
 public:
    virtual ~ZoneServers() = default;
    // A resolver whose questions about `zone` and names below it go to `servers` alone; others go where all questions
    // go. It remembers answers as any resolver does: use it for one look and let it go.
    // Threads: the shard that made it. Errors: invalid – `zone` is malformed; io.
    virtual Result<std::unique_ptr<Resolver>> ask_at(Shard& shard, std::string zone,
                                                     std::vector<dns::IpAddress> servers) = 0;
};

}  // namespace relevo
