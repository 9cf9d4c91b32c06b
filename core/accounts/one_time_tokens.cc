#include "core/accounts/one_time_tokens.h"

#include "core/accounts/clock_slack.h"
#include "core/accounts/columns.h"
#include "core/accounts/token.h"
#include "core/accounts/users.h"

#include <optional>

namespace relevo {
namespace {

struct StoredToken {
    UserId user;
    WallClock::time_point expires_at;
};

Result<void> require_unused_set_up(Reader& reader, ErrorKind kind) {
    RELEVO_TRY(const bool is_first, has_no_users(reader));
    if (is_first) return {};
    return failure(kind, "this server is set up already: log in, or ask an admin for an account");
}

Result<void> check_user(Reader& reader, UserId id) {
    RELEVO_TRY(const User user, user_with_id(reader, id));
    if (!user.enabled) return failure(ErrorKind::closed, "the user is disabled");
    return {};
}

}  // namespace

std::string_view name_of(OneTimePurpose purpose) {
    switch (purpose) {
        case OneTimePurpose::set_up: return "set_up";
        case OneTimePurpose::invitation: return "invitation";
        case OneTimePurpose::password_reset: return "password_reset";
    }
    return "unknown";
}

std::chrono::minutes lifetime_of(OneTimePurpose purpose) {
    return purpose == OneTimePurpose::password_reset ? std::chrono::hours(1) : std::chrono::hours(7 * 24);
}

Result<void> create_one_time_token(Transaction& transaction, OneTimePurpose purpose, UserId user,
                                   std::string_view token, WallClock::time_point now, MessageId message) {
    if (purpose == OneTimePurpose::set_up) {
        RELEVO_CHECK(require_unused_set_up(transaction, ErrorKind::conflict));
    } else {
        RELEVO_CHECK(user_with_id(transaction, user));
    }
    const UserId whose = purpose == OneTimePurpose::set_up ? UserId{} : user;
    const std::string hash = token_hash_text(token);
    RELEVO_CHECK(transaction.execute("DELETE FROM account_token WHERE purpose = $1 AND user_id = $2",
                                     {static_cast<std::int64_t>(purpose), whose.value}));
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO account_token (token_hash, purpose, user_id, created_at, expires_at, message_id)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        {std::string_view(hash), static_cast<std::int64_t>(purpose), whose.value, columns::of(now),
         columns::of(now + lifetime_of(purpose)), message.value}));
    return {};
}

Result<std::optional<OpenLink>> open_link_of(Reader& reader, UserId user, WallClock::time_point now) {
    std::optional<OpenLink> newest;
    RELEVO_CHECK(reader.query(
        "SELECT purpose, message_id, created_at, expires_at FROM account_token WHERE user_id = $1 AND expires_at > $2"
        " ORDER BY created_at",
        {user.value, columns::of(now)}, [&](const Row& row) -> Result<void> {
            newest = OpenLink{.purpose = static_cast<OneTimePurpose>(row.integer(0)),
                              .message = MessageId{row.integer(1)},
                              .created_at = columns::time(row.integer(2)),
                              .expires_at = columns::time(row.integer(3))};
            return {};
        }));
    return newest;
}

Result<UserId> peek_one_time_token(Reader& reader, OneTimePurpose purpose, std::string_view token,
                                   WallClock::time_point now) {
    const std::string hash = token_hash_text(token);
    std::optional<StoredToken> found;
    RELEVO_CHECK(reader.query("SELECT user_id, expires_at FROM account_token WHERE token_hash = $1 AND purpose = $2",
                              {std::string_view(hash), static_cast<std::int64_t>(purpose)},
                              [&](const Row& row) -> Result<void> {
                                  found = {UserId{row.integer(0)}, columns::time(row.integer(1))};
                                  return {};
                              }));
    if (!found) return failure(ErrorKind::not_found, "this link was used or replaced: ask for a new one");
    if (now >= found->expires_at || found->expires_at > now + lifetime_of(purpose) + clock_slack)
        return failure(ErrorKind::timeout, "this link is too old: ask for a new one");
    if (purpose == OneTimePurpose::set_up) {
        RELEVO_CHECK(require_unused_set_up(reader, ErrorKind::closed));
    } else {
        RELEVO_CHECK(check_user(reader, found->user));
    }
    return found->user;
}

Result<UserId> redeem_one_time_token(Transaction& transaction, OneTimePurpose purpose, std::string_view token,
                                     WallClock::time_point now) {
    RELEVO_TRY(const UserId user, peek_one_time_token(transaction, purpose, token, now));
    const std::string hash = token_hash_text(token);
    RELEVO_CHECK(transaction.execute("DELETE FROM account_token WHERE token_hash = $1", {std::string_view(hash)}));
    return user;
}

Result<std::int64_t> forget_one_time_tokens(Transaction& transaction, WallClock::time_point now, std::int64_t limit) {
    constexpr std::chrono::hours kept_when_over{24};  // so that who comes late is told "too old", not "used"
    return transaction.execute(
        "DELETE FROM account_token WHERE token_hash IN (SELECT token_hash FROM account_token WHERE expires_at <= $1"
        " LIMIT $2)",
        {columns::of(now - kept_when_over), limit});
}

}  // namespace relevo
