// What happens with one report that is due, of whatever kind: it goes out as mail, is put off, or is done with.
#pragma once

#include "core/ports/log.h"
#include "core/reporting/outgoing_rows.h"
#include "core/reporting/report_options.h"
#include "core/reporting/reporting_metrics.h"
#include "core/spool/spool.h"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace relevo {

// Of a day since 1970 in UTC.
[[nodiscard]] std::chrono::sys_seconds begin_of_day(std::int64_t day);
[[nodiscard]] std::string date_of_day(std::int64_t day);  // "2027-01-31"
// The same for the same report, so that a second attempt is known as one (RFC 9990 §3.5.2, RFC 8460 §5.1).
[[nodiscard]] std::string id_of(const OutgoingReport& report);

// Threads: one shard's.
class ReportOutbox {
 public:
    struct Ports {
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
    };
    explicit ReportOutbox(Ports ports) : ports_(std::move(ports)) {}

    enum class Afterwards : std::uint8_t { closed, open };  // whether the report is done with once its mail is safe
    struct Mailing {
        OutgoingReport report;
        MessageId id;
        std::string content;
        std::vector<std::string> recipients;  // addresses
        std::size_t rows = 0;                 // for people
        Afterwards afterwards = Afterwards::closed;
    };
    [[nodiscard]] MessageId next_id(std::size_t recipients) { return ports_.ids.next(ports_.now(), recipients); }
    // What was sent is written in the transaction that accepts the mail, so a crash neither loses a report nor sends it
    // twice. Errors (of all these): of the store; conflict – the report is closed already.
    Task<Result<void>> mail(Mailing mailing, std::shared_ptr<const ReportOptions> options);
    Task<Result<void>> note_posted(OutgoingReport report, std::string page);
    Task<Result<void>> close(OutgoingReport report, ReportState state, std::string reason);
    Task<Result<void>> delay(OutgoingReport report, std::string reason);

 private:
    Task<Result<void>> write(std::function<Result<void>(Transaction&)> rows);
    Ports ports_;
};

}  // namespace relevo
