// Sends a TLS report about a day that is over to those whom the domain's owner names (RFC 8460 §3, §5).
#pragma once

#include "core/ports/resolver.h"
#include "core/ports/web_pages.h"
#include "core/reporting/report_outbox.h"
#include "lib/authreports/tls_report.h"

#include <memory>
#include <string>
#include <vector>

namespace relevo {

// The TLS reporting record among all TXT records at _smtp._tls.DOMAIN. §3: if there is not exactly one, or it cannot be
// read, the domain wants no reports. Errors: not_found, conflict, invalid; detail for people.
[[nodiscard]] Result<authreports::TlsReportingRecord> choose_tls_reporting_record(
    const std::vector<std::string>& texts);

// Threads: one shard's.
class TlsReportSender {
 public:
    struct Ports {
        Resolver& resolver;
        WebPages* pages;  // nullptr: https: addresses cannot be used
        Committer& committer;
        ReportOutbox& outbox;
        std::function<WallClock::time_point()> now;
    };
    explicit TlsReportSender(Ports ports) : ports_(std::move(ports)) {}

    // One attempt: it is mailed to its mailto: addresses at once, and posted to its https: pages; those that do not
    // take it are tried again with the next attempt. Errors: of the store.
    Task<Result<void>> send(OutgoingReport report, std::shared_ptr<const ReportOptions> options);

    // The record's DNS may hold up a report this long after its day.
    static constexpr std::chrono::hours patience_with_records{48};
    // And a page that does not take it this long: §5.5 asks for 24 hours.
    static constexpr std::chrono::hours patience_with_pages{24};
    static constexpr std::size_t destination_limit = 10;
    static constexpr std::chrono::seconds post_time_limit{20};

 private:
    struct Destinations;
    struct Written;
    [[nodiscard]] static Destinations destinations_of(const authreports::TlsReportingRecord& record,
                                                      const OutgoingReport& report);
    Task<Result<Written>> write(OutgoingReport report, std::shared_ptr<const ReportOptions> options,
                                std::vector<std::string> recipients);
    struct Posted {
        std::size_t count = 0;
        std::string problem;  // of one that did not take it
    };
    Task<Result<Posted>> post_to_all(OutgoingReport report, std::vector<std::string> pages, std::string packed,
                                     std::shared_ptr<const ReportOptions> options);
    Task<std::string> post(std::string page, std::string report, bool allow_private);
    Ports ports_;
};

}  // namespace relevo
