#include "core/accounts/console_login.h"

#include "core/accounts/columns.h"
#include "core/accounts/second_factor.h"
#include "core/accounts/token.h"
#include "core/tenancy/credentials.h"
#include "lib/base/json_writer.h"

#include <optional>

namespace relevo {
namespace {

constexpr std::size_t longest_password_octets = 128;

// Nobody yet. The text that was typed is written down only if it is somebody's login: people type passwords there.
AuditEntry entry_of(const LoginAttempt& attempt, const std::optional<StoredLogin>& stored, LoginOutcome outcome,
                    WallClock::time_point now) {
    AuditEntry entry = audit_entry({}, "session.open", now);
    entry.peer = attempt.peer.text();
    entry.outcome = outcome == LoginOutcome::done ? AuditOutcome::done : AuditOutcome::refused;
    entry.object_type = "user";
    if (stored) {
        if (outcome == LoginOutcome::done) entry.kind = PrincipalKind::session;
        if (outcome == LoginOutcome::done) entry.principal = stored->user.id.value;
        entry.principal_name = stored->user.login;
        entry.tenant = stored->user.tenant;
        entry.object_id = stored->user.id.text();
    }
    entry.detail = JsonWriter().field("result", name_of(outcome)).finish();
    return entry;
}

}  // namespace

Task<> write_down(Committer& committer, AuditWriter& audit, Log& log, AuditEntry entry) {
    CommitRequest request;
    request.rows = [&audit, entry = std::move(entry)](Transaction& transaction, const std::vector<ContentToStore>&) {
        return audit.append(transaction, entry);
    };
    if (const auto written = co_await commit(committer, std::move(request)); !written.has_value())
        log.error("audit.not_written", {{"problem", written.error().detail}});
}

std::string guarded_name(std::string_view login) { return "console " + std::string(login); }

std::string_view name_of(LoginOutcome outcome) {
    switch (outcome) {
        case LoginOutcome::done: return "done";
        case LoginOutcome::wrong: return "wrong";
        case LoginOutcome::code_needed: return "code_needed";
        case LoginOutcome::wrong_code: return "wrong_code";
        case LoginOutcome::disabled: return "disabled";
        case LoginOutcome::held_back: return "held_back";
    }
    return "unknown";
}

Task<Result<std::optional<StoredLogin>>> ConsoleLogin::look_up(std::string login) {
    std::optional<StoredLogin> found;
    RELEVO_CO_CHECK(co_await read_rows(ports_.committer, [&](Reader& reader) -> Result<void> {
        auto stored = find_login(reader, login);
        if (stored.has_value()) found = *std::move(stored);
        if (!stored.has_value() && stored.error().kind != ErrorKind::not_found)
            return std::unexpected(std::move(stored).error());
        return {};
    }));
    co_return found;
}

Task<Result<bool>> ConsoleLogin::is_right(std::string stored_hash, std::string password) {
    // The same work for whoever does not exist, has no password yet, or sent one that nobody can have.
    if (password.size() > longest_password_octets) {
        password.resize(longest_password_octets);
        stored_hash.clear();
    }
    return check_password(ports_.passwords, std::move(stored_hash), std::move(password));
}

Task<Result<LoginResult>> ConsoleLogin::log_in(LoginAttempt attempt) {
    const auto canonical = canonical_login(attempt.login);
    const std::string login = canonical.has_value() ? *canonical : std::string();
    const std::string guarded = guarded_name(login);
    const WallClock::time_point now = ports_.now();
    const LoginGuard::Verdict verdict = ports_.guard.begin(guarded, attempt.peer, now);
    if (!verdict.allowed) co_return LoginResult{.outcome = LoginOutcome::held_back, .retry_after = verdict.retry_after};
    Result<LoginResult> result = co_await check_and_open(attempt, login, now);
    // The guard hears of each attempt once, whatever became of it.
    const LoginOutcome outcome = result.has_value() ? result->outcome : LoginOutcome::code_needed;
    if (outcome == LoginOutcome::done)
        ports_.guard.succeeded(guarded, attempt.peer, now);
    else if (outcome == LoginOutcome::wrong || outcome == LoginOutcome::wrong_code)
        ports_.guard.failed(guarded, attempt.peer, now);
    else
        ports_.guard.abandoned(guarded, attempt.peer);
    co_return result;
}

Task<Result<LoginResult>> ConsoleLogin::check_and_open(const LoginAttempt& attempt, const std::string& login,
                                                       WallClock::time_point now) {
    RELEVO_CO_TRY(const std::optional<StoredLogin> stored, co_await look_up(login));
    RELEVO_CO_TRY(const bool right,
                  co_await is_right(stored ? stored->password_hash : std::string(), attempt.password));
    LoginResult result;
    if (right && !stored->user.enabled) result.outcome = LoginOutcome::disabled;
    const bool needs_code = right && stored->user.second_factor == SecondFactor::totp;
    if (right && stored->user.enabled) {
        if (needs_code && attempt.code.empty()) co_return LoginResult{.outcome = LoginOutcome::code_needed};
        RELEVO_CO_TRY(result, co_await open(attempt, *stored, needs_code, now));
    }
    if (result.outcome != LoginOutcome::done)
        co_await write_down(ports_.committer, ports_.audit, ports_.log, entry_of(attempt, stored, result.outcome, now));
    co_return result;
}

// All of it in one transaction: a code is used up with the session that it opens.
Task<Result<LoginResult>> ConsoleLogin::open(const LoginAttempt& attempt, const StoredLogin& stored, bool needs_code,
                                             WallClock::time_point now) {
    KeyVault* vault = nullptr;
    if (needs_code) {
        RELEVO_CO_TRY(vault, ports_.vault());
    }
    LoginResult result{.outcome = LoginOutcome::done, .token = generate_session_token(ports_.random)};
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        result.outcome = LoginOutcome::done;
        // While the password was being checked, it may have been changed, or the user disabled.
        RELEVO_TRY(const StoredLogin present, find_login(transaction, stored.user.login));
        const bool is_unchanged = present.user.id == stored.user.id && present.password_hash == stored.password_hash &&
                                  present.user.enabled && present.user.second_factor == stored.user.second_factor;
        if (!is_unchanged) return failure(ErrorKind::conflict, "the account was changed at this moment: log in again");
        if (needs_code) {
            const auto used = use_second_factor(transaction, *vault, stored.user.id, attempt.code, now);
            if (!used.has_value() && used.error().kind == ErrorKind::refused) {
                result.outcome = LoginOutcome::wrong_code;
                return {};
            }
            if (!used.has_value()) return std::unexpected(used.error());
        }
        if (!attempt.former_token.empty()) RELEVO_CHECK(close_session(transaction, attempt.former_token));
        RELEVO_TRY(result.session, open_session(transaction, stored.user.id, result.token, attempt.peer,
                                                attempt.user_agent, now, limits_));
        RELEVO_CHECK(record_login_address(transaction, guarded_name(stored.user.login), attempt.peer, now));
        RELEVO_TRY(result.user, user_with_id(transaction, stored.user.id));
        return ports_.audit.append(transaction, entry_of(attempt, stored, LoginOutcome::done, now));
    };
    RELEVO_CO_CHECK(co_await commit(ports_.committer, std::move(request)));
    if (result.outcome != LoginOutcome::done) co_return LoginResult{.outcome = result.outcome};
    co_return result;
}

Task<Result<LoginOutcome>> ConsoleLogin::confirm_password(UserId user, std::string password, dns::IpAddress peer) {
    std::optional<StoredLogin> stored;
    RELEVO_CO_CHECK(co_await read_rows(ports_.committer, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(const User present, user_with_id(reader, user));
        RELEVO_TRY(stored, find_login(reader, present.login));
        return {};
    }));
    const std::string guarded = guarded_name(stored->user.login);
    const WallClock::time_point now = ports_.now();
    if (!ports_.guard.begin(guarded, peer, now).allowed) co_return LoginOutcome::held_back;
    const Result<bool> right = co_await is_right(stored->password_hash, std::move(password));
    if (!right.has_value()) {
        ports_.guard.abandoned(guarded, peer);
        co_return std::unexpected(right.error());
    }
    if (*right)
        ports_.guard.succeeded(guarded, peer, now);
    else
        ports_.guard.failed(guarded, peer, now);
    co_return *right ? LoginOutcome::done : LoginOutcome::wrong;
}

}  // namespace relevo
