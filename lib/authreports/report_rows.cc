#include "lib/authreports/report_rows.h"

#include "lib/authreports/row_key.h"
#include "lib/base/text.h"
#include "lib/mail/address.h"

#include <algorithm>
#include <optional>
#include <ranges>
#include <utility>

namespace relevo::authreports {
namespace {

constexpr std::size_t signature_limit = 20;
constexpr std::size_t value_limit_octets = key_value_limit_octets;
constexpr unsigned list_limit = 100;
constexpr std::string_view key_version = "1";

constexpr int worst_rank = 3;
int rank(const mailauth::DkimVerdict& signature, const mailauth::DmarcVerdict& dmarc) {
    if (signature.result != mailauth::DkimResult::pass) return worst_rank;
    if (signature.domain == dmarc.author_domain) return 0;
    return mail::is_same_or_subdomain(signature.domain, dmarc.organizational_domain) ? 1 : 2;
}

Disposition disposition_of(mailauth::DmarcPolicy applied, const mailauth::DmarcVerdict& dmarc) {
    if (applied == mailauth::DmarcPolicy::reject) return Disposition::reject;
    if (applied == mailauth::DmarcPolicy::quarantine) return Disposition::quarantine;
    return dmarc.result == mailauth::DmarcResult::pass ? Disposition::pass : Disposition::none;
}

std::string domain_of_sender(const mailauth::SpfVerdict& spf) {
    return spf.identity == mailauth::SpfIdentity::helo ? std::string() : printable(spf.domain, value_limit_octets);
}

}  // namespace

ReportRow row_of(const dns::IpAddress& source, const mailauth::DmarcVerdict& dmarc, const mailauth::SpfVerdict& spf,
                 const std::vector<mailauth::DkimVerdict>& dkim, std::string_view envelope_to,
                 mailauth::DmarcPolicy applied) {
    ReportRow row;
    row.source = source;
    row.count = 1;
    row.disposition = disposition_of(applied, dmarc);
    row.dkim_aligned = dmarc.dkim_aligned;
    row.spf_aligned = dmarc.spf_aligned;
    if (dmarc.override_reason != mailauth::DmarcOverride::none)
        row.reasons.push_back({std::string(name_of(dmarc.override_reason)), printable(dmarc.override_comment, 255)});
    else if (dmarc.result == mailauth::DmarcResult::fail && applied != dmarc.published)
        row.reasons.push_back({"local_policy", {}});  // RFC 9990 §3.1.1.9: a reason MUST be given
    row.header_from = dmarc.author_domain;
    row.envelope_from = domain_of_sender(spf);
    row.envelope_to = printable(envelope_to, value_limit_octets);
    for (int wanted = 0; wanted <= worst_rank; ++wanted) {
        for (const mailauth::DkimVerdict& signature : dkim) {
            if (signature.domain.empty() || rank(signature, dmarc) != wanted || row.dkim.size() == signature_limit)
                continue;
            row.dkim.push_back({printable(signature.domain, value_limit_octets),
                                printable(signature.selector, value_limit_octets),
                                signature.result,
                                {}});
        }
    }
    if (!spf.domain.empty())
        row.spf.push_back({printable(spf.domain, value_limit_octets), spf.identity, spf.result, {}});
    return row;
}

std::string key_of(const ReportRow& row) {
    KeyWriter key;
    key.add(key_version);
    key.add(row.source.text());
    key.add(row.disposition);
    key.add(row.dkim_aligned ? 1U : 0U);
    key.add(row.spf_aligned ? 1U : 0U);
    for (const std::string* text : {&row.header_from, &row.envelope_from, &row.envelope_to}) key.add(*text);
    key.add(std::min<std::size_t>(row.reasons.size(), list_limit));
    for (const OverrideReason& reason : row.reasons | std::views::take(list_limit)) {
        key.add(reason.type);
        key.add(reason.comment);
    }
    key.add(std::min<std::size_t>(row.dkim.size(), list_limit));
    for (const DkimEvidence& dkim : row.dkim | std::views::take(list_limit)) {
        key.add(dkim.domain);
        key.add(dkim.selector);
        key.add(dkim.result);
        key.add(dkim.human_result);
    }
    key.add(std::min<std::size_t>(row.spf.size(), list_limit));
    for (const SpfEvidence& spf : row.spf | std::views::take(list_limit)) {
        key.add(spf.domain);
        key.add(spf.scope);
        key.add(spf.result);
        key.add(spf.human_result);
    }
    return std::move(key).take();
}

Result<ReportRow> row_from_key(std::string_view text) {
    KeyReader key(text);
    if (key.text() != key_version) return failure(ErrorKind::invalid, "not the key of a report's row");
    ReportRow row;
    RELEVO_TRY(row.source, dns::IpAddress::parse(key.text()));
    row.disposition = key.enumerator(Disposition::reject);
    row.dkim_aligned = key.number(1) == 1;
    row.spf_aligned = key.number(1) == 1;
    for (std::string* value : {&row.header_from, &row.envelope_from, &row.envelope_to}) *value = key.text();
    for (unsigned left = key.number(list_limit); left > 0; --left) row.reasons.push_back({key.text(), key.text()});
    for (unsigned left = key.number(list_limit); left > 0; --left)
        row.dkim.push_back({key.text(), key.text(), key.enumerator(mailauth::DkimResult::permerror), key.text()});
    for (unsigned left = key.number(list_limit); left > 0; --left)
        row.spf.push_back({key.text(), key.enumerator(mailauth::SpfIdentity::helo),
                           key.enumerator(mailauth::SpfResult::permerror), key.text()});
    if (key.failed()) return failure(ErrorKind::invalid, "not the key of a report's row");
    return row;
}

void ReportCollector::add(const ReportRow& row, std::uint64_t count) {
    std::string key = key_of(row);
    auto found = counts_.find(key);
    if (found == counts_.end() && counts_.size() >= row_limit_) {
        ReportRow shorter = row;
        shorter.dkim.clear();
        key = key_of(shorter);
        found = counts_.find(key);
        if (found == counts_.end() && counts_.size() >= 2 * row_limit_) {
            dropped_ += count;
            return;
        }
    }
    messages_ += count;
    if (found != counts_.end())
        found->second += count;
    else
        counts_.emplace(std::move(key), count);
}

std::vector<ReportRow> ReportCollector::rows() const {
    std::vector<ReportRow> rows;
    rows.reserve(counts_.size());
    for (const auto& [key, count] : counts_) {
        ReportRow row = row_from_key(key).value();  // we made it
        row.count = count;
        rows.push_back(std::move(row));
    }
    return rows;
}

AggregateReport to_report(ReportIdentity identity, PublishedPolicy policy, std::vector<ReportRow> rows,
                          std::vector<std::string> errors) {
    return {.organization = std::move(identity.organization),
            .email = std::move(identity.email),
            .extra_contact = std::move(identity.extra_contact),
            .report_id = std::move(identity.report_id),
            .begin = identity.begin,
            .end = identity.end,
            .errors = std::move(errors),
            .generator = std::move(identity.generator),
            .policy = std::move(policy),
            .rows = std::move(rows)};
}

}  // namespace relevo::authreports
