#include "app/cli/json_view.h"
#include "app/cli/paragraph.h"
#include "app/cli/render.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::cli {
namespace {

using boost::json::value;

// One line for each source; a site that nothing goes to has one without.
std::string sites_table(const value& result) {
    Table table({"SITE", "PROVIDER", "DESTINATIONS", "WAITING", "SOURCE", "READY", "CONNECTIONS", "STATE", "LAST HOUR",
                 "WHY IT WAITS"});
    for (const value& site : elements(result, "sites")) {
        const std::string state = text(site, "suspended") == "yes" ? "suspended" : "";
        const auto add = [&](const value& lane) {
            table.add({text(site, "site"), text(site, "provider"), text(site, "destinations"), text(site, "waiting"),
                       text(lane, "source"), text(lane, "ready"), text(lane, "connections"),
                       state.empty() ? text(lane, "state") : state, text(lane, "messages_of_hour"),
                       text(lane, "why", text(lane, "last_problem"))});
        };
        for (const value& lane : elements(site, "sources")) add(lane);
        if (elements(site, "sources").empty()) add(value());
    }
    std::string page = table.empty() ? "No mail goes anywhere now.\n" : table.text();
    for (const value& suspended : elements(result, "suspended"))
        page += fmt::format("Suspended: {} since {} ({})\n", printable(text(suspended, "site")),
                            printable(time_text(suspended, "since")), printable(text(suspended, "reason")));
    return page;
}

std::string limits_text(const value& limits) {
    if (!limits.is_object()) return "-";
    std::string words;
    for (const auto& [name, ignored] : limits.get_object())
        words += fmt::format("{}{} = {}", words.empty() ? "" : ", ", std::string_view(name),
                             text(limits, std::string_view(name)));
    return words.empty() ? "none" : words;
}

// What was learned, what it refuses now, and how that came.
std::string path_text(const value& path) {
    std::string page = fmt::format("    state {}; accepted lately {} a second; last hour {}, last day {} messages\n",
                                   printable(text(path, "state")), decimal(path, "accepted_rate"),
                                   number(path, "messages_of_hour"), number(path, "messages_of_day"));
    if (!member(path, "learned_rate").is_null())
        page += fmt::format("    learned: {} messages a second, refusals began at {}\n", decimal(path, "learned_rate"),
                            decimal(path, "learned_ceiling"));
    if (!member(path, "learned_connections").is_null())
        page += fmt::format("    learned: {} connections\n", number(path, "learned_connections"));
    for (const char* wish : {"connect", "send"})
        if (member(member(path, wish), "sentence").is_string())
            page += paragraph("    ", text(member(path, wish), "sentence"));
    if (const value& warm_up = member(path, "warm_up"); warm_up.is_object())
        page += fmt::format("    warm-up: {} of today's {} messages sent\n", number(warm_up, "sent"),
                            number(warm_up, "target"));
    page += paragraph("    limits: ", limits_text(member(path, "limits")));
    for (const value& change : elements(path, "changes"))
        page += fmt::format("    {}  {}\n", printable(time_text(change, "time")), printable(text(change, "text")));
    return page;
}

std::string render_show(const value& result) {
    std::string page;
    for (const value& site : elements(result, "sites")) {
        if (!page.empty()) page += "\n";
        page +=
            fmt::format("{} ({}){}\n", printable(text(site, "site")), printable(text(site, "provider", "no provider")),
                        text(site, "suspended") == "yes"
                            ? ": suspended, " + printable(text(site, "suspension_reason", "no reason given"))
                            : "");
        page += paragraph("  hosts: ", text(site, "hosts"));
        page += paragraph(fmt::format("  {} destinations: ", number(site, "destinations")),
                          text(site, "destination_names"));
        page += fmt::format("  {} ready, {} waiting, {} active\n", number(site, "ready"), number(site, "waiting"),
                            number(site, "active"));
        for (const value& lane : elements(site, "sources")) {
            page += fmt::format("  from {}: {} ready, {} of {} connections\n", printable(text(lane, "source")),
                                number(lane, "ready"), number(lane, "connections"), number(lane, "connection_limit"));
            if (member(lane, "last_problem").is_string())
                page += paragraph("    last problem: ", text(lane, "last_problem"));
            if (member(lane, "next_connection_at").is_string())
                page += fmt::format("    no connection before {}\n", printable(time_text(lane, "next_connection_at")));
            page += path_text(lane);
        }
    }
    return page.empty() ? "Nothing is known of it.\n" : page;
}

std::string render_explained(const value& result) {
    std::string page =
        fmt::format("{}: site {}, provider {}, shaped as {}, route {}\n", printable(text(result, "domain")),
                    printable(text(result, "site")), printable(text(result, "provider", "none")),
                    printable(text(result, "shaping_key")), printable(text(result, "route")));
    page += paragraph("hosts: ", text(result, "hosts"));
    for (const value& source : elements(result, "sources")) {
        page += fmt::format("\nFrom {} (pool {}):\n", printable(text(source, "source")),
                            printable(text(source, "pool", "none")));
        Table table({"LIMIT", "VALUE", "FROM", "INSTEAD OF"});
        for (const value& limit : elements(source, "values")) {
            std::string instead;
            for (const value& other : elements(limit, "overrides"))
                instead +=
                    fmt::format("{}{} ({})", instead.empty() ? "" : "; ", text(other, "value"), text(other, "origin"));
            table.add(
                {text(limit, "name"), text(limit, "value"), text(limit, "origin"), instead.empty() ? "-" : instead});
        }
        page += table.text();
        const value& now = member(source, "now");
        page += now.is_object() ? path_text(now) : "    nothing went this way lately\n";
    }
    return page;
}

std::string render_forgotten(const value& result) {
    std::string page =
        fmt::format("{} {} {}\n", number(result, "count"), number(result, "count") == 1 ? "path" : "paths",
                    text(result, "changed") == "yes" ? "begin anew." : "would begin anew:");
    for (const value& path : elements(result, "paths"))
        page += fmt::format("  {} from {}\n", printable(text(path, "shaping_key")), printable(text(path, "source")));
    return page;
}

// "1.5" where it moves, "-" where nothing happened.
std::string rate_text(const value& before, const value& now, const char* name, double seconds) {
    const auto more = number(member(now, "totals"), name) - number(member(before, "totals"), name);
    return fmt::format("{:.1f}/s", static_cast<double>(more) / std::max(seconds, 0.001));
}

}  // namespace

std::string render_sites(std::string_view request, const value& result) {
    if (request == "site.list" || request == "queue.site") return sites_table(result);
    if (request == "site.show") return render_show(result);
    if (request == "site.explain") return render_explained(result);
    if (request == "site.forget") return render_forgotten(result);
    return fmt::format("{} is {} ({} sites in use now).\n", printable(text(result, "site")),
                       text(result, "suspended") == "yes" ? "suspended: its mail waits" : "delivered to again",
                       number(result, "sites"));
}

std::string render_pulse(const value& before, const value& now, double seconds) {
    const value& queue = member(now, "queue");
    const value& totals = member(now, "totals");
    std::string page =
        fmt::format("{}  accepted {}  delivered {}  deferred {}  failed {}\n", printable(time_text(now, "time")),
                    rate_text(before, now, "accepted", seconds), rate_text(before, now, "delivered", seconds),
                    rate_text(before, now, "deferred", seconds), rate_text(before, now, "failed", seconds));
    page += fmt::format("queue: {} ready, {} waiting, {} active   connections: {} in, {} out   sites: {}\n",
                        number(queue, "ready"), number(queue, "waiting"), number(queue, "active"),
                        number(totals, "connections_in"), number(totals, "connections_out"), number(now, "site_count"));
    if (const value& hindrances = member(now, "hindrances");
        hindrances.is_object() && !hindrances.get_object().empty()) {
        page += "hindered:";
        for (const auto& [name, ignored] : hindrances.get_object())
            page +=
                fmt::format(" {} {}", printable(std::string_view(name)), number(hindrances, std::string_view(name)));
        page += "\n";
    }
    page += "\n" + sites_table(now);
    Table tenants({"TENANT", "READY", "WAITING", "OLDEST"});
    for (const value& tenant : elements(now, "tenants"))
        tenants.add({text(tenant, "tenant", "(reports)"), text(tenant, "ready"), text(tenant, "waiting"),
                     time_text(tenant, "oldest")});
    return tenants.empty() ? page : page + "\n" + tenants.text();
}

}  // namespace relevo::cli
