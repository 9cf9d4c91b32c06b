// People's accounts at providers of OpenID Connect, by which they come in without a password of their own here.
// Statements inside a transaction of the caller; threads as in api_keys.h.
#pragma once

#include "core/accounts/model.h"
#include "core/ports/database.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct IdentityTag {
    static constexpr std::string_view prefix = "idn";
};
using IdentityId = Identifier<IdentityTag>;

// Issuer and subject together name an account for ever; an address may be given to somebody else (OpenID Connect Core
// 1.0 §5.7).
struct LinkedIdentity {
    IdentityId id;
    UserId user;
    std::string issuer;
    std::string subject;
    std::string email;  // as the provider told it last; "": it did not
    WallClock::time_point linked_at{}, last_used_at{};
};

struct NewIdentity {
    std::string issuer, subject, email;
};

// Errors: conflict – the account is a user's already, or the user has another one of this provider. not_found – no such
// user.
[[nodiscard]] Result<IdentityId> link_identity(Transaction& transaction, UserId user, const NewIdentity& identity,
                                               WallClock::time_point now);
// Nothing: nobody has it.
[[nodiscard]] Result<std::optional<LinkedIdentity>> find_identity(Reader& reader, std::string_view issuer,
                                                                  std::string_view subject);
[[nodiscard]] Result<void> note_identity_use(Transaction& transaction, IdentityId identity, std::string_view email,
                                             WallClock::time_point now);
// The oldest first.
[[nodiscard]] Result<std::vector<LinkedIdentity>> list_identities(Reader& reader, UserId user);
// Ends the user's sessions but the kept one: some of them may have come in that way. Errors: not_found – the user has
// no such identity. conflict – the user has no other way in: no password was set.
[[nodiscard]] Result<void> unlink_identity(Transaction& transaction, UserId user, IdentityId identity,
                                           SessionId kept_session);

}  // namespace relevo
