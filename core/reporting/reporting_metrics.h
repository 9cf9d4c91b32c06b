// Numbers about reports.
#pragma once

#include "core/ports/metrics.h"

namespace relevo {

struct ReportingMetrics {
    explicit ReportingMetrics(Metrics& metrics);
    Counter &counted, &merged, &dropped;  // messages, into rows of reports to others
    Counter &sent, &not_wanted, &failed;  // reports to others
    Counter &received, &repeated, &damaged, &skipped, &foreign, &domain_full, &full;  // reports from others
};

}  // namespace relevo
