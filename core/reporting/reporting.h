// Reports of both directions: what the app wires up, asks every minute, and passes commands to.
#pragma once

#include "core/reporting/report_reader.h"
#include "core/reporting/report_sender.h"
#include "core/reporting/result_counts.h"
#include "core/reporting/tls_report_wishes.h"

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

namespace relevo {

// Threads: its shard's, except where it says otherwise.
class Reporting {
 public:
    struct Ports {
        Shard& shard;
        Resolver& resolver;
        Committer& committer;
        Spool& spool;
        MessageIdSource& ids;
        Log& log;
        Metrics& metrics;
        std::function<void(std::shared_ptr<const Message>)> accepted;
        std::function<std::string(std::string content, std::string_view domain)> sign;  // as ReportOutbox::Ports
        // Whether reports about a domain (A-labels, lower case) are kept: others are forged or gone astray.
        std::function<bool(std::string_view domain)> is_ours;
        std::function<WallClock::time_point()> now = [] { return WallClock::now(); };
        // Reports of a day go out this long after its end, so that not all of the world's do in the same second.
        std::chrono::seconds delay_after_midnight{0};
        CountLimits counts;
        ReceivedLimits received;
        WebPages* pages = nullptr;  // that TLS reports are posted to; nullptr: none are
    };
    Reporting(Ports ports, std::shared_ptr<const ReportOptions> options);

    // A message from outside was checked and answered; counts it if reports are sent. Threads: any; takes microseconds.
    void message_checked(const Findings& findings, const dns::IpAddress& client, const mail::Envelope& envelope,
                         mailauth::DmarcPolicy applied);
    // TLS with a mail server of a domain was tried; counts it if TLS reports are sent. Threads: any; takes
    // microseconds.
    void tls_session(const TlsSession& session);
    // A message was accepted; reads it, later and elsewhere, if it came to a report address. Threads: any.
    void message_accepted(std::shared_ptr<const Message> message);
    // Threads: any.
    void set_options(std::shared_ptr<const ReportOptions> options) { options_ = std::move(options); }

    // Once a minute: writes what was counted, sends what is due, forgets what is old.
    Task<> round();
    // Sends what waits of one day (days since 1970, UTC) in the background. Returns how many reports that is. Errors:
    // invalid – that day is not over; refused – sending is switched off; conflict – reports are being sent.
    Task<Result<std::int64_t>> send_day(std::int64_t day);
    [[nodiscard]] bool is_sending() const { return sending_; }
    // Before the store stops: writes what was counted; begins no more reports.
    Task<> finish();

 private:
    Task<Result<void>> flush();
    Task<Result<void>> flush(ResultCounts& counts, std::vector<CountedRow> rows, ReportingMetrics::OfKind& counters);
    Task<> send(std::int64_t first_day, std::int64_t before_day);
    Task<> take(std::shared_ptr<const Message> message);
    Task<> keep(std::shared_ptr<const Message> message, ReadReports read);
    void tell(const Message& message, const ReceivedReport& report, Stored stored);
    Task<> forget_old();
    [[nodiscard]] bool is_for_reports(const mail::Envelope& envelope, const ReportOptions& options) const;

    Ports ports_;
    ReportingMetrics metrics_;
    std::atomic<std::shared_ptr<const ReportOptions>> options_;
    ResultCounts counts_;    // of messages
    ResultCounts sessions_;  // of TLS
    TlsReportWishes wishes_;
    ReportOutbox outbox_;
    TlsReportSender tls_sender_;
    ReportSender sender_;
    bool sending_ = false;
    bool stopping_ = false;
    std::optional<WallClock::time_point> last_sending_;
    ReportReader reader_;  // last: it ends first
};

}  // namespace relevo
