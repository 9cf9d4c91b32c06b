// Sends the reports of days that are over: aggregate reports to those whom the domains' owners name (RFC 9990 §3.5,
// §4), TLS reports by its TlsReportSender.
#pragma once

#include "core/ports/resolver.h"
#include "core/reporting/report_outbox.h"
#include "core/reporting/tls_report_sender.h"
#include "lib/authreports/report_mail.h"
#include "lib/mailauth/dmarc_discovery.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace relevo {

// Threads: one shard's.
class ReportSender {
 public:
    struct Ports {
        Resolver& resolver;
        Committer& committer;
        Log& log;
        ReportOutbox& outbox;
        TlsReportSender& tls;
        std::function<WallClock::time_point()> now;
        std::function<bool()> is_stopping;  // asked before each report
    };
    explicit ReportSender(Ports ports) : ports_(std::move(ports)) {}

    // Sends what waits of the days from `first_day` to before `before_day`, of the kinds that are switched on. A fault
    // of the DNS leaves a report waiting; so may a stop or a crash: what was sent is never sent again. Errors: of the
    // store.
    Task<Result<void>> send(std::int64_t first_day, std::int64_t before_day,
                            std::shared_ptr<const ReportOptions> options);

    // A destination's DNS that does not answer may hold up a report this long after its day; then the others get it.
    static constexpr std::chrono::hours patience_with_destinations{6};
    // And the record's own DNS this long.
    static constexpr std::chrono::hours patience_with_records{48};

 private:
    struct Destinations;
    Task<Result<void>> send_one(OutgoingReport report, std::shared_ptr<const ReportOptions> options);
    Task<Destinations> destinations_of(std::string policy_domain, std::vector<mailauth::ReportUri> uris);
    Task<Result<void>> submit(OutgoingReport report, authreports::AggregateReport described, Destinations destinations,
                              std::shared_ptr<const ReportOptions> options);
    Ports ports_;
};

}  // namespace relevo
