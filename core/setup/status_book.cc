#include "core/setup/status_book.h"

#include "lib/base/text.h"

#include <algorithm>
#include <array>

namespace relevo::setup {
namespace {

constexpr std::array migrations{
    Migration{"setup", 1,
              "CREATE TABLE domain_check (domain_id BIGINT NOT NULL, check_key TEXT NOT NULL, "
              "status INTEGER NOT NULL, since BIGINT NOT NULL, PRIMARY KEY (domain_id, "
              "check_key));"}};

constexpr std::size_t told_changes = 20;  // of one look: a domain has fewer checks
constexpr std::size_t found_octets = 300;

// The worst of all; a domain of which nothing is known is well.
CheckStatus worst_of(const CheckStatuses& statuses) {
    auto worst = CheckStatus::ok;
    for (const auto& [key, status] : statuses) worst = std::max(worst, status);
    return worst;
}

Result<CheckStatuses> load_statuses(Reader& reader, DomainId domain) {
    CheckStatuses known;
    RELEVO_CHECK(reader.query("SELECT check_key, status FROM domain_check WHERE domain_id = $1", {domain.value},
                              [&](const Row& row) -> Result<void> {
                                  const auto status = std::clamp<std::int64_t>(row.integer(1), 0, 2);
                                  known.emplace(row.text(0), static_cast<CheckStatus>(status));
                                  return {};
                              }));
    return known;
}

Result<void> write_statuses(Transaction& transaction, DomainId domain, const CheckStatuses& known,
                            const CheckStatuses& now, WallClock::time_point time) {
    for (const auto& [key, status] : known)
        if (!now.contains(key))
            RELEVO_CHECK(transaction.execute("DELETE FROM domain_check WHERE domain_id = $1 AND check_key = $2",
                                             {domain.value, std::string_view(key)}));
    for (const auto& [key, status] : now) {
        const auto before = known.find(key);
        if (before != known.end() && before->second == status) continue;
        RELEVO_CHECK(transaction.execute(
            "INSERT INTO domain_check (domain_id, check_key, status, since) VALUES ($1, $2, $3, $4)"
            " ON CONFLICT (domain_id, check_key) DO UPDATE SET status = excluded.status, since = excluded.since",
            {domain.value, std::string_view(key), static_cast<std::int64_t>(status), milliseconds_of(time)}));
    }
    return {};
}

std::string json_of(const StatusChange& change) {
    return JsonWriter()
        .field("check", change.item.id)
        .field("title", title_of_check(change.item.id).english)
        .field("title_es", title_of_check(change.item.id).spanish)
        .optional("subject", change.item.subject)
        .field("before", name_of(*change.before))
        .field("status", name_of(change.item.status))
        .field("found", printable(change.item.found.english, found_octets))
        .field("found_es", printable(change.item.found.spanish, found_octets))
        .finish();
}

Result<void> append_event(Transaction& transaction, EventWriter& events, const DomainFacts& domain,
                          const CheckStatuses& known, const StatusComparison& compared, WallClock::time_point now) {
    std::string changes;
    std::size_t told = 0;
    for (const StatusChange& change : compared.changes) {
        if (!change.before || ++told > told_changes) continue;
        changes += (changes.empty() ? "" : ",") + json_of(change);
    }
    if (told == 0) return {};
    JsonWriter detail;
    detail.field("domain", domain.domain)
        .field("before", name_of(worst_of(known)))
        .field("status", name_of(worst_of(compared.now)))
        .raw("changes", "[" + changes + "]");
    return events.append(transaction, occasion(EventKind::domain_status_changed, domain.id.text(), domain.tenant, now,
                                               std::move(detail)));
}

}  // namespace

std::span<const Migration> setup_migrations() { return migrations; }

StatusComparison compare(const CheckStatuses& known, const std::vector<CheckItem>& items) {
    StatusComparison compared;
    for (const CheckItem& item : items) {
        const auto before = known.find(item.key());
        const bool is_known = before != known.end();
        if (item.status == CheckStatus::skipped) {
            if (is_known) compared.now.insert(*before);
            continue;
        }
        compared.now.insert_or_assign(item.key(), item.status);
        if (is_known ? before->second != item.status : item.status != CheckStatus::ok)
            compared.changes.push_back({item, is_known ? std::optional(before->second) : std::nullopt});
    }
    return compared;
}

Result<StatusComparison> note_look(Transaction& transaction, EventWriter& events, const DomainFacts& domain,
                                   const std::vector<CheckItem>& items, WallClock::time_point now) {
    bool is_there = false;
    RELEVO_CHECK(
        transaction.query("SELECT 1 FROM domain WHERE id = $1", {domain.id.value}, [&](const Row&) -> Result<void> {
            is_there = true;
            return {};
        }));
    if (!is_there) return StatusComparison();
    RELEVO_TRY(const CheckStatuses known, load_statuses(transaction, domain.id));
    StatusComparison compared = compare(known, items);
    RELEVO_CHECK(write_statuses(transaction, domain.id, known, compared.now, now));
    RELEVO_CHECK(append_event(transaction, events, domain, known, compared, now));
    return compared;
}

Result<void> forget_lost_domains(Transaction& transaction) {
    RELEVO_CHECK(transaction.execute("DELETE FROM domain_check WHERE domain_id NOT IN (SELECT id FROM domain)", {}));
    return {};
}

Result<std::map<CheckStatus, std::int64_t>> count_statuses(Reader& reader) {
    std::map<CheckStatus, std::int64_t> counts;
    RELEVO_CHECK(reader.query("SELECT status, count(*) FROM domain_check GROUP BY status", {},
                              [&](const Row& row) -> Result<void> {
                                  counts[static_cast<CheckStatus>(row.integer(0))] = row.integer(1);
                                  return {};
                              }));
    return counts;
}

}  // namespace relevo::setup
