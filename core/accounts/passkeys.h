// People's passkeys, by which they come into the console without a password: the public halves of keys that their
// authenticators hold. Statements inside a transaction of the caller; threads as in api_keys.h.
#pragma once

#include "core/accounts/model.h"
#include "core/ports/database.h"
#include "lib/webauthn/credential.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct PasskeyTag {
    static constexpr std::string_view prefix = "pky";
};
using PasskeyId = Identifier<PasskeyTag>;

inline constexpr std::int64_t passkeys_per_user = 10;
inline constexpr std::size_t passkey_name_limit_octets = 60;

struct Passkey {
    PasskeyId id;
    UserId user;
    std::string name;                    // the person's own
    std::string relying_party;           // host for which it was made: it works nowhere else
    webauthn::NewCredential credential;  // with the count of its last use
    WallClock::time_point created_at{};
    WallClock::time_point last_used_at{};  // the epoch: never
};

struct NewPasskey {
    std::string name, relying_party;
    webauthn::NewCredential credential;
};

// Ends the user's sessions but the kept one. Errors: invalid – the name: empty, over 60 octets, or no plain text.
// limit – the user has as many as are kept. conflict – the key is a user's already. not_found – no such user.
[[nodiscard]] Result<PasskeyId> add_passkey(Transaction& transaction, UserId user, const NewPasskey& passkey,
                                            SessionId kept_session, WallClock::time_point now);
// By the octets of its credential id. Nothing: nobody has it.
[[nodiscard]] Result<std::optional<Passkey>> find_passkey(Reader& reader, std::string_view credential_id);
// Errors: not_found.
[[nodiscard]] Result<void> note_passkey_use(Transaction& transaction, PasskeyId passkey, std::uint32_t sign_count,
                                            WallClock::time_point now);
// The oldest first.
[[nodiscard]] Result<std::vector<Passkey>> list_passkeys(Reader& reader, UserId user);
// Takes one away, or with none all of them, by the user or an administrator: the sessions but the kept one end.
// Errors: not_found – the user has no such passkey, or none at all.
[[nodiscard]] Result<void> remove_passkeys(Transaction& transaction, UserId user, std::optional<PasskeyId> passkey,
                                           SessionId kept_session = {});

}  // namespace relevo
