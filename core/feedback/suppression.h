// Addresses that a tenant's mail is never sent to, as rows: every change is a statement inside a transaction of the
// caller, who tells the SuppressionIndex afterwards. Threads: the committer's (Transaction) or the reader's (Reader).
#pragma once

#include "core/ports/database.h"
#include "core/ports/task.h"
#include "lib/base/identifier.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

// Stored numbers: never renumber. In the order of their weight: of two reasons for one address the greater stays.
enum class SuppressionReason : std::uint8_t {
    soft_bounces = 1,  // several messages in a row came back for reasons that should have passed
    hard_bounce = 2,   // the address does not work
    manual = 3,        // a person or an import said so
    unsubscribe = 4,   // the recipient wants no more of it
    complaint = 5,     // the recipient called it spam
};
[[nodiscard]] std::string_view name_of(SuppressionReason reason);
[[nodiscard]] std::optional<SuppressionReason> suppression_reason_named(std::string_view name);

inline constexpr WallClock::time_point never_expires{};  // the epoch

struct Suppression {
    TenantId tenant;
    std::string address;  // as comparable_address() gives it
    SuppressionReason reason = SuppressionReason::manual;
    std::string text;   // what a server or a person said; at most suppression_text_limit_octets, printable
    MessageId message;  // that it came from; none: 0
    WallClock::time_point created_at{};
    WallClock::time_point expires_at = never_expires;

    [[nodiscard]] bool is_over(WallClock::time_point now) const {
        return expires_at != never_expires && expires_at <= now;
    }
};
inline constexpr std::size_t suppression_text_limit_octets = 500;

enum class SuppressionChange : std::uint8_t {
    added,
    replaced,  // there was one for a lesser reason, or one that would end sooner
    kept,      // what is there weighs as much
};
[[nodiscard]] std::string_view name_of(SuppressionChange change);

// One row for a tenant and an address. Returns what became of it; the row in force is put into `suppression`.
[[nodiscard]] Result<SuppressionChange> add_suppression(Transaction& transaction, Suppression& suppression,
                                                        WallClock::time_point now);
// Also forgets its soft bounces, so that the next one does not bring it back. Errors: not_found.
[[nodiscard]] Result<void> remove_suppression(Transaction& transaction, TenantId tenant, std::string_view address);
[[nodiscard]] Result<void> remove_suppressions_of(Transaction& transaction, TenantId tenant);
// A few at a time: call it now and then. Returns those that are gone; only tenant and address are known of them.
[[nodiscard]] Result<std::vector<Suppression>> forget_expired_suppressions(Transaction& transaction,
                                                                           WallClock::time_point now);

// The one in force. nullopt: none.
[[nodiscard]] Result<std::optional<Suppression>> find_suppression(Reader& reader, TenantId tenant,
                                                                  std::string_view address, WallClock::time_point now);

struct SuppressionFilter {
    std::optional<TenantId> tenant;
    std::optional<SuppressionReason> reason;
    std::string address;  // exact and comparable, or empty
    std::string domain;   // A-labels, or empty
};
struct SuppressionPlace {  // of the last row of a page
    TenantId tenant;
    std::string address;
};
// In the order of tenant and address, from behind `after`.
[[nodiscard]] Result<std::vector<Suppression>> list_suppressions(Reader& reader, const SuppressionFilter& filter,
                                                                 const SuppressionPlace& after, std::int64_t limit,
                                                                 WallClock::time_point now);

// Counts one message that came back for a reason that may pass; the same message counts once. Returns how many came
// back since `from`.
[[nodiscard]] Result<std::int64_t> count_soft_bounce(Transaction& transaction, TenantId tenant,
                                                     std::string_view address, MessageId message,
                                                     WallClock::time_point now, WallClock::time_point from);
[[nodiscard]] Result<std::int64_t> soft_bounces_of(Reader& reader, TenantId tenant, std::string_view address,
                                                   WallClock::time_point from);
[[nodiscard]] Result<void> forget_soft_bounces(Transaction& transaction, WallClock::time_point before);

}  // namespace relevo
