// Questions to the DNS. Implemented by adapters/resolver (libunbound) and adapters/memory (a table).
#pragma once

#include "core/ports/task.h"
#include "lib/dns/record.h"

namespace relevo {

// Threads: each shard has its own view; call on that shard.
class Resolver {
 public:
    virtual ~Resolver() = default;
    // `name` in ASCII. An empty Answer means: no such record. Errors: temporary – no server answered, SERVFAIL, or
    // bogus DNSSEC (detail says which); timeout; invalid – malformed name. Never turns a fault into "does not exist".
    virtual Task<Result<dns::Answer>> query(std::string name, dns::RecordType type, Deadline deadline) = 0;
};

}  // namespace relevo
