#include "core/feedback/suppression.h"

#include "core/events/history.h"
#include "lib/base/text.h"

#include <array>
#include <utility>

namespace relevo {
namespace {

constexpr std::int64_t forgotten_at_once = 1000;

constexpr std::string_view sql_find =
    "SELECT tenant_id, address, reason, text, message_id, created_at, expires_at FROM suppression WHERE tenant_id = $1 "
    "AND address = $2";
constexpr std::string_view sql_list =
    "SELECT tenant_id, address, reason, text, message_id, created_at, expires_at FROM suppression WHERE (tenant_id > "
    "$1 OR (tenant_id = $1 AND address > $2)) AND ($3 = 0 OR tenant_id = $3) AND ($4 = 0 OR reason = $4) AND ($5 = '' "
    "OR address = $5) AND ($6 = '' OR substr(address, length(address) - length($6) + 1) = $6) AND (expires_at = 0 OR "
    "expires_at > $7) ORDER BY tenant_id, address LIMIT $8";

constexpr std::array reasons = {SuppressionReason::soft_bounces, SuppressionReason::hard_bounce,
                                SuppressionReason::manual, SuppressionReason::unsubscribe,
                                SuppressionReason::complaint};

std::int64_t stored(WallClock::time_point time) { return milliseconds_of(time); }

Suppression suppression_of(const Row& row) {
    return {.tenant = TenantId{row.integer(0)},
            .address = std::string(row.text(1)),
            .reason = static_cast<SuppressionReason>(row.integer(2)),
            .text = std::string(row.text(3)),
            .message = MessageId{row.integer(4)},
            .created_at = time_of_milliseconds(row.integer(5)),
            .expires_at = time_of_milliseconds(row.integer(6))};
}

// Whether `fresh` says more than what is there.
bool outweighs(const Suppression& fresh, const Suppression& present) {
    if (fresh.reason != present.reason) return fresh.reason > present.reason;
    if (present.expires_at == never_expires) return false;
    return fresh.expires_at == never_expires || fresh.expires_at > present.expires_at;
}

}  // namespace

std::string_view name_of(SuppressionReason reason) {
    switch (reason) {
        case SuppressionReason::soft_bounces: return "soft_bounces";
        case SuppressionReason::hard_bounce: return "hard_bounce";
        case SuppressionReason::manual: return "manual";
        case SuppressionReason::unsubscribe: return "unsubscribe";
        case SuppressionReason::complaint: return "complaint";
    }
    return "manual";
}

std::optional<SuppressionReason> suppression_reason_named(std::string_view name) {
    for (const SuppressionReason reason : reasons)
        if (name == name_of(reason)) return reason;
    return std::nullopt;
}

std::string_view name_of(SuppressionChange change) {
    switch (change) {
        case SuppressionChange::added: return "added";
        case SuppressionChange::replaced: return "replaced";
        case SuppressionChange::kept: return "kept";
    }
    return "kept";
}

Result<SuppressionChange> add_suppression(Transaction& transaction, Suppression& suppression,
                                          WallClock::time_point now) {
    suppression.text = printable(suppression.text, suppression_text_limit_octets);
    suppression.created_at = now;
    RELEVO_TRY(const auto present, find_suppression(transaction, suppression.tenant, suppression.address, now));
    if (present && !outweighs(suppression, *present)) {
        suppression = *present;
        return SuppressionChange::kept;
    }
    RELEVO_CHECK(transaction.execute("DELETE FROM suppression WHERE tenant_id = $1 AND address = $2",
                                     {suppression.tenant.value, std::string_view(suppression.address)}));
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO suppression (tenant_id, address, reason, text, message_id, created_at, expires_at) VALUES ($1, "
        "$2, $3, $4, $5, $6, $7)",
        {suppression.tenant.value, std::string_view(suppression.address), static_cast<std::int64_t>(suppression.reason),
         std::string_view(suppression.text), suppression.message.value, stored(suppression.created_at),
         stored(suppression.expires_at)}));
    return present ? SuppressionChange::replaced : SuppressionChange::added;
}

Result<void> remove_suppression(Transaction& transaction, TenantId tenant, std::string_view address) {
    RELEVO_CHECK(
        transaction.execute("DELETE FROM soft_bounce WHERE tenant_id = $1 AND address = $2", {tenant.value, address}));
    RELEVO_TRY(
        const std::int64_t removed,
        transaction.execute("DELETE FROM suppression WHERE tenant_id = $1 AND address = $2", {tenant.value, address}));
    if (removed == 0) return failure(ErrorKind::not_found, std::string(address) + " is not suppressed");
    return {};
}

Result<void> remove_suppressions_of(Transaction& transaction, TenantId tenant) {
    RELEVO_CHECK(transaction.execute("DELETE FROM soft_bounce WHERE tenant_id = $1", {tenant.value}));
    RELEVO_CHECK(transaction.execute("DELETE FROM suppression WHERE tenant_id = $1", {tenant.value}));
    return {};
}

Result<std::vector<Suppression>> forget_expired_suppressions(Transaction& transaction, WallClock::time_point now) {
    std::vector<Suppression> over;
    RELEVO_CHECK(transaction.query(
        "SELECT tenant_id, address FROM suppression WHERE expires_at > 0 AND expires_at <= $1 LIMIT $2",
        {stored(now), forgotten_at_once}, [&](const Row& row) -> Result<void> {
            over.push_back({.tenant = TenantId{row.integer(0)}, .address = std::string(row.text(1))});
            return {};
        }));
    for (const Suppression& one : over)
        RELEVO_CHECK(transaction.execute("DELETE FROM suppression WHERE tenant_id = $1 AND address = $2",
                                         {one.tenant.value, std::string_view(one.address)}));
    return over;
}

Result<std::optional<Suppression>> find_suppression(Reader& reader, TenantId tenant, std::string_view address,
                                                    WallClock::time_point now) {
    std::optional<Suppression> found;
    RELEVO_CHECK(reader.query(sql_find, {tenant.value, address}, [&](const Row& row) -> Result<void> {
        found = suppression_of(row);
        return {};
    }));
    if (found && found->is_over(now)) found.reset();
    return found;
}

Result<std::vector<Suppression>> list_suppressions(Reader& reader, const SuppressionFilter& filter,
                                                   const SuppressionPlace& after, std::int64_t limit,
                                                   WallClock::time_point now) {
    std::vector<Suppression> found;
    const std::string ending = filter.domain.empty() ? "" : "@" + filter.domain;
    RELEVO_CHECK(reader.query(
        sql_list,
        {after.tenant.value, std::string_view(after.address), filter.tenant ? filter.tenant->value : std::int64_t{0},
         filter.reason ? static_cast<std::int64_t>(*filter.reason) : std::int64_t{0}, std::string_view(filter.address),
         std::string_view(ending), stored(now), limit},
        [&](const Row& row) -> Result<void> {
            found.push_back(suppression_of(row));
            return {};
        }));
    return found;
}

Result<std::int64_t> count_soft_bounce(Transaction& transaction, TenantId tenant, std::string_view address,
                                       MessageId message, WallClock::time_point now, WallClock::time_point from) {
    RELEVO_CHECK(
        transaction.execute("DELETE FROM soft_bounce WHERE tenant_id = $1 AND address = $2 AND message_id = $3",
                            {tenant.value, address, message.value}));
    RELEVO_CHECK(
        transaction.execute("INSERT INTO soft_bounce (tenant_id, address, message_id, at) VALUES ($1, $2, $3, $4)",
                            {tenant.value, address, message.value, stored(now)}));
    return soft_bounces_of(transaction, tenant, address, from);
}

Result<std::int64_t> soft_bounces_of(Reader& reader, TenantId tenant, std::string_view address,
                                     WallClock::time_point from) {
    std::int64_t count = 0;
    RELEVO_CHECK(reader.query("SELECT count(*) FROM soft_bounce WHERE tenant_id = $1 AND address = $2 AND at >= $3",
                              {tenant.value, address, stored(from)}, [&](const Row& row) -> Result<void> {
                                  count = row.integer(0);
                                  return {};
                              }));
    return count;
}

Result<void> forget_soft_bounces(Transaction& transaction, WallClock::time_point before) {
    RELEVO_CHECK(transaction.execute("DELETE FROM soft_bounce WHERE at < $1", {stored(before)}));
    return {};
}

}  // namespace relevo
