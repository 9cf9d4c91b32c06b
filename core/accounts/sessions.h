// Sessions of the console, as rows: a restart ends none, a revoked one is gone at once. Threads as in api_keys.h.
#pragma once

#include "core/accounts/users.h"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace relevo {

struct SessionLimits {
    std::chrono::minutes idle{2 * 60};
    std::chrono::hours lifetime{24};
    std::chrono::minutes seen_again_after{1};  // last_seen is written no more often
    std::int64_t per_user = 20;                // beyond that the one that was longest idle ends
};

// `token` comes from generate_session_token() and goes into a cookie; always a fresh one at login, never one that the
// browser brought (security row E3). Errors: invalid – over-long texts are cut, never an error; not_found – no such
// user.
[[nodiscard]] Result<SessionId> open_session(Transaction& transaction, UserId user, std::string_view token,
                                             const dns::IpAddress& peer, std::string_view user_agent,
                                             WallClock::time_point now, const SessionLimits& limits = {});

struct LiveSession {
    Session session;
    User user;
    bool touch_is_due = false;  // call touch_session() in the background

    [[nodiscard]] Principal principal() const { return principal_of(user, session.id); }
};
// Errors: not_found – none with this token. timeout – idle too long or too old. closed – the user is disabled.
[[nodiscard]] Result<LiveSession> find_session(Reader& reader, std::string_view token, WallClock::time_point now,
                                               const SessionLimits& limits = {});
[[nodiscard]] Result<void> touch_session(Transaction& transaction, SessionId session, WallClock::time_point now);

// Goes with each request that changes something. It is made from the session's token and never stored: whoever does not
// have the cookie cannot have it. Compare with equal_secrets().
[[nodiscard]] std::string csrf_token(std::string_view session_token);

// Logout. A token that is gone already is no error.
[[nodiscard]] Result<void> close_session(Transaction& transaction, std::string_view token);
// Errors: not_found.
[[nodiscard]] Result<void> revoke_session(Transaction& transaction, SessionId session);
// All but `kept`. Returns how many ended.
[[nodiscard]] Result<std::int64_t> end_sessions_of(Transaction& transaction, UserId user, SessionId kept = {});
// Those in force, by user or all, newest first.
[[nodiscard]] Result<std::vector<Session>> list_sessions(Reader& reader, std::optional<UserId> user,
                                                         WallClock::time_point now, const SessionLimits& limits = {});
// Removes at most `limit` rows of sessions that have been over for a day.
[[nodiscard]] Result<std::int64_t> forget_sessions(Transaction& transaction, WallClock::time_point now,
                                                   const SessionLimits& limits = {}, std::int64_t limit = 1000);

}  // namespace relevo
