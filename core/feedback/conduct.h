// What a tenant's mail does to the reputation that all share: how much of it bounces, how many complain, over a sliding
// window; and what follows, so that one bad list does not close the doors of the providers for everybody.
//
// Rule. With enough mail in the window, a share at or above a threshold lifts the tenant to its level at once: `warned`
// tells people; `slowed` sends so many recipients a minute to each site; `held` keeps new mail until a person has
// looked. `warned` and `slowed` end by themselves when the share falls below three quarters of their threshold; `held`
// never does, since without mail no share says anything: release() begins a new window.
#pragma once

#include "core/events/event.h"
#include "core/ports/database.h"
#include "core/ports/log.h"
#include "core/ports/metrics.h"
#include "core/ports/task.h"
#include "lib/base/identifier.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

namespace relevo {

// Stored numbers: never renumber.
enum class ConductLevel : std::uint8_t { good = 0, warned = 1, slowed = 2, held = 3 };
enum class ConductCause : std::uint8_t { none = 0, bounces = 1, complaints = 2 };
[[nodiscard]] std::string_view name_of(ConductLevel level);
[[nodiscard]] std::string_view name_of(ConductCause cause);

// Shares from which a level begins; 0: never.
struct ConductThresholds {
    double warn = 0, slow = 0, hold = 0;
};

enum class HeldTenantMail : std::uint8_t { kept, refused };

struct ConductOptions {
    std::chrono::hours window{24};             // 1 to 168
    std::uint32_t minimum_recipients = 1'000;  // fewer of them in the window say nothing
    ConductThresholds bounces{.warn = 0.05, .slow = 0.08, .hold = 0.12};
    ConductThresholds complaints{.warn = 0.001, .slow = 0.003, .hold = 0.005};
    std::uint32_t slow_rate = 60;  // recipients a minute to each site
    HeldTenantMail held_mail = HeldTenantMail::kept;
};

// What happened to one recipient.
enum class ConductFact : std::uint8_t {
    delivered,
    refused,    // for good, in the conversation: the address does not work
    came_back,  // the same, after it had been delivered
    complained,
};

struct ConductCounts {
    std::uint32_t sent = 0;  // recipients that were delivered or refused
    std::uint32_t bounced = 0;
    std::uint32_t complained = 0;
};

struct Conduct {
    ConductLevel level = ConductLevel::good;
    ConductCause cause = ConductCause::none;
    double share = 0, threshold = 0;  // when the level began
    WallClock::time_point since{};
    ConductCounts counts;  // in the window
    std::chrono::hours window{24};
};
// "12.3 % of 2,000 recipients in 24 hours bounced (limit 12 %)"; empty for a good one.
[[nodiscard]] std::string reason_of(const Conduct& conduct);

// Counts, in memory; a few hundred octets for a tenant that sent in the window. Threads: any.
class ConductLedger {
 public:
    ConductLedger(Log& log, Metrics& metrics, std::shared_ptr<const ConductOptions> options);
    void set_options(std::shared_ptr<const ConductOptions> options);
    [[nodiscard]] std::shared_ptr<const ConductOptions> options() const { return options_.load(); }
    // `changed`: the pace of some tenant is another one now. `risen`: a level has, which save() should soon write. Both
    // are called on the thread that counted.
    void set_changed(std::function<void()> changed, std::function<void()> risen = {});

    void count(TenantId tenant, ConductFact fact, WallClock::time_point now);
    [[nodiscard]] Conduct of(TenantId tenant, WallClock::time_point now) const;
    // Nothing for most: the conduct of a tenant whose new mail is not to leave.
    [[nodiscard]] std::optional<Conduct> held(TenantId tenant, WallClock::time_point now) const;
    // Recipients a minute to each site; 0: as many as others.
    [[nodiscard]] std::uint32_t slow_rate_of(TenantId tenant) const;
    // A person lets a tenant send as others do; what came before counts no more.
    void release(TenantId tenant, WallClock::time_point now);

    // --- rows. Once a minute, and at the end: lets levels end, and writes what changed since the last time, each level
    // with its event. It counts as written when saved() says so.
    Result<void> save(Transaction& transaction, EventWriter& events, WallClock::time_point now);
    void saved();
    Result<void> load(Reader& reader, WallClock::time_point now);

 private:
    struct Hour {
        std::int64_t hour = 0;
        ConductCounts counts;
        bool is_written = false;
    };
    struct Record {
        std::deque<Hour> hours;  // ascending
        Conduct conduct;         // its counts are the sums of `hours`
        bool is_written = false;
        bool is_begun_anew = false;  // the rows of its hours are of before
    };
    struct Reached {
        ConductLevel level = ConductLevel::good;
        ConductCause cause = ConductCause::none;
        double share = 0, threshold = 0;
    };
    [[nodiscard]] static Reached reached(const ConductOptions& options, const ConductCounts& counts, double part);
    void forget_hours(Record& record, std::int64_t first) const;
    void set_level(TenantId tenant, Record& record, const Reached& to, WallClock::time_point now);
    void review(WallClock::time_point now);
    static Result<void> write(Transaction& transaction, TenantId tenant, Record& record, std::int64_t first);
    static Result<void> write_level(Transaction& transaction, EventWriter& events, TenantId tenant,
                                    const Conduct& conduct, WallClock::time_point now);
    void count_levels();
    void write_all_again();

    Log& log_;
    std::atomic<std::shared_ptr<const ConductOptions>> options_;
    std::array<Gauge*, 4> tenants_{};    // by level
    std::array<Counter*, 4> changes_{};  // by level
    std::atomic<std::uint32_t> hindered_ =
        0;  // tenants that are slowed or held: nobody waits for the mutex when none is
    mutable std::mutex mutex_;
    std::unordered_map<TenantId, Record> records_;
    std::unordered_set<TenantId> forgotten_;  // that have rows
    bool is_unsure_ = false;                  // whether the last save() was committed
    std::function<void()> changed_, risen_;
};

}  // namespace relevo
