// How many recipients a tenant, a domain or a credential may have mail for, per minute, hour, day and month; and what
// happens beyond that.
//
// Periods are those of the calendar, in UTC. A quota that refuses lets in no more than it says. One that makes mail
// wait or holds it takes the message that crosses its limit whole, and what comes after it is given room in the periods
// to come, in the order of arrival: the average is what the quota says, whatever comes in.
#pragma once

#include "core/ports/database.h"
#include "core/ports/task.h"
#include "lib/base/identifier.h"

#include <cstdint>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace relevo {

struct QuotaTag {
    static constexpr std::string_view prefix = "quo";
};
using QuotaId = Identifier<QuotaTag>;

// Stored numbers: never renumber.
enum class QuotaScope : std::uint8_t { tenant = 1, domain = 2, credential = 3 };
enum class QuotaPeriod : std::uint8_t { minute = 1, hour = 2, day = 3, month = 4 };
enum class BeyondQuota : std::uint8_t {
    wait = 1,    // accepted; delivery goes on at the pace of the quota
    hold = 2,    // accepted; delivery goes on when the next period with room begins
    refuse = 3,  // refused for now, with the time when there is room
};
[[nodiscard]] std::string_view name_of(QuotaScope scope);
[[nodiscard]] std::string_view name_of(QuotaPeriod period);
[[nodiscard]] std::string_view name_of(BeyondQuota beyond);
[[nodiscard]] std::optional<QuotaPeriod> parse_quota_period(std::string_view text);
[[nodiscard]] std::optional<BeyondQuota> parse_beyond_quota(std::string_view text);

// At most one for each scope, subject and period.
struct Quota {
    QuotaId id;
    QuotaScope scope = QuotaScope::tenant;
    std::int64_t subject = 0;  // id of the tenant, domain or credential
    QuotaPeriod period = QuotaPeriod::day;
    std::uint32_t recipients = 1;  // 1 to 1,000,000,000
    BeyondQuota beyond = BeyondQuota::refuse;
    friend bool operator==(const Quota&, const Quota&) = default;
};

// The periods, counted.
[[nodiscard]] std::int64_t period_number(QuotaPeriod period, WallClock::time_point time);
[[nodiscard]] WallClock::time_point period_start(QuotaPeriod period, std::int64_t number);

// What was used in one period, with what was let in ahead of the next ones.
struct QuotaCount {
    std::int64_t number = 0;
    std::uint64_t used = 0;
    friend bool operator==(const QuotaCount&, const QuotaCount&) = default;
};
// The same as it stands in a later period.
[[nodiscard]] QuotaCount advanced(const Quota& quota, QuotaCount count, WallClock::time_point now);
// When one recipient more could go; not after `now`: at once.
[[nodiscard]] WallClock::time_point room_at(const Quota& quota, const QuotaCount& count, WallClock::time_point now);

// Counts, in memory. A quota that was used takes about 100 octets. Threads: any.
class QuotaLedger {
 public:
    // Mail does not wait longer than this for a quota: then even one that makes it wait refuses.
    static constexpr std::chrono::days longest_wait{35};

    enum class Answer : std::uint8_t {
        taken,
        refused,    // for now
        too_small,  // the message has more recipients than a quota that refuses ever lets in
    };
    // A quota that has come to 80 or 100 per cent of what it allows; told once in each period.
    struct Crossing {
        Quota quota;
        unsigned percent = 0;
    };
    struct Verdict {
        Answer answer = Answer::taken;
        std::optional<Quota> by;        // what refuses it or makes it wait
        WallClock::time_point until{};  // refused: when there is room; taken: when delivery may begin, if `by` is set
        std::vector<Crossing> crossings;
    };
    // Counts a message of so many recipients in each of `quotas`, or in none. To be called when its content begins, so
    // that messages under way count.
    [[nodiscard]] Verdict take(std::span<const Quota> quotas, std::uint32_t recipients, WallClock::time_point now);
    // The message was not accepted in the end. `taken_at`: the time given to take().
    void give_back(std::span<const Quota> quotas, std::uint32_t recipients, WallClock::time_point taken_at);

    struct Row {
        QuotaId quota;
        QuotaCount count;
    };
    // What was used before a restart.
    void restore(const std::vector<Row>& rows);
    // Forgets all quotas but these; now and then.
    void keep_only(std::span<const Quota> quotas);

 private:
    struct State {
        QuotaCount count;
        std::uint32_t limit = 0;  // 0: not used since the start
        std::int64_t told_number = 0;
        unsigned told_percent = 0;
    };
    State& state_of(const Quota& quota, WallClock::time_point now);

    std::mutex mutex_;
    std::unordered_map<QuotaId, State> states_;
};

// --- rows; threads as of the Transaction or Reader

inline constexpr std::uint32_t largest_quota = 1'000'000'000;

// Makes or replaces the quota of that scope, subject and period; what was used of it still counts, up to its new limit.
// Errors: invalid – not 1 to largest_quota recipients.
[[nodiscard]] Result<Quota> set_quota(Transaction& transaction, Quota quota);
// Errors: not_found.
[[nodiscard]] Result<void> remove_quota(Transaction& transaction, QuotaScope scope, std::int64_t subject,
                                        QuotaPeriod period);
// With the one that they are for.
[[nodiscard]] Result<void> remove_quotas_of(Transaction& transaction, QuotaScope scope, std::int64_t subject);
[[nodiscard]] Result<std::vector<Quota>> list_quotas(Reader& reader);
// Adds a message; inside the transaction that accepts it, so that a restart loses nothing. Returns the quotas that came
// to 80 or 100 per cent by it.
[[nodiscard]] Result<std::vector<QuotaLedger::Crossing>> record_quota_usage(Transaction& transaction,
                                                                            std::span<const Quota> quotas,
                                                                            std::uint32_t recipients,
                                                                            WallClock::time_point now);
[[nodiscard]] Result<std::vector<QuotaLedger::Row>> load_quota_usage(Reader& reader);

}  // namespace relevo
