// What no single setting can tell: contradictions, duplicates, things that must come in pairs.
#pragma once

#include "app/configuration/configuration.h"
#include "app/configuration/problems.h"

namespace relevo::configuration {

// Also brings names into their canonical spelling and names listeners that have no name.
void validate(Configuration& configuration, Problems& problems);

// Checks that named files can be read, and reads secrets from theirs.
void resolve_files(Configuration& configuration, const Environment& environment, Problems& problems);

}  // namespace relevo::configuration
