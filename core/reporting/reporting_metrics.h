// Numbers about reports.
#pragma once

#include "core/ports/metrics.h"
#include "core/reporting/report_kind.h"

namespace relevo {

struct ReportingMetrics {
    explicit ReportingMetrics(Metrics& metrics);
    struct OfKind {
        Counter &counted, &merged, &dropped;  // messages or sessions, into rows of reports to others
        Counter &sent, &not_wanted, &failed;  // reports to others
    };
    [[nodiscard]] OfKind& of(ReportKind kind) { return kind == ReportKind::tls ? tls : dmarc; }
    OfKind dmarc, tls;
    Counter &received, &repeated, &damaged, &skipped, &foreign, &domain_full, &full;  // reports from others
};

}  // namespace relevo
