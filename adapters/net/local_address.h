// Whether connections can be made from an address.
#pragma once

#include "lib/base/result.h"
#include "lib/dns/record.h"

namespace relevo::net {

// Binds a socket to `address` and lets it go. Errors: not_found – this machine has no such address (an IPv6 one that is
// still being tried out counts as none). full, io – the system refuses for another reason.
[[nodiscard]] Result<void> check_local_address(const dns::IpAddress& address);

}  // namespace relevo::net
