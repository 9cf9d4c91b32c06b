// What no single setting can tell: contradictions, duplicates, things that must come in pairs.
#pragma once

#include "app/configuration/configuration.h"
#include "app/configuration/problems.h"

namespace relevo::configuration {

// Also brings names into their canonical spelling and names listeners that have no name.
void validate(Configuration& configuration, Problems& problems);

// Parts of validate(), each in a file of its own.
void check_egress(Configuration& configuration, Problems& problems);
void check_acme(Configuration& configuration, Problems& problems);
void check_oidc(Configuration& configuration, Problems& problems);

// Brings a domain name into its canonical spelling.
void check_domain(std::string& name, const std::string& path, Problems& problems);
// The same for "example.com", ".example.com" and "*".
void check_domain_patterns(std::vector<std::string>& patterns, const std::string& path, Problems& problems);

// Checks that named files can be read, and reads secrets from theirs.
void resolve_files(Configuration& configuration, const Environment& environment, Problems& problems);

}  // namespace relevo::configuration
