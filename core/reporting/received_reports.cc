#include "core/reporting/received_reports.h"

#include "core/events/history.h"
#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

namespace relevo {
namespace {

constexpr std::size_t text_limit_octets = 255;
constexpr std::size_t evidence_limit = 5;
constexpr std::int64_t forgotten_at_once = 20;

std::string kept(std::string_view text) { return printable(text, text_limit_octets); }
std::string domain_name(std::string_view text) { return to_lower(kept(trimmed(text))); }

// A stranger's count, so that no sum can overflow.
std::int64_t number(std::uint64_t count) {
    constexpr std::uint64_t most = 1'000'000'000'000;
    return static_cast<std::int64_t>(std::min(count, most));
}

WallClock::time_point time_of(std::chrono::sys_seconds time) {
    constexpr std::chrono::sys_seconds earliest{};
    constexpr std::chrono::sys_seconds latest{std::chrono::hours(24) * 365 * 200};
    return std::clamp(time, earliest, latest);
}

// Adds rows up, and keeps those that matter most.
class RowSums {
 public:
    void add(ReceivedRow row) {
        auto& sum = rows_[{row.source, row.result, row.dkim_aligned, row.spf_aligned, row.author_domain}];
        if (sum.messages == 0) {
            sum = std::move(row);
        } else {
            sum.messages = std::min(sum.messages + row.messages, std::numeric_limits<std::int64_t>::max() / 2);
        }
    }
    std::vector<ReceivedRow> take() {
        std::vector<ReceivedRow> rows;
        for (auto& [key, row] : rows_) rows.push_back(std::move(row));
        rows_.clear();
        if (rows.size() <= received_row_limit) return rows;
        std::ranges::sort(rows, [](const ReceivedRow& a, const ReceivedRow& b) {
            return std::tie(b.messages, a.source) < std::tie(a.messages, b.source);
        });
        RowSums rest;
        for (std::size_t i = received_row_limit; i < rows.size(); ++i) {
            rows[i].source.clear();
            rows[i].author_domain.clear();
            rows[i].result = rows[i].result == "success" ? "success" : "several";
            rows[i].detail = "several sources with few messages each";
            rest.add(std::move(rows[i]));
        }
        rows.resize(received_row_limit);
        std::ranges::move(rest.take(), std::back_inserter(rows));
        return rows;
    }

 private:
    std::map<std::tuple<std::string, std::string, bool, bool, std::string>, ReceivedRow> rows_;
};

std::string evidence_of(const authreports::ReportRow& row) {
    std::string text;
    for (std::size_t i = 0; i < std::min(row.dkim.size(), evidence_limit); ++i)
        text += fmt::format("{}dkim={}/{}:{}", text.empty() ? "" : " ", row.dkim[i].domain, row.dkim[i].selector,
                            name_of(row.dkim[i].result));
    for (std::size_t i = 0; i < std::min(row.spf.size(), evidence_limit); ++i)
        text += fmt::format("{}spf={}:{}", text.empty() ? "" : " ", row.spf[i].domain, name_of(row.spf[i].result));
    return kept(text);
}

ReceivedReport kept_of(const authreports::AggregateReport& report) {
    ReceivedReport made;
    made.kind = ReportKind::dmarc;
    made.organization = kept(report.organization);
    made.report_id = kept(report.report_id);
    made.domain = domain_name(report.policy.domain);
    made.begin = time_of(report.begin);
    made.end = time_of(report.end);
    made.policy = fmt::format("p={}", name_of(report.policy.policy));
    RowSums sums;
    for (const authreports::ReportRow& row : report.rows) {
        const std::int64_t messages = number(row.count);
        (row.dkim_aligned || row.spf_aligned ? made.passed : made.failed) += messages;
        sums.add({.source = row.source.text(),
                  .messages = messages,
                  .result = std::string(name_of(row.disposition)),
                  .dkim_aligned = row.dkim_aligned,
                  .spf_aligned = row.spf_aligned,
                  .author_domain = domain_name(row.header_from),
                  .detail = evidence_of(row)});
    }
    made.rows = sums.take();
    return made;
}

void add_policy(ReceivedReport& made, RowSums& sums, const authreports::TlsPolicyResult& policy) {
    const std::int64_t succeeded = number(policy.successful_sessions);
    made.passed += succeeded;
    made.failed += number(policy.failed_sessions);
    made.policy = kept(policy.policy_type);
    if (succeeded > 0)
        sums.add({.source = {},
                  .messages = succeeded,
                  .result = "success",
                  .author_domain = {},
                  .detail = kept("policy=" + policy.policy_type)});
    for (const authreports::TlsFailure& failure : policy.failures)
        sums.add({.source = kept(failure.sending_address),
                  .messages = number(failure.sessions),
                  .result = kept(failure.result_type),
                  .author_domain = domain_name(failure.receiving_host),
                  .detail = kept(fmt::format(
                      "policy={} {}", policy.policy_type,
                      failure.reason_code.empty() ? failure.additional_information : failure.reason_code))});
}

std::vector<ReceivedReport> kept_of(const authreports::TlsReport& report) {
    std::map<std::string, std::pair<ReceivedReport, RowSums>> by_domain;
    for (const authreports::TlsPolicyResult& policy : report.policies) {
        auto& [made, sums] = by_domain[domain_name(policy.policy_domain)];
        add_policy(made, sums, policy);
    }
    std::vector<ReceivedReport> all;
    for (auto& [domain, parts] : by_domain) {
        ReceivedReport& made = parts.first;
        made.kind = ReportKind::tls;
        made.organization = kept(report.organization);
        made.report_id = kept(report.report_id);
        made.domain = domain;
        made.begin = time_of(report.begin);
        made.end = time_of(report.end);
        made.rows = parts.second.take();
        all.push_back(std::move(made));
    }
    return all;
}

Result<std::int64_t> one_number(Reader& reader, std::string_view sql, std::initializer_list<Value> parameters) {
    std::int64_t found = 0;
    RELEVO_CHECK(reader.query(sql, parameters, [&](const Row& row) -> Result<void> {
        found = row.integer(0);
        return {};
    }));
    return found;
}

// What came about `domain` since `time`; looks at no more than the limit of a day.
struct Amount {
    std::int64_t reports = 0;
    std::int64_t rows = 0;
};
Result<Amount> received_since(Reader& reader, std::string_view domain, WallClock::time_point time) {
    Amount amount;
    RELEVO_CHECK(reader.query(
        "SELECT count(*), coalesce(sum(row_count), 0) FROM received_report WHERE domain = $1 AND received_at >= $2",
        {domain, milliseconds_of(time)}, [&](const Row& row) -> Result<void> {
            amount = {.reports = row.integer(0), .rows = row.integer(1)};
            return {};
        }));
    return amount;
}

Result<void> insert(Transaction& transaction, const ReceivedReport& report, std::int64_t id,
                    WallClock::time_point now) {
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO received_report (id, kind, organization, report_id, domain, sender, message_id, begin_at, end_at,"
        " received_at, policy, passed, failed, row_count)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        {id, static_cast<std::int64_t>(report.kind), report.organization, report.report_id, report.domain,
         report.sender, report.message.value, milliseconds_of(report.begin), milliseconds_of(report.end),
         milliseconds_of(now), report.policy, report.passed, report.failed,
         static_cast<std::int64_t>(report.rows.size())}));
    std::int64_t ordinal = 0;
    for (const ReceivedRow& row : report.rows)
        RELEVO_CHECK(transaction.execute(
            "INSERT INTO received_report_row (report, ordinal, source, messages, result, dkim_aligned, spf_aligned,"
            " author_domain, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            {id, ordinal++, row.source, row.messages, row.result, std::int64_t{row.dkim_aligned},
             std::int64_t{row.spf_aligned}, row.author_domain, row.detail}));
    return {};
}

}  // namespace

std::vector<ReceivedReport> kept_of(const authreports::Report& report) {
    if (const auto* dmarc = std::get_if<authreports::ReadAggregateReport>(&report)) return {kept_of(dmarc->report)};
    if (const auto* tls = std::get_if<authreports::TlsReport>(&report)) return kept_of(*tls);
    return {};
}

Result<Stored> store_received(Transaction& transaction, const ReceivedReport& report, WallClock::time_point now,
                              const ReceivedLimits& limits) {
    RELEVO_TRY(
        const std::int64_t known,
        one_number(transaction,
                   "SELECT id FROM received_report"
                   " WHERE kind = $1 AND organization = $2 AND report_id = $3 AND domain = $4",
                   {static_cast<std::int64_t>(report.kind), report.organization, report.report_id, report.domain}));
    if (known != 0) return Stored::repeated;
    const auto more = static_cast<std::int64_t>(report.rows.size());
    RELEVO_TRY(const Amount today,
               received_since(transaction, report.domain, std::chrono::floor<std::chrono::days>(now)));
    if (today.reports >= limits.reports_of_domain || today.rows + more > limits.rows_of_domain)
        return Stored::domain_full;
    std::int64_t last_id = 0;
    std::int64_t rows = 0;
    RELEVO_CHECK(transaction.query("SELECT last_id, row_count FROM received_report_total WHERE id = 1", {},
                                   [&](const Row& row) -> Result<void> {
                                       last_id = row.integer(0);
                                       rows = row.integer(1);
                                       return {};
                                   }));
    // Ids are given in order and removed from the oldest on, so they tell how many there are.
    RELEVO_TRY(const std::int64_t first_id,
               one_number(transaction, "SELECT id FROM received_report ORDER BY id LIMIT 1", {}));
    const std::int64_t reports = first_id == 0 ? 0 : last_id - first_id + 1;
    if (reports >= limits.reports || rows + more > limits.rows) return Stored::full;
    RELEVO_CHECK(insert(transaction, report, last_id + 1, now));
    RELEVO_CHECK(transaction.execute(
        "UPDATE received_report_total SET last_id = last_id + 1, row_count = row_count + $1 WHERE id = 1", {more}));
    return Stored::kept;
}

Result<std::int64_t> forget_received(Transaction& transaction, WallClock::time_point time) {
    std::vector<std::int64_t> ids;
    RELEVO_CHECK(
        transaction.query("SELECT id FROM received_report WHERE received_at < $1 ORDER BY received_at LIMIT $2",
                          {milliseconds_of(time), forgotten_at_once}, [&](const Row& row) -> Result<void> {
                              ids.push_back(row.integer(0));
                              return {};
                          }));
    for (const std::int64_t id : ids) {
        RELEVO_TRY(const std::int64_t rows,
                   transaction.execute("DELETE FROM received_report_row WHERE report = $1", {id}));
        RELEVO_CHECK(transaction.execute("DELETE FROM received_report WHERE id = $1", {id}));
        RELEVO_CHECK(
            transaction.execute("UPDATE received_report_total SET row_count = row_count - $1 WHERE id = 1", {rows}));
    }
    return static_cast<std::int64_t>(ids.size());
}

Result<std::vector<ReceivedSummary>> summarise_received(Reader& reader, std::string_view domain,
                                                        WallClock::time_point from, std::int64_t limit) {
    std::vector<ReceivedSummary> all;
    RELEVO_CHECK(reader.query(
        "SELECT kind, domain, count(*), count(DISTINCT organization), sum(passed), sum(failed), max(end_at)"
        " FROM received_report WHERE ($1 = '' OR domain = $1) AND end_at >= $2 GROUP BY kind, domain"
        " ORDER BY sum(failed) DESC, domain LIMIT $3",
        {domain, milliseconds_of(from), limit}, [&](const Row& row) -> Result<void> {
            all.push_back({.kind = static_cast<ReportKind>(row.integer(0)),
                           .domain = std::string(row.text(1)),
                           .reports = row.integer(2),
                           .organizations = row.integer(3),
                           .passed = row.integer(4),
                           .failed = row.integer(5),
                           .last_end = time_of_milliseconds(row.integer(6))});
            return {};
        }));
    return all;
}

Result<std::vector<ReceivedSource>> sources_of(Reader& reader, std::string_view domain, WallClock::time_point from,
                                               std::int64_t limit) {
    std::vector<ReceivedSource> all;
    RELEVO_CHECK(reader.query(
        "SELECT r.kind, s.source, sum(s.messages), s.result, s.dkim_aligned, s.spf_aligned, s.author_domain,"
        " max(s.detail), count(DISTINCT r.id) FROM received_report r JOIN received_report_row s ON s.report = r.id"
        " WHERE r.domain = $1 AND r.end_at >= $2"
        " GROUP BY r.kind, s.source, s.result, s.dkim_aligned, s.spf_aligned, s.author_domain"
        " ORDER BY CASE WHEN s.dkim_aligned + s.spf_aligned > 0 OR s.result = 'success' THEN 1 ELSE 0 END,"
        " sum(s.messages) DESC, s.source LIMIT $3",
        {domain, milliseconds_of(from), limit}, [&](const Row& row) -> Result<void> {
            all.push_back({.kind = static_cast<ReportKind>(row.integer(0)),
                           .reports = row.integer(8),
                           .row = {.source = std::string(row.text(1)),
                                   .messages = row.integer(2),
                                   .result = std::string(row.text(3)),
                                   .dkim_aligned = row.integer(4) != 0,
                                   .spf_aligned = row.integer(5) != 0,
                                   .author_domain = std::string(row.text(6)),
                                   .detail = std::string(row.text(7))}});
            return {};
        }));
    return all;
}

Result<std::vector<ReceivedReport>> list_received(Reader& reader, std::string_view domain, WallClock::time_point from,
                                                  std::int64_t limit) {
    std::vector<ReceivedReport> all;
    RELEVO_CHECK(reader.query(
        "SELECT id, kind, organization, report_id, domain, sender, message_id, begin_at, end_at, policy, passed, failed"
        " FROM received_report WHERE domain = $1 AND end_at >= $2 ORDER BY end_at DESC, id DESC LIMIT $3",
        {domain, milliseconds_of(from), limit}, [&](const Row& row) -> Result<void> {
            all.push_back({.id = row.integer(0),
                           .kind = static_cast<ReportKind>(row.integer(1)),
                           .organization = std::string(row.text(2)),
                           .report_id = std::string(row.text(3)),
                           .domain = std::string(row.text(4)),
                           .sender = std::string(row.text(5)),
                           .message = MessageId{row.integer(6)},
                           .begin = time_of_milliseconds(row.integer(7)),
                           .end = time_of_milliseconds(row.integer(8)),
                           .policy = std::string(row.text(9)),
                           .passed = row.integer(10),
                           .failed = row.integer(11),
                           .rows = {}});
            return {};
        }));
    return all;
}

}  // namespace relevo
