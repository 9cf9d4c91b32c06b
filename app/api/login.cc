#include "app/api/login.h"

#include "app/api/link.h"
#include "app/api/openid.h"
#include "app/api/passkeys.h"
#include "core/accounts/account_book.h"
#include "core/accounts/console_login.h"
#include "core/accounts/identities.h"
#include "core/accounts/one_time_tokens.h"
#include "core/accounts/second_factor.h"
#include "core/accounts/totp.h"
#include "lib/base/text.h"
#include "lib/json/json.h"

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <array>

namespace relevo::api {
namespace {

namespace json = boost::json;

using Answer = std::expected<HttpResponse, Trouble>;
using Refused = std::unexpected<Trouble>;

bool changes_something(const HttpRequest& request) { return request.method != "GET" && request.method != "HEAD"; }

json::value tenant_json(Ports& ports, std::optional<TenantId> tenant) {
    if (!tenant) return nullptr;
    const auto directory = ports.directory();
    const Tenant* found = directory->tenant(*tenant);
    return json::string(found == nullptr ? tenant->text() : found->name);
}

json::object principal_json(Ports& ports, const Principal& principal) {
    json::array scopes;
    for (const std::string& scope : principal.scopes.names()) scopes.emplace_back(scope);
    json::object answer{{"kind", name_of(principal.kind)},
                        {"name", principal.name},
                        {"tenant", tenant_json(ports, principal.tenant)},
                        {"language", principal.language == mail::Language::spanish ? "es" : "en"},
                        {"scopes", std::move(scopes)}};
    if (principal.role) answer.emplace("role", name_of(*principal.role));
    return answer;
}

Trouble refusal_of(const LoginResult& result) {
    switch (result.outcome) {
        case LoginOutcome::code_needed:
            return trouble(401, "code_needed", "The password is right; now the code of the second factor.");
        case LoginOutcome::wrong_code:
            return trouble(401, "wrong_code", "This code is wrong, or was used before: wait for the next one.");
        case LoginOutcome::disabled:
            return trouble(403, "user_disabled", "This user is switched off: ask an administrator.");
        case LoginOutcome::held_back: {
            Trouble told = trouble(429, "held_back", "There were too many wrong passwords: wait before the next one.");
            told.retry_after = result.retry_after;
            return told;
        }
        case LoginOutcome::wrong:
        case LoginOutcome::done: break;
    }
    return trouble(401, "wrong_credentials", "Login or password is wrong.");
}

ConsoleLogin console_login(Ports& ports) {
    return ConsoleLogin({.committer = ports.committer,
                         .passwords = ports.passwords,
                         .guard = ports.guard,
                         .vault = ports.vault,
                         .random = ports.random,
                         .audit = ports.accounts.audit(),
                         .log = ports.log,
                         .now = [] { return WallClock::now(); }});
}

Task<Answer> log_in(Ports& ports, const Call& call) {
    ConsoleLogin login = console_login(ports);
    auto result = co_await login.log_in({.login = call.text("login"),
                                         .password = call.text("password"),
                                         .code = call.text("code"),
                                         .peer = call.request.peer.address,
                                         .user_agent = std::string(call.request.field("User-Agent")),
                                         .former_token = session_token_of(call.request)});
    if (!result.has_value()) co_return Refused(trouble_of(result.error()));
    if (result->outcome != LoginOutcome::done) co_return Refused(refusal_of(*result));
    co_return logged_in(ports, call, result->user, result->session, result->token);
}

Task<Answer> log_out(Ports& ports, const Call& call) {
    CommitRequest request;
    request.rows = [token = session_token_of(call.request)](Transaction& rows, const std::vector<ContentToStore>&) {
        return token.empty() ? Result<void>{} : close_session(rows, token);
    };
    if (const auto done = co_await commit(ports.committer, std::move(request)); !done.has_value())
        co_return Refused(trouble_of(done.error()));
    HttpResponse response = json_response(200, json::object{{"ended", true}});
    response.fields.emplace_back("Set-Cookie", session_cookie_field(call.request, ""));
    co_return response;
}

HttpResponse get_session(Ports& ports, const Call& call) {
    json::object answer = principal_json(ports, call.principal);
    if (call.principal.kind == PrincipalKind::session)
        answer.emplace("csrf_token", csrf_token(session_token_of(call.request)));
    return json_response(200, answer);
}

Task<Answer> get_set_up(Ports& ports, const Call& call) {
    bool is_needed = false;
    const auto read = co_await read_rows(ports.committer, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(is_needed, has_no_users(reader));
        return {};
    });
    if (!read.has_value()) co_return Refused(trouble_of(read.error()));
    json::array providers;
    for (const SignInOffer& offer : ports.sign_in.offers())
        providers.emplace_back(json::object{{"name", offer.name}, {"title", offer.title}});
    co_return json_response(200, json::object{{"needed", is_needed},
                                              {"host_name", ports.host_name},
                                              {"providers", std::move(providers)},
                                              {"passkey_host", passkey_host(ports, call.request)}});
}

// Writes rows and logs their user in. `work` returns the user.
Task<Answer> write_and_log_in(Ports& ports, const Call& call, std::string_view operation,
                              std::function<Result<UserId>(Transaction&)> work) {
    const std::string token = generate_session_token(ports.random);
    const auto now = WallClock::now();
    User user;
    SessionId session;
    CommitRequest request;
    request.rows = [&](Transaction& rows, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_TRY(const UserId id, work(rows));
        RELEVO_TRY(user, user_with_id(rows, id));
        session = {};
        // Whoever reads the user's mail has not got the second factor yet.
        if (user.second_factor != SecondFactor::totp) {
            RELEVO_TRY(session,
                       open_session(rows, id, token, call.request.peer.address, call.request.field("User-Agent"), now));
        }
        AuditEntry entry = audit_entry(principal_of(user, session), operation, now);
        entry.object_type = "user";
        entry.object_id = id.text();
        entry.peer = call.request.peer.address.text();
        return ports.accounts.audit().append(rows, entry);
    };
    if (const auto done = co_await commit(ports.committer, std::move(request)); !done.has_value()) {
        if (done.error().kind == ErrorKind::not_found || done.error().kind == ErrorKind::timeout ||
            done.error().kind == ErrorKind::closed)
            co_return Refused(link_not_valid());
        co_return Refused(trouble_of(done.error()));
    }
    if (!session) co_return json_response(200, json::object{{"kind", "nobody"}, {"name", user.login}});
    co_return logged_in(ports, call, user, session, token);
}

mail::Language language_member(const Call& call) {
    const std::string given = call.text("language");
    if (given.empty()) return call.principal.language;
    return given == "es" ? mail::Language::spanish : mail::Language::english;
}

// The first admin, by the link that the command line shows.
Task<Answer> set_up(Ports& ports, const Call& call) {
    const std::string login = call.text("login"), password = call.text("password"), token = call.text("token");
    if (const auto fit = check_user_password(password, login); !fit.has_value())
        co_return Refused(invalid_request({{"/password", "not_allowed", fit.error().detail}}));
    const auto hash = co_await hash_password(ports.passwords, password);
    if (!hash.has_value()) co_return Refused(trouble_of(hash.error()));
    const NewUser user{.login = login,
                       .display_name = call.text("name"),
                       .language = language_member(call),
                       .role = Role::admin,
                       .password_hash = *hash};
    co_return co_await write_and_log_in(ports, call, "session.set_up", [&](Transaction& rows) -> Result<UserId> {
        const auto now = WallClock::now();
        RELEVO_CHECK(redeem_one_time_token(rows, OneTimePurpose::set_up, token, now));
        return create_user(rows, user, now);
    });
}

// A password by an invitation or after it was forgotten.
Task<Answer> redeem(Ports& ports, const Call& call) {
    const std::string password = call.text("password"), token = call.text("token");
    const OneTimePurpose purpose = purpose_of(call);
    if (const auto fit = check_user_password(password, ""); !fit.has_value())
        co_return Refused(invalid_request({{"/password", "not_allowed", fit.error().detail}}));
    const auto hash = co_await hash_password(ports.passwords, password);
    if (!hash.has_value()) co_return Refused(trouble_of(hash.error()));
    co_return co_await write_and_log_in(ports, call, "session.redeem", [&](Transaction& rows) -> Result<UserId> {
        const auto now = WallClock::now();
        RELEVO_TRY(const UserId user, redeem_one_time_token(rows, purpose, token, now));
        RELEVO_CHECK(set_user_password(rows, user, *hash, AccessEnd{}, now));
        return user;
    });
}

// --- changes to the own account; they need the password again

Task<Answer> change_password(Ports& ports, const Call& call) {
    if (auto refusal = co_await confirm_by_password(ports, call)) co_return Refused(*std::move(refusal));
    const std::string fresh = call.text("new_password");
    if (const auto fit = check_user_password(fresh, call.principal.name); !fit.has_value())
        co_return Refused(invalid_request({{"/new_password", "not_allowed", fit.error().detail}}));
    const auto hash = co_await hash_password(ports.passwords, fresh);
    if (!hash.has_value()) co_return Refused(trouble_of(hash.error()));
    auto refusal = co_await write_as_self(ports, call, "session.password", [&](Transaction& rows) {
        return set_user_password(rows, UserId{call.principal.id}, *hash,
                                 AccessEnd{.kept_session = call.principal.session}, WallClock::now());
    });
    if (refusal) co_return Refused(*std::move(refusal));
    // Keys that the user made are revoked with the old password.
    if (const auto read =
            co_await read_rows(ports.committer, [&](Reader& reader) { return ports.accounts.load_keys(reader); });
        !read.has_value())
        co_return Refused(trouble_of(read.error()));
    co_return json_response(200, json::object{{"changed", true}});
}

Task<Answer> begin_second_factor(Ports& ports, const Call& call) {
    if (auto refusal = co_await confirm_by_password(ports, call)) co_return Refused(*std::move(refusal));
    const auto vault = ports.vault();
    if (!vault.has_value()) co_return Refused(trouble_of(vault.error()));
    const std::string secret = generate_totp_secret(ports.random);
    auto refusal = co_await write_as_self(ports, call, "session.totp_begin", [&](Transaction& rows) {
        return begin_totp(rows, **vault, UserId{call.principal.id}, secret);
    });
    if (refusal) co_return Refused(*std::move(refusal));
    co_return json_response(
        200, json::object{{"secret", base32_text(secret)}, {"uri", totp_uri(secret, "Relevo", call.principal.name)}});
}

Task<Answer> confirm_second_factor(Ports& ports, const Call& call) {
    if (call.principal.kind != PrincipalKind::session) co_return Refused(session_only());
    const auto vault = ports.vault();
    if (!vault.has_value()) co_return Refused(trouble_of(vault.error()));
    const std::vector<std::string> codes = generate_recovery_codes(ports.random);
    auto refusal = co_await write_as_self(ports, call, "session.totp_confirm", [&](Transaction& rows) {
        return confirm_totp(rows, **vault, UserId{call.principal.id}, call.text("code"), codes, call.principal.session,
                            WallClock::now());
    });
    if (refusal) {
        if (refusal->code == "refused") co_return Refused(invalid_request({{"/code", "wrong", "is wrong"}}));
        co_return Refused(*std::move(refusal));
    }
    json::array shown;
    for (const std::string& code : codes) shown.emplace_back(code);
    co_return json_response(200, json::object{{"recovery_codes", std::move(shown)}});
}

Task<Answer> remove_second_factor(Ports& ports, const Call& call) {
    if (auto refusal = co_await confirm_by_password(ports, call)) co_return Refused(*std::move(refusal));
    auto refusal = co_await write_as_self(ports, call, "session.totp_remove", [&](Transaction& rows) {
        return remove_totp(rows, UserId{call.principal.id}, call.principal.session);
    });
    if (refusal) co_return Refused(*std::move(refusal));
    co_return json_response(200, json::object{{"changed", true}});
}

// A way in less; the one who asks stays.
Task<Answer> unlink_own_identity(Ports& ports, const Call& call) {
    if (auto refusal = co_await confirm_by_password(ports, call)) co_return Refused(*std::move(refusal));
    const auto identity = IdentityId::parse(call.text("identity"));
    if (!identity.has_value()) co_return Refused(trouble_of(identity.error()));
    auto refusal = co_await write_as_self(ports, call, "session.unlink", [&](Transaction& rows) {
        return unlink_identity(rows, UserId{call.principal.id}, *identity, call.principal.session);
    });
    if (refusal) co_return Refused(*std::move(refusal));
    co_return json_response(200, json::object{{"changed", true}});
}

struct LoginOperation {
    std::string_view id;
    Task<Answer> (*perform)(Ports&, const Call&);
};
constexpr auto operations = std::to_array<LoginOperation>({
    {"logIn", log_in},
    {"logOut", log_out},
    {"getSession", [](Ports& ports, const Call& call) -> Task<Answer> { co_return get_session(ports, call); }},
    {"getSetUp", get_set_up},
    {"setUp", set_up},
    {"redeemLink", redeem},
    {"lookAtLink", look_at_link},
    {"requestPasswordReset", ask_for_link},
    {"changePassword", change_password},
    {"beginSecondFactor", begin_second_factor},
    {"confirmSecondFactor", confirm_second_factor},
    {"removeSecondFactor", remove_second_factor},
    {"beginOpenIdSignIn", begin_openid},
    {"finishOpenIdSignIn", finish_openid},
    {"listOwnIdentities", list_own_identities},
    {"unlinkOwnIdentity", unlink_own_identity},
    {"beginPasskey", begin_passkey},
    {"addPasskey", add_passkey},
    {"listOwnPasskeys", list_own_passkeys},
    {"removeOwnPasskey", remove_own_passkey},
    {"beginPasskeySignIn", begin_passkey_sign_in},
    {"signInWithPasskey", sign_in_with_passkey},
});

}  // namespace

HttpResponse logged_in(Ports& ports, const Call& call, const User& user, SessionId session, const std::string& token) {
    json::object answer = principal_json(ports, principal_of(user, session));
    answer.emplace("csrf_token", csrf_token(token));
    HttpResponse response = json_response(200, answer);
    response.fields.emplace_back("Set-Cookie", session_cookie_field(call.request, token));
    return response;
}

Trouble session_only() { return trouble(403, "session_only", "A person in the console does this, no program."); }

Task<std::optional<Trouble>> confirm_by_password(Ports& ports, const Call& call) {
    if (call.principal.kind != PrincipalKind::session) co_return session_only();
    ConsoleLogin login = console_login(ports);
    const auto outcome =
        co_await login.confirm_password(UserId{call.principal.id}, call.text("password"), call.request.peer.address);
    if (!outcome.has_value()) co_return trouble_of(outcome.error());
    if (*outcome == LoginOutcome::done) co_return std::nullopt;
    if (*outcome == LoginOutcome::held_back) {
        Trouble told = trouble(429, "held_back", "There were too many wrong passwords: wait before the next one.");
        told.retry_after = std::chrono::seconds(60);
        co_return told;
    }
    co_return invalid_request({{"/password", "wrong", "is wrong"}});
}

Task<std::optional<Trouble>> write_as_self(Ports& ports, const Call& call, std::string_view operation,
                                           std::function<Result<void>(Transaction&)> work, json::object detail) {
    CommitRequest request;
    request.rows = [&](Transaction& rows, const std::vector<ContentToStore>&) -> Result<void> {
        RELEVO_CHECK(work(rows));
        AuditEntry entry = audit_entry(call.principal, operation, WallClock::now());
        entry.object_type = "user";
        entry.object_id = UserId{call.principal.id}.text();
        entry.detail = json::serialize(detail);
        entry.peer = call.request.peer.address.text();
        return ports.accounts.audit().append(rows, entry);
    };
    const auto done = co_await commit(ports.committer, std::move(request));
    if (done.has_value()) co_return std::nullopt;
    co_return trouble_of(done.error());
}

std::string cookie_of(const HttpRequest& request, std::string_view name) {
    for (const std::string_view part : split(request.field("Cookie"), ';')) {
        const std::string_view pair = trimmed(part);
        if (pair.starts_with(name) && pair.size() > name.size() && pair[name.size()] == '=')
            return std::string(pair.substr(name.size() + 1));
    }
    return {};
}

std::string session_token_of(const HttpRequest& request) { return cookie_of(request, session_cookie); }

bool is_plain_and_local(const HttpRequest& request) {
    return request.tls.empty() && request.peer.address.is_loopback() &&
           !equals_ignoring_case(request.field("X-Forwarded-Proto"), "https");
}

// Browsers keep it from scripts and from other sites.
std::string session_cookie_field(const HttpRequest& request, std::string_view token) {
    return fmt::format("{}={}; Path=/; HttpOnly; SameSite=Strict{}{}", session_cookie, token,
                       is_plain_and_local(request) ? "" : "; Secure", token.empty() ? "; Max-Age=0" : "");
}

Task<std::expected<Principal, Trouble>> session_principal(Ports& ports, const HttpRequest& request) {
    const std::string token = session_token_of(request);
    LiveSession session;
    const auto read = co_await read_rows(ports.committer, [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(session, find_session(reader, token, WallClock::now()));
        return {};
    });
    if (!read.has_value()) {
        const ErrorKind kind = read.error().kind;
        if (kind == ErrorKind::io || kind == ErrorKind::damaged) co_return std::unexpected(trouble_of(read.error()));
        co_return std::unexpected(trouble(401, "session_ended", "The session is over: log in again."));
    }
    if (changes_something(request) && !equal_secrets(request.field(csrf_field), csrf_token(token)))
        co_return std::unexpected(trouble(
            403, "csrf_token", fmt::format("The field {} does not fit the session: load the page again.", csrf_field)));
    if (session.touch_is_due) {
        CommitRequest touch;
        touch.rows = [id = session.session.id](Transaction& rows, const std::vector<ContentToStore>&) {
            return touch_session(rows, id, WallClock::now());
        };
        const auto ignored = co_await commit(ports.committer, std::move(touch));
        static_cast<void>(ignored);  // then it looks idle for longer than it is
    }
    co_return session.principal();
}

bool is_about_login(std::string_view operation) {
    return std::ranges::find(operations, operation, &LoginOperation::id) != operations.end();
}

Task<std::expected<HttpResponse, Trouble>> perform_login(Ports& ports, const Call& call) {
    const auto* found = std::ranges::find(operations, call.operation.id, &LoginOperation::id);
    co_return co_await found->perform(ports, call);
}

}  // namespace relevo::api
