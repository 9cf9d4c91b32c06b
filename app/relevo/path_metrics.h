// Metrics of sites and sources, made when they are asked for: which sites there are changes by the minute.
#pragma once

#include "core/delivery/status.h"
#include "core/routing/egress.h"

#include <string>
#include <vector>

namespace relevo {

// So many sites, those with most mail, have series of their own; the sum of the others is the site "other".
inline constexpr std::size_t sites_with_metrics = 20;

// In the exposition format of Prometheus, 0.0.4. The sources are all of `egress`, with mail or without.
[[nodiscard]] std::string path_metrics(std::vector<SiteStatus> sites, const EgressTable& egress);

}  // namespace relevo
