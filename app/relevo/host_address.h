// The address of a host, as the system finds it: for commands, which may wait.
#pragma once

#include "core/routing/egress.h"
#include "lib/base/result.h"
#include "lib/dns/record.h"

#include <string>

namespace relevo {

// A name or an address. An address that `source` (null: the system's choice) can reach. Errors: not_found – the name
// has none. invalid – the source cannot reach it.
[[nodiscard]] Result<dns::IpAddress> resolve_host(const std::string& host, const EgressSource* source = nullptr);

}  // namespace relevo
