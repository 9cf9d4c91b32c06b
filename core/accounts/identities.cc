#include "core/accounts/identities.h"

#include "core/accounts/columns.h"
#include "core/accounts/sessions.h"
#include "core/accounts/users.h"
#include "core/tenancy/statements.h"

namespace relevo {
namespace {

constexpr std::string_view missing = "the user has no such account at a provider";

LinkedIdentity identity_of(const Row& row) {
    return {.id = IdentityId{row.integer(0)},
            .user = UserId{row.integer(1)},
            .issuer = std::string(row.text(2)),
            .subject = std::string(row.text(3)),
            .email = std::string(row.text(4)),
            .linked_at = columns::time(row.integer(5)),
            .last_used_at = columns::time(row.integer(6))};
}

}  // namespace

Result<IdentityId> link_identity(Transaction& transaction, UserId user, const NewIdentity& identity,
                                 WallClock::time_point now) {
    RELEVO_TRY(const User present, user_with_id(transaction, user));
    RELEVO_TRY(const auto taken, find_identity(transaction, identity.issuer, identity.subject));
    if (taken) return failure(ErrorKind::conflict, "this account of the provider belongs to a user already");
    RELEVO_TRY(const bool has_other,
               statements::exists(transaction, "SELECT 1 FROM account_identity WHERE user_id = $1 AND issuer = $2",
                                  {user.value, std::string_view(identity.issuer)}));
    if (has_other)
        return failure(ErrorKind::conflict,
                       "\"" + present.login + "\" comes in by another account of this provider: unlink that one first");
    RELEVO_TRY(const std::int64_t id, statements::next_id(transaction, "account_identity"));
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO account_identity (id, user_id, issuer, subject, email, linked_at, last_used_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $6)",
        {id, user.value, std::string_view(identity.issuer), std::string_view(identity.subject),
         std::string_view(identity.email), columns::of(now)}));
    return IdentityId{id};
}

Result<std::optional<LinkedIdentity>> find_identity(Reader& reader, std::string_view issuer, std::string_view subject) {
    std::optional<LinkedIdentity> found;
    RELEVO_CHECK(
        reader.query("SELECT id, user_id, issuer, subject, email, linked_at, last_used_at FROM account_identity"
                     " WHERE issuer = $1 AND subject = $2",
                     {issuer, subject}, [&](const Row& row) -> Result<void> {
                         found = identity_of(row);
                         return {};
                     }));
    return found;
}

Result<void> note_identity_use(Transaction& transaction, IdentityId identity, std::string_view email,
                               WallClock::time_point now) {
    return statements::change_one(transaction,
                                  "UPDATE account_identity SET last_used_at = $2, email = $3 WHERE id = $1",
                                  {identity.value, columns::of(now), email}, missing);
}

Result<std::vector<LinkedIdentity>> list_identities(Reader& reader, UserId user) {
    std::vector<LinkedIdentity> identities;
    RELEVO_CHECK(
        reader.query("SELECT id, user_id, issuer, subject, email, linked_at, last_used_at FROM account_identity"
                     " WHERE user_id = $1 ORDER BY id",
                     {user.value}, [&](const Row& row) -> Result<void> {
                         identities.push_back(identity_of(row));
                         return {};
                     }));
    return identities;
}

Result<void> unlink_identity(Transaction& transaction, UserId user, IdentityId identity, SessionId kept_session) {
    RELEVO_CHECK(statements::change_one(transaction, "DELETE FROM account_identity WHERE id = $1 AND user_id = $2",
                                        {identity.value, user.value}, missing));
    RELEVO_TRY(const User present, user_with_id(transaction, user));
    RELEVO_TRY(const auto left, list_identities(transaction, user));
    if (!present.has_password && left.empty())
        return failure(ErrorKind::conflict, "\"" + present.login +
                                                "\" has no password and could not come in any more: set one first, or "
                                                "remove the user");
    RELEVO_CHECK(end_sessions_of(transaction, user, kept_session));
    return {};
}

}  // namespace relevo
