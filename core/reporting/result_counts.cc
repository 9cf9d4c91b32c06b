#include "core/reporting/result_counts.h"

#include "lib/authreports/report_rows.h"
#include "lib/authreports/tls_rows.h"

#include <algorithm>
#include <iterator>

namespace relevo {
namespace {

// Cheaper than reading the record again, and wrong only on the side of counting too much: the sender reads it properly.
bool may_want_reports(const mailauth::DmarcVerdict& dmarc) {
    const bool has_result = dmarc.result == mailauth::DmarcResult::pass || dmarc.result == mailauth::DmarcResult::fail;
    return has_result && !dmarc.policy_domain.empty() && dmarc.record.find("mailto:") != std::string::npos;
}

std::string place_of(const CountedRow& row) {
    return std::to_string(row.day) + " " + row.policy_domain + " " + row.key;
}

std::string shorter_tls(const std::string& key) {
    auto row = authreports::tls_row_from_key(key);
    if (!row.has_value()) return key;
    row->failure = {.result_type = row->failure.result_type};
    return authreports::key_of(*row);
}

std::string shorter(ReportKind kind, const std::string& key) {
    if (kind == ReportKind::tls) return shorter_tls(key);
    auto row = authreports::row_from_key(key);
    if (!row.has_value()) return key;
    row->dkim.clear();
    row->spf.clear();
    row->envelope_from.clear();
    row->envelope_to.clear();
    return authreports::key_of(*row);
}

// One batch on its way into the tables.
class Writer {
 public:
    Writer(Transaction& transaction, const CountLimits& limits) : transaction_(transaction), limits_(limits) {}

    Result<void> add(const CountedRow& row) {
        RELEVO_CHECK(load_sizes(row));
        RELEVO_TRY(const bool kept, try_row(row, row.key, 0));
        bool merged = false;
        if (!kept) {
            RELEVO_TRY(merged, try_row(row, shorter(row.kind, row.key), 1));
        }
        (kept ? result_.kept : merged ? result_.merged : result_.dropped) += row.messages;
        return save_sizes(row, kept || merged ? 0 : row.messages);
    }
    [[nodiscard]] CountedInStore result() const { return result_; }

 private:
    Result<std::int64_t> number(std::string_view sql, std::initializer_list<Value> parameters) {
        std::int64_t found = 0;
        RELEVO_CHECK(transaction_.query(sql, parameters, [&](const Row& row) -> Result<void> {
            found = row.integer(0);
            return {};
        }));
        return found;
    }
    Result<void> load_sizes(const CountedRow& row) {
        kind_ = static_cast<std::int64_t>(row.kind);
        RELEVO_TRY(rows_of_day_,
                   number("SELECT row_count FROM report_day WHERE kind = $1 AND day = $2", {kind_, row.day}));
        RELEVO_TRY(rows_of_domain_,
                   number("SELECT row_count FROM outgoing_report WHERE kind = $1 AND day = $2 AND policy_domain = $3",
                          {kind_, row.day, row.policy_domain}));
        return {};
    }
    // False: there is no such row, and no room for one more. `tenths`: above the limits.
    Result<bool> try_row(const CountedRow& row, const std::string& key, std::int64_t tenths) {
        RELEVO_TRY(const std::int64_t changed,
                   transaction_.execute("UPDATE report_count SET messages = messages + $1"
                                        " WHERE kind = $2 AND day = $3 AND policy_domain = $4 AND row_key = $5",
                                        {row.messages, kind_, row.day, row.policy_domain, key}));
        if (changed > 0) return true;
        if (rows_of_day_ >= limits_.rows_of_day + limits_.rows_of_day * tenths / 10 ||
            rows_of_domain_ >= limits_.rows_of_domain + limits_.rows_of_domain * tenths / 10)
            return false;
        RELEVO_CHECK(transaction_.execute(
            "INSERT INTO report_count (kind, day, policy_domain, row_key, messages) VALUES ($1, $2, $3, $4, $5)",
            {kind_, row.day, row.policy_domain, key, row.messages}));
        ++rows_of_day_;
        ++rows_of_domain_;
        return true;
    }
    Result<void> save_sizes(const CountedRow& row, std::int64_t dropped) {
        RELEVO_CHECK(
            transaction_.execute("INSERT INTO report_day (kind, day, row_count, dropped) VALUES ($1, $2, $3, $4)"
                                 " ON CONFLICT (kind, day) DO UPDATE SET row_count = excluded.row_count,"
                                 " dropped = report_day.dropped + excluded.dropped",
                                 {kind_, row.day, rows_of_day_, dropped}));
        // A domain without any row gets none here either: its name alone would take room.
        if (rows_of_domain_ == 0) return {};
        RELEVO_CHECK(transaction_.execute(
            "INSERT INTO outgoing_report"
            " (kind, day, policy_domain, row_count, messages, dropped, state, reason, changed_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, 0, '', 0) ON CONFLICT (kind, day, policy_domain) DO UPDATE SET"
            " row_count = excluded.row_count, messages = outgoing_report.messages + excluded.messages,"
            " dropped = outgoing_report.dropped + excluded.dropped",
            {kind_, row.day, row.policy_domain, rows_of_domain_, row.messages - dropped, dropped}));
        return {};
    }

    Transaction& transaction_;
    const CountLimits& limits_;
    std::int64_t kind_ = 0;  // of the row that is being added, as the columns have it
    std::int64_t rows_of_day_ = 0;
    std::int64_t rows_of_domain_ = 0;
    CountedInStore result_;
};

}  // namespace

bool ResultCounts::add(std::int64_t day, const Findings& findings, const dns::IpAddress& client,
                       std::string_view recipient_domain, mailauth::DmarcPolicy applied) {
    if (!findings.dmarc || !may_want_reports(*findings.dmarc)) return true;
    static const std::vector<mailauth::DkimVerdict> no_signatures;
    const mailauth::SpfVerdict no_spf;
    const authreports::ReportRow row =
        authreports::row_of(client, *findings.dmarc, findings.spf.empty() ? no_spf : findings.spf.front(),
                            findings.dkim ? *findings.dkim : no_signatures, recipient_domain, applied);
    return add_row({.kind = ReportKind::dmarc,
                    .day = day,
                    .policy_domain = findings.dmarc->policy_domain,
                    .key = authreports::key_of(row),
                    .messages = 1});
}

bool ResultCounts::add(std::int64_t day, const TlsSession& session) {
    authreports::TlsRow row{.policy_type = std::string(name_of(session.policy)),
                            .policy_strings = session.policy_strings,
                            .mx_patterns = session.mx_patterns,
                            .failure = {}};
    // Of sessions that succeed the report has a number alone (RFC 8460 §4.4).
    if (session.result != TlsResult::success)
        row.failure = {.result_type = std::string(name_of(session.result)),
                       .sending_address = session.source,
                       .receiving_host = session.host,
                       .receiving_address = session.address,
                       .reason_code = session.problem};
    return add_row({.kind = ReportKind::tls,
                    .day = day,
                    .policy_domain = session.policy_domain,
                    .key = authreports::key_of(row),
                    .messages = 1});
}

bool ResultCounts::add_row(CountedRow row) {
    std::string place = place_of(row);
    const std::lock_guard lock(mutex_);
    const auto found = rows_.find(place);
    if (found != rows_.end()) {
        found->second.messages += row.messages;
        return true;
    }
    if (rows_.size() >= row_limit_ || octets_ + place.size() > octet_limit_) return false;
    octets_ += place.size();
    rows_.emplace(std::move(place), std::move(row));
    return true;
}

std::vector<CountedRow> ResultCounts::take() {
    std::unordered_map<std::string, CountedRow> taken;
    {
        const std::lock_guard lock(mutex_);
        taken.swap(rows_);
        octets_ = 0;
    }
    std::vector<CountedRow> rows;
    rows.reserve(taken.size());
    for (auto& [place, row] : taken) rows.push_back(std::move(row));
    return rows;
}

std::int64_t ResultCounts::put_back(std::vector<CountedRow> rows) {
    std::int64_t dropped = 0;
    for (CountedRow& row : rows) {
        const std::int64_t messages = row.messages;
        if (!add_row(std::move(row))) dropped += messages;
    }
    return dropped;
}

std::size_t ResultCounts::size() const {
    const std::lock_guard lock(mutex_);
    return rows_.size();
}

Result<CountedInStore> add_counts(Transaction& transaction, const std::vector<CountedRow>& rows,
                                  const CountLimits& limits) {
    Writer writer(transaction, limits);
    for (const CountedRow& row : rows) RELEVO_CHECK(writer.add(row));
    return writer.result();
}

}  // namespace relevo
