// Where mail leaves from: from the configuration file's words to the table that routing uses, and what can be known of
// it beforehand.
#pragma once

#include "app/configuration/configuration.h"
#include "core/delivery/drained_sources.h"
#include "core/routing/egress.h"
#include "core/setup/server_checks.h"
#include "core/tenancy/directory.h"

#include <memory>
#include <vector>

namespace relevo {

// The sources and pools of the file, after the built-in ones. Tenants are named there; one that the directory does not
// know (yet) makes its pool fit nobody. Sources are drained if the file says so, or one of `drains`.
[[nodiscard]] std::shared_ptr<const EgressTable> egress_table(const Configuration& configuration,
                                                              const Directory& directory, const Drains& drains);

// One source by itself; its ehlo_name must be filled in.
[[nodiscard]] EgressSource egress_source(const SourceSettings& settings);

// Whether this machine has every address that a source without a proxy sends from. Errors: as
// net::check_local_address(); the detail names the setting and its place in the file.
[[nodiscard]] Result<void> check_local_addresses(const Configuration& configuration);

// For the checks of this server's names: each source that mail can leave from.
[[nodiscard]] std::vector<setup::SourceFacts> source_facts(const Configuration& configuration);

}  // namespace relevo
