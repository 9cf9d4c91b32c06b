#include "core/accounts/second_factor.h"

#include "core/accounts/columns.h"
#include "core/accounts/sessions.h"
#include "core/accounts/token.h"
#include "core/accounts/totp.h"
#include "core/tenancy/statements.h"

#include <algorithm>
#include <optional>

namespace relevo {
namespace {

constexpr std::size_t recovery_digits = 16;
constexpr std::size_t recovery_group = 4;
constexpr std::size_t remembered_steps = 8;  // a code counts for three
constexpr std::string_view no_factor = "the user has no second factor";

struct StoredTotp {
    std::string sealed;
    bool is_confirmed = false;
    std::vector<std::int64_t> used_steps;  // oldest first
};

std::string sealing_context(UserId user) { return "totp " + user.text(); }

Result<std::optional<StoredTotp>> stored_totp(Reader& reader, UserId user) {
    std::optional<StoredTotp> found;
    RELEVO_CHECK(reader.query("SELECT sealed, confirmed_at, used_steps FROM account_totp WHERE user_id = $1",
                              {user.value}, [&](const Row& row) -> Result<void> {
                                  found = {std::string(row.text(0)), row.integer(1) != 0, {}};
                                  for (const std::string_view step : split(row.text(2), ' '))
                                      if (const auto number = parse_decimal<std::int64_t>(step))
                                          found->used_steps.push_back(*number);
                                  return {};
                              }));
    return found;
}

// What people type is what was printed, or something near it (Crockford's base 32).
std::string canonical_recovery_code(std::string_view code) {
    std::string digits;
    for (const char c : to_lower(code.substr(0, 2 * recovery_digits))) {
        if (c == '-' || c == ' ') continue;
        digits += c == 'o' ? '0' : c == 'i' || c == 'l' ? '1' : c;
    }
    return digits;
}

// Checks the code and remembers its step. Errors: refused.
Result<void> use_totp_code(Transaction& transaction, KeyVault& vault, UserId user, const StoredTotp& stored,
                           std::string_view code, WallClock::time_point now) {
    RELEVO_TRY(const std::string secret, vault.open(stored.sealed, sealing_context(user)));
    const auto step = matching_totp_step(secret, code, now, stored.used_steps);
    if (!step)
        return failure(ErrorKind::refused,
                       "the code is wrong or was used: wait for the next one, and see that the clock of the phone is "
                       "right");
    std::vector<std::int64_t> used = stored.used_steps;
    used.push_back(*step);
    std::string text;
    for (const std::int64_t one : std::span(used).last(std::min(used.size(), remembered_steps)))
        text += (text.empty() ? "" : " ") + std::to_string(one);
    RELEVO_CHECK(transaction.execute("UPDATE account_totp SET used_steps = $2 WHERE user_id = $1",
                                     {user.value, std::string_view(text)}));
    return {};
}

Result<void> store_recovery_codes(Transaction& transaction, UserId user, const std::vector<std::string>& codes) {
    RELEVO_CHECK(transaction.execute("DELETE FROM account_recovery_code WHERE user_id = $1", {user.value}));
    for (const std::string& code : codes) {
        const std::string hash = token_hash_text(canonical_recovery_code(code));
        RELEVO_CHECK(transaction.execute("INSERT INTO account_recovery_code (user_id, code_hash) VALUES ($1, $2)",
                                         {user.value, std::string_view(hash)}));
    }
    return {};
}

}  // namespace

std::vector<std::string> generate_recovery_codes(const RandomSource& random) {
    std::vector<std::string> codes;
    while (codes.size() < recovery_code_count) {
        std::string code = random_digits(random, recovery_digits);
        for (std::size_t at = recovery_digits - recovery_group; at > 0; at -= recovery_group) code.insert(at, "-");
        codes.push_back(std::move(code));
    }
    return codes;
}

Result<void> begin_totp(Transaction& transaction, KeyVault& vault, UserId user, std::string_view secret) {
    RELEVO_CHECK(user_with_id(transaction, user));
    RELEVO_TRY(const auto present, stored_totp(transaction, user));
    if (present && present->is_confirmed)
        return failure(ErrorKind::conflict, "the user has a second factor: take it away first");
    RELEVO_TRY(const std::string sealed, vault.seal(secret, sealing_context(user)));
    RELEVO_CHECK(transaction.execute("DELETE FROM account_totp WHERE user_id = $1", {user.value}));
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO account_totp (user_id, sealed, confirmed_at, used_steps) VALUES ($1, $2, 0, '')",
        {user.value, std::string_view(sealed)}));
    return {};
}

Result<void> confirm_totp(Transaction& transaction, KeyVault& vault, UserId user, std::string_view code,
                          const std::vector<std::string>& recovery_codes, SessionId kept_session,
                          WallClock::time_point now) {
    RELEVO_CHECK(user_with_id(transaction, user));
    RELEVO_TRY(const auto stored, stored_totp(transaction, user));
    if (!stored || stored->is_confirmed)
        return failure(ErrorKind::conflict, "there is no second factor to confirm: begin anew");
    RELEVO_CHECK(use_totp_code(transaction, vault, user, *stored, code, now));
    RELEVO_CHECK(transaction.execute("UPDATE account_totp SET confirmed_at = $2 WHERE user_id = $1",
                                     {user.value, columns::of(now)}));
    RELEVO_CHECK(store_recovery_codes(transaction, user, recovery_codes));
    RELEVO_CHECK(end_sessions_of(transaction, user, kept_session));
    return {};
}

Result<void> remove_totp(Transaction& transaction, UserId user, SessionId kept_session) {
    RELEVO_CHECK(
        statements::change_one(transaction, "DELETE FROM account_totp WHERE user_id = $1", {user.value}, no_factor));
    RELEVO_CHECK(transaction.execute("DELETE FROM account_recovery_code WHERE user_id = $1", {user.value}));
    RELEVO_CHECK(end_sessions_of(transaction, user, kept_session));
    return {};
}

Result<void> replace_recovery_codes(Transaction& transaction, UserId user,
                                    const std::vector<std::string>& recovery_codes) {
    RELEVO_TRY(const auto stored, stored_totp(transaction, user));
    if (!stored || !stored->is_confirmed) return failure(ErrorKind::conflict, std::string(no_factor));
    return store_recovery_codes(transaction, user, recovery_codes);
}

Result<std::int64_t> recovery_codes_left(Reader& reader, UserId user) {
    return statements::count(reader, "SELECT count(*) FROM account_recovery_code WHERE user_id = $1", {user.value});
}

Result<std::int64_t> count_sealed_totp(Reader& reader) {
    return statements::count(reader, "SELECT count(*) FROM account_totp", {});
}

Result<FactorUse> use_second_factor(Transaction& transaction, KeyVault& vault, UserId user, std::string_view code,
                                    WallClock::time_point now) {
    RELEVO_TRY(const auto stored, stored_totp(transaction, user));
    if (!stored || !stored->is_confirmed) return failure(ErrorKind::conflict, std::string(no_factor));
    const std::string digits = canonical_recovery_code(code);
    if (digits.size() != recovery_digits) {
        RELEVO_CHECK(use_totp_code(transaction, vault, user, *stored, code, now));
        return FactorUse::totp;
    }
    const std::string hash = token_hash_text(digits);
    RELEVO_TRY(const std::int64_t used,
               transaction.execute("DELETE FROM account_recovery_code WHERE user_id = $1 AND code_hash = $2",
                                   {user.value, std::string_view(hash)}));
    if (used == 0) return failure(ErrorKind::refused, "the recovery code is wrong or was used");
    return FactorUse::recovery_code;
}

}  // namespace relevo
