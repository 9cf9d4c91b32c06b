// Changes to users, as statements inside a transaction of the caller; threads as in api_keys.h. Whatever changes what a
// user is or knows ends that user's other sessions in the same transaction (security row E3).
#pragma once

#include "core/accounts/model.h"
#include "core/ports/database.h"
#include "core/tenancy/secret.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct NewUser {
    std::string login;
    std::string display_name;
    mail::Language language = mail::Language::english;
    Role role = Role::analyst;
    std::optional<TenantId> tenant;  // absent: the whole server
    std::string password_hash;       // hash_password(); empty: gets in by an invitation first
};

// What ends with a change to a user: every session but `kept_session`, and, if asked for, the keys that the user made.
struct AccessEnd {
    SessionId kept_session;  // of the one who changes the own password; none: all end
    bool revoke_keys = true;
};

// 12 to 128 octets of UTF-8 without control characters; neither the login nor one character repeated. Before
// hash_password(). Errors: invalid.
[[nodiscard]] Result<void> check_user_password(std::string_view password, std::string_view login);

// Errors: invalid – login (as of credentials), display name (at most 100 octets). conflict – the login is taken.
// not_found – no such tenant.
[[nodiscard]] Result<UserId> create_user(Transaction& transaction, const NewUser& user, WallClock::time_point now);
// With sessions, second factor, tokens, accounts at providers, passkeys; keys made by the user are revoked.
// Errors, of all below: not_found. conflict – nobody could administer the server any more: it is the last enabled admin
// of the whole server.
[[nodiscard]] Result<void> remove_user(Transaction& transaction, UserId user, WallClock::time_point now);
// Links to reset the password stop working.
[[nodiscard]] Result<void> set_user_password(Transaction& transaction, UserId user, std::string_view password_hash,
                                             const AccessEnd& end, WallClock::time_point now);
[[nodiscard]] Result<void> set_user_display_name(Transaction& transaction, UserId user, std::string_view display_name);
[[nodiscard]] Result<void> set_user_language(Transaction& transaction, UserId user, mail::Language language);
// Ends all sessions, and the user's keys if the role is another one.
[[nodiscard]] Result<void> set_user_role(Transaction& transaction, UserId user, Role role, WallClock::time_point now);
// Disabling ends all sessions and revokes the user's keys.
[[nodiscard]] Result<void> set_user_enabled(Transaction& transaction, UserId user, bool enabled,
                                            WallClock::time_point now);

[[nodiscard]] Result<std::vector<User>> list_users(Reader& reader);
// By login in any case, or by id ("usr_…"). Errors: not_found.
[[nodiscard]] Result<User> find_user(Reader& reader, std::string_view text);
[[nodiscard]] Result<User> user_with_id(Reader& reader, UserId user);
// True until the first user exists: the console asks for the set-up link.
[[nodiscard]] Result<bool> has_no_users(Reader& reader);

// What a login needs beside the user. Errors: not_found.
struct StoredLogin {
    User user;
    std::string password_hash;  // empty: none was set
};
[[nodiscard]] Result<StoredLogin> find_login(Reader& reader, std::string_view login);

// The user's rights in a session.
[[nodiscard]] Principal principal_of(const User& user, SessionId session);

// Whether users or keys in force belong to the tenant: it cannot be removed then. Errors: conflict.
[[nodiscard]] Result<void> require_no_access_of(Reader& reader, TenantId tenant);

}  // namespace relevo
