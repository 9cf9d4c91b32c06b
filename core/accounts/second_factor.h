// A user's second factor: a TOTP secret, sealed, and recovery codes, hashed. Statements inside a transaction of the
// caller; threads as in api_keys.h.
#pragma once

#include "core/accounts/users.h"
#include "core/ports/key_vault.h"

#include <string>
#include <string_view>
#include <vector>

namespace relevo {

inline constexpr std::size_t recovery_code_count = 10;
// "k3x9-q2mb-7wq8-d5n2": 16 digits of base 32 each, 80 bits.
[[nodiscard]] std::vector<std::string> generate_recovery_codes(const RandomSource& random);

// Stores a secret that is not asked for until confirm_totp(). A former unconfirmed one is replaced.
// Errors: conflict – the user has a second factor: take it away first. not_found. internal – the vault.
[[nodiscard]] Result<void> begin_totp(Transaction& transaction, KeyVault& vault, UserId user, std::string_view secret);
// `code` proves that the app has the secret. From now on login asks for it; all other sessions end. `recovery_codes`
// are shown once. Errors: refused – wrong code. conflict – nothing to confirm. not_found.
[[nodiscard]] Result<void> confirm_totp(Transaction& transaction, KeyVault& vault, UserId user, std::string_view code,
                                        const std::vector<std::string>& recovery_codes, SessionId kept_session,
                                        WallClock::time_point now);
// Takes the second factor away, by the user or the operator; all other sessions end. Errors: not_found.
[[nodiscard]] Result<void> remove_totp(Transaction& transaction, UserId user, SessionId kept_session = {});
// New recovery codes; the old ones stop working. Errors: conflict – no second factor.
[[nodiscard]] Result<void> replace_recovery_codes(Transaction& transaction, UserId user,
                                                  const std::vector<std::string>& recovery_codes);
[[nodiscard]] Result<std::int64_t> recovery_codes_left(Reader& reader, UserId user);

// Secrets in the store that only the present master key opens.
[[nodiscard]] Result<std::int64_t> count_sealed_totp(Reader& reader);

enum class FactorUse : std::uint8_t { totp, recovery_code };
// Accepts a code of the app or a recovery code, once: it is used up in this transaction.
// Errors: refused – wrong or used. conflict – the user has no second factor.
[[nodiscard]] Result<FactorUse> use_second_factor(Transaction& transaction, KeyVault& vault, UserId user,
                                                  std::string_view code, WallClock::time_point now);

}  // namespace relevo
