// Sends the aggregate reports of days that are over to those whom the domains' owners name (RFC 9990 §3.5, §4).
#pragma once

#include "core/ports/log.h"
#include "core/ports/resolver.h"
#include "core/reporting/outgoing_rows.h"
#include "core/reporting/report_options.h"
#include "core/reporting/reporting_metrics.h"
#include "core/spool/spool.h"
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
        Spool& spool;
        MessageIdSource& ids;
        Log& log;
        ReportingMetrics& metrics;
        // What happens next with a report that is safe.
        std::function<void(std::shared_ptr<const Message>)> accepted;
        // Signs the mail as any other mail from `domain`; consumers count only reports whose author passes DMARC.
        // nullptr: it goes as it is.
        std::function<std::string(std::string content, std::string_view domain)> sign;
        std::function<WallClock::time_point()> now;
        std::function<bool()> is_stopping;  // asked before each report
    };
    explicit ReportSender(Ports ports) : ports_(std::move(ports)) {}

    // Sends what waits of the days from `first_day` to before `before_day`. A fault of the DNS leaves a report waiting;
    // so may a stop or a crash: what was sent is never sent again. Errors: of the store.
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
    Task<Result<void>> close(OutgoingReport report, ReportState state, std::string reason);
    Task<Result<void>> delay(OutgoingReport report, std::string reason);
    Task<Result<void>> submit(OutgoingReport report, authreports::AggregateReport described, Destinations destinations,
                              std::shared_ptr<const ReportOptions> options);
    Ports ports_;
};

}  // namespace relevo
