#include "app/cli/json_view.h"
#include "app/cli/render.h"
#include "app/cli/table.h"
#include "lib/base/text.h"

#include <fmt/format.h>

namespace relevo::cli {
namespace {

using boost::json::value;

std::string number_or_any(const value& row, std::string_view name) { return text(row, name, "any"); }

// "50000 a month (wait), 500 an hour (refuse)".
std::string quotas_of(const value& plan) {
    std::string line;
    for (const value& quota : elements(plan, "quotas")) {
        const std::string per = text(quota, "per");
        line += fmt::format("{}{} {} {} ({})", line.empty() ? "" : ", ", text(quota, "recipients"),
                            per == "hour" ? "an" : "a", per, text(quota, "beyond"));
    }
    return line.empty() ? "any number" : line;
}

std::string render_list(const value& result) {
    Table table({"ID", "NAME", "RECIPIENTS", "DOMAINS", "LOGINS", "USERS", "TENANTS", "NOTE"});
    for (const value& row : elements(result, "plans"))
        table.add({text(row, "id"), text(row, "name"), quotas_of(row), number_or_any(row, "domains"),
                   number_or_any(row, "credentials"), number_or_any(row, "users"), text(row, "tenants"),
                   text(row, "note")});
    return table.empty() ? "No plans. Make one with `relevo plan add NAME --quota month=50000:wait`.\n" : table.text();
}

std::string render_one(const value& row) {
    return fmt::format(
        "Plan {} ({})\nRecipients: {}\nDomains:    {}\nLogins:     {}\nUsers:      {}\nTenants:    {}\n"
        "Note:       {}\n",
        printable(text(row, "name")), printable(text(row, "id")), quotas_of(row), number_or_any(row, "domains"),
        number_or_any(row, "credentials"), number_or_any(row, "users"), text(row, "tenants"),
        printable(text(row, "note"), 1000));
}

std::string source_of(const value& row, const std::string& plan) {
    const std::string from = text(row, "from");
    if (from == "plan") return "plan " + plan;
    return from == "none" ? "-" : "this tenant";
}

std::string render_use(const value& result) {
    const std::string plan = text(result, "plan", "none");
    Table table({"WHAT", "AT MOST", "USED", "ROOM", "BEYOND", "FROM"});
    for (const value& row : elements(result, "quotas")) {
        const std::string of = text(row, "scope") == "tenant"
                                   ? std::string()
                                   : fmt::format(" of {} {}", text(row, "scope"), text(row, "subject"));
        const std::string room = time_text(row, "room_at");
        table.add({"recipients per " + text(row, "per") + of, text(row, "recipients"),
                   fmt::format("{} ({} %)", text(row, "used"), text(row, "percent")), room == "-" ? "now" : room,
                   text(row, "beyond"), source_of(row, plan)});
    }
    for (const value& row : elements(result, "counts"))
        table.add({text(row, "thing") == "credentials" ? "logins" : text(row, "thing"), number_or_any(row, "most"),
                   text(row, "used"), "-", "refuse", source_of(row, plan)});
    return fmt::format("Tenant {}, plan {}\n{}", printable(text(result, "tenant")), printable(plan), table.text());
}

}  // namespace

std::string render_plans(std::string_view request, const value& result) {
    if (request == "plan.list") return render_list(result);
    if (request == "plan.use") return render_use(result);
    if (request == "plan.remove") return fmt::format("Removed {}\n", printable(text(result, "removed")));
    return render_one(result);
}

}  // namespace relevo::cli
