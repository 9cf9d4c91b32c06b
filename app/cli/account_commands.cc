#include "app/cli/account_commands.h"

#include "app/cli/command_rows.h"

#include <string_view>

namespace relevo::cli {

using enum OptionKind;

void add_account_commands(std::vector<CommandSpec>& table) {
    const OptionSpec user{"USER", "user", text, "Login or id of the user", true};
    const OptionSpec name{"--name", "name", text, "What people call them"};
    const OptionSpec language{"--language", "language", text, "es or en: language of the console"};
    const OptionSpec own_tenant{"--tenant", "tenant", text, "Only for this tenant (default: the whole server)"};
    const std::string_view roles = "admin (everything), operator (runs the mail), analyst (looks), sender (sends)";
    table.push_back(ask_either("user add", "user.add",
                               "Let a person use the console; the password is shown once and never again",
                               {{"LOGIN", "login", text, "A name or an e-mail address", true},
                                {"--role", "role", text, roles, true},
                                own_tenant,
                                name,
                                language,
                                password_file}));
    const OptionSpec show{"--show", "show", flag, "Show the link instead of mailing it"};
    table.push_back(ask_either("user invite", "user.invite",
                               "Send a person a link to choose a password and use the console; works once, for 7 days",
                               {{"LOGIN", "login", text, "The person's e-mail address", true},
                                {"--role", "role", text, roles, true},
                                own_tenant,
                                name,
                                language,
                                show}));
    table.push_back(ask_either("user send-link", "user.send_link",
                               "Send a user a link to choose a password: the invitation again, or for 1 hour a reset",
                               {user, show}));
    table.push_back(
        ask_either("user setup-link", "user.setup_link",
                   "Show the link that makes the first administrator in the console; works once, for 7 days", {}));
    table.push_back(ask_either("user list", "user.list", "List users", {of_tenant}));
    table.push_back(ask_either("user show", "user.show", "Show one user and what they may do", {user}));
    table.push_back(ask_either("user set", "user.set",
                               "Change what is named; another role ends the user's sessions and API keys",
                               {user, name, language, {"--role", "role", text, roles}}));
    table.push_back(ask_either("user disable", "user.set", "Keep a user out; ends the user's sessions and API keys",
                               {user}, R"({"enabled":false})"));
    table.push_back(
        ask_either("user enable", "user.set", "Let a disabled user in again", {user}, R"({"enabled":true})"));
    table.push_back(ask_either("user remove", "user.remove", "Remove a user, with sessions and API keys", {user}));
    table.push_back(ask_either("user password", "user.password",
                               "Give a user a new password; ends the user's sessions and API keys",
                               {user, password_file}));
    table.push_back(ask_either("user totp-reset", "user.totp_reset",
                               "Take a lost second factor away; ends the user's sessions", {user}));
    table.push_back(ask_either("user unlink", "user.unlink",
                               "Part a user from an account at a provider; ends the user's sessions",
                               {user, {"IDENTITY", "identity", text, "Its id, as `user show` tells it", true}}));
    table.push_back(ask_either(
        "user passkey-remove", "user.passkey_remove", "Take a user's passkeys away; ends the user's sessions",
        {user, {"PASSKEY", "passkey", text, "Its id, as `user show` tells it (default: all of them)"}}));

    table.push_back(ask_either("key add", "key.add", "Make an API key for a program; it is shown once and never again",
                               {{"NAME", "name", text, "What the key is for, such as the program's name", true},
                                {"--scope", "scopes", list, "What it may do, such as messages:send; repeatable", true},
                                own_tenant,
                                {"--network", "networks", list, "Works only from these networks; repeatable"},
                                {"--expires", "expires_at", time, "Day or time at which it stops working"}}));
    table.push_back(
        ask_either("key list", "key.list", "List API keys", {of_tenant, {"--all", "all", flag, "Revoked ones too"}}));
    table.push_back(ask_either("key revoke", "key.revoke", "Make an API key stop working at once",
                               {{"KEY", "key", text, "Its id, or its first 12 characters", true}}));

    table.push_back(ask_either("session list", "session.list", "List who is logged in to the console",
                               {{"--user", "user", text, "Only of this user"}}));
    table.push_back(ask_either(
        "session revoke", "session.revoke", "End a session, or all of a user",
        {{"SESSION", "session", text, "Id of the session"}, {"--user", "user", text, "All of this user instead"}}));

    table.push_back(ask_either("audit list", "audit.list", "Show who changed what, newest first",
                               {of_tenant,
                                {"--operation", "operation", text, "Only this one, or all that begin so: user."},
                                {"--object", "object", text, "Only what was done to this, by its id or name"},
                                {"--since", "since", time, "From this day or time on"},
                                {"--until", "until", time, "Until this day or time"},
                                {"--limit", "limit", number, "At most this many, up to 500 (default 100)"},
                                {"--after", "after", text, "Continue a list that was cut"}}));
}

}  // namespace relevo::cli
