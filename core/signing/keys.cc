#include "core/signing/keys.h"

#include "lib/base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstring>

namespace relevo {
namespace {

constexpr std::size_t selector_limit_octets = 128;

std::int64_t column(WallClock::time_point time) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}
WallClock::time_point time_of(std::int64_t column) { return WallClock::time_point(std::chrono::milliseconds(column)); }

template <class Enum>
Result<Enum> enum_of(std::int64_t column, Enum last, std::string_view what) {
    if (column < 0 || column > static_cast<std::int64_t>(last))
        return failure(ErrorKind::invalid, fmt::format("a signing key has no {} {}", what, column));
    return static_cast<Enum>(column);
}

Result<KeyRow> key_of(const Row& row) {
    KeyRow key;
    key.name = row.text(0);
    key.selector = row.text(1);
    key.domain = DomainId{row.integer(2)};
    RELEVO_TRY(key.algorithm, enum_of(row.integer(3), mailauth::SigningAlgorithm::ed25519_sha256, "algorithm"));
    RELEVO_TRY(key.state, enum_of(row.integer(4), KeyState::withdrawn, "state"));
    key.sealed = row.text(5);
    key.record = row.text(6);
    RELEVO_TRY(key.presence, enum_of(row.integer(7), Presence::present, "presence"));
    key.created_at = time_of(row.integer(8));
    key.presence_since = time_of(row.integer(9));
    key.activated_at = time_of(row.integer(10));
    key.retired_at = time_of(row.integer(11));
    return key;
}

Result<std::vector<KeyRow>> select_keys(Reader& reader, std::string_view sql, std::initializer_list<Value> parameters) {
    std::vector<KeyRow> keys;
    RELEVO_CHECK(reader.query(sql, parameters, [&](const Row& row) -> Result<void> {
        RELEVO_TRY(KeyRow key, key_of(row));
        keys.push_back(std::move(key));
        return {};
    }));
    return keys;
}

// 0: "a", 25: "z", 26: "aa", 701: "zz".
std::string letters_of(unsigned index) {
    const std::string last(1, static_cast<char>('a' + index % 26));
    return index < 26 ? last : std::string(1, static_cast<char>('a' + index / 26 - 1)) + last;
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           std::ranges::all_of(label, [](char c) { return is_alpha(c) || is_digit(c) || c == '-'; });
}

}  // namespace

std::string_view name_of(KeyState state) {
    switch (state) {
        case KeyState::next: return "next";
        case KeyState::published: return "published";
        case KeyState::active: return "active";
        case KeyState::retiring: return "retiring";
        case KeyState::withdrawn: return "withdrawn";
    }
    return "withdrawn";
}

std::string_view name_of(Presence presence) {
    switch (presence) {
        case Presence::unknown: return "unknown";
        case Presence::absent: return "absent";
        case Presence::different: return "different";
        case Presence::present: return "present";
    }
    return "unknown";
}

std::string record_host(std::string_view selector, std::string_view domain) {
    return fmt::format("{}._domainkey.{}", selector, domain);
}

std::string vault_context(const KeyRow& key) { return "dkim " + record_host(key.selector, key.name); }

Result<std::string> choose_selector(Reader& reader, std::string_view domain, mailauth::SigningAlgorithm algorithm,
                                    WallClock::time_point now) {
    const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(now));
    const std::string prefix =
        fmt::format("{}{:04}{:02}{:02}", algorithm == mailauth::SigningAlgorithm::rsa_sha256 ? 'r' : 'e',
                    static_cast<int>(day.year()), static_cast<unsigned>(day.month()), static_cast<unsigned>(day.day()));
    std::vector<std::string> used;
    RELEVO_CHECK(reader.query("SELECT selector FROM signing_key WHERE domain = $1", {domain},
                              [&](const Row& row) -> Result<void> {
                                  used.emplace_back(row.text(0));
                                  return {};
                              }));
    constexpr unsigned most = 26 + 26 * 26;
    for (unsigned index = 0; index < most; ++index) {
        std::string selector = prefix + letters_of(index);
        if (std::ranges::find(used, selector) == used.end()) return selector;
    }
    return failure(ErrorKind::limit, fmt::format("{} has got {} keys today: wait until tomorrow", domain, most));
}

Result<std::string> checked_selector(std::string_view text) {
    if (text.size() > selector_limit_octets || !std::ranges::all_of(split(text, '.'), is_label))
        return failure(ErrorKind::invalid,
                       fmt::format("\"{}\" is not a selector: use letters, digits and hyphens, such as 2026a",
                                   printable(text, selector_limit_octets)));
    return to_lower(text);
}

Result<KeyRow> sealed_row(KeyVault& vault, const mailauth::SigningKey& key, DomainId domain, std::string_view name,
                          std::string selector, WallClock::time_point now) {
    KeyRow row;
    row.domain = domain;
    row.name = name;
    row.selector = std::move(selector);
    row.algorithm = key.algorithm();
    row.record = key.record();
    row.created_at = now;
    std::string der = key.to_der();
    auto sealed = vault.seal(der, vault_context(row));
    ::explicit_bzero(der.data(), der.size());
    RELEVO_TRY(row.sealed, std::move(sealed));
    return row;
}

Result<void> insert_key(Transaction& transaction, const KeyRow& key) {
    bool taken = false;
    RELEVO_CHECK(transaction.query("SELECT 1 FROM signing_key WHERE domain = $1 AND selector = $2",
                                   {std::string_view(key.name), std::string_view(key.selector)},
                                   [&](const Row&) -> Result<void> {
                                       taken = true;
                                       return {};
                                   }));
    if (taken)
        return failure(ErrorKind::conflict,
                       fmt::format("the selector {} of {} was used before, and caches may hold its old record: choose "
                                   "another",
                                   key.selector, key.name));
    RELEVO_TRY(
        [[maybe_unused]] const auto inserted,
        transaction.execute(
            "INSERT INTO signing_key (domain, selector, domain_id, algorithm, state, sealed, record, presence,"
            " created_at, presence_since, activated_at, retired_at)"
            " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
            {std::string_view(key.name), std::string_view(key.selector), key.domain.value,
             static_cast<std::int64_t>(key.algorithm), static_cast<std::int64_t>(key.state),
             std::string_view(key.sealed), std::string_view(key.record), static_cast<std::int64_t>(key.presence),
             column(key.created_at), column(key.presence_since), column(key.activated_at), column(key.retired_at)}));
    return {};
}

Result<std::vector<KeyRow>> list_keys(Reader& reader) {
    return select_keys(reader,
                       "SELECT domain, selector, domain_id, algorithm, state, sealed, record, presence, created_at,"
                       " presence_since, activated_at, retired_at FROM signing_key"
                       " ORDER BY domain, created_at DESC, selector DESC",
                       {});
}

Result<std::vector<KeyRow>> keys_of(Reader& reader, DomainId domain) {
    return select_keys(reader,
                       "SELECT domain, selector, domain_id, algorithm, state, sealed, record, presence, created_at,"
                       " presence_since, activated_at, retired_at FROM signing_key"
                       " WHERE domain_id = $1 ORDER BY created_at DESC, selector DESC",
                       {domain.value});
}

Result<std::vector<KeyRow>> keys_of_service(Reader& reader, std::string_view service_domain) {
    return select_keys(reader,
                       "SELECT domain, selector, domain_id, algorithm, state, sealed, record, presence, created_at,"
                       " presence_since, activated_at, retired_at FROM signing_key"
                       " WHERE domain_id = 0 AND domain = $1 ORDER BY created_at DESC, selector DESC",
                       {service_domain});
}

Result<std::int64_t> count_sealed_keys(Reader& reader) {
    std::int64_t count = 0;
    RELEVO_CHECK(
        reader.query("SELECT count(*) FROM signing_key WHERE sealed <> ''", {}, [&](const Row& row) -> Result<void> {
            count = row.integer(0);
            return {};
        }));
    return count;
}

Result<void> move_key(Transaction& transaction, const KeyRow& key, KeyState to, WallClock::time_point now) {
    const auto activated = to == KeyState::active ? now : key.activated_at;
    const auto retired = to == KeyState::retiring ? now : key.retired_at;
    const std::string_view sealed = to == KeyState::withdrawn ? std::string_view() : std::string_view(key.sealed);
    RELEVO_TRY(const std::int64_t changed,
               transaction.execute(
                   "UPDATE signing_key SET state = $4, activated_at = $5, retired_at = $6, sealed = $7"
                   " WHERE domain = $1 AND selector = $2 AND state = $3",
                   {std::string_view(key.name), std::string_view(key.selector), static_cast<std::int64_t>(key.state),
                    static_cast<std::int64_t>(to), column(activated), column(retired), sealed}));
    if (changed == 0)
        return failure(ErrorKind::conflict,
                       fmt::format("the key {} of {} was changed meanwhile", key.selector, key.name));
    return {};
}

Result<void> set_presence(Transaction& transaction, const KeyRow& key, Presence presence, WallClock::time_point now) {
    RELEVO_TRY([[maybe_unused]] const auto changed,
               transaction.execute("UPDATE signing_key SET presence = $3, presence_since = $4"
                                   " WHERE domain = $1 AND selector = $2",
                                   {std::string_view(key.name), std::string_view(key.selector),
                                    static_cast<std::int64_t>(presence), column(now)}));
    return {};
}

Result<void> withdraw_keys_of(Transaction& transaction, DomainId domain, WallClock::time_point now) {
    RELEVO_TRY(const std::vector<KeyRow> keys, keys_of(transaction, domain));
    for (const KeyRow& key : keys)
        if (key.state != KeyState::withdrawn) RELEVO_CHECK(move_key(transaction, key, KeyState::withdrawn, now));
    return {};
}

}  // namespace relevo
