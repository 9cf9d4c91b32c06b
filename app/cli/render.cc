#include "app/cli/render.h"

#include "app/cli/json_view.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::cli {
namespace {

using boost::json::value;

std::string limit_text(const value& row, std::string_view name) {
    const std::int64_t limit = number(row, name);
    return limit == 0 ? "none" : std::to_string(limit);
}

std::string list_or(const value& row, std::string_view name, std::string_view all) {
    return elements(row, name).empty() ? std::string(all) : text(row, name);
}

// "name: value" lines.
std::string facts(std::initializer_list<std::pair<std::string_view, std::string>> lines) {
    std::size_t width = 0;
    for (const auto& [name, content] : lines) width = std::max(width, width_of(name));
    std::string result;
    for (const auto& [name, content] : lines)
        result +=
            fmt::format("{}:{}{}\n", name, std::string(width - width_of(name) + 2, ' '), printable(content, 2000));
    return result;
}

std::string none_or(const Table& table, std::string_view none) {
    return table.empty() ? std::string(none) + "\n" : table.text();
}

std::string render_tenants(const value& result) {
    Table table({"ID", "NAME", "LANGUAGE", "DOMAINS", "CREDENTIALS", "STATE", "SINCE"});
    const auto state = [](const value& row) {
        const std::string level = text(member(row, "conduct"), "level");
        if (text(row, "suspended") == "yes") return std::string("suspended");
        return level.empty() || level == "good" ? std::string("active") : level;
    };
    for (const value& row : elements(result, "tenants"))
        table.add({text(row, "id"), text(row, "name"), text(row, "language"), text(row, "domains"),
                   text(row, "credentials"), state(row), time_text(row, "created_at")});
    return none_or(table, "No tenants. Add one with `relevo tenant add NAME`.");
}

std::string render_tenant(const value& row) {
    const value& conduct = member(row, "conduct");
    std::string counts =
        fmt::format("{} recipients in {} hours, {} bounced, {} complained", text(conduct, "recipients"),
                    text(conduct, "window_hours"), text(conduct, "bounced"), text(conduct, "complained"));
    std::string result = facts({{"Tenant", text(row, "name")},
                                {"Id", text(row, "id")},
                                {"State", text(row, "suspended") == "yes" ? "suspended" : "active"},
                                {"Weight", text(row, "weight")},
                                {"Domains", text(row, "domains")},
                                {"Credentials", text(row, "credentials")},
                                {"Its mail", std::move(counts)},
                                {"Conduct", text(conduct, "level")},
                                {"Because", text(conduct, "reason")},
                                {"Since", time_text(conduct, "since")}});
    if (text(conduct, "level") == "held")
        result += fmt::format(
            "\nNew mail is held. When its list is clean: relevo tenant release {0}; what is held already "
            "goes with\nrelevo queue release --tenant {0}\n",
            printable(text(row, "name")));
    return result;
}

std::string render_domains(const value& result) {
    Table table({"ID", "DOMAIN", "TENANT", "OWNERSHIP", "SUBDOMAINS", "ADDRESSES"});
    for (const value& row : elements(result, "domains"))
        table.add({text(row, "id"), text(row, "name"), text(row, "tenant"), text(row, "ownership"),
                   text(row, "subdomains"), list_or(row, "addresses", "all")});
    return none_or(table, "No domains. Add one with `relevo domain add DOMAIN --tenant NAME`.");
}

std::string render_credentials(const value& result) {
    Table table({"ID", "LOGIN", "TENANT", "SMTP", "LAST USED", "FROM", "LABEL"});
    for (const value& row : elements(result, "credentials"))
        table.add({text(row, "id"), text(row, "login"), text(row, "tenant"),
                   text(row, "smtp") == "no" ? "disabled" : "active", time_text(row, "last_used_at"),
                   text(row, "last_used_from"), text(row, "label")});
    return none_or(table, "No credentials. Make one with `relevo credential add --tenant NAME`.");
}

std::string render_credential(const value& row) {
    std::string result =
        facts({{"Login", text(row, "login")},
               {"Id", text(row, "id")},
               {"Tenant", text(row, "tenant")},
               {"Label", text(row, "label")},
               {"SMTP", text(row, "smtp") == "no" ? "disabled" : "active"},
               {"May send from", list_or(row, "domains", "every domain of the tenant")},
               {"May log in from", list_or(row, "networks", "anywhere")},
               {"Messages an hour", limit_text(row, "messages_per_hour")},
               {"Messages a day", limit_text(row, "messages_per_day")},
               {"Stream", text(row, "stream")},
               {"Expires", time_text(row, "expires_at") == "-" ? "never" : time_text(row, "expires_at")},
               {"Last used", time_text(row, "last_used_at") == "-"
                                 ? "never"
                                 : time_text(row, "last_used_at") + " from " + text(row, "last_used_from")}});
    if (member(row, "password").is_string())
        result += fmt::format("\nPassword:  {}\nIt is shown this once: keep it now.\n", text(row, "password"));
    if (member(row, "settings_url").is_string())
        result += fmt::format("Settings:  {}\n", printable(text(row, "settings_url")));
    return result;
}

std::string render_quotas(const value& result) {
    Table table({"OF", "PER", "RECIPIENTS", "USED", "AHEAD", "BEYOND", "ROOM", "PERIOD ENDS"});
    for (const value& row : elements(result, "quotas"))
        table.add({text(row, "scope") + " " + text(row, "subject"), text(row, "per"), text(row, "recipients"),
                   fmt::format("{} ({} %)", text(row, "used"), text(row, "percent")), text(row, "ahead"),
                   text(row, "beyond"), time_text(row, "room_at") == "-" ? "now" : time_text(row, "room_at"),
                   time_text(row, "period_ends_at")});
    return none_or(table, "No quotas. Set one with `relevo quota set --tenant NAME --per day --recipients N`.");
}

std::string render_networks(const value& result) {
    Table table({"ID", "NETWORK", "TENANT", "AN HOUR", "A DAY", "LABEL"});
    for (const value& row : elements(result, "networks"))
        table.add({text(row, "id"), text(row, "network"), text(row, "tenant"), limit_text(row, "messages_per_hour"),
                   limit_text(row, "messages_per_day"), text(row, "label")});
    return none_or(table, "No networks may send without a password.");
}

std::string render_problems(const value& result) {
    std::string page;
    for (const value& line : elements(result, "lines"))
        if (line.is_string()) page += printable(line.get_string(), 4000) + "\n";
    return page.empty() ? "None since it started.\n" : page;
}

std::string render_status(const value& result) {
    std::string page = facts({{"Version", text(result, "version")},
                              {"Host name", text(result, "host_name")},
                              {"Running since", time_text(result, "started_at")},
                              {"Process", text(result, "process")},
                              {"Shards", text(result, "shards")},
                              {"State", text(result, "draining") == "yes" ? "stopping" : "serving"},
                              {"Waiting", text(member(result, "queue"), "waiting")},
                              {"Active", text(member(result, "queue"), "active")},
                              {"Held", text(member(result, "queue"), "held")}});
    Table table({"LISTENER", "ADDRESS", "CONNECTIONS"});
    for (const value& row : elements(result, "listeners"))
        table.add({text(row, "name"), text(row, "address"), text(row, "connections")});
    return table.empty() ? page : page + "\n" + table.text();
}

std::string render_reload(const value& result) {
    std::string page =
        text(result, "changed") == "no" ? "Nothing has changed.\n" : "The new configuration is in force.\n";
    for (const value& path : elements(result, "needs_restart"))
        if (path.is_string())
            page += fmt::format("Needs a restart: {}\n", printable(std::string_view(path.get_string())));
    return page;
}

std::string render_repair(const value& result) {
    if (!member(result, "folder").is_string()) return "The database is not damaged: nothing was changed.\n";
    std::string page = fmt::format("The damaged database is in {}\n", printable(text(result, "folder")));
    for (const value& problem : elements(result, "problems"))
        if (problem.is_string()) page += fmt::format("Found: {}\n", printable(std::string_view(problem.get_string())));
    Table table({"TABLE", "ROWS SAVED", "DOUBTFUL", "PROBLEM"});
    for (const value& row : elements(result, "tables"))
        table.add({text(row, "name"), text(row, "rows"), text(row, "doubtful"),
                   member(row, "problem").is_string() ? text(row, "problem") : "none"});
    if (!table.empty()) page += "\n" + table.text();
    for (const value& damage : elements(result, "damage"))
        if (damage.is_string()) page += fmt::format("Lost: {}\n", printable(std::string_view(damage.get_string())));
    if (text(result, "held") != "0")
        page += fmt::format(
            "\n{} recipients are held, as their address or sender may be wrong: see `relevo queue list --state "
            "restored`, then `relevo queue release` or `drop`.\n",
            text(result, "held"));
    return page + fmt::format(
                      "\n{} messages wait. Look at tenants, domains and credentials before you start the server: "
                      "what is missing there cannot send.\n",
                      text(result, "messages"));
}

// What one row of a kind looks like after it was added or changed.
std::string render_row(std::string_view what, const value& row, std::string_view name) {
    return fmt::format("{} {} ({})\n", what, printable(text(row, name)), printable(text(row, "id")));
}

}  // namespace

std::string render(std::string_view request, const value& result) {
    if (request.starts_with("site.") || request == "queue.site") return render_sites(request, result);
    if (request.starts_with("queue.")) return render_queue(request, result);
    if (request.starts_with("reports.")) return render_reports(request, result);
    if (request.starts_with("lan.") && !request.ends_with(".remove")) return render_lan(request, result);
    if (request.starts_with("webhook.") && !request.ends_with(".remove")) return render_webhooks(request, result);
    if (request.starts_with("certificate.")) return render_certificates(request, result);
    if (request == "login.failures") return render_login_failures(result);
    if (request.starts_with("source.")) return render_sources(request, result);
    if (request == "person.erase") return render_erasure(result);
    if (request.starts_with("suppression.") && request != "suppression.remove")
        return render_suppression(request, result);
    if (request.starts_with("stats.")) return render_statistics(request, result);
    if (request == "event.list") return render_events(result);
    if (request == "message.cancel")
        return fmt::format("Taken back: {} recipient{}\n", number(result, "cancelled"),
                           number(result, "cancelled") == 1 ? "" : "s");
    if (request == "message.list") return render_messages(result);
    if (request == "message.show") return render_message(result);
    for (const std::string_view prefix : {"user.", "key.", "session.", "audit."})
        if (request.starts_with(prefix)) return render_accounts(request, result);
    if (request.starts_with("plan.")) return render_plans(request, result);
    if (request.ends_with(".remove")) return fmt::format("Removed {}\n", printable(text(result, "removed")));
    if (request == "tenant.list") return render_tenants(result);
    if (request == "tenant.show" || request == "tenant.release") return render_tenant(result);
    if (request == "tenant.suspend")
        return render_row(text(result, "suspended") == "yes" ? "Suspended" : "Active:", result, "name");
    if (request.starts_with("tenant.")) return render_row("Tenant", result, "name");
    if (request == "domain.list") return render_domains(result);
    if (request == "domain.add" || request == "domain.set") return render_domain(result);
    if (request == "domain.verify" || request.starts_with("dkim.")) return render_signing(request, result);
    if (request == "domain.dns") return render_plan(result);
    if (request == "credential.list") return render_credentials(result);
    if (request.starts_with("credential.")) return render_credential(result);
    if (request.starts_with("quota.")) return render_quotas(result);
    if (request == "network.list") return render_networks(result);
    if (request.starts_with("network.")) return render_row("Network", result, "network");
    if (request == "store.repair") return render_repair(result);
    if (request == "server.status") return render_status(result);
    if (request == "server.problems") return render_problems(result);
    if (request == "server.reload") return render_reload(result);
    if (request == "server.submission") return render_submission(result);
    return "Done.\n";
}

}  // namespace relevo::cli
