// Who may use the API and the console: users, API keys, sessions, and what everybody did.
#include "app/relevo/control.h"
#include "app/relevo/control_rows.h"
#include "app/relevo/json_accounts.h"
#include "app/relevo/json_arguments.h"
#include "core/accounts/identities.h"
#include "core/accounts/passkeys.h"
#include "core/accounts/second_factor.h"
#include "core/accounts/sessions.h"
#include "core/accounts/token.h"
#include "core/accounts/users.h"
#include "core/tenancy/administration.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace relevo {
namespace {

using Arguments = boost::json::object;
using Object = boost::json::object;
using Work = Result<boost::json::object>;

constexpr std::size_t usual_audit_page = 100;

// What a change did: the answer, and its place in the audit log.
struct Change {
    Object answer;
    AuditEntry entry;
};

Work json_of(Reader& reader, const ApiKey& key) {
    RELEVO_TRY(boost::json::value tenant, tenant_json(reader, key.tenant));
    std::vector<std::string> networks;
    for (const dns::Network& network : key.networks) networks.push_back(network.text());
    return Object{{"id", key.id.text()},
                  {"name", key.name},
                  {"prefix", key.visible_prefix},
                  {"tenant", std::move(tenant)},
                  {"scopes", json_list(key.scopes.names())},
                  {"networks", json_list(networks)},
                  {"made_by", key.made_by ? boost::json::value(key.made_by.text()) : boost::json::value(nullptr)},
                  {"created_at", json_time(key.created_at)},
                  {"expires_at", json_time(key.expires_at)},
                  {"revoked_at", json_time(key.revoked_at)},
                  {"last_used_at", json_time(key.last_used_at)},
                  {"last_used_from", json_text_or_null(key.last_used_from)}};
}

Object json_of(const LinkedIdentity& identity) {
    return {{"id", identity.id.text()},
            {"issuer", identity.issuer},
            {"subject", identity.subject},
            {"email", json_text_or_null(identity.email)},
            {"linked_at", json_time(identity.linked_at)},
            {"last_used_at", json_time(identity.last_used_at)}};
}

Object json_of(const Passkey& passkey) {
    return {{"id", passkey.id.text()},
            {"name", passkey.name},
            {"host", passkey.relying_party},
            {"created_at", json_time(passkey.created_at)},
            {"last_used_at", json_time(passkey.last_used_at)}};
}

Object json_of(const Session& session, const std::string& login) {
    return {{"id", session.id.text()},
            {"user", login},
            {"peer", session.peer},
            {"user_agent", json_text_or_null(session.user_agent)},
            {"created_at", json_time(session.created_at)},
            {"last_seen_at", json_time(session.last_seen_at)},
            {"expires_at", json_time(session.expires_at)}};
}

Work json_of(Reader& reader, const AuditEntry& entry) {
    RELEVO_TRY(boost::json::value tenant, tenant_json(reader, entry.tenant));
    const Principal who{.kind = entry.kind, .id = entry.principal};
    const auto detail = json::parse(entry.detail);
    return Object{{"id", entry.id.text()},
                  {"at", json_time(entry.at)},
                  {"who", Object{{"kind", name_of(entry.kind)}, {"id", who.id_text()}, {"name", entry.principal_name}}},
                  {"tenant", std::move(tenant)},
                  {"operation", entry.operation},
                  {"object_type", json_text_or_null(entry.object_type)},
                  {"object_id", json_text_or_null(entry.object_id)},
                  {"peer", json_text_or_null(entry.peer)},
                  {"outcome", name_of(entry.outcome)},
                  {"detail", detail.has_value() ? *detail : boost::json::value(Object())}};
}

AuditEntry about(AuditEntry entry, std::string_view type, std::string id, std::optional<TenantId> tenant,
                 const Object& detail = {}) {
    entry.object_type = type;
    entry.object_id = std::move(id);
    entry.tenant = tenant;
    entry.detail = boost::json::serialize(detail);
    return entry;
}

// --- users

struct NewPassword {
    std::string text, hash;
    bool was_made = false;
};

Result<Change> add_user(Transaction& transaction, const Principal& giver, const Arguments& arguments,
                        const NewPassword& password, mail::Language language, const AuditEntry& entry) {
    RELEVO_CHECK(check_members(arguments, {"login", "name", "language", "role", "tenant", "password"}));
    RELEVO_TRY(NewUser user, new_user_of(transaction, giver, arguments, language));
    user.password_hash = password.hash;
    RELEVO_TRY(const UserId id, create_user(transaction, user, entry.at));
    RELEVO_TRY(const User made, user_with_id(transaction, id));
    RELEVO_TRY(Object answer, json_of(transaction, made));
    return Change{std::move(answer),
                  about(entry, "user", id.text(), user.tenant, {{"login", made.login}, {"role", name_of(made.role)}})};
}

Result<Change> set_user(Transaction& transaction, const Principal& giver, const Arguments& arguments,
                        const AuditEntry& entry) {
    RELEVO_CHECK(check_members(arguments, {"user", "name", "language", "role", "enabled"}));
    RELEVO_TRY(const User user, user_member(transaction, arguments));
    RELEVO_TRY(const auto name, text_member(arguments, "name"));
    RELEVO_TRY(const auto language, text_member(arguments, "language"));
    RELEVO_TRY(const auto role, text_member(arguments, "role"));
    RELEVO_TRY(const auto enabled, flag_member(arguments, "enabled"));
    Object detail{{"login", user.login}};
    if (name) RELEVO_CHECK(set_user_display_name(transaction, user.id, *name));
    if (language) {
        RELEVO_TRY(const mail::Language chosen, mail::parse_language(*language));
        RELEVO_CHECK(set_user_language(transaction, user.id, chosen));
    }
    if (role) {
        RELEVO_TRY(const Role chosen, parse_role(*role));
        RELEVO_CHECK(check_grant(giver, user.tenant, scopes_of(chosen, user.tenant)));
        RELEVO_CHECK(set_user_role(transaction, user.id, chosen, entry.at));
        detail["role"] = *role;
    }
    if (enabled) {
        RELEVO_CHECK(set_user_enabled(transaction, user.id, *enabled, entry.at));
        detail["enabled"] = *enabled;
    }
    RELEVO_TRY(const User changed, user_with_id(transaction, user.id));
    RELEVO_TRY(Object answer, json_of(transaction, changed));
    return Change{std::move(answer), about(entry, "user", user.id.text(), user.tenant, detail)};
}

Result<Change> unlink_user(Transaction& transaction, const User& user, const Arguments& arguments,
                           const AuditEntry& entry) {
    RELEVO_TRY(const std::string text, required_text(arguments, "identity"));
    RELEVO_TRY(const IdentityId identity, IdentityId::parse(text));
    RELEVO_CHECK(unlink_identity(transaction, user.id, identity, {}));
    RELEVO_TRY(const User changed, user_with_id(transaction, user.id));
    RELEVO_TRY(Object answer, json_of(transaction, changed));
    return Change{std::move(answer), about(entry, "user", user.id.text(), user.tenant,
                                           {{"login", user.login}, {"identity", identity.text()}})};
}

Result<Change> remove_passkeys_of(Transaction& transaction, const User& user, const Arguments& arguments,
                                  const AuditEntry& entry) {
    RELEVO_TRY(const auto text, text_member(arguments, "passkey"));
    std::optional<PasskeyId> passkey;
    if (text) {
        RELEVO_TRY(passkey, PasskeyId::parse(*text));
    }
    RELEVO_CHECK(remove_passkeys(transaction, user.id, passkey));
    RELEVO_TRY(const User changed, user_with_id(transaction, user.id));
    RELEVO_TRY(Object answer, json_of(transaction, changed));
    return Change{std::move(answer), about(entry, "user", user.id.text(), user.tenant,
                                           {{"login", user.login}, {"passkey", passkey ? passkey->text() : "all"}})};
}

Result<Change> change_user(Transaction& transaction, const Principal& giver, std::string_view command,
                           const Arguments& arguments, const NewPassword& password, const AuditEntry& entry) {
    RELEVO_CHECK(command == "user.password"         ? check_members(arguments, {"user", "password"})
                 : command == "user.unlink"         ? check_members(arguments, {"user", "identity"})
                 : command == "user.passkey_remove" ? check_members(arguments, {"user", "passkey"})
                                                    : check_members(arguments, {"user"}));
    RELEVO_TRY(const User user, user_member(transaction, arguments));
    const AuditEntry written = about(entry, "user", user.id.text(), user.tenant, {{"login", user.login}});
    if (command == "user.remove") {
        RELEVO_CHECK(remove_user(transaction, user.id, entry.at));
        return Change{{{"removed", user.login}}, written};
    }
    if (command == "user.unlink") return unlink_user(transaction, user, arguments, entry);
    if (command == "user.passkey_remove") return remove_passkeys_of(transaction, user, arguments, entry);
    // Whoever lets somebody in can come in as them.
    RELEVO_CHECK(check_grant(giver, user.tenant, scopes_of(user.role, user.tenant)));
    if (command == "user.password") {
        RELEVO_CHECK(set_user_password(transaction, user.id, password.hash, {}, entry.at));
    } else if (command == "user.totp_reset") {
        RELEVO_CHECK(remove_totp(transaction, user.id));
    } else {
        return failure(ErrorKind::unsupported, fmt::format("there is no command \"{}\"", command));
    }
    RELEVO_TRY(const User changed, user_with_id(transaction, user.id));
    RELEVO_TRY(Object answer, json_of(transaction, changed));
    return Change{std::move(answer), written};
}

Work read_users(Reader& reader, std::string_view command, const Arguments& arguments) {
    if (command == "user.show") {
        RELEVO_CHECK(check_members(arguments, {"user"}));
        RELEVO_TRY(const User user, user_member(reader, arguments));
        RELEVO_TRY(Object shown, json_of(reader, user));
        RELEVO_TRY(const auto sessions, list_sessions(reader, user.id, WallClock::now()));
        RELEVO_TRY(const std::int64_t codes, recovery_codes_left(reader, user.id));
        shown["scopes"] = json_list(scopes_of(user.role, user.tenant).names());
        shown["sessions"] = sessions.size();
        shown["recovery_codes"] = codes;
        RELEVO_TRY(const auto identities, list_identities(reader, user.id));
        boost::json::array linked;
        for (const LinkedIdentity& identity : identities) linked.push_back(json_of(identity));
        shown["identities"] = std::move(linked);
        RELEVO_TRY(const auto passkeys, list_passkeys(reader, user.id));
        boost::json::array held;
        for (const Passkey& passkey : passkeys) held.push_back(json_of(passkey));
        shown["passkeys"] = std::move(held);
        return shown;
    }
    RELEVO_CHECK(check_members(arguments, {"tenant"}));
    RELEVO_TRY(const auto tenant, tenant_member(reader, arguments));
    RELEVO_TRY(const std::vector<User> users, list_users(reader));
    boost::json::array rows;
    for (const User& user : users) {
        if (tenant && user.tenant != tenant) continue;
        RELEVO_TRY(Object row, json_of(reader, user));
        rows.push_back(std::move(row));
    }
    return Object{{"users", std::move(rows)}};
}

// --- API keys

Result<Change> add_key(Transaction& transaction, const Principal& giver, const Arguments& arguments,
                       const std::string& secret, const AuditEntry& entry) {
    RELEVO_CHECK(check_members(arguments, {"name", "tenant", "scopes", "networks", "expires_at"}));
    NewApiKey key;
    if (giver.kind == PrincipalKind::session) key.made_by = UserId{giver.id};
    RELEVO_TRY(key.name, required_text(arguments, "name"));
    RELEVO_TRY(key.tenant, tenant_member(transaction, arguments));
    RELEVO_TRY(const auto scopes, list_member(arguments, "scopes"));
    RELEVO_TRY(key.scopes, ScopeSet::parse(scopes.value_or(std::vector<std::string>())));
    RELEVO_TRY(const auto networks, list_member(arguments, "networks"));
    key.networks = networks.value_or(std::vector<std::string>());
    RELEVO_TRY(const auto expires_at, time_member(arguments, "expires_at"));
    key.expires_at = expires_at.value_or(WallClock::time_point{});
    RELEVO_CHECK(check_grant(giver, key.tenant, key.scopes));
    RELEVO_TRY(const ApiKeyId id, create_api_key(transaction, key, secret, entry.at));
    RELEVO_TRY(const ApiKey made, find_api_key(transaction, id.text()));
    RELEVO_TRY(Object answer, json_of(transaction, made));
    const Object detail{{"name", made.name}, {"prefix", made.visible_prefix}, {"scopes", made.scopes.text()}};
    return Change{std::move(answer), about(entry, "key", id.text(), key.tenant, detail)};
}

Result<Change> revoke_key(Transaction& transaction, const Arguments& arguments, const AuditEntry& entry) {
    RELEVO_CHECK(check_members(arguments, {"key"}));
    RELEVO_TRY(const std::string name, required_text(arguments, "key"));
    RELEVO_TRY(const ApiKey key, find_api_key(transaction, name));
    RELEVO_CHECK(revoke_api_key(transaction, key.id, entry.at));
    RELEVO_TRY(const ApiKey revoked, find_api_key(transaction, key.id.text()));
    RELEVO_TRY(Object answer, json_of(transaction, revoked));
    return Change{std::move(answer),
                  about(entry, "key", key.id.text(), key.tenant, {{"name", key.name}, {"prefix", key.visible_prefix}})};
}

Work list_keys(Reader& reader, const Arguments& arguments) {
    RELEVO_CHECK(check_members(arguments, {"tenant", "all"}));
    RELEVO_TRY(const auto tenant, tenant_member(reader, arguments));
    RELEVO_TRY(const auto all, flag_member(arguments, "all"));
    RELEVO_TRY(const std::vector<ApiKey> keys, list_api_keys(reader));
    boost::json::array rows;
    for (const ApiKey& key : keys) {
        const bool is_revoked = key.revoked_at != WallClock::time_point{};
        if ((tenant && key.tenant != tenant) || (is_revoked && !all.value_or(false))) continue;
        RELEVO_TRY(Object row, json_of(reader, key));
        rows.push_back(std::move(row));
    }
    return Object{{"keys", std::move(rows)}};
}

// --- sessions

Result<Change> revoke_sessions(Transaction& transaction, const Arguments& arguments, const AuditEntry& entry) {
    RELEVO_CHECK(check_members(arguments, {"session", "user"}));
    RELEVO_TRY(const auto text, text_member(arguments, "session"));
    RELEVO_TRY(const auto login, text_member(arguments, "user"));
    if (text.has_value() == login.has_value())
        return failure(ErrorKind::invalid, "name one session, or the user whose sessions all end");
    if (text) {
        RELEVO_TRY(const SessionId session, SessionId::parse(*text));
        RELEVO_CHECK(revoke_session(transaction, session));
        return Change{{{"revoked", 1}}, about(entry, "session", session.text(), {})};
    }
    RELEVO_TRY(const User user, find_user(transaction, *login));
    RELEVO_TRY(const std::int64_t ended, end_sessions_of(transaction, user.id));
    return Change{{{"revoked", ended}}, about(entry, "user", user.id.text(), user.tenant, {{"sessions", ended}})};
}

Work list_sessions_as_json(Reader& reader, const Arguments& arguments) {
    RELEVO_CHECK(check_members(arguments, {"user"}));
    RELEVO_TRY(const auto login, text_member(arguments, "user"));
    std::optional<UserId> of;
    if (login) {
        RELEVO_TRY(const User user, find_user(reader, *login));
        of = user.id;
    }
    RELEVO_TRY(const std::vector<User> users, list_users(reader));
    RELEVO_TRY(const std::vector<Session> sessions, list_sessions(reader, of, WallClock::now()));
    boost::json::array rows;
    for (const Session& session : sessions) {
        const auto user = std::ranges::find(users, session.user, &User::id);
        rows.push_back(json_of(session, user == users.end() ? session.user.text() : user->login));
    }
    return Object{{"sessions", std::move(rows)}};
}

// --- audit log

Work list_audit(Reader& reader, AuditReader& audit, const Arguments& arguments) {
    RELEVO_CHECK(check_members(arguments, {"tenant", "operation", "object", "since", "until", "limit", "after"}));
    AuditFilter filter;
    RELEVO_TRY(filter.tenant, tenant_member(reader, arguments));
    RELEVO_TRY(const auto operation, text_member(arguments, "operation"));
    filter.operation = operation.value_or("");
    RELEVO_TRY(const auto object, text_member(arguments, "object"));
    filter.object_id = object.value_or("");
    RELEVO_TRY(const auto since, time_member(arguments, "since"));
    filter.from = since.value_or(WallClock::time_point{});
    RELEVO_TRY(const auto until, time_member(arguments, "until"));
    filter.until = until.value_or(WallClock::time_point{});
    RELEVO_TRY(const auto limit, number_member(arguments, "limit"));
    RELEVO_TRY(const auto after, text_member(arguments, "after"));
    const std::size_t wanted = limit ? static_cast<std::size_t>(*limit) : usual_audit_page;
    RELEVO_TRY(const AuditPage page, audit.page(reader, filter, after.value_or(""), wanted));
    boost::json::array rows;
    for (const AuditEntry& entry : page.entries) {
        RELEVO_TRY(Object row, json_of(reader, entry));
        rows.push_back(std::move(row));
    }
    return Object{{"entries", std::move(rows)}, {"next", json_text_or_null(page.next_cursor)}};
}

// --- what other commands change

// Last words of the commands that change something.
constexpr std::array changing_words = {"add",    "remove",  "set",       "suspend",    "resume",     "rotate",
                                       "verify", "import",  "forget",    "hold",       "release",    "retry",
                                       "drop",   "drain",   "reload",    "send",       "create",     "revoke",
                                       "enable", "disable", "password",  "totp_reset", "setup_link", "redeliver",
                                       "test",   "invite",  "send_link", "cancel",     "unlink",     "passkey_remove"};
// Arguments that say what a command was about; none of them is ever a secret.
constexpr std::array naming_arguments = {"user",   "session", "credential", "address", "domain", "network", "site",
                                         "source", "webhook", "id",         "login",   "name",   "tenant"};

bool is_change(std::string_view command, const Arguments& arguments) {
    if (const auto* dry_run = arguments.if_contains("dry_run"); dry_run != nullptr && dry_run->is_bool())
        if (dry_run->get_bool()) return false;
    const std::string_view last = command.substr(command.rfind('.') + 1);
    return std::ranges::find(changing_words, last) != changing_words.end();
}

bool is_about_accounts(std::string_view command) {
    return command.starts_with("user.") || command.starts_with("key.") || command.starts_with("session.");
}

}  // namespace

std::optional<AuditEntry> Control::audit_of(std::string_view command, const Arguments& arguments,
                                            const Principal& principal) {
    if (!is_change(command, arguments)) return std::nullopt;
    AuditEntry entry = audit_entry(principal, command, WallClock::now());
    for (const std::string_view name : naming_arguments) {
        const auto* value = arguments.if_contains(name);
        if (value == nullptr || !value->is_string()) continue;
        entry.object_type = name;
        entry.object_id = std::string_view(value->get_string());
        break;
    }
    return entry;
}

// Changes of accounts are written down in their own transaction; of everything else, and what failed, here.
Task<> Control::write_down(AuditEntry entry, const Answer& answer) {
    if (answer.has_value() && is_about_accounts(entry.operation)) co_return;
    if (!answer.has_value()) {
        entry.outcome = answer.error().kind == ErrorKind::refused ? AuditOutcome::refused : AuditOutcome::failed;
        entry.detail = boost::json::serialize(Object{{"error", name_of(answer.error().kind)}});
    }
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) {
        return context_.accounts->audit().append(transaction, entry);
    };
    // The answer stands either way: what was done is done.
    const auto written = co_await commit(context_.store.committer(), std::move(request));
    if (!written.has_value() && context_.log != nullptr)
        context_.log->error("audit.not_written", {{"operation", entry.operation}, {"problem", written.error().detail}});
}

Task<Control::Answer> Control::perform_accounts(std::string command, Arguments arguments, Principal principal) {
    if (command == "user.list" || command == "user.show")
        co_return co_await read_rows([&](Reader& reader) { return read_users(reader, command, arguments); });
    if (command == "key.list")
        co_return co_await read_rows([&](Reader& reader) { return list_keys(reader, arguments); });
    if (command == "session.list")
        co_return co_await read_rows([&](Reader& reader) { return list_sessions_as_json(reader, arguments); });
    if (command == "audit.list")
        co_return co_await read_rows(
            [&](Reader& reader) { return list_audit(reader, context_.accounts->audit_reader(), arguments); });
    NewPassword password;
    if (command == "user.add" || command == "user.password") {
        RELEVO_CO_TRY(const auto given, text_member(arguments, "password"));
        RELEVO_CO_TRY(const auto login, text_member(arguments, "login"));
        password.was_made = !given;
        password.text = given ? *given : generate_password(system_random());
        RELEVO_CO_CHECK(check_user_password(password.text, login.value_or("")));
        Result<std::string> hash = context_.passwords != nullptr
                                       ? co_await hash_password(*context_.passwords, password.text)
                                       : hash_password(password.text);
        RELEVO_CO_TRY(password.hash, std::move(hash));
    }
    const std::string key = command == "key.add" ? generate_api_key(system_random()) : std::string();
    const AuditEntry entry = audit_entry(principal, command, WallClock::now());
    Object answer;
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) -> Result<void> {
        Result<Change> change = [&] {
            if (command == "user.add")
                return add_user(transaction, principal, arguments, password, context_.default_language, entry);
            if (command == "user.set") return set_user(transaction, principal, arguments, entry);
            if (command == "key.add") return add_key(transaction, principal, arguments, key, entry);
            if (command == "key.revoke") return revoke_key(transaction, arguments, entry);
            if (command == "session.revoke") return revoke_sessions(transaction, arguments, entry);
            return change_user(transaction, principal, command, arguments, password, entry);
        }();
        RELEVO_TRY(const Change done, std::move(change));
        answer = done.answer;
        return context_.accounts->audit().append(transaction, done.entry);
    };
    RELEVO_CO_CHECK(co_await commit(context_.store.committer(), std::move(request)));
    RELEVO_CO_CHECK(co_await relevo::read_rows(context_.store.committer(),
                                               [&](Reader& reader) { return context_.accounts->load_keys(reader); }));
    if (password.was_made) answer["password"] = password.text;
    if (!key.empty()) answer["key"] = key;
    co_return answer;
}

}  // namespace relevo
