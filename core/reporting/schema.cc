#include "core/reporting/schema.h"

#include <array>

namespace relevo {
namespace {

// Days are days since 1970 in UTC, times milliseconds since then. `row_key` is authreports::key_of(). The sizes of
// tables are counted as they grow: nothing here ever runs over a whole table to count it.
constexpr std::string_view initial_schema = R"sql(
CREATE TABLE dmarc_count (
    day BIGINT NOT NULL,
    policy_domain TEXT NOT NULL,
    row_key TEXT NOT NULL,
    messages BIGINT NOT NULL,
    PRIMARY KEY (day, policy_domain, row_key)
);

CREATE TABLE dmarc_day (
    day BIGINT PRIMARY KEY,
    row_count BIGINT NOT NULL,
    dropped BIGINT NOT NULL
);

CREATE TABLE dmarc_report (
    day BIGINT NOT NULL,
    policy_domain TEXT NOT NULL,
    row_count BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    dropped BIGINT NOT NULL,
    state INTEGER NOT NULL,
    reason TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (day, policy_domain)
);
CREATE INDEX dmarc_report_state ON dmarc_report (state, day);

CREATE TABLE dmarc_report_sent (
    day BIGINT NOT NULL,
    policy_domain TEXT NOT NULL,
    recipient TEXT NOT NULL,
    message_id BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    PRIMARY KEY (day, policy_domain, recipient)
);

CREATE TABLE received_report (
    id BIGINT PRIMARY KEY,
    kind INTEGER NOT NULL,
    organization TEXT NOT NULL,
    report_id TEXT NOT NULL,
    domain TEXT NOT NULL,
    sender TEXT NOT NULL,
    message_id BIGINT NOT NULL,
    begin_at BIGINT NOT NULL,
    end_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    policy TEXT NOT NULL,
    passed BIGINT NOT NULL,
    failed BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    UNIQUE (kind, organization, report_id, domain)
);
CREATE INDEX received_report_domain ON received_report (domain, begin_at);
CREATE INDEX received_report_time ON received_report (received_at);

CREATE TABLE received_report_row (
    report BIGINT NOT NULL REFERENCES received_report (id),
    ordinal INTEGER NOT NULL,
    source TEXT NOT NULL,
    messages BIGINT NOT NULL,
    result TEXT NOT NULL,
    dkim_aligned INTEGER NOT NULL,
    spf_aligned INTEGER NOT NULL,
    author_domain TEXT NOT NULL,
    detail TEXT NOT NULL,
    PRIMARY KEY (report, ordinal)
);

CREATE TABLE received_report_total (
    id INTEGER PRIMARY KEY,
    last_id BIGINT NOT NULL,
    row_count BIGINT NOT NULL
);
INSERT INTO received_report_total (id, last_id, row_count) VALUES (1, 0, 0);
)sql";

constexpr std::string_view reports_of_a_day = R"sql(
CREATE INDEX received_report_day ON received_report (domain, received_at);
)sql";

// What was kept for DMARC alone is kept for each kind of report. `kind` is ReportKind; `row_key` authreports::key_of()
// of its rows.
constexpr std::string_view reports_of_each_kind = R"sql(
CREATE TABLE report_count (
    kind INTEGER NOT NULL,
    day BIGINT NOT NULL,
    policy_domain TEXT NOT NULL,
    row_key TEXT NOT NULL,
    messages BIGINT NOT NULL,
    PRIMARY KEY (kind, day, policy_domain, row_key)
);
INSERT INTO report_count SELECT 1, day, policy_domain, row_key, messages FROM dmarc_count;
DROP TABLE dmarc_count;

CREATE TABLE report_day (
    kind INTEGER NOT NULL,
    day BIGINT NOT NULL,
    row_count BIGINT NOT NULL,
    dropped BIGINT NOT NULL,
    PRIMARY KEY (kind, day)
);
INSERT INTO report_day SELECT 1, day, row_count, dropped FROM dmarc_day;
DROP TABLE dmarc_day;

CREATE TABLE outgoing_report (
    kind INTEGER NOT NULL,
    day BIGINT NOT NULL,
    policy_domain TEXT NOT NULL,
    row_count BIGINT NOT NULL,
    messages BIGINT NOT NULL,
    dropped BIGINT NOT NULL,
    state INTEGER NOT NULL,
    reason TEXT NOT NULL,
    changed_at BIGINT NOT NULL,
    PRIMARY KEY (kind, day, policy_domain)
);
INSERT INTO outgoing_report
    SELECT 1, day, policy_domain, row_count, messages, dropped, state, reason, changed_at FROM dmarc_report;
DROP TABLE dmarc_report;
CREATE INDEX outgoing_report_state ON outgoing_report (state, day);

CREATE TABLE outgoing_report_sent (
    kind INTEGER NOT NULL,
    day BIGINT NOT NULL,
    policy_domain TEXT NOT NULL,
    recipient TEXT NOT NULL,
    message_id BIGINT NOT NULL,
    sent_at BIGINT NOT NULL,
    PRIMARY KEY (kind, day, policy_domain, recipient)
);
INSERT INTO outgoing_report_sent
    SELECT 1, day, policy_domain, recipient, message_id, sent_at FROM dmarc_report_sent;
DROP TABLE dmarc_report_sent;
)sql";

constexpr std::array migrations = {Migration{"reporting", 1, initial_schema},
                                   Migration{"reporting", 2, reports_of_a_day},
                                   Migration{"reporting", 3, reports_of_each_kind}};

}  // namespace

std::span<const Migration> reporting_migrations() { return migrations; }

}  // namespace relevo
