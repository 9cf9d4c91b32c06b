#include "app/cli/json_view.h"
#include "app/cli/render.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::cli {
namespace {

using boost::json::value;

std::string of_whom(const value& row) { return text(row, "tenant", "the whole server"); }

std::string never_or(const value& row, std::string_view name) {
    const std::string time = time_text(row, name);
    return time == "-" ? "never" : time;
}

std::string none_or(const Table& table, std::string_view none) {
    return table.empty() ? std::string(none) + "\n" : table.text();
}

std::string shown_once(const value& row, std::string_view member_name, std::string_view title) {
    if (!member(row, member_name).is_string()) return "";
    return fmt::format("\n{}:  {}\nIt is shown this once: keep it now.\n", title, printable(text(row, member_name)));
}

// Of a link to choose a password: mailed, or shown here this once; or one that was made before.
std::string where_link_went(const value& row) {
    const value& link = member(row, "link");
    if (!link.is_object()) return "";
    const std::string until = time_text(link, "expires_at");
    if (member(row, "url").is_string())
        return fmt::format("{}\nHand this over (works once, until {}):\n  {}\n",
                           member(row, "not_sent_because").is_string()
                               ? fmt::format("Not mailed:     {}\n", printable(text(row, "not_sent_because"), 1000))
                               : "",
                           until, printable(text(row, "url"), 1000));
    const bool was_mailed = member(link, "message").is_string();
    return fmt::format("Link:           {}, until {}\n",
                       was_mailed ? fmt::format("mailed as {}", printable(text(link, "message"))) : "shown", until);
}

std::string render_users(const value& result) {
    Table table({"ID", "LOGIN", "NAME", "ROLE", "OF", "STATE", "SECOND FACTOR", "LAST LOGIN"});
    for (const value& row : elements(result, "users"))
        table.add({text(row, "id"), text(row, "login"), text(row, "name"), text(row, "role"), of_whom(row),
                   text(row, "enabled") == "no"                                             ? "disabled"
                   : text(row, "has_password") == "no" && text(row, "has_identity") == "no" ? "invited"
                                                                                            : "active",
                   text(row, "second_factor"), never_or(row, "last_login_at")});
    return none_or(table, "No users. Add one with `relevo user add LOGIN --role admin`.");
}

std::string render_user(const value& row) {
    std::string page = fmt::format(
        "User:           {} ({})\nName:           {}\nRole:           {}, of {}\nState:          {}\n"
        "Second factor:  {}\nLast login:     {}\n",
        printable(text(row, "login")), printable(text(row, "id")), printable(text(row, "name")),
        printable(text(row, "role")), printable(of_whom(row)), text(row, "enabled") == "no" ? "disabled" : "active",
        printable(text(row, "second_factor")), printable(never_or(row, "last_login_at")));
    if (!elements(row, "scopes").empty())
        page += fmt::format("Sessions:       {}\nRecovery codes: {}\nMay:            {}\n", number(row, "sessions"),
                            number(row, "recovery_codes"), printable(text(row, "scopes"), 2000));
    for (const value& identity : elements(row, "identities"))
        page += fmt::format("Comes in by:    {} of {} ({}), last {}\n", printable(text(identity, "email")),
                            printable(text(identity, "issuer")), printable(text(identity, "id")),
                            printable(never_or(identity, "last_used_at")));
    for (const value& passkey : elements(row, "passkeys"))
        page += fmt::format("Passkey:        {} for {} ({}), last {}\n", printable(text(passkey, "name")),
                            printable(text(passkey, "host")), printable(text(passkey, "id")),
                            printable(never_or(passkey, "last_used_at")));
    return page + where_link_went(row) + shown_once(row, "password", "Password");
}

std::string render_keys(const value& result) {
    Table table({"ID", "PREFIX", "NAME", "OF", "STATE", "EXPIRES", "LAST USED", "FROM", "SCOPES"});
    for (const value& row : elements(result, "keys"))
        table.add({text(row, "id"), text(row, "prefix"), text(row, "name"), of_whom(row),
                   member(row, "revoked_at").is_string() ? "revoked" : "active", never_or(row, "expires_at"),
                   never_or(row, "last_used_at"), text(row, "last_used_from"), text(row, "scopes")});
    return none_or(table, "No API keys. Make one with `relevo key add NAME --scope messages:send`.");
}

std::string render_key(std::string_view request, const value& row) {
    const std::string what = fmt::format("{} {} ({})\n", request == "key.revoke" ? "Revoked" : "API key",
                                         printable(text(row, "name")), printable(text(row, "id")));
    return what + shown_once(row, "key", "Key");
}

std::string render_sessions(const value& result) {
    Table table({"ID", "USER", "FROM", "SINCE", "LAST SEEN", "EXPIRES", "BROWSER"});
    for (const value& row : elements(result, "sessions"))
        table.add({text(row, "id"), text(row, "user"), text(row, "peer"), time_text(row, "created_at"),
                   time_text(row, "last_seen_at"), time_text(row, "expires_at"), text(row, "user_agent")});
    return none_or(table, "Nobody is logged in.");
}

std::string render_audit(const value& result) {
    Table table({"AT", "WHO", "FROM", "OPERATION", "OUTCOME", "ABOUT", "DETAIL"});
    for (const value& row : elements(result, "entries")) {
        const value& who = member(row, "who");
        std::string detail;
        if (const value& facts = member(row, "detail"); facts.is_object())
            for (const auto& fact : facts.get_object()) {
                const std::string_view name(fact.key().data(), fact.key().size());
                detail += fmt::format("{}{}={}", detail.empty() ? "" : " ", name, text(facts, name));
            }
        table.add({time_text(row, "at"), text(who, "name", text(who, "kind")), text(row, "peer"),
                   text(row, "operation"), text(row, "outcome"), text(row, "object_id"), detail});
    }
    const std::string next = text(result, "next", "");
    const std::string page = none_or(table, "Nothing was changed.");
    return next.empty() ? page : page + fmt::format("More: add --after {}\n", printable(next));
}

}  // namespace

std::string render_accounts(std::string_view request, const value& result) {
    if (request == "user.list") return render_users(result);
    if (request == "user.remove") return fmt::format("Removed {}\n", printable(text(result, "removed")));
    if (request == "user.setup_link")
        return fmt::format("Open this to make the first administrator (works once, until {}):\n  {}\n",
                           time_text(result, "expires_at"), printable(text(result, "url"), 1000));
    if (request.starts_with("user.")) return render_user(result);
    if (request == "key.list") return render_keys(result);
    if (request.starts_with("key.")) return render_key(request, result);
    if (request == "session.list") return render_sessions(result);
    if (request == "audit.list") return render_audit(result);
    return fmt::format("Sessions ended: {}\n", number(result, "revoked"));
}

}  // namespace relevo::cli
