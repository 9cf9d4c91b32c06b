// Requests that let people in by a link that works once: it goes to them by mail, or is shown to who asks.
#include "app/relevo/control.h"
#include "app/relevo/json_accounts.h"
#include "app/relevo/json_arguments.h"
#include "core/accounts/audit_log.h"
#include "core/accounts/one_time_tokens.h"
#include "core/accounts/token.h"
#include "core/tenancy/credentials.h"

#include <boost/json/serialize.hpp>

namespace relevo {

namespace json = boost::json;

// A link on its way: who it is for, and what is written with it. `write` makes or finds the user, in the transaction
// that keeps the link; must be repeatable.
struct Control::UserLink {
    OneTimePurpose purpose = OneTimePurpose::invitation;
    std::string login, name;
    mail::Language language = mail::Language::english;
    std::string asked_by;  // login; empty: the command line, or the user
    AuditEntry entry;
    std::function<Result<User>(Transaction&)> write;
};

namespace {

// Not again so soon: the mail may be on its way.
constexpr std::chrono::minutes between_links{5};
constexpr std::string_view already_sent = "a link is on its way";

OneTimePurpose purpose_for(const User& user) {
    return user.has_password ? OneTimePurpose::password_reset : OneTimePurpose::invitation;
}

std::string asked_by(const Principal& principal) {
    return principal.kind == PrincipalKind::session ? principal.name : std::string();
}

bool is_on_its_way(const std::optional<OpenLink>& link, WallClock::time_point now) {
    return link && link->message && link->created_at <= now && now - link->created_at < between_links;
}

// Why no mail was sent, for programs.
std::string_view word_for(ErrorKind kind) {
    switch (kind) {
        case ErrorKind::invalid: return "no_address";
        case ErrorKind::unsupported: return "no_sender";
        default: return "no_server";
    }
}

}  // namespace

// The user, with the link or where it went.
Task<Result<json::object>> Control::hand_out(UserLink link, bool is_shown) {
    const std::string console = context_.console_url();
    if (console.empty())
        co_return failure(ErrorKind::conflict,
                          "no [[http]] listener serves the console: add one to the configuration and restart, or give "
                          "a password with `relevo user add` or `relevo user password`");
    const std::string token = generate_one_time_token(system_random());
    const std::string url = console + (link.purpose == OneTimePurpose::invitation ? "/invitation#" : "/reset#") + token;
    const auto now = WallClock::now();
    json::object answer;
    const auto write = [&](Transaction& transaction, MessageId message) -> Result<void> {
        RELEVO_TRY(const User user, link.write(transaction));
        RELEVO_CHECK(create_one_time_token(transaction, link.purpose, user.id, token, now, message));
        AuditEntry entry = link.entry;
        entry.object_type = "user";
        entry.object_id = user.id.text();
        entry.tenant = user.tenant;
        entry.detail = json::serialize(json::object{{"login", user.login},
                                                    {"role", name_of(user.role)},
                                                    {"purpose", name_of(link.purpose)},
                                                    {"by_mail", static_cast<bool>(message)}});
        RELEVO_TRY(answer, json_of(transaction, user));
        return context_.accounts->audit().append(transaction, entry);
    };
    Result<mail::Address> address = failure(ErrorKind::closed, "no server runs, so nothing is sent now");
    if (context_.account_mailer != nullptr) address = context_.account_mailer->address_of(link.login);
    if (!is_shown && address.has_value()) {
        RELEVO_CO_CHECK(co_await context_.account_mailer->send({.purpose = link.purpose,
                                                                .language = link.language,
                                                                .login = link.login,
                                                                .name = link.name,
                                                                .invited_by = link.asked_by,
                                                                .link = url,
                                                                .expires_at = now + lifetime_of(link.purpose)},
                                                               write));
        answer["sent_to"] = address->text();
        co_return answer;
    }
    CommitRequest request;
    request.rows = [&](Transaction& transaction, const std::vector<ContentToStore>&) {
        return write(transaction, MessageId{});
    };
    RELEVO_CO_CHECK(co_await commit(context_.store.committer(), std::move(request)));
    answer["url"] = url;
    if (!is_shown) {
        answer["not_sent"] = word_for(address.error().kind);
        answer["not_sent_because"] = address.error().detail;
    }
    co_return answer;
}

Task<Control::Answer> Control::invite_user(Arguments arguments, Principal principal) {
    RELEVO_CO_CHECK(check_members(arguments, {"login", "name", "language", "role", "tenant", "show"}));
    RELEVO_CO_TRY(const auto show, flag_member(arguments, "show"));
    NewUser invited;
    RELEVO_CO_CHECK(co_await relevo::read_rows(context_.store.committer(), [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(invited, new_user_of(reader, principal, arguments, context_.default_language));
        return {};
    }));
    RELEVO_CO_TRY(const std::string login, canonical_login(invited.login));
    const AuditEntry entry = audit_entry(principal, "user.invite", WallClock::now());
    co_return co_await hand_out({.purpose = OneTimePurpose::invitation,
                                 .login = login,
                                 .name = invited.display_name,
                                 .language = invited.language,
                                 .asked_by = asked_by(principal),
                                 .entry = entry,
                                 .write = [invited, at = entry.at](Transaction& transaction) -> Result<User> {
                                     RELEVO_TRY(const UserId id, create_user(transaction, invited, at));
                                     return user_with_id(transaction, id);
                                 }},
                                show.value_or(false));
}

Task<Control::Answer> Control::send_user_link(Arguments arguments, Principal principal) {
    RELEVO_CO_CHECK(check_members(arguments, {"user", "show"}));
    RELEVO_CO_TRY(const auto show, flag_member(arguments, "show"));
    User user;
    RELEVO_CO_CHECK(co_await relevo::read_rows(context_.store.committer(), [&](Reader& reader) -> Result<void> {
        RELEVO_TRY(user, user_member(reader, arguments));
        return {};
    }));
    // Whoever lets somebody in can come in as them.
    RELEVO_CO_CHECK(check_grant(principal, user.tenant, scopes_of(user.role, user.tenant)));
    if (!user.enabled)
        co_return failure(ErrorKind::conflict, "\"" + user.login + "\" is switched off: enable the user first");
    co_return co_await hand_out(
        {.purpose = purpose_for(user),
         .login = user.login,
         .name = user.display_name,
         .language = user.language,
         .asked_by = asked_by(principal),
         .entry = audit_entry(principal, "user.send_link", WallClock::now()),
         .write = [id = user.id](Transaction& transaction) { return user_with_id(transaction, id); }},
        show.value_or(false));
}

// Whoever asks learns nothing, whatever comes out of it: the answer is the same for logins that do not exist.
Task<Control::Answer> Control::send_forgotten_password(Arguments arguments) {
    RELEVO_CO_CHECK(check_members(arguments, {"login", "peer"}));
    RELEVO_CO_TRY(const std::string login, required_text(arguments, "login"));
    RELEVO_CO_TRY(const auto peer, text_member(arguments, "peer"));
    const auto now = WallClock::now();
    std::optional<User> user;
    std::optional<OpenLink> open;
    RELEVO_CO_CHECK(co_await relevo::read_rows(context_.store.committer(), [&](Reader& reader) -> Result<void> {
        auto found = find_user(reader, login);
        if (!found.has_value()) return {};
        user = *std::move(found);
        RELEVO_TRY(open, open_link_of(reader, user->id, now));
        return {};
    }));
    std::string_view reason;
    if (!user)
        reason = "no such user";
    else if (!user->enabled)
        reason = "the user is switched off";
    else if (is_on_its_way(open, now))
        reason = already_sent;
    else if (context_.account_mailer == nullptr || !context_.account_mailer->address_of(user->login).has_value())
        reason = "no mail can be sent to the user";
    if (reason.empty()) {
        AuditEntry entry = audit_entry(Principal{}, "user.forgotten", now);
        entry.peer = peer.value_or("");
        // Requests that came at once have all seen no link before.
        const auto write = [id = user->id, now](Transaction& transaction) -> Result<User> {
            RELEVO_TRY(const auto present, open_link_of(transaction, id, now));
            if (is_on_its_way(present, now)) return failure(ErrorKind::conflict, std::string(already_sent));
            return user_with_id(transaction, id);
        };
        const auto sent = co_await hand_out({.purpose = purpose_for(*user),
                                             .login = user->login,
                                             .name = user->display_name,
                                             .language = user->language,
                                             .asked_by = {},
                                             .entry = std::move(entry),
                                             .write = write},
                                            false);
        if (sent.has_value()) co_return json::object();
        if (sent.error().kind != ErrorKind::conflict) co_return std::unexpected(sent.error());
        reason = already_sent;
    }
    if (context_.log != nullptr)
        context_.log->info("accounts.link_not_sent", {{"reason", reason}, {"client", peer.value_or("")}});
    co_return json::object();
}

}  // namespace relevo
