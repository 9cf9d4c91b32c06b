// Reports that are due, and what became of them, as rows.
#pragma once

#include "core/ports/database.h"
#include "core/ports/task.h"
#include "core/reporting/report_kind.h"
#include "lib/authreports/aggregate_report.h"
#include "lib/authreports/tls_rows.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Stored numbers: never renumber.
enum class ReportState : std::uint8_t {
    open = 0,        // is being counted, or waits to be sent
    sent = 1,        // handed to the spool
    not_wanted = 2,  // the domain asks for none (any more), or nobody whom it names may get them
    failed = 3,      // could not be found out in time
};
[[nodiscard]] std::string_view name_of(ReportState state);

// The report of one kind about one domain and one day.
struct OutgoingReport {
    ReportKind kind = ReportKind::dmarc;
    std::int64_t day = 0;
    std::string policy_domain;
    std::int64_t rows = 0;
    std::int64_t messages = 0;  // of TLS reports: sessions
    std::int64_t dropped = 0;   // messages that had no room in it
    ReportState state = ReportState::open;
    std::string reason;  // why it was not sent, or not yet
    WallClock::time_point changed_at{};
    std::vector<std::string> recipients;  // who have it: addresses, or pages that it was posted to
};

// Those that wait, of days before `before_day` (or that day alone), oldest first, after the place (day, domain, kind)
// of `after`.
struct OpenReports {
    std::int64_t first_day = 0;
    std::int64_t before_day = 0;
    OutgoingReport after;
    std::size_t limit = 100;
};
[[nodiscard]] Result<std::vector<OutgoingReport>> open_reports(Reader& reader, const OpenReports& which);
// What it says; rows that cannot be read are left out.
[[nodiscard]] Result<std::vector<authreports::ReportRow>> rows_of_report(Reader& reader, const OutgoingReport& report);
[[nodiscard]] Result<std::vector<authreports::TlsRow>> tls_rows_of_report(Reader& reader, const OutgoingReport& report);

// `recipients` have it: its mail was accepted, in the same transaction, or (message 0) it was posted. Errors: conflict
// – it is not open any more.
[[nodiscard]] Result<void> mark_received(Transaction& transaction, const OutgoingReport& report,
                                         const std::vector<std::string>& recipients, MessageId message,
                                         WallClock::time_point now);
// Nothing more is done for it. Its counts are forgotten. Errors: conflict – it is not open any more.
[[nodiscard]] Result<void> close_report(Transaction& transaction, const OutgoingReport& report, ReportState state,
                                        std::string_view reason, WallClock::time_point now);
// It is tried again later.
[[nodiscard]] Result<void> note_delay(Transaction& transaction, const OutgoingReport& report, std::string_view reason,
                                      WallClock::time_point now);

// For people: the newest days first, of one domain or ("") all.
[[nodiscard]] Result<std::vector<OutgoingReport>> list_outgoing(Reader& reader, std::int64_t first_day,
                                                                std::string_view domain, std::int64_t limit);
// What still waits of days before `first_day` has failed.
[[nodiscard]] Result<void> close_old(Transaction& transaction, std::int64_t first_day, WallClock::time_point now);
[[nodiscard]] Result<void> forget_outgoing(Transaction& transaction, std::int64_t first_kept_day);

}  // namespace relevo
