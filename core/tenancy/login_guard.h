// Holds back who guesses passwords (security row A14), without locking out who owns the account.
#pragma once

#include "core/ports/database.h"
#include "core/ports/task.h"
#include "core/tenancy/failure_table.h"
#include "core/tenancy/secret.h"
#include "lib/dns/record.h"

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct LoginGuardOptions {
    std::uint16_t free_failures_of_address = 10;     // before the first delay
    std::uint16_t free_failures_of_account = 10;     // counted over all addresses that the account does not know
    std::uint16_t free_failures_of_pair = 10;        // of an address that the account knows
    std::chrono::seconds first_delay{1};             // doubles with each further failure …
    std::chrono::seconds longest_delay{15 * 60};     // … up to this: at most 96 guesses a day
    std::chrono::seconds longest_account_delay{60};  // shorter, as it also meets the owner at a new address
    std::chrono::hours forget_after{24};             // without a failure
    std::chrono::hours known_for{30 * 24};           // since the last success from there
    // Attempts at once from an address that the account does not know. They take their share of the free failures
    // before they end, so parallel guesses are no more guesses; the bound is for the work of the checks. Eight, because
    // a sender's new machine may open several connections with its first mail.
    std::uint8_t pending_limit = 8;
    std::uint8_t known_pending_limit = 64;  // from one that it knows: a host that opens many connections
    std::size_t addresses = 1 << 21;        // 24 octets each: 48 MiB, of which only what is used is real
    std::size_t accounts = 1 << 17;         // 3 MiB
    std::size_t pairs = 1 << 18;            // 6 MiB
};

// One subject's failures, as they are kept over a restart.
enum class LoginSubject : std::uint8_t { address = 1, account = 2, pair = 3 };
struct LoginFailureRow {
    LoginSubject kind = LoginSubject::address;
    std::uint64_t subject = 0;  // number of the address, or first 64 bits of BLAKE2b of the login (and address)
    std::uint16_t failures = 0;
    WallClock::time_point last_failed_at;
};

// Addresses count by host (IPv4) or by /64 (IPv6). An attempt is admitted before its password is checked, so that a
// held-back one costs no work; attempts under way count too, so that opening many connections at once gains nothing.
//     · From an address that the account knows (a success within 30 days), only failures of that pair count: neither an
//       attack on the account from elsewhere nor another user behind the same address locks the owner out.
//     · From any other address, failures of the address and of the account count.
// Logins that do not exist are treated the same. Threads: any.
class LoginGuard {
 public:
    explicit LoginGuard(const RandomSource& random, LoginGuardOptions options = {});

    struct Verdict {
        bool allowed = true;
        std::chrono::seconds retry_after{0};  // when refused, at least 1 s: "454 4.7.0 try again in N s"
    };
    // Before the work; with SCRAM, before the client's last message is looked at, so that an exchange left half done
    // occupies nothing. If allowed, one of the three below must follow.
    [[nodiscard]] Verdict begin(std::string_view login, const dns::IpAddress& address, WallClock::time_point now);
    // The password was right. True if it should be recorded (record_login): the address is new to the account, or its
    // row is over an hour old.
    bool succeeded(std::string_view login, const dns::IpAddress& address, WallClock::time_point now);
    void failed(std::string_view login, const dns::IpAddress& address, WallClock::time_point now);
    // The exchange ended without a verdict on the password.
    void abandoned(std::string_view login, const dns::IpAddress& address);

    // From login_address rows, at start.
    void add_known_address(std::string_view login, const dns::IpAddress& address, WallClock::time_point last_used_at);
    // What is worth keeping over a restart: subjects that are past their free failures, the most failures first.
    [[nodiscard]] std::vector<LoginFailureRow> failures(std::size_t limit, WallClock::time_point now) const;
    void restore(const std::vector<LoginFailureRow>& rows);

    [[nodiscard]] std::size_t memory_octets() const;

 private:
    struct Subjects {
        std::uint64_t address = 0, account = 0, pair = 0;
    };
    [[nodiscard]] static Subjects subjects_of(std::string_view login, const dns::IpAddress& address);
    [[nodiscard]] bool is_known(std::uint64_t pair, std::uint32_t now);
    [[nodiscard]] std::uint32_t delay_of(const FailureEntry& entry, std::uint16_t free_failures,
                                         std::chrono::seconds longest) const;
    [[nodiscard]] std::uint32_t wait_for(FailureEntry* entry, std::uint16_t free_failures, std::chrono::seconds longest,
                                         std::uint8_t pending_limit, std::uint32_t now) const;
    [[nodiscard]] std::uint32_t wait_for_unknown(const Subjects& subjects, std::uint32_t now);
    void note_failure(FailureEntry& entry, std::uint32_t now) const;
    void end_pending(const Subjects& subjects);

    const LoginGuardOptions options_;
    mutable std::mutex mutex_;  // guards the tables
    FailureTable addresses_, accounts_, pairs_;
};

// The host (IPv4), or its /64 (IPv6): the unit in which addresses are counted and kept.
[[nodiscard]] std::string counted_address(const dns::IpAddress& address);

// --- rows; threads as of the Transaction or Reader

// Remembers the address of a successful login, and the credential's last use.
[[nodiscard]] Result<void> record_login(Transaction& transaction, CredentialId credential,
                                        const dns::IpAddress& address, WallClock::time_point now);
// The address alone, of a login that is no credential: "console anna" of a person in the console.
[[nodiscard]] Result<void> record_login_address(Transaction& transaction, std::string_view login,
                                                const dns::IpAddress& address, WallClock::time_point now);
[[nodiscard]] Result<void> load_known_addresses(Reader& reader, LoginGuard& guard);
// Replaces what was saved by the guard's `limit` worst failures; run it every minute or so and at the end.
[[nodiscard]] Result<void> save_login_failures(Transaction& transaction, const std::vector<LoginFailureRow>& rows);
[[nodiscard]] Result<std::vector<LoginFailureRow>> load_login_failures(Reader& reader);
// Drops addresses that were not used within `known_for`.
[[nodiscard]] Result<void> forget_known_addresses(Transaction& transaction, WallClock::time_point now,
                                                  std::chrono::hours known_for = std::chrono::hours(30 * 24));

}  // namespace relevo
