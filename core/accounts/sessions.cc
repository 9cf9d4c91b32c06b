#include "core/accounts/sessions.h"

#include "core/accounts/clock_slack.h"
#include "core/accounts/columns.h"
#include "core/accounts/token.h"
#include "core/tenancy/statements.h"

#include <optional>

namespace relevo {
namespace {

constexpr std::size_t user_agent_limit_octets = 200;
constexpr std::int64_t listed_limit = 1000;
constexpr std::chrono::hours kept_when_over{24};

Session session_of(const Row& row) {
    return {.id = SessionId{row.integer(0)},
            .user = UserId{row.integer(1)},
            .peer = std::string(row.text(2)),
            .user_agent = std::string(row.text(3)),
            .created_at = columns::time(row.integer(4)),
            .last_seen_at = columns::time(row.integer(5)),
            .expires_at = columns::time(row.integer(6))};
}

// Where a session that is in force lies.
struct Bounds {
    WallClock::time_point expires_after, expires_until, seen_after;
};
Bounds bounds_of(WallClock::time_point now, const SessionLimits& limits) {
    return {
        .expires_after = now, .expires_until = now + limits.lifetime + clock_slack, .seen_after = now - limits.idle};
}
bool is_in_force(const Session& session, const Bounds& bounds) {
    return session.expires_at > bounds.expires_after && session.expires_at <= bounds.expires_until &&
           session.last_seen_at > bounds.seen_after;
}

}  // namespace

Result<SessionId> open_session(Transaction& transaction, UserId user, std::string_view token,
                               const dns::IpAddress& peer, std::string_view user_agent, WallClock::time_point now,
                               const SessionLimits& limits) {
    RELEVO_CHECK(user_with_id(transaction, user));
    RELEVO_CHECK(
        transaction.execute("DELETE FROM account_session WHERE id IN (SELECT id FROM account_session WHERE user_id = $1"
                            " ORDER BY last_seen_at DESC, id DESC LIMIT 1000000 OFFSET $2)",
                            {user.value, limits.per_user - 1}));
    RELEVO_TRY(const std::int64_t id, statements::next_id(transaction, "account_session"));
    const std::string hash = token_hash_text(token);
    const std::string from = peer.text();
    const std::string agent = printable(user_agent, user_agent_limit_octets);
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO account_session (id, token_hash, user_id, peer, user_agent, created_at, last_seen_at, expires_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $6, $7)",
        {id, std::string_view(hash), user.value, std::string_view(from), std::string_view(agent), columns::of(now),
         columns::of(now + limits.lifetime)}));
    RELEVO_CHECK(transaction.execute("UPDATE account_user SET last_login_at = $2 WHERE id = $1",
                                     {user.value, columns::of(now)}));
    return SessionId{id};
}

Result<LiveSession> find_session(Reader& reader, std::string_view token, WallClock::time_point now,
                                 const SessionLimits& limits) {
    const std::string hash = token_hash_text(token);
    std::optional<Session> found;
    RELEVO_CHECK(
        reader.query("SELECT id, user_id, peer, user_agent, created_at, last_seen_at, expires_at FROM account_session"
                     " WHERE token_hash = $1",
                     {std::string_view(hash)}, [&](const Row& row) -> Result<void> {
                         found = session_of(row);
                         return {};
                     }));
    if (!found) return failure(ErrorKind::not_found, "there is no such session: log in");
    if (!is_in_force(*found, bounds_of(now, limits)))
        return failure(ErrorKind::timeout, "the session is over: log in again");
    RELEVO_TRY(User user, user_with_id(reader, found->user));
    if (!user.enabled) return failure(ErrorKind::closed, "the user is disabled");
    const bool touch_is_due = std::chrono::abs(now - found->last_seen_at) >= limits.seen_again_after;
    return LiveSession{.session = *std::move(found), .user = std::move(user), .touch_is_due = touch_is_due};
}

Result<void> touch_session(Transaction& transaction, SessionId session, WallClock::time_point now) {
    RELEVO_CHECK(transaction.execute("UPDATE account_session SET last_seen_at = $2 WHERE id = $1",
                                     {session.value, columns::of(now)}));
    return {};
}

std::string csrf_token(std::string_view session_token) {
    return token_hash_text("relevo console form " + std::string(session_token));
}

Result<void> close_session(Transaction& transaction, std::string_view token) {
    const std::string hash = token_hash_text(token);
    RELEVO_CHECK(transaction.execute("DELETE FROM account_session WHERE token_hash = $1", {std::string_view(hash)}));
    return {};
}

Result<void> revoke_session(Transaction& transaction, SessionId session) {
    return statements::change_one(transaction, "DELETE FROM account_session WHERE id = $1", {session.value},
                                  "there is no such session: it may be over");
}

Result<std::int64_t> end_sessions_of(Transaction& transaction, UserId user, SessionId kept) {
    return transaction.execute("DELETE FROM account_session WHERE user_id = $1 AND id <> $2", {user.value, kept.value});
}

Result<std::vector<Session>> list_sessions(Reader& reader, std::optional<UserId> user, WallClock::time_point now,
                                           const SessionLimits& limits) {
    const Bounds bounds = bounds_of(now, limits);
    std::vector<Session> sessions;
    RELEVO_CHECK(
        reader.query("SELECT id, user_id, peer, user_agent, created_at, last_seen_at, expires_at FROM account_session"
                     " WHERE ($1 = 0 OR user_id = $1) AND expires_at > $2 AND expires_at <= $3 AND last_seen_at > $4"
                     " ORDER BY id DESC LIMIT $5",
                     {user ? user->value : 0, columns::of(bounds.expires_after), columns::of(bounds.expires_until),
                      columns::of(bounds.seen_after), listed_limit},
                     [&](const Row& row) -> Result<void> {
                         sessions.push_back(session_of(row));
                         return {};
                     }));
    return sessions;
}

Result<std::int64_t> forget_sessions(Transaction& transaction, WallClock::time_point now, const SessionLimits& limits,
                                     std::int64_t limit) {
    // Not at once: a clock that was an hour ahead for a moment shall not log everybody out.
    const Bounds bounds = bounds_of(now - kept_when_over, limits);
    return transaction.execute(
        "DELETE FROM account_session WHERE id IN (SELECT id FROM account_session WHERE expires_at <= $1"
        " OR last_seen_at <= $2 LIMIT $3)",
        {columns::of(bounds.expires_after), columns::of(bounds.seen_after), limit});
}

}  // namespace relevo
