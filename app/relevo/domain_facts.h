// What the store and the configuration know about a domain, for the plan of its DNS records.
#pragma once

#include "app/configuration/configuration.h"
#include "core/ports/database.h"
#include "core/setup/facts.h"
#include "core/tenancy/model.h"

namespace relevo {

// Without the addresses that mail leaves from, which only the DNS may know. Threads: the reader's.
[[nodiscard]] Result<setup::DomainFacts> domain_facts(Reader& reader, const Domain& domain,
                                                      const Configuration& configuration);

}  // namespace relevo
