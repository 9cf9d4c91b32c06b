#include "core/reporting/outgoing_rows.h"

#include "core/events/history.h"
#include "lib/authreports/report_rows.h"

namespace relevo {
namespace {

// day, policy_domain, row_count, messages, dropped, state, reason, changed_at
OutgoingReport report_of(const Row& row) {
    return {.day = row.integer(0),
            .policy_domain = std::string(row.text(1)),
            .rows = row.integer(2),
            .messages = row.integer(3),
            .dropped = row.integer(4),
            .state = static_cast<ReportState>(row.integer(5)),
            .reason = std::string(row.text(6)),
            .changed_at = time_of_milliseconds(row.integer(7)),
            .recipients = {}};
}

Result<void> close(Transaction& transaction, const OutgoingReport& report, ReportState state, std::string_view reason,
                   WallClock::time_point now) {
    RELEVO_TRY(const std::int64_t changed,
               transaction.execute(
                   "UPDATE dmarc_report SET state = $1, reason = $2, changed_at = $3"
                   " WHERE day = $4 AND policy_domain = $5 AND state = 0",
                   {static_cast<std::int64_t>(state), reason, milliseconds_of(now), report.day, report.policy_domain}));
    if (changed == 0) return failure(ErrorKind::conflict, "the report was closed meanwhile");
    RELEVO_CHECK(transaction.execute("DELETE FROM dmarc_count WHERE day = $1 AND policy_domain = $2",
                                     {report.day, report.policy_domain}));
    return {};
}

}  // namespace

std::string_view name_of(ReportState state) {
    switch (state) {
        case ReportState::open: return "open";
        case ReportState::sent: return "sent";
        case ReportState::not_wanted: return "not_wanted";
        case ReportState::failed: return "failed";
    }
    return "open";
}

Result<std::vector<OutgoingReport>> open_reports(Reader& reader, const OpenReports& which) {
    std::vector<OutgoingReport> reports;
    RELEVO_CHECK(reader.query(
        "SELECT day, policy_domain, row_count, messages, dropped, state, reason, changed_at FROM dmarc_report"
        " WHERE state = 0 AND day >= $1 AND day < $2 AND (day > $3 OR (day = $3 AND policy_domain > $4))"
        " ORDER BY day, policy_domain LIMIT $5",
        {which.first_day, which.before_day, which.after.day, which.after.policy_domain,
         static_cast<std::int64_t>(which.limit)},
        [&](const Row& row) -> Result<void> {
            reports.push_back(report_of(row));
            return {};
        }));
    return reports;
}

Result<std::vector<authreports::ReportRow>> rows_of_report(Reader& reader, const OutgoingReport& report) {
    std::vector<authreports::ReportRow> rows;
    RELEVO_CHECK(
        reader.query("SELECT row_key, messages FROM dmarc_count WHERE day = $1 AND policy_domain = $2 ORDER BY row_key",
                     {report.day, report.policy_domain}, [&](const Row& row) -> Result<void> {
                         auto read = authreports::row_from_key(row.text(0));
                         if (!read.has_value()) return {};
                         read->count = static_cast<std::uint64_t>(row.integer(1));
                         rows.push_back(*std::move(read));
                         return {};
                     }));
    return rows;
}

Result<void> mark_sent(Transaction& transaction, const OutgoingReport& report,
                       const std::vector<std::string>& recipients, MessageId message, WallClock::time_point now) {
    for (const std::string& recipient : recipients)
        RELEVO_CHECK(
            transaction.execute("INSERT INTO dmarc_report_sent (day, policy_domain, recipient, message_id, sent_at)"
                                " VALUES ($1, $2, $3, $4, $5)",
                                {report.day, report.policy_domain, recipient, message.value, milliseconds_of(now)}));
    return close(transaction, report, ReportState::sent, "", now);
}

Result<void> close_unsent(Transaction& transaction, const OutgoingReport& report, ReportState state,
                          std::string_view reason, WallClock::time_point now) {
    return close(transaction, report, state, reason, now);
}

Result<void> note_delay(Transaction& transaction, const OutgoingReport& report, std::string_view reason,
                        WallClock::time_point now) {
    RELEVO_CHECK(transaction.execute(
        "UPDATE dmarc_report SET reason = $1, changed_at = $2 WHERE day = $3 AND policy_domain = $4 AND state = 0",
        {reason, milliseconds_of(now), report.day, report.policy_domain}));
    return {};
}

Result<std::vector<OutgoingReport>> list_outgoing(Reader& reader, std::int64_t first_day, std::string_view domain,
                                                  std::int64_t limit) {
    std::vector<OutgoingReport> reports;
    RELEVO_CHECK(reader.query(
        "SELECT day, policy_domain, row_count, messages, dropped, state, reason, changed_at FROM dmarc_report"
        " WHERE day >= $1 AND ($2 = '' OR policy_domain = $2) ORDER BY day DESC, policy_domain LIMIT $3",
        {first_day, domain, limit}, [&](const Row& row) -> Result<void> {
            reports.push_back(report_of(row));
            return {};
        }));
    for (OutgoingReport& report : reports)
        RELEVO_CHECK(reader.query(
            "SELECT recipient FROM dmarc_report_sent WHERE day = $1 AND policy_domain = $2 ORDER BY recipient",
            {report.day, report.policy_domain}, [&](const Row& row) -> Result<void> {
                report.recipients.emplace_back(row.text(0));
                return {};
            }));
    return reports;
}

Result<void> close_old(Transaction& transaction, std::int64_t first_day, WallClock::time_point now) {
    RELEVO_CHECK(
        transaction.execute("UPDATE dmarc_report SET state = 3, reason = 'it was not sent in time', changed_at = $1"
                            " WHERE state = 0 AND day < $2",
                            {milliseconds_of(now), first_day}));
    RELEVO_CHECK(transaction.execute("DELETE FROM dmarc_count WHERE day < $1", {first_day}));
    return {};
}

Result<void> forget_outgoing(Transaction& transaction, std::int64_t first_kept_day) {
    RELEVO_CHECK(transaction.execute("DELETE FROM dmarc_report_sent WHERE day < $1", {first_kept_day}));
    RELEVO_CHECK(transaction.execute("DELETE FROM dmarc_report WHERE day < $1", {first_kept_day}));
    RELEVO_CHECK(transaction.execute("DELETE FROM dmarc_day WHERE day < $1", {first_kept_day}));
    return {};
}

}  // namespace relevo
