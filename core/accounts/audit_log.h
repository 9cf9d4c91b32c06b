// Who did what, when and from where: written in the transaction of what was done, in tables by day.
#pragma once

#include "core/accounts/model.h"
#include "core/events/history.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct AuditTag {
    static constexpr std::string_view prefix = "aud";
};
using AuditId = Identifier<AuditTag>;

// Stored numbers: never renumber.
enum class AuditOutcome : std::uint8_t {
    done = 1,
    refused = 2,  // not allowed, or a wrong secret
    failed = 3,   // allowed, but it did not work
};
[[nodiscard]] std::string_view name_of(AuditOutcome outcome);

struct AuditEntry {
    AuditId id;  // given by AuditWriter
    WallClock::time_point at;
    PrincipalKind kind = PrincipalKind::nobody;
    std::int64_t principal = 0;      // as Principal::id
    std::string principal_name;      // as it was then
    std::optional<TenantId> tenant;  // whose business it is; absent: the server's
    std::string operation;           // "user.add": letters, digits, "." and "_", at most 60
    std::string object_type;         // "user"; empty: none
    std::string object_id;           // "usr_…", at most 200 octets
    std::string peer;                // address; empty: the control socket
    AuditOutcome outcome = AuditOutcome::done;
    std::string detail = "{}";  // a JSON object of at most 4,096 octets, without secrets
};
// With the principal filled in; `tenant` is the principal's own.
[[nodiscard]] AuditEntry audit_entry(const Principal& principal, std::string_view operation, WallClock::time_point at);

// Longer than messages are kept: questions about who had access come late.
inline constexpr std::chrono::days audit_retention{400};

// Threads: the committer's only. Ids grow by one in the order of commits.
class AuditWriter {
 public:
    // Over-long texts are cut, so that nothing goes unrecorded; a detail that is too long is replaced by "{}".
    [[nodiscard]] Result<void> append(Transaction& transaction, const AuditEntry& entry);
    // Drops days older than audit_retention, a few at a time.
    [[nodiscard]] static Result<int> forget(Transaction& transaction, WallClock::time_point now);

 private:
    DayTables tables_{
        "audit",
        "CREATE TABLE audit_{0} (id BIGINT PRIMARY KEY, at BIGINT NOT NULL, kind INTEGER NOT NULL,"
        " principal BIGINT NOT NULL, principal_name TEXT NOT NULL, tenant_id BIGINT NOT NULL, operation TEXT NOT NULL,"
        " object_type TEXT NOT NULL, object_id TEXT NOT NULL, peer TEXT NOT NULL, outcome INTEGER NOT NULL,"
        " detail TEXT NOT NULL);"
        "CREATE INDEX audit_{0}_tenant ON audit_{0} (tenant_id, id);",
        HistoryKeeping::apart};
    DayStatement insert_{
        "INSERT INTO audit_{} (id, at, kind, principal, principal_name, tenant_id, operation, object_type, object_id,"
        " peer, outcome, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"};
};

struct AuditFilter {
    std::optional<TenantId> tenant;  // entries of this tenant alone
    std::string operation;           // this one, or with a final "." all that begin so: "user."; empty: all
    std::optional<std::int64_t> principal;
    std::optional<PrincipalKind> kind;
    std::string object_id;
    WallClock::time_point from{}, until{};  // the epoch: no bound; until is excluded
};
struct AuditPage {
    std::vector<AuditEntry> entries;  // newest first
    std::string next_cursor;          // empty: that was all
};
// Threads: the reader's only.
class AuditReader {
 public:
    // Newest day first, within it newest entry first. `limit` 1 to 500 entries; `cursor` from the page before, or
    // empty. Looks at no more than 20,000 rows a call: a page may come with fewer entries than asked for, and a cursor.
    // Errors: invalid – the cursor or the limit.
    [[nodiscard]] Result<AuditPage> page(Reader& reader, const AuditFilter& filter, std::string_view cursor,
                                         std::size_t limit);

 private:
    // The next rows of a day below `id`.
    Result<std::vector<AuditEntry>> rows_of(Reader& reader, std::int64_t day, std::int64_t id,
                                            std::optional<TenantId> tenant);
    DayStatement select_{
        "SELECT id, at, kind, principal, principal_name, tenant_id, operation, object_type, object_id, peer, outcome,"
        " detail FROM audit_{} WHERE id < $1 ORDER BY id DESC LIMIT $2"};
    DayStatement select_of_tenant_{
        "SELECT id, at, kind, principal, principal_name, tenant_id, operation, object_type, object_id, peer, outcome,"
        " detail FROM audit_{} WHERE tenant_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3"};
};

}  // namespace relevo
