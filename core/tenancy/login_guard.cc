#include "core/tenancy/login_guard.h"

#include "core/tenancy/network_table.h"
#include "lib/base/text.h"

#include <sodium.h>

#include <algorithm>
#include <cstring>

namespace relevo {

namespace {

constexpr std::uint32_t pending_lifetime_seconds = 300;  // an attempt whose end was never told no longer counts
constexpr std::uint32_t recorded_again_after_seconds = 3600;

std::uint32_t seconds_of(WallClock::time_point time) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(seconds, 0, UINT32_MAX));
}

std::uint32_t seconds_since(std::uint32_t then, std::uint32_t now) { return now > then ? now - then : 0; }

// An IPv4 address or a /64 as a number. ffff:ffff::/32 is multicast, so an IPv4 address never meets a prefix there.
std::uint64_t number_of(const dns::IpAddress& address) {
    std::uint64_t number = address.is_v4() ? 0xffffffffU : 0;
    for (const std::uint8_t octet : address.octets().first(address.is_v4() ? 4 : 8)) number = number << 8 | octet;
    return number;
}

// Not keyed, so that it stays the same over restarts; to meet another account's number takes 2^64 tries.
std::uint64_t number_of(std::string_view login, std::uint64_t address) {
    std::array<unsigned char, crypto_generichash_BYTES_MIN> digest{};
    crypto_generichash_state state;
    crypto_generichash_init(&state, nullptr, 0, digest.size());
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(&address), sizeof address);
    crypto_generichash_update(&state, reinterpret_cast<const unsigned char*>(login.data()), login.size());
    crypto_generichash_final(&state, digest.data(), digest.size());
    std::uint64_t number = 0;
    std::memcpy(&number, digest.data(), sizeof number);
    return number;
}

FailureTable::HashKey random_key(const RandomSource& random) {
    FailureTable::HashKey key{};
    random(std::as_writable_bytes(std::span(key)));
    return key;
}

void start_pending(FailureEntry& entry, std::uint32_t now) {
    if (seconds_since(entry.last_started_at, now) > pending_lifetime_seconds) entry.pending = 0;
    entry.last_started_at = now;
    if (entry.pending < UINT8_MAX) ++entry.pending;
}

void stop_pending(FailureEntry* entry) {
    if (entry != nullptr && entry->pending > 0) --entry->pending;
}

}  // namespace

LoginGuard::LoginGuard(const RandomSource& random, LoginGuardOptions options)
    : options_(options),
      addresses_(options.addresses, random_key(random)),
      accounts_(options.accounts, random_key(random)),
      pairs_(options.pairs, random_key(random)) {}

LoginGuard::Subjects LoginGuard::subjects_of(std::string_view login, const dns::IpAddress& address) {
    const std::string canonical = to_lower(login);
    const std::uint64_t number = number_of(address);
    return {.address = number, .account = number_of(canonical, 0), .pair = number_of(canonical, number)};
}

bool LoginGuard::is_known(std::uint64_t pair, std::uint32_t now) {
    const FailureEntry* entry = pairs_.find(pair);
    if (entry == nullptr || entry->last_succeeded_at == 0) return false;
    return std::chrono::seconds(seconds_since(entry->last_succeeded_at, now)) <= options_.known_for;
}

std::uint32_t LoginGuard::delay_of(const FailureEntry& entry, std::uint16_t free_failures,
                                   std::chrono::seconds longest) const {
    if (entry.failures < free_failures) return 0;
    const auto doublings = std::min<unsigned>(entry.failures - free_failures, 30);
    const auto delay = std::min<std::int64_t>(options_.first_delay.count() << doublings, longest.count());
    return static_cast<std::uint32_t>(delay);
}

// Seconds until the subject may try again; 0: now.
std::uint32_t LoginGuard::wait_for(FailureEntry* entry, std::uint16_t free_failures, std::chrono::seconds longest,
                                   std::uint8_t pending_limit, std::uint32_t now) const {
    if (entry == nullptr) return 0;
    if (std::chrono::seconds(seconds_since(entry->last_failed_at, now)) > options_.forget_after) entry->failures = 0;
    // Each attempt under way may turn out a failure; past the free ones only one at a time is let in.
    const unsigned free_left = entry->failures < free_failures ? free_failures - entry->failures : 1U;
    const bool pending_counts = seconds_since(entry->last_started_at, now) <= pending_lifetime_seconds;
    if (pending_counts && entry->pending >= std::min<unsigned>(free_left, pending_limit)) return 1;
    const std::uint32_t delay = delay_of(*entry, free_failures, longest);
    const std::uint32_t passed = seconds_since(entry->last_failed_at, now);
    return delay > passed ? delay - passed : 0;
}

std::uint32_t LoginGuard::wait_for_unknown(const Subjects& subjects, std::uint32_t now) {
    const auto of_address = wait_for(addresses_.find(subjects.address), options_.free_failures_of_address,
                                     options_.longest_delay, options_.pending_limit, now);
    const auto of_account = wait_for(accounts_.find(subjects.account), options_.free_failures_of_account,
                                     options_.longest_account_delay, options_.pending_limit, now);
    return std::max(of_address, of_account);
}

LoginGuard::Verdict LoginGuard::begin(std::string_view login, const dns::IpAddress& address,
                                      WallClock::time_point time) {
    const Subjects subjects = subjects_of(login, address);
    const std::uint32_t now = seconds_of(time);
    const std::lock_guard lock(mutex_);
    const bool known = is_known(subjects.pair, now);
    FailureEntry* pair = pairs_.find(subjects.pair);
    const bool pair_has_failures = known && pair->failures > 0;
    const std::uint32_t wait = known ? wait_for(pair, pair_has_failures ? options_.free_failures_of_pair : UINT16_MAX,
                                                options_.longest_delay, options_.known_pending_limit, now)
                                     : wait_for_unknown(subjects, now);
    if (wait > 0) return {.allowed = false, .retry_after = std::chrono::seconds(wait)};
    if (known) {
        start_pending(*pair, now);
    } else {
        start_pending(addresses_.get(subjects.address), now);
        start_pending(accounts_.get(subjects.account), now);
    }
    return {};
}

// The attempt counts where begin() counted it; if the address became known meanwhile, the others run out by time.
void LoginGuard::end_pending(const Subjects& subjects) {
    FailureEntry* pair = pairs_.find(subjects.pair);
    if (pair != nullptr && pair->pending > 0) return stop_pending(pair);
    stop_pending(addresses_.find(subjects.address));
    stop_pending(accounts_.find(subjects.account));
}

bool LoginGuard::succeeded(std::string_view login, const dns::IpAddress& address, WallClock::time_point time) {
    const Subjects subjects = subjects_of(login, address);
    const std::uint32_t now = seconds_of(time);
    const std::lock_guard lock(mutex_);
    end_pending(subjects);
    // The address keeps its failures: who owns one account must not wash away guesses at others.
    FailureEntry& pair = pairs_.get(subjects.pair);
    pair.failures = 0;
    const bool is_news =
        pair.last_succeeded_at == 0 || seconds_since(pair.last_succeeded_at, now) > recorded_again_after_seconds;
    if (is_news) pair.last_succeeded_at = now;
    return is_news;
}

void LoginGuard::note_failure(FailureEntry& entry, std::uint32_t now) const {
    if (std::chrono::seconds(seconds_since(entry.last_failed_at, now)) > options_.forget_after) entry.failures = 0;
    if (entry.failures < UINT16_MAX) ++entry.failures;
    entry.last_failed_at = now;
}

void LoginGuard::failed(std::string_view login, const dns::IpAddress& address, WallClock::time_point time) {
    const Subjects subjects = subjects_of(login, address);
    const std::uint32_t now = seconds_of(time);
    const std::lock_guard lock(mutex_);
    end_pending(subjects);
    if (is_known(subjects.pair, now)) return note_failure(pairs_.get(subjects.pair), now);
    note_failure(addresses_.get(subjects.address), now);
    note_failure(accounts_.get(subjects.account), now);
}

void LoginGuard::abandoned(std::string_view login, const dns::IpAddress& address) {
    const Subjects subjects = subjects_of(login, address);
    const std::lock_guard lock(mutex_);
    end_pending(subjects);
}

void LoginGuard::add_known_address(std::string_view login, const dns::IpAddress& address,
                                   WallClock::time_point last_used_at) {
    const Subjects subjects = subjects_of(login, address);
    const std::lock_guard lock(mutex_);
    FailureEntry& pair = pairs_.get(subjects.pair);
    pair.last_succeeded_at = std::max(pair.last_succeeded_at, seconds_of(last_used_at));
}

std::vector<LoginFailureRow> LoginGuard::failures(std::size_t limit, WallClock::time_point time) const {
    const std::uint32_t now = seconds_of(time);
    std::vector<LoginFailureRow> rows;
    const auto collect = [&](const FailureTable& table, LoginSubject kind, std::uint16_t free_failures) {
        table.for_each([&](const FailureEntry& entry) {
            const bool forgotten =
                std::chrono::seconds(seconds_since(entry.last_failed_at, now)) > options_.forget_after;
            if (forgotten || entry.failures < free_failures) return;
            rows.push_back({kind, entry.subject, entry.failures,
                            WallClock::time_point(std::chrono::seconds(entry.last_failed_at))});
        });
    };
    {
        const std::lock_guard lock(mutex_);
        collect(addresses_, LoginSubject::address, options_.free_failures_of_address);
        collect(accounts_, LoginSubject::account, options_.free_failures_of_account);
        collect(pairs_, LoginSubject::pair, options_.free_failures_of_pair);
    }
    const auto kept = std::min(limit, rows.size());
    std::ranges::partial_sort(rows, rows.begin() + static_cast<std::ptrdiff_t>(kept), std::ranges::greater{},
                              [](const LoginFailureRow& row) { return std::pair(row.failures, row.last_failed_at); });
    rows.resize(kept);
    return rows;
}

void LoginGuard::restore(const std::vector<LoginFailureRow>& rows) {
    const std::lock_guard lock(mutex_);
    for (const auto& row : rows) {
        FailureTable& table = row.kind == LoginSubject::address   ? addresses_
                              : row.kind == LoginSubject::account ? accounts_
                                                                  : pairs_;
        FailureEntry& entry = table.get(row.subject);
        entry.failures = std::max(entry.failures, row.failures);
        entry.last_failed_at = std::max(entry.last_failed_at, seconds_of(row.last_failed_at));
    }
}

std::size_t LoginGuard::memory_octets() const {
    return addresses_.memory_octets() + accounts_.memory_octets() + pairs_.memory_octets();
}

}  // namespace relevo
