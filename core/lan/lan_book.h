// LAN mode as sessions see it: offices enrol, arrivals and refusals of devices are written down.
#pragma once

#include "core/events/history.h"
#include "core/lan/lan_table.h"
#include "core/ports/committer.h"
#include "core/ports/log.h"
#include "core/tenancy/password_checker.h"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace relevo {

// What a device's mail came to, over some days.
struct DeviceReport {
    LanOrigin origin;
    std::int64_t messages = 0;    // accepted
    std::int64_t recipients = 0;  // of these
    std::int64_t delivered = 0;   // recipients; at an office: handed up to the central relay
    std::int64_t waiting = 0;     // recipients
    std::int64_t deferred = 0;    // of those that wait: tried at least once
    std::int64_t refused = 0;     // recipients: refused by the next server, expired, suppressed or dropped
    std::int64_t not_taken = 0;   // commands and messages that we refused ourselves
    WallClock::time_point last_seen{};
    WallClock::time_point problem_at{};  // the epoch: no problem
    std::string problem;                 // JSON, the event's detail; or our own reply, which is no JSON
};

struct LanReport {
    std::vector<DeviceReport> devices;  // by origin
    bool cut = false;                   // there was more mail than is looked through
};

// Threads: as each method says. Lives as long as the store.
class LanBook {
 public:
    struct Ports {
        Executor executor;  // completions of its own writes are posted there
        Committer& committer;
        Log& log;
        PasswordChecker* passwords = nullptr;         // nullptr: no server runs
        std::function<Task<Result<void>>()> refresh;  // loads directory and table anew
    };
    explicit LanBook(Ports ports) : ports_(std::move(ports)) {}

    // Threads: any.
    [[nodiscard]] std::shared_ptr<const LanTable> table() const { return table_.load(); }
    void set_table(std::shared_ptr<const LanTable> table) { table_ = std::move(table); }

    // An office logs in with the secret of its token; afterwards its credential is in the directory. Threads: a
    // shard's. Errors: limit – too many passwords wait; those of the store.
    Task<Result<Enrolment>> enrol(std::string login, std::string secret, std::string new_password);

    // Belongs into the transaction that accepts the message. Threads: the committer's.
    Result<void> record_arrival(Transaction& transaction, const LanOrigin& origin, MessageId message,
                                std::int64_t recipients, WallClock::time_point now);

    // A command or a message of the device was refused; written in the background, many at once. Threads: any.
    void note_refusal(const LanOrigin& origin, std::string reply, WallClock::time_point now);

    // From the day on. Looks through at most `message_limit` messages, the newest days first. Threads: the reader's.
    Result<LanReport> report(Reader& reader, std::int64_t first_day, std::size_t message_limit = 200'000);

 private:
    struct Refusals {
        std::int64_t count = 0;
        WallClock::time_point last_at;
        std::string last_reply;
    };
    using RefusalsByOrigin = std::map<std::pair<std::int64_t, LanOrigin>, Refusals>;  // by day

    void write_refusals();
    Result<void> insert_refusals(Transaction& transaction, const RefusalsByOrigin& refusals);
    struct Arrival {
        MessageId message;
        LanOrigin origin;
        std::int64_t recipients = 0;
        WallClock::time_point at;
    };
    using ReportsByOrigin = std::map<LanOrigin, DeviceReport>;
    Result<std::vector<Arrival>> arrivals_of(Reader& reader, std::int64_t day, std::size_t limit);
    Result<void> add_outcomes(Reader& reader, const Arrival& arrival, const std::vector<std::int64_t>& event_days,
                              DeviceReport& report);
    Result<void> add_refusals(Reader& reader, std::int64_t day, ReportsByOrigin& reports);

    Ports ports_;
    std::atomic<std::shared_ptr<const LanTable>> table_{std::make_shared<const LanTable>()};
    std::mutex mutex_;
    RefusalsByOrigin refusals_;  // not written yet
    bool writing_ = false;

    // Committer's thread:
    DayTables arrival_tables_{"lan_arrival",
                              "CREATE TABLE lan_arrival_{0} (message_id INTEGER PRIMARY KEY, office_id INTEGER NOT "
                              "NULL, device TEXT NOT NULL,"
                              " recipients INTEGER NOT NULL, accepted_at INTEGER NOT NULL);"};
    DayTables refusal_tables_{
        "lan_refusal",
        "CREATE TABLE lan_refusal_{0} (office_id INTEGER NOT NULL, device TEXT NOT NULL, messages INTEGER NOT NULL,"
        " last_at INTEGER NOT NULL, last_reply TEXT NOT NULL, PRIMARY KEY (office_id, device));"};
    DayStatement insert_arrival_{
        "INSERT INTO lan_arrival_{} (message_id, office_id, device, recipients, accepted_at) VALUES ($1, $2, $3, $4, "
        "$5)"};
    DayStatement insert_refusal_{
        "INSERT INTO lan_refusal_{0} (office_id, device, messages, last_at, last_reply) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (office_id, device) DO UPDATE SET messages = lan_refusal_{0}.messages + excluded.messages,"
        " last_at = excluded.last_at, last_reply = excluded.last_reply"};
    // Reader's thread:
    DayStatement select_arrivals_{
        "SELECT message_id, office_id, device, recipients, accepted_at FROM lan_arrival_{} ORDER BY message_id LIMIT "
        "$1"};
    DayStatement select_events_{
        "SELECT ordinal, kind, at, detail FROM event_{} WHERE message_id = $1 ORDER BY id LIMIT 10000"};
    DayStatement select_refusals_{"SELECT office_id, device, messages, last_at, last_reply FROM lan_refusal_{}"};
};

}  // namespace relevo
