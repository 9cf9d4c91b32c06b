#include "core/reporting/outgoing_rows.h"

#include "core/events/history.h"
#include "lib/authreports/report_rows.h"

namespace relevo {
namespace {

// kind, day, policy_domain, row_count, messages, dropped, state, reason, changed_at
OutgoingReport report_of(const Row& row) {
    return {.kind = static_cast<ReportKind>(row.integer(0)),
            .day = row.integer(1),
            .policy_domain = std::string(row.text(2)),
            .rows = row.integer(3),
            .messages = row.integer(4),
            .dropped = row.integer(5),
            .state = static_cast<ReportState>(row.integer(6)),
            .reason = std::string(row.text(7)),
            .changed_at = time_of_milliseconds(row.integer(8)),
            .recipients = {}};
}

std::int64_t kind_of(const OutgoingReport& report) { return static_cast<std::int64_t>(report.kind); }

Result<void> load_recipients(Reader& reader, std::vector<OutgoingReport>& reports) {
    for (OutgoingReport& report : reports)
        RELEVO_CHECK(reader.query(
            "SELECT recipient FROM outgoing_report_sent WHERE kind = $1 AND day = $2 AND policy_domain = $3"
            " ORDER BY recipient",
            {kind_of(report), report.day, report.policy_domain}, [&](const Row& row) -> Result<void> {
                report.recipients.emplace_back(row.text(0));
                return {};
            }));
    return {};
}

// Rows that `read` cannot read are left out.
template <class ReportRow>
Result<std::vector<ReportRow>> rows_of(Reader& reader, const OutgoingReport& report,
                                       Result<ReportRow> (*read)(std::string_view key),
                                       std::uint64_t ReportRow::* count) {
    std::vector<ReportRow> rows;
    RELEVO_CHECK(
        reader.query("SELECT row_key, messages FROM report_count WHERE kind = $1 AND day = $2 AND policy_domain = $3"
                     " ORDER BY row_key",
                     {kind_of(report), report.day, report.policy_domain}, [&](const Row& row) -> Result<void> {
                         auto one = read(row.text(0));
                         if (!one.has_value()) return {};
                         (*one).*count = static_cast<std::uint64_t>(row.integer(1));
                         rows.push_back(*std::move(one));
                         return {};
                     }));
    return rows;
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
        "SELECT kind, day, policy_domain, row_count, messages, dropped, state, reason, changed_at FROM outgoing_report"
        " WHERE state = 0 AND day >= $1 AND day < $2 AND (day > $3 OR (day = $3 AND (policy_domain > $4"
        " OR (policy_domain = $4 AND kind > $5)))) ORDER BY day, policy_domain, kind LIMIT $6",
        {which.first_day, which.before_day, which.after.day, which.after.policy_domain, kind_of(which.after),
         static_cast<std::int64_t>(which.limit)},
        [&](const Row& row) -> Result<void> {
            reports.push_back(report_of(row));
            return {};
        }));
    RELEVO_CHECK(load_recipients(reader, reports));
    return reports;
}

Result<std::vector<authreports::ReportRow>> rows_of_report(Reader& reader, const OutgoingReport& report) {
    return rows_of<authreports::ReportRow>(reader, report, &authreports::row_from_key, &authreports::ReportRow::count);
}

Result<std::vector<authreports::TlsRow>> tls_rows_of_report(Reader& reader, const OutgoingReport& report) {
    return rows_of<authreports::TlsRow>(reader, report, &authreports::tls_row_from_key, &authreports::TlsRow::sessions);
}

Result<void> mark_received(Transaction& transaction, const OutgoingReport& report,
                           const std::vector<std::string>& recipients, MessageId message, WallClock::time_point now) {
    RELEVO_TRY(const std::int64_t changed,
               transaction.execute("UPDATE outgoing_report SET changed_at = $1"
                                   " WHERE kind = $2 AND day = $3 AND policy_domain = $4 AND state = 0",
                                   {milliseconds_of(now), kind_of(report), report.day, report.policy_domain}));
    if (changed == 0) return failure(ErrorKind::conflict, "the report was closed meanwhile");
    for (const std::string& recipient : recipients)
        RELEVO_CHECK(transaction.execute(
            "INSERT INTO outgoing_report_sent (kind, day, policy_domain, recipient, message_id, sent_at)"
            " VALUES ($1, $2, $3, $4, $5, $6)",
            {kind_of(report), report.day, report.policy_domain, recipient, message.value, milliseconds_of(now)}));
    return {};
}

Result<void> close_report(Transaction& transaction, const OutgoingReport& report, ReportState state,
                          std::string_view reason, WallClock::time_point now) {
    RELEVO_TRY(const std::int64_t changed,
               transaction.execute("UPDATE outgoing_report SET state = $1, reason = $2, changed_at = $3"
                                   " WHERE kind = $4 AND day = $5 AND policy_domain = $6 AND state = 0",
                                   {static_cast<std::int64_t>(state), reason, milliseconds_of(now), kind_of(report),
                                    report.day, report.policy_domain}));
    if (changed == 0) return failure(ErrorKind::conflict, "the report was closed meanwhile");
    RELEVO_CHECK(transaction.execute("DELETE FROM report_count WHERE kind = $1 AND day = $2 AND policy_domain = $3",
                                     {kind_of(report), report.day, report.policy_domain}));
    return {};
}

Result<void> note_delay(Transaction& transaction, const OutgoingReport& report, std::string_view reason,
                        WallClock::time_point now) {
    RELEVO_CHECK(
        transaction.execute("UPDATE outgoing_report SET reason = $1, changed_at = $2"
                            " WHERE kind = $3 AND day = $4 AND policy_domain = $5 AND state = 0",
                            {reason, milliseconds_of(now), kind_of(report), report.day, report.policy_domain}));
    return {};
}

Result<std::vector<OutgoingReport>> list_outgoing(Reader& reader, std::int64_t first_day, std::string_view domain,
                                                  std::int64_t limit) {
    std::vector<OutgoingReport> reports;
    RELEVO_CHECK(reader.query(
        "SELECT kind, day, policy_domain, row_count, messages, dropped, state, reason, changed_at FROM outgoing_report"
        " WHERE day >= $1 AND ($2 = '' OR policy_domain = $2) ORDER BY day DESC, policy_domain, kind LIMIT $3",
        {first_day, domain, limit}, [&](const Row& row) -> Result<void> {
            reports.push_back(report_of(row));
            return {};
        }));
    RELEVO_CHECK(load_recipients(reader, reports));
    return reports;
}

Result<void> close_old(Transaction& transaction, std::int64_t first_day, WallClock::time_point now) {
    RELEVO_CHECK(
        transaction.execute("UPDATE outgoing_report SET state = 3, reason = 'it was not sent in time', changed_at = $1"
                            " WHERE state = 0 AND day < $2",
                            {milliseconds_of(now), first_day}));
    RELEVO_CHECK(transaction.execute("DELETE FROM report_count WHERE day < $1", {first_day}));
    return {};
}

Result<void> forget_outgoing(Transaction& transaction, std::int64_t first_kept_day) {
    RELEVO_CHECK(transaction.execute("DELETE FROM outgoing_report_sent WHERE day < $1", {first_kept_day}));
    RELEVO_CHECK(transaction.execute("DELETE FROM outgoing_report WHERE day < $1", {first_kept_day}));
    RELEVO_CHECK(transaction.execute("DELETE FROM report_day WHERE day < $1", {first_kept_day}));
    return {};
}

}  // namespace relevo
