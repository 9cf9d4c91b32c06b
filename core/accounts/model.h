// Who may use the API and the console, as values.
#pragma once

#include "core/accounts/scope.h"
#include "core/ports/task.h"
#include "lib/base/identifier.h"
#include "lib/dns/record.h"
#include "lib/mail/report.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct ApiKeyTag {
    static constexpr std::string_view prefix = "key";
};
struct UserTag {
    static constexpr std::string_view prefix = "usr";
};
struct SessionTag {
    static constexpr std::string_view prefix = "ses";
};
using ApiKeyId = Identifier<ApiKeyTag>;
using UserId = Identifier<UserTag>;
using SessionId = Identifier<SessionTag>;

// Stored numbers: never renumber.
enum class PrincipalKind : std::uint8_t {
    key = 1,      // a program with an API key
    session = 2,  // a person in the console
    control = 3,  // whoever may open the control socket
    nobody = 4,   // before it is known who asks: a failed login, a set-up link
};
[[nodiscard]] std::string_view name_of(PrincipalKind kind);

// Stored numbers: never renumber. What each may do: scopes_of().
enum class Role : std::uint8_t {
    admin = 1,          // everything
    mail_operator = 2,  // runs the mail; does not decide who has access
    analyst = 3,        // looks, changes nothing
    sender = 4,         // sends, and sees what became of it
};
// "admin", "operator", "analyst", "sender"
[[nodiscard]] std::string_view name_of(Role role);
[[nodiscard]] Result<Role> parse_role(std::string_view text);  // Errors: invalid
// The one table of what a role may do; a user of one tenant has none of `server_scopes`.
[[nodiscard]] ScopeSet scopes_of(Role role, std::optional<TenantId> tenant);

// Who asks, and what that one may do. Every change is written down under its principal.
struct Principal {
    PrincipalKind kind = PrincipalKind::nobody;
    std::int64_t id = 0;             // of the ApiKey or of the User (not of the session); 0: control, nobody
    std::string name;                // for people: of the key, or the user's login
    std::optional<TenantId> tenant;  // absent: the whole server
    ScopeSet scopes;
    mail::Language language = mail::Language::english;
    SessionId session;         // only with PrincipalKind::session
    std::optional<Role> role;  // likewise; `scopes` are what counts

    [[nodiscard]] bool may(Scope scope) const { return scopes.contains(scope); }
    // Whether things of `owner` are its business; nullopt: things of the whole server. Answer 404 if not (security row
    // E9).
    [[nodiscard]] bool covers(std::optional<TenantId> owner) const { return !tenant || tenant == owner; }
    // "key_…", "usr_…", "control", "nobody"
    [[nodiscard]] std::string id_text() const;
};
// Of the control socket: everything. `name`: whose process it is, such as "uid 1000".
[[nodiscard]] Principal control_principal(std::string name = "control");

// Nobody gives away more than he has: a key or a user with `scopes` of `owner` may be made by `giver` only if all of
// them are its own. Errors: refused.
[[nodiscard]] Result<void> check_grant(const Principal& giver, std::optional<TenantId> owner, ScopeSet scopes);

// A program's access to the API. The key itself is shown once; only its SHA-256 is kept: it has 160 random bits.
struct ApiKey {
    ApiKeyId id;
    std::string name;
    std::string visible_prefix;      // "rlv_k3x9q2mb": by which people recognise it
    std::optional<TenantId> tenant;  // absent: the operator's, for the whole server
    ScopeSet scopes;
    std::vector<dns::Network> networks;  // if not empty, works only from these
    UserId made_by;                      // none: at the command line
    WallClock::time_point expires_at{};  // the epoch: never
    WallClock::time_point created_at{};
    WallClock::time_point revoked_at{};    // the epoch: in force
    WallClock::time_point last_used_at{};  // the epoch: never; exact to some minutes
    std::string last_used_from;            // address; empty: never used
};

enum class SecondFactor : std::uint8_t {
    none,
    unconfirmed,  // a secret was shown, no code of it came yet: not asked for at login
    totp,
};

// A person.
struct User {
    UserId id;
    std::string login;  // lower case: a name or an e-mail address, to which invitations go
    std::string display_name;
    mail::Language language = mail::Language::english;
    Role role = Role::analyst;
    std::optional<TenantId> tenant;  // absent: the whole server
    bool enabled = true;
    bool has_password = false;  // false: invited, or to be reset, unless there is an identity
    bool has_identity = false;  // comes in by an account at a provider, too
    bool has_passkey = false;   // comes in by that, too
    SecondFactor second_factor = SecondFactor::none;
    WallClock::time_point created_at{};
    WallClock::time_point last_login_at{};  // the epoch: never
};

// A person's stay in the console.
struct Session {
    SessionId id;
    UserId user;
    std::string peer;                                                  // address at login
    std::string user_agent;                                            // as the browser called itself, printable, cut
    WallClock::time_point created_at{}, last_seen_at{}, expires_at{};  // expires_at: at the latest
};

}  // namespace relevo
