// Logging in to the console, from the first octet of the password to a fresh session.
#pragma once

#include "core/accounts/audit_log.h"
#include "core/accounts/sessions.h"
#include "core/ports/committer.h"
#include "core/ports/key_vault.h"
#include "core/ports/log.h"
#include "core/tenancy/login_guard.h"
#include "core/tenancy/password_checker.h"

#include <chrono>
#include <functional>
#include <optional>
#include <string>

namespace relevo {

struct LoginAttempt {
    std::string login, password;
    std::string code;  // of the second factor; empty: not asked for yet
    dns::IpAddress peer;
    std::string user_agent;
    std::string former_token;  // session that the browser brought; it ends
};

enum class LoginOutcome : std::uint8_t {
    done,
    wrong,        // login or password: which one stays open
    code_needed,  // the password was right
    wrong_code,
    disabled,  // the password was right
    held_back  // too many failures: retry_after says when
};
[[nodiscard]] std::string_view name_of(LoginOutcome outcome);

struct LoginResult {
    LoginOutcome outcome = LoginOutcome::wrong;
    std::chrono::seconds retry_after{0};
    // With `done`:
    std::string token;  // for the cookie; csrf_token() of it for the page
    SessionId session;
    User user;
};

// How the LoginGuard and the addresses of former logins know a person of the console: apart from SMTP logins, as the
// same one may have both.
[[nodiscard]] std::string guarded_name(std::string_view login);

// An attempt that changed nothing else, in the audit log; what cannot be written is in the log. All parts outlive it.
Task<> write_down(Committer& committer, AuditWriter& audit, Log& log, AuditEntry entry);

// Threads: any shard's. Its parts outlive it.
class ConsoleLogin {
 public:
    struct Ports {
        Committer& committer;
        PasswordChecker& passwords;
        LoginGuard& guard;  // shared with SMTP: failures of an address count together, accounts are kept apart
        std::function<Result<KeyVault*>()> vault;
        RandomSource random;
        AuditWriter& audit;
        Log& log;
        std::function<WallClock::time_point()> now;
    };
    explicit ConsoleLogin(Ports ports, SessionLimits limits = {}) : ports_(std::move(ports)), limits_(limits) {}

    // Each attempt is in the audit log, but for those held back and those that still need a code.
    // Errors: limit – too many passwords are being checked. conflict – the account was changed meanwhile. Those of the
    // store and the vault.
    Task<Result<LoginResult>> log_in(LoginAttempt attempt);
    // For a change of the own password or second factor. Held back like a login. Errors as log_in().
    Task<Result<LoginOutcome>> confirm_password(UserId user, std::string password, dns::IpAddress peer);

 private:
    // Nothing if there is no such user.
    Task<Result<std::optional<StoredLogin>>> look_up(std::string login);
    Task<Result<bool>> is_right(std::string stored_hash, std::string password);
    Task<Result<LoginResult>> check_and_open(const LoginAttempt& attempt, const std::string& login,
                                             WallClock::time_point now);
    Task<Result<LoginResult>> open(const LoginAttempt& attempt, const StoredLogin& stored, bool needs_code,
                                   WallClock::time_point now);

    Ports ports_;
    SessionLimits limits_;
};

}  // namespace relevo
