// The names of an address, and whether they lead back to it (RFC 8601 §3, "iprev").
#pragma once

#include "core/ports/resolver.h"
#include "lib/dns/record.h"

#include <string>
#include <vector>

namespace relevo::setup {

struct AddressNames {
    std::vector<std::string> names;      // of its PTR records
    std::vector<std::string> confirmed;  // those of the first five that have the address in turn
};

// Errors: what the PTR question met; a name that cannot be looked up is not confirmed.
Task<Result<AddressNames>> names_of_address(Resolver& resolver, dns::IpAddress address, Deadline deadline);

// A and AAAA records. Errors: of the first question that failed.
Task<Result<std::vector<dns::IpAddress>>> addresses_of_host(Resolver& resolver, std::string host, Deadline deadline);

}  // namespace relevo::setup
