#include "core/accounts/users.h"

#include "core/accounts/api_keys.h"
#include "core/accounts/columns.h"
#include "core/accounts/sessions.h"
#include "core/tenancy/credentials.h"
#include "core/tenancy/plan.h"
#include "core/tenancy/statements.h"

#include <algorithm>

namespace relevo {
namespace {

constexpr std::size_t display_name_limit_octets = 100;
constexpr std::size_t shortest_password_octets = 12;
constexpr std::size_t longest_password_octets = 128;
constexpr std::int64_t users_limit = 10'000;
constexpr std::string_view missing = "there is no such user";

StoredLogin stored_login_of(const Row& row) {
    StoredLogin stored{.user = {.id = UserId{row.integer(0)},
                                .login = std::string(row.text(1)),
                                .display_name = std::string(row.text(2)),
                                .language = columns::language(row.text(3)),
                                .role = columns::role(row.integer(4)),
                                .tenant = columns::tenant(row.integer(5)),
                                .enabled = row.integer(6) != 0,
                                .has_password = !row.text(7).empty(),
                                .has_identity = row.integer(11) > 0,
                                .has_passkey = row.integer(12) > 0,
                                .created_at = columns::time(row.integer(8)),
                                .last_login_at = columns::time(row.integer(9))},
                       .password_hash = std::string(row.text(7))};
    if (!row.is_null(10))
        stored.user.second_factor = row.integer(10) == 0 ? SecondFactor::unconfirmed : SecondFactor::totp;
    return stored;
}

// Ids from `first` to `last`.
Result<std::vector<StoredLogin>> select_users(Reader& reader, std::int64_t first, std::int64_t last) {
    std::vector<StoredLogin> found;
    RELEVO_CHECK(reader.query(
        "SELECT u.id, u.login, u.display_name, u.language, u.role, u.tenant_id, u.enabled, u.password_hash,"
        " u.created_at, u.last_login_at, t.confirmed_at,"
        " (SELECT count(*) FROM account_identity i WHERE i.user_id = u.id),"
        " (SELECT count(*) FROM account_passkey p WHERE p.user_id = u.id) FROM account_user u"
        " LEFT JOIN account_totp t ON t.user_id = u.id WHERE u.id BETWEEN $1 AND $2 ORDER BY u.id",
        {first, last}, [&](const Row& row) -> Result<void> {
            found.push_back(stored_login_of(row));
            return {};
        }));
    return found;
}

Result<void> require_other_admin(Reader& reader, const User& user) {
    if (user.role != Role::admin || user.tenant || !user.enabled) return {};
    RELEVO_TRY(const bool has_other,
               statements::exists(reader,
                                  "SELECT 1 FROM account_user WHERE id <> $1 AND role = $2 AND tenant_id = 0"
                                  " AND enabled = 1 AND password_hash <> ''",
                                  {user.id.value, static_cast<std::int64_t>(Role::admin)}));
    if (has_other) return {};
    return failure(ErrorKind::conflict, "\"" + user.login +
                                            "\" is the last admin of the whole server who can log in: make another "
                                            "one first");
}

Result<void> end_access(Transaction& transaction, UserId user, const AccessEnd& end, WallClock::time_point now) {
    RELEVO_CHECK(end_sessions_of(transaction, user, end.kept_session));
    if (end.revoke_keys) RELEVO_CHECK(revoke_api_keys_of(transaction, user, now));
    // Links that were sent before would undo the change.
    RELEVO_CHECK(transaction.execute("DELETE FROM account_token WHERE user_id = $1", {user.value}));
    return {};
}

}  // namespace

Result<void> check_user_password(std::string_view password, std::string_view login) {
    if (password.size() < shortest_password_octets || password.size() > longest_password_octets)
        return failure(ErrorKind::invalid, "the password has " + std::to_string(password.size()) +
                                               " octets: use 12 to 128; several words are easy to remember");
    const bool has_control =
        std::ranges::any_of(password, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
    if (!is_utf8(password) || has_control)
        return failure(ErrorKind::invalid, "the password holds a control character, or is not UTF-8");
    if (equals_ignoring_case(password, login))
        return failure(ErrorKind::invalid, "the password is the login: use another one");
    if (std::ranges::all_of(password, [&](char c) { return c == password.front(); }))
        return failure(ErrorKind::invalid, "the password is one character repeated: use another one");
    return {};
}

Result<UserId> create_user(Transaction& transaction, const NewUser& user, WallClock::time_point now) {
    RELEVO_TRY(const std::string login, canonical_login(user.login));
    RELEVO_CHECK(statements::check_text("the display name", user.display_name, display_name_limit_octets));
    if (user.tenant) RELEVO_CHECK(statements::require_tenant(transaction, *user.tenant));
    RELEVO_TRY(const bool taken, statements::exists(transaction, "SELECT 1 FROM account_user WHERE login = $1",
                                                    {std::string_view(login)}));
    if (taken) return failure(ErrorKind::conflict, "there is a user \"" + login + "\" already: choose another login");
    RELEVO_TRY(const std::int64_t present, statements::count(transaction, "SELECT count(*) FROM account_user", {}));
    if (present >= users_limit)
        return failure(ErrorKind::limit, "there are " + std::to_string(present) + " users: remove some first");
    if (user.tenant) {
        RELEVO_TRY(const std::int64_t own,
                   statements::count(transaction, "SELECT count(*) FROM account_user WHERE tenant_id = $1",
                                     {user.tenant->value}));
        RELEVO_CHECK(require_room(transaction, *user.tenant, LimitedThing::users, own));
    }
    RELEVO_TRY(const std::int64_t id, statements::next_id(transaction, "account_user"));
    RELEVO_CHECK(transaction.execute(
        "INSERT INTO account_user (id, login, display_name, language, role, tenant_id, enabled, password_hash,"
        " created_at, last_login_at) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8, 0)",
        {id, std::string_view(login), std::string_view(user.display_name), columns::of(user.language),
         static_cast<std::int64_t>(user.role), columns::of(user.tenant), std::string_view(user.password_hash),
         columns::of(now)}));
    return UserId{id};
}

Result<void> remove_user(Transaction& transaction, UserId user, WallClock::time_point now) {
    RELEVO_TRY(const User removed, user_with_id(transaction, user));
    RELEVO_CHECK(require_other_admin(transaction, removed));
    RELEVO_CHECK(end_access(transaction, user, {}, now));
    RELEVO_CHECK(transaction.execute("DELETE FROM account_recovery_code WHERE user_id = $1", {user.value}));
    RELEVO_CHECK(transaction.execute("DELETE FROM account_totp WHERE user_id = $1", {user.value}));
    RELEVO_CHECK(transaction.execute("DELETE FROM account_identity WHERE user_id = $1", {user.value}));
    RELEVO_CHECK(transaction.execute("DELETE FROM account_passkey WHERE user_id = $1", {user.value}));
    return statements::change_one(transaction, "DELETE FROM account_user WHERE id = $1", {user.value}, missing);
}

Result<void> set_user_password(Transaction& transaction, UserId user, std::string_view password_hash,
                               const AccessEnd& end, WallClock::time_point now) {
    RELEVO_CHECK(statements::change_one(transaction, "UPDATE account_user SET password_hash = $2 WHERE id = $1",
                                        {user.value, password_hash}, missing));
    return end_access(transaction, user, end, now);
}

Result<void> set_user_display_name(Transaction& transaction, UserId user, std::string_view display_name) {
    RELEVO_CHECK(statements::check_text("the display name", display_name, display_name_limit_octets));
    return statements::change_one(transaction, "UPDATE account_user SET display_name = $2 WHERE id = $1",
                                  {user.value, display_name}, missing);
}

Result<void> set_user_language(Transaction& transaction, UserId user, mail::Language language) {
    return statements::change_one(transaction, "UPDATE account_user SET language = $2 WHERE id = $1",
                                  {user.value, columns::of(language)}, missing);
}

Result<void> set_user_role(Transaction& transaction, UserId user, Role role, WallClock::time_point now) {
    RELEVO_TRY(const User present, user_with_id(transaction, user));
    if (present.role == role) return {};
    RELEVO_CHECK(require_other_admin(transaction, present));
    RELEVO_CHECK(statements::change_one(transaction, "UPDATE account_user SET role = $2 WHERE id = $1",
                                        {user.value, static_cast<std::int64_t>(role)}, missing));
    return end_access(transaction, user, {}, now);
}

Result<void> set_user_enabled(Transaction& transaction, UserId user, bool enabled, WallClock::time_point now) {
    RELEVO_TRY(const User present, user_with_id(transaction, user));
    if (!enabled) RELEVO_CHECK(require_other_admin(transaction, present));
    RELEVO_CHECK(statements::change_one(transaction, "UPDATE account_user SET enabled = $2 WHERE id = $1",
                                        {user.value, columns::of(enabled)}, missing));
    if (enabled) return {};
    return end_access(transaction, user, {}, now);
}

Result<std::vector<User>> list_users(Reader& reader) {
    RELEVO_TRY(const std::vector<StoredLogin> all, select_users(reader, 1, INT64_MAX));
    std::vector<User> users;
    users.reserve(all.size());
    for (const StoredLogin& one : all) users.push_back(one.user);
    return users;
}

Result<User> find_user(Reader& reader, std::string_view text) {
    // An id and a login never look alike to both: a login "usr_…" is looked for as an id first.
    if (const auto id = UserId::parse(text); id.has_value()) {
        if (auto user = user_with_id(reader, *id); user.has_value() || user.error().kind != ErrorKind::not_found)
            return user;
    }
    RELEVO_TRY(const StoredLogin found, find_login(reader, text));
    return found.user;
}

Result<User> user_with_id(Reader& reader, UserId user) {
    RELEVO_TRY(const std::vector<StoredLogin> found, select_users(reader, user.value, user.value));
    if (found.empty()) return failure(ErrorKind::not_found, std::string(missing));
    return found.front().user;
}

Result<StoredLogin> find_login(Reader& reader, std::string_view login) {
    const std::string canonical = to_lower(login);
    RELEVO_TRY(const std::int64_t id, statements::count(reader, "SELECT id FROM account_user WHERE login = $1",
                                                        {std::string_view(canonical)}));
    RELEVO_TRY(std::vector<StoredLogin> found, select_users(reader, id, id));
    if (found.empty()) return failure(ErrorKind::not_found, "there is no user \"" + printable(login, 60) + "\"");
    return std::move(found.front());
}

Result<bool> has_no_users(Reader& reader) {
    RELEVO_TRY(const bool has_any, statements::exists(reader, "SELECT 1 FROM account_user LIMIT 1", {}));
    return !has_any;
}

Principal principal_of(const User& user, SessionId session) {
    return Principal{.kind = PrincipalKind::session,
                     .id = user.id.value,
                     .name = user.login,
                     .tenant = user.tenant,
                     .scopes = scopes_of(user.role, user.tenant),
                     .language = user.language,
                     .session = session,
                     .role = user.role};
}

Result<void> require_no_access_of(Reader& reader, TenantId tenant) {
    RELEVO_TRY(const auto users,
               statements::count(reader, "SELECT count(*) FROM account_user WHERE tenant_id = $1", {tenant.value}));
    RELEVO_TRY(const auto keys,
               statements::count(reader, "SELECT count(*) FROM api_key WHERE tenant_id = $1 AND revoked_at = 0",
                                 {tenant.value}));
    if (users + keys == 0) return {};
    return failure(ErrorKind::conflict, "the tenant still has " + std::to_string(users) + " users and " +
                                            std::to_string(keys) + " API keys: remove and revoke them first");
}

}  // namespace relevo
