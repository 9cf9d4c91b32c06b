#include "core/accounts/audit_log.h"

#include "core/accounts/columns.h"
#include "core/tenancy/statements.h"
#include "lib/base/text.h"

#include <algorithm>
#include <ranges>

namespace relevo {
namespace {

constexpr std::size_t word_limit_octets = 60;
constexpr std::size_t text_limit_octets = 200;
constexpr std::size_t detail_limit_octets = 4096;
constexpr std::size_t page_limit = 500;
constexpr std::size_t looked_at_limit = 20'000;
constexpr std::int64_t rows_at_once = 500;
constexpr int days_dropped_at_once = 10;

AuditEntry entry_of(const Row& row) {
    return {.id = AuditId{row.integer(0)},
            .at = columns::time(row.integer(1)),
            .kind = static_cast<PrincipalKind>(row.integer(2)),
            .principal = row.integer(3),
            .principal_name = std::string(row.text(4)),
            .tenant = columns::tenant(row.integer(5)),
            .operation = std::string(row.text(6)),
            .object_type = std::string(row.text(7)),
            .object_id = std::string(row.text(8)),
            .peer = std::string(row.text(9)),
            .outcome = static_cast<AuditOutcome>(row.integer(10)),
            .detail = std::string(row.text(11))};
}

bool is_of_operation(const AuditEntry& entry, std::string_view wanted) {
    if (wanted.empty() || entry.operation == wanted) return true;
    return wanted.ends_with('.') && entry.operation.starts_with(wanted);
}

bool matches(const AuditEntry& entry, const AuditFilter& filter) {
    const WallClock::time_point never{};
    return is_of_operation(entry, filter.operation) && (!filter.principal || *filter.principal == entry.principal) &&
           (!filter.kind || *filter.kind == entry.kind) &&
           (filter.object_id.empty() || filter.object_id == entry.object_id) &&
           (filter.from == never || entry.at >= filter.from) && (filter.until == never || entry.at < filter.until);
}

// Where a page ended: within a day, ids lower than `id` come next.
struct Place {
    std::int64_t day = INT64_MAX, id = INT64_MAX;
    [[nodiscard]] std::string text() const { return std::to_string(day) + "-" + std::to_string(id); }
};

Result<Place> parse_place(std::string_view cursor) {
    if (cursor.empty()) return Place();
    const std::vector<std::string_view> parts = split(cursor, '-');
    const auto day = parse_decimal<std::int64_t>(parts.front());
    const auto id = parse_decimal<std::int64_t>(parts.back());
    if (parts.size() != 2 || !day || !id)
        return failure(ErrorKind::invalid, "this is no cursor of the audit log: take it from the page before");
    return Place{*day, *id};
}

// The days to look at, the newest first.
Result<std::vector<std::int64_t>> days_of(Reader& reader, const AuditFilter& filter, const Place& place) {
    const WallClock::time_point never{};
    RELEVO_TRY(std::vector<std::int64_t> days,
               history_days(reader, "audit", filter.from == never ? 0 : day_of(filter.from)));
    const std::int64_t last = filter.until == never ? INT64_MAX : day_of(filter.until);
    std::erase_if(days, [&](std::int64_t day) { return day > place.day || day > last; });
    std::ranges::reverse(days);
    return days;
}

}  // namespace

std::string_view name_of(AuditOutcome outcome) {
    switch (outcome) {
        case AuditOutcome::done: return "done";
        case AuditOutcome::refused: return "refused";
        case AuditOutcome::failed: return "failed";
    }
    return "unknown";
}

AuditEntry audit_entry(const Principal& principal, std::string_view operation, WallClock::time_point at) {
    return {.at = at,
            .kind = principal.kind,
            .principal = principal.id,
            .principal_name = principal.name,
            .tenant = principal.tenant,
            .operation = std::string(operation)};
}

Result<void> AuditWriter::append(Transaction& transaction, const AuditEntry& entry) {
    const std::string name = printable(entry.principal_name, text_limit_octets);
    const std::string operation = printable(entry.operation, word_limit_octets);
    const std::string object_type = printable(entry.object_type, word_limit_octets);
    const std::string object_id = printable(entry.object_id, text_limit_octets);
    const std::string peer = printable(entry.peer, word_limit_octets);
    const bool fits = entry.detail.starts_with('{') && entry.detail.size() <= detail_limit_octets;
    const std::string_view detail = fits ? std::string_view(entry.detail) : std::string_view("{}");
    const std::int64_t day = day_of(entry.at);
    RELEVO_TRY(const std::int64_t id, statements::next_id(transaction, "audit"));
    return tables_.insert(transaction, day, [&]() -> Result<void> {
        RELEVO_CHECK(transaction.execute(
            insert_.of(day),
            {id, columns::of(entry.at), static_cast<std::int64_t>(entry.kind), entry.principal, std::string_view(name),
             columns::of(entry.tenant), std::string_view(operation), std::string_view(object_type),
             std::string_view(object_id), std::string_view(peer), static_cast<std::int64_t>(entry.outcome), detail}));
        return {};
    });
}

Result<int> AuditWriter::forget(Transaction& transaction, WallClock::time_point now) {
    return drop_days_of(transaction, "audit", day_of(now - audit_retention), days_dropped_at_once);
}

Result<std::vector<AuditEntry>> AuditReader::rows_of(Reader& reader, std::int64_t day, std::int64_t id,
                                                     std::optional<TenantId> tenant) {
    std::vector<AuditEntry> rows;
    const RowCallback take = [&](const Row& row) -> Result<void> {
        rows.push_back(entry_of(row));
        return {};
    };
    RELEVO_CHECK(tenant ? reader.query(select_of_tenant_.of(day), {tenant->value, id, rows_at_once}, take)
                        : reader.query(select_.of(day), {id, rows_at_once}, take));
    return rows;
}

Result<AuditPage> AuditReader::page(Reader& reader, const AuditFilter& filter, std::string_view cursor,
                                    std::size_t limit) {
    if (limit < 1 || limit > page_limit)
        return failure(ErrorKind::invalid,
                       "a page of the audit log has 1 to " + std::to_string(page_limit) + " entries");
    RELEVO_TRY(Place place, parse_place(cursor));
    RELEVO_TRY(const std::vector<std::int64_t> days, days_of(reader, filter, place));
    AuditPage page;
    std::size_t looked_at = 0;
    for (const std::int64_t day : days) {
        if (day != place.day) place = {.day = day, .id = INT64_MAX};
        for (bool is_last = false; !is_last;) {
            RELEVO_TRY(std::vector<AuditEntry> rows, rows_of(reader, day, place.id, filter.tenant));
            is_last = std::ssize(rows) < rows_at_once;
            for (AuditEntry& entry : rows) {
                if (page.entries.size() == limit || looked_at == looked_at_limit) {
                    page.next_cursor = place.text();
                    return page;
                }
                ++looked_at;
                place.id = entry.id.value;
                if (matches(entry, filter)) page.entries.push_back(std::move(entry));
            }
        }
    }
    return page;
}

}  // namespace relevo
