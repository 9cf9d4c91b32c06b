#include "core/accounts/passkeys.h"

#include "core/accounts/columns.h"
#include "core/accounts/sessions.h"
#include "core/accounts/users.h"
#include "core/tenancy/statements.h"
#include "lib/base/base64url.h"

namespace relevo {
namespace {

// What no release has written is no key: nobody comes in by it.
Result<Passkey> passkey_of(const Row& row) {
    const auto algorithm = webauthn::algorithm_of(row.integer(5));
    if (!algorithm) return failure(ErrorKind::internal, "a passkey is stored with an unknown algorithm");
    Passkey passkey{.id = PasskeyId{row.integer(0)},
                    .user = UserId{row.integer(1)},
                    .name = std::string(row.text(2)),
                    .relying_party = std::string(row.text(3)),
                    .credential = {},
                    .created_at = columns::time(row.integer(8)),
                    .last_used_at = columns::time(row.integer(9))};
    RELEVO_TRY(passkey.credential.id, decode_base64url(row.text(4)));
    RELEVO_TRY(passkey.credential.key.octets, decode_base64url(row.text(6)));
    passkey.credential.key.algorithm = *algorithm;
    passkey.credential.sign_count = static_cast<std::uint32_t>(row.integer(7));
    return passkey;
}

}  // namespace

Result<PasskeyId> add_passkey(Transaction& transaction, UserId user, const NewPasskey& passkey, SessionId kept_session,
                              WallClock::time_point now) {
    RELEVO_CHECK(user_with_id(transaction, user));
    if (passkey.name.empty()) return failure(ErrorKind::invalid, "the passkey has no name: give it one");
    RELEVO_CHECK(statements::check_text("the name of the passkey", passkey.name, passkey_name_limit_octets));
    RELEVO_TRY(const std::int64_t present,
               statements::count(transaction, "SELECT count(*) FROM account_passkey WHERE user_id = $1", {user.value}));
    if (present >= passkeys_per_user)
        return failure(ErrorKind::limit,
                       "there are " + std::to_string(present) + " passkeys: remove one before you add another");
    RELEVO_TRY(const auto taken, find_passkey(transaction, passkey.credential.id));
    if (taken) return failure(ErrorKind::conflict, "this passkey is known here already");
    RELEVO_TRY(const std::int64_t id, statements::next_id(transaction, "account_passkey"));
    const std::string credential = encode_base64url(passkey.credential.id);
    const std::string key = encode_base64url(passkey.credential.key.octets);
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO account_passkey (id, user_id, name, relying_party, credential, algorithm, public_key, sign_count,"
        " created_at, last_used_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)",
        {id, user.value, std::string_view(passkey.name), std::string_view(passkey.relying_party),
         std::string_view(credential), static_cast<std::int64_t>(passkey.credential.key.algorithm),
         std::string_view(key), std::int64_t{passkey.credential.sign_count}, columns::of(now)}));
    RELEVO_CHECK(end_sessions_of(transaction, user, kept_session));
    return PasskeyId{id};
}

Result<std::optional<Passkey>> find_passkey(Reader& reader, std::string_view credential_id) {
    std::optional<Passkey> found;
    const std::string credential = encode_base64url(credential_id);
    RELEVO_CHECK(reader.query(
        "SELECT id, user_id, name, relying_party, credential, algorithm, public_key, sign_count, created_at,"
        " last_used_at FROM account_passkey WHERE credential = $1",
        {std::string_view(credential)}, [&](const Row& row) -> Result<void> {
            RELEVO_TRY(found, passkey_of(row));
            return {};
        }));
    return found;
}

Result<void> note_passkey_use(Transaction& transaction, PasskeyId passkey, std::uint32_t sign_count,
                              WallClock::time_point now) {
    return statements::change_one(
        transaction, "UPDATE account_passkey SET sign_count = $2, last_used_at = $3 WHERE id = $1",
        {passkey.value, std::int64_t{sign_count}, columns::of(now)}, "there is no such passkey");
}

Result<std::vector<Passkey>> list_passkeys(Reader& reader, UserId user) {
    std::vector<Passkey> passkeys;
    RELEVO_CHECK(reader.query(
        "SELECT id, user_id, name, relying_party, credential, algorithm, public_key, sign_count, created_at,"
        " last_used_at FROM account_passkey WHERE user_id = $1 ORDER BY id",
        {user.value}, [&](const Row& row) -> Result<void> {
            RELEVO_TRY(passkeys.emplace_back(), passkey_of(row));
            return {};
        }));
    return passkeys;
}

Result<void> remove_passkeys(Transaction& transaction, UserId user, std::optional<PasskeyId> passkey,
                             SessionId kept_session) {
    RELEVO_TRY(const std::int64_t removed,
               passkey ? transaction.execute("DELETE FROM account_passkey WHERE user_id = $1 AND id = $2",
                                             {user.value, passkey->value})
                       : transaction.execute("DELETE FROM account_passkey WHERE user_id = $1", {user.value}));
    if (removed == 0)
        return failure(ErrorKind::not_found, passkey ? "the user has no such passkey" : "the user has no passkeys");
    RELEVO_CHECK(end_sessions_of(transaction, user, kept_session));
    return {};
}

}  // namespace relevo
