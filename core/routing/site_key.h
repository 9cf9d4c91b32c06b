// Destinations with the same mail servers are one site.
#pragma once

#include "core/routing/route.h"

#include <string>
#include <vector>

namespace relevo {

// The name of the site: "mx.example.net" for one host, "(mx1|mx2).example.net" for several with a common end,
// "route:office" for a route to a host of its own. A rule of a certain route is a site of its own, "…#acme": its
// demands for TLS may differ. `hosts`: in any order. One set of hosts has one key, and no other set has it.
[[nodiscard]] std::string site_key(const Route& route, std::vector<std::string> hosts);

}  // namespace relevo
